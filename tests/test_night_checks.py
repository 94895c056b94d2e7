"""The checks by night: each for its day, missed days caught up, twice the same, and one failure stops nothing."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from flask import Flask
from sqlalchemy import select

from clinic_orders import jobs
from clinic_orders.jobs import checks
from clinic_orders.jobs.job import Outcome
from clinic_orders.models.base import db
from clinic_orders.models.jobs import JobRun, RunState
from clinic_orders.models.price_marks import PriceMark
from clinic_orders.models.supervision import FindingHistory, FindingRecord
from clinic_orders.models.trace_marks import TraceMark
from clinic_orders.queries.checks import price_night, trace_night
from clinic_orders.rules.days import SHANGHAI
from clinic_orders.rules.findings import BY_PEOPLE, CheckRule, Finding, Grade
from tests.orders_in_work import make_world

NIGHT = datetime(2026, 12, 1, 0, 30, tzinfo=SHANGHAI).astimezone(UTC)


class Check:
    """A check of which the tests say what it finds, and for whom it breaks."""

    RULES = (CheckRule.STOCKING_SHORT,)

    def __init__(self, clinic: int, hospital: int) -> None:
        self.clinic, self.hospital = clinic, hospital
        self.scopes: list[tuple[date, tuple[int, ...] | None]] = []
        self.pairs: list[set[tuple[int, int]] | None] = []
        self.breaks_for: set[int] = set()

    def find(self, scope):
        ids = scope.institution_ids
        self.scopes.append((scope.as_of, None if ids is None else tuple(ids)))
        self.pairs.append(scope.pairs)
        if self.breaks_for and (ids is None or self.breaks_for & set(ids)):
            raise ArithmeticError("this institution can't be counted")
        for number, code in ((self.clinic, "V01"), (self.hospital, "H01")):
            if ids is None or number in ids:
                yield Finding(CheckRule.STOCKING_SHORT, Grade.VIOLATION, institution=code, distributor=None,
                              key=None, period=str(scope.month), formula="1 < 30",
                              figures={"carried": 1, "minimum": 30})  # fmt: skip


@pytest.fixture
def check(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Check:
    world = make_world()
    made = Check(world.clinic.id, world.hospital.id)
    monkeypatch.setattr(checks, "CHECKS", (made,))
    monkeypatch.setattr("clinic_orders.queries.checks.CHECKS", (made,))
    return made


def run(name: str, day: date) -> JobRun:
    return jobs.run_now(name, day)


def test_the_night_stores_what_it_finds_and_a_second_run_changes_nothing(check):
    first = run("check-stocking", date(2026, 11, 30))
    assert (first.state, first.rows_read, first.changed, first.failures) == (RunState.DONE, 2, 2, 0)
    second = run("check-stocking", date(2026, 11, 30))
    assert (second.rows_read, second.changed, second.failures) == (2, 0, 0)
    assert len(db.session.scalars(select(FindingRecord)).all()) == 2
    assert len(db.session.scalars(select(FindingHistory)).all()) == 2


def test_one_institution_that_fails_is_counted_and_the_others_are_looked_at(check):
    check.breaks_for = {check.clinic}
    done = run("check-stocking", date(2026, 11, 30))
    assert done.state is RunState.DONE
    assert done.failures == 2
    (found,) = db.session.scalars(select(FindingRecord))
    assert found.subject == "H01/"
    assert check.scopes[-1] == (date(2026, 11, 30), (check.hospital,))


def test_where_items_are_looked_at_an_institution_that_fails_keeps_the_items_of_others(check):
    check.breaks_for = {check.clinic}
    pairs = {(check.clinic, 1), (check.hospital, 1), (check.hospital, 2)}
    outcome = Outcome()
    checks.look_at(
        [check.clinic, check.hospital], date(2026, 11, 30), {CheckRule.STOCKING_SHORT}, NIGHT, outcome, pairs
    )
    assert (outcome.failures, outcome.rows_read) == (2, 1)
    assert check.pairs == [pairs, {(check.clinic, 1)}, {(check.hospital, 1), (check.hospital, 2)}]


def test_stocking_is_counted_on_the_last_evening_and_again_while_late_counts_come(check):
    job = jobs.find_job("check-stocking")
    slots = list(job.slots(NIGHT.replace(month=10), NIGHT))
    assert [slot.astimezone(SHANGHAI).isoformat()[:16] for slot in slots] == [
        "2026-10-31T23:30",
        "2026-11-30T23:30",
    ]
    run("check-delivery", date(2026, 12, 6))
    assert check.scopes == [(date(2026, 11, 30), None)]
    run("check-delivery", date(2026, 12, 20))
    assert len(check.scopes) == 1


def test_missed_days_are_caught_up_each_for_itself(check, clock_at):
    job = jobs.find_job("check-payments")
    monday = datetime(2026, 11, 23, 0, 10, tzinfo=SHANGHAI)
    clock_at(monday)
    jobs.run_slot(job, monday)
    clock_at(NIGHT)
    slots = jobs.missed_slots(job, NIGHT)
    assert [slot.astimezone(SHANGHAI).date().day for slot in slots] == [24, 25, 26, 27, 28, 29, 30, 1]
    assert [jobs.run_slot(job, slot).as_of.day for slot in slots] == [24, 25, 26, 27, 28, 29, 30, 1]
    assert jobs.missed_slots(job, NIGHT) == []


@pytest.mark.both_databases
def test_every_check_runs_by_night_on_both_databases(app: Flask):
    make_world()
    for name in ("check-payments", "check-prices", "check-volume", "check-delivery", "check-stocking"):
        done = run(name, date(2026, 12, 1))
        assert (done.state, done.failures, done.error) == (RunState.DONE, 0, "")


def test_every_check_is_looked_at_by_some_job(app: Flask, monkeypatch: pytest.MonkeyPatch):
    make_world()
    looked: set[CheckRule] = {*price_night.RULES, *trace_night.RULES}

    def note(as_of, rules, at, outcome):
        looked.update(rules)

    monkeypatch.setattr(checks, "look", note)
    for name in ("check-payments", "check-prices", "check-volume", "check-delivery", "check-stocking"):
        run(name, date(2026, 12, 1))
    assert looked == set(CheckRule) - BY_PEOPLE
    for mark in (PriceMark, TraceMark):
        assert db.session.scalars(select(mark)).one().as_of == date(2026, 11, 30)
