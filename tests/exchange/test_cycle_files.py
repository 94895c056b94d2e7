"""Cycles of agreed volumes in files: one for all institutions, none over another (R-VOL-1)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.roster import Institution
from clinic_orders.models.volume import AgreedVolume
from clinic_orders.queries.volume import clashing_cycles
from clinic_orders.rules.volume import Cycle, clashes
from tests.files_world import NOW, counts, make_world, refused, take, take_well
from tests.reported_rows import one

pytestmark = pytest.mark.both_databases


@pytest.fixture(autouse=True)
def world(app: Flask) -> Iterator[None]:
    make_world()
    yield
    db.session.rollback()


def volume(code: str, first: date, last: date, item_code: str = "LY001") -> dict[str, Any]:
    return one(
        "agreed-volumes", institution_code=code, item_code=item_code, cycle_start=first, cycle_end=last
    )


def test_a_cycle_has_the_same_days_for_every_institution_and_cycles_never_overlap() -> None:
    first, half, last = date(2026, 1, 1), date(2026, 6, 30), date(2026, 12, 31)
    take_well("agreed-volumes", volume("0H01", first, half))
    report = take(
        "agreed-volumes",
        volume("0V01", first, last),
        volume("0V01", half, last),
        volume("0V01", half + timedelta(days=1), last),
        volume("0V01", first, last, "LY002"),
        volume("0H01", half, last, "LY002"),
        volume("0H01", last, first, "LY003"),
    )
    assert refused(report) == [
        (2, "cycle_end", "CycleEndsElsewhere"),
        (3, "cycle_start", "CyclesOverlap"),
        (6, "cycle_start", "CyclesOverlap"),
        (7, "cycle_end", "CycleEndsBeforeStart"),
    ]
    take_well("agreed-volumes", volume("0V01", half + timedelta(days=1), last))


def test_the_end_of_a_cycle_moves_when_the_file_has_all_its_institutions() -> None:
    first, last, later = date(2026, 1, 1), date(2026, 6, 30), date(2026, 7, 31)
    take_well("agreed-volumes", volume("0H01", first, last), volume("0V01", first, last))
    assert refused(take("agreed-volumes", volume("0H01", first, later))) == [
        (2, "cycle_end", "CycleEndsElsewhere")
    ]
    moved = take_well("agreed-volumes", volume("0H01", first, later), volume("0V01", first, later))
    assert counts(moved) == (0, 2, 0)


DAYS = st.dates(date(2026, 1, 1), date(2026, 1, 12))
CYCLES = st.tuples(DAYS, DAYS).map(lambda days: Cycle(min(days), max(days)))


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(["LY001", "LY002"]), CYCLES), max_size=6))
def test_the_rule_and_the_database_find_the_same_clashes(rows: list[tuple[str, Cycle]]) -> None:
    db.session.rollback()
    items = dict(db.session.execute(select(Item.item_code, Item.id)).all())
    institution = db.session.scalars(select(Institution.id)).first()
    with db.session.begin_nested() as nested:
        for number, (code, cycle) in enumerate(rows):
            # Rows that were replaced are no longer there for anybody.
            for replaced in (None, NOW) if number == 0 else (None,):
                db.session.add(
                    AgreedVolume(
                        institution_id=institution, item_id=items[code], cycle_start=cycle.first,
                        cycle_end=cycle.last, agreed_packs=1, recorded_at=NOW, replaced_at=replaced,
                    )
                )  # fmt: skip
        unique = {(code, cycle.first) for code, cycle in rows}
        if len(unique) == len(rows):
            db.session.flush()
            found = {(pair.item_code, pair.one, pair.other) for pair in clashing_cycles()}
            assert found == {
                (code, *sorted((one, other)))
                for code, one in rows
                for other_code, other in rows
                if code == other_code and clashes(one, other)
            }
        else:
            db.session.expunge_all()
        nested.rollback()
