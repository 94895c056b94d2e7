"""The clock goes over the end of a month, back, and over dead days: each night's work is done once, in order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime

import pytest
from flask import Flask
from sqlalchemy import select

from clinic_orders import jobs
from clinic_orders.models.base import db
from clinic_orders.models.jobs import JobRun, RunState
from clinic_orders.queries.integrity import problems
from clinic_orders.queries.statistics import closed_month
from clinic_orders.rules.days import SHANGHAI, Month
from tests.files_world import make_world, order, take_well

pytestmark = pytest.mark.both_databases

AT_THE_END = ("check-stocking", "close-month", "make-statements", "compare-prices")
"""The work that stands at the turn of a month."""


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def night(text: str, clock_at: Callable[[datetime], None]) -> Counter[str]:
    """Set the clock and let the scheduler do what it finds to be done; how often it did each job."""
    clock_at(moment(text))
    before = set(db.session.scalars(select(JobRun.id)))
    jobs.catch_up(moment(text))
    made = db.session.scalars(select(JobRun).where(JobRun.id.not_in(before)).order_by(JobRun.id)).all()
    assert [run.error for run in made if run.state is not RunState.DONE] == []
    return Counter(run.job for run in made)


@pytest.fixture
def first_evening(app: Flask, clock_at: Callable[[datetime], None]) -> None:
    """A scheduler that has run on the last evening of April, with an order of that month."""
    make_world()
    take_well(
        "orders", order(submitted_at=moment("2026-04-03T09:00"), confirmed_at=moment("2026-04-03T10:00"))
    )
    night("2026-04-30T22:00", clock_at)


@pytest.mark.usefixtures("first_evening")
def test_the_end_of_a_month_is_done_once_whichever_way_the_clock_is_moved(
    clock_at: Callable[[datetime], None],
) -> None:
    april = Month(2026, 4)
    assert closed_month(april) is None
    assert night("2026-04-30T23:40", clock_at)["check-stocking"] == 1
    # Somebody sets the clock back: nothing that was done is done again, and no month is closed that is not over.
    assert night("2026-04-30T21:00", clock_at).keys().isdisjoint(AT_THE_END)
    morning = night("2026-05-01T07:00", clock_at)
    assert {name: morning[name] for name in AT_THE_END} == {
        "check-stocking": 0,
        "close-month": 1,
        "make-statements": 1,
        "compare-prices": 1,
    }
    assert closed_month(april) is not None
    assert night("2026-05-01T07:00", clock_at) == Counter()
    assert night("2026-04-30T23:59", clock_at).keys().isdisjoint(AT_THE_END)
    assert night("2026-05-01T07:05", clock_at).keys().isdisjoint(AT_THE_END)
    assert closed_month(Month(2026, 5)) is None
    assert problems() == []


@pytest.mark.usefixtures("first_evening")
def test_dead_days_over_the_end_of_a_month_are_caught_up_each_in_its_order(
    clock_at: Callable[[datetime], None],
) -> None:
    made = night("2026-05-03T07:00", clock_at)
    for job in jobs.JOBS:
        slots = len(list(job.slots(moment("2026-04-30T22:00"), moment("2026-05-03T07:00"))))
        assert made[job.name] == (slots if job.catch_up else min(slots, 1)), job.name
    assert made["check-payments"] == 3
    runs = db.session.scalars(select(JobRun).where(JobRun.job == "check-payments").order_by(JobRun.id)).all()
    assert [run.as_of.isoformat() for run in runs][-3:] == ["2026-05-01", "2026-05-02", "2026-05-03"]
    assert closed_month(Month(2026, 4)) is not None
    assert night("2026-05-03T07:00", clock_at) == Counter()
