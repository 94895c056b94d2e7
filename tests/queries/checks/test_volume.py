"""Agreed volume: the set-based question and a plain restatement of R-VOL-2 to R-VOL-5 agree on random histories."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from random import Random

import pytest
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from clinic_orders.models.base import db
from clinic_orders.models.roster import Institution
from clinic_orders.queries.checks import Scope, check
from clinic_orders.queries.checks.volume import tally
from clinic_orders.rules.days import day_in_china, end_of_day
from clinic_orders.rules.findings import CheckRule, Finding, in_order
from clinic_orders.rules.roster import Days
from clinic_orders.rules.volume_progress import grade, standing, volume_behind
from tests.examples import examples
from tests.volume_world import (
    History,
    attributed,
    draw_history,
    empty,
    make_volume_world,
    missing,
    store,
)

pytestmark = pytest.mark.both_databases


def plain(history: History, on: date) -> list[Finding]:
    """R-VOL-2 to R-VOL-5, one agreement and one row at a time."""
    by_no = {row["order_no"]: row for row in history.orders}
    found = []
    for one in history.agreements:
        if not (one.first <= on <= one.last or on == one.last + timedelta(days=1)):
            continue
        until = min(one.last, on)
        counted = rejected = 0
        blamed: dict[str, int] = defaultdict(int)
        for row in history.receipts:
            head = by_no[row["order_no"]]
            day = day_in_china(row["accepted_at"])
            if not one.first <= day <= until or attributed(history, head, day) != one:
                continue
            back = [
                entry
                for entry in history.returns
                if entry["receipt_no"] == row["receipt_no"] and entry["agreed_at"] < end_of_day(on)
            ]
            counted += row["accepted_packs"] - sum(entry["packs"] for entry in back)
            justified = sum(entry["packs"] for entry in back if entry["reason"] == "quality")
            if row["reject_reason"] == "damaged":
                justified += row["rejected_packs"]
            else:
                rejected += row["rejected_packs"]
            blamed[head["distributor_code"]] += justified
        for row in history.orders:
            day = day_in_china(row["submitted_at"])
            if one.first <= day <= until and attributed(history, row, day) == one:
                blamed[row["distributor_code"]] += missing(history, row, until, on)
        members = [Days(history.joined_on if one.institution == "0H02" else date(2025, 1, 1))]
        state = standing(one, counted=counted, members=members, on=on)
        level = state and grade(state, on=on, warn_pp=10, interview_pp=25)
        if state and level:
            blamed = {code: packs for code, packs in blamed.items() if packs}
            found.append(volume_behind(state, level, undelivered_by=blamed, rejected=rejected))
    return in_order(found)


@pytest.fixture
def world(app: Flask) -> None:
    make_volume_world()


@settings(
    max_examples=examples(30),
    deadline=None,
    # Shrinking a case means writing it anew a thousand times; the first one found says enough.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(seed=st.integers(0, 2**32), on=st.dates(date(2026, 1, 5), date(2026, 5, 1)))
def test_sql_and_restatement_find_the_same(world, seed, on):
    empty()
    history = draw_history(Random(seed))
    store(history)
    db.session.commit()
    days = {on, date(2026, 3, 31), date(2026, 4, 1), date(2026, 3, 1)}
    for day in sorted(days):
        found = check(Scope(day), [CheckRule.VOLUME_BEHIND])
        assert [one.as_json() for one in found] == [one.as_json() for one in plain(history, day)]
        # Of some alone the same is found: what others bought does not matter, what their villages bought does.
        some = set(db.session.scalars(select(Institution.id).where(Institution.id % 2 == seed % 2)))
        theirs = {one.id: one for one in tally(Scope(day), until=day) if one.holder_id in some}
        assert {one.id: one for one in tally(Scope(day, some), until=day)} == theirs
