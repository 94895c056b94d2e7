"""Points, totals and grades in SQL agree with the plain rule, on random sheets and records (R-STAT-3)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from clinic_orders.models.assessments import Assessment, AssessmentLine, AssessmentSheet
from clinic_orders.models.base import db
from clinic_orders.models.cases import CaseFile, CaseLetter
from clinic_orders.models.trainings import TrainingRecord
from clinic_orders.queries.assessments import SheetsWanted, grade_counts, reckon, sheet_rows
from clinic_orders.queries.assessments.records import conduct_levels, training_hours
from clinic_orders.rules.assessment import Bands, Grade, Indicator, grade_of, total_of
from clinic_orders.rules.assessment.records import LetterSeen, TrainingSeen, hours_of, levels_of
from clinic_orders.rules.assessment.steps import AssessmentState
from clinic_orders.rules.ladder import CaseState, LetterState, Level
from clinic_orders.rules.letters import OF_LEVEL, LetterKind
from clinic_orders.rules.parties import SYSTEM, InstitutionKind
from tests.assessment_world import keep_month, own_figures
from tests.files_world import take_well
from tests.orders_in_work import World, make_world
from tests.people import NOW, SONG, make_people
from tests.volume_world import make_volume_world

TODAY = date(2026, 11, 20)
RANDOM = settings(
    max_examples=15,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
points = st.none() | st.integers(0, 2000).map(lambda number: Decimal(number).scaleb(-2))
lines = st.lists(st.tuples(st.integers(0, 20), points), min_size=len(Indicator), max_size=len(Indicator))


@pytest.fixture
def world(app: Flask) -> Iterator[World]:
    yield make_world()
    db.session.rollback()


def store_sheets(world: World, sheets: list[list[tuple[int, Decimal | None]]], bands: Bands) -> int:
    """One sheet for the clinic, one for the hospital; answers the assessment's id."""
    for model in (AssessmentLine, AssessmentSheet, Assessment):
        db.session.execute(delete(model))
    assessment = Assessment(
        year=2026, state=AssessmentState.ON_SITE, opened_at=NOW, opened_by_name="李慧", self_until=TODAY, months=[],
        unconfirmed=[],
    )  # fmt: skip
    db.session.add(assessment)
    db.session.flush()
    for unit, own in zip((world.clinic, world.hospital), sheets, strict=True):
        sheet = AssessmentSheet(
            assessment_id=assessment.id, institution_id=unit.id, name=unit.code, kind=InstitutionKind.VILLAGE_CLINIC,
            county_code=SONG, excellent=bands.excellent, good=bands.good, passed=bands.passed, behind={},
        )  # fmt: skip
        db.session.add(sheet)
        db.session.flush()
        db.session.add_all(
            AssessmentLine(
                sheet_id=sheet.id, indicator=indicator, weight=weight, done=Decimal(0), asked=Decimal(0),
                points=None if found is None else min(found, Decimal(weight)),
            )
            for indicator, (weight, found) in zip(Indicator, own, strict=True)
        )  # fmt: skip
    db.session.flush()
    return assessment.id


@pytest.mark.both_databases
@RANDOM
@given(st.lists(lines, min_size=2, max_size=2), st.integers(0, 60), st.integers(0, 20), st.integers(0, 20))
def test_totals_and_grades_in_sql_are_those_of_the_rule(
    world: World, sheets: list[Any], passed: int, more: int, most: int
) -> None:
    bands = Bands(passed + more + most, passed + more, passed)
    number = store_sheets(world, sheets, bands)
    expected = {}
    for code, own in zip(("V01", "H01"), sheets, strict=True):
        total = total_of(
            (weight, None if found is None else min(found, Decimal(weight))) for weight, found in own
        )
        expected[code] = (total, grade_of(total, bands))
    rows = sheet_rows(number, SheetsWanted(), SYSTEM, on=TODAY)
    assert {row.code: (row.total, row.grade) for row in rows} == expected
    for grade in Grade:
        found = sheet_rows(number, SheetsWanted(grade=grade), SYSTEM, on=TODAY)
        assert {row.code for row in found} == {code for code, (_, own) in expected.items() if own is grade}
    counted = {one.grade: one.number for one in grade_counts(number, SYSTEM, on=TODAY)}
    assert sum(counted.values()) == 2
    assert counted[None] == sum(1 for total, _ in expected.values() if total is None)


def draw_records(
    dice: Random, world: World
) -> tuple[dict[int, list[TrainingSeen]], dict[int, list[LetterSeen]]]:
    """Trainings and letters of two institutions around the turns of the year, stored and as the rule sees them."""
    trainings: dict[int, list[TrainingSeen]] = {}
    letters: dict[int, list[LetterSeen]] = {}
    number = 0
    for unit in (world.clinic, world.hospital):
        trainings[unit.id], letters[unit.id] = [], []
        for _ in range(dice.randrange(5)):
            number += 1
            day = date(2025, 12, 1) + timedelta(days=dice.randrange(430))
            hours, gone = Decimal(dice.randrange(1, 30)) / 4, dice.random() < 0.3
            trainings[unit.id].append(TrainingSeen(day, hours, gone))
            db.session.add(
                TrainingRecord(
                    institution_id=unit.id, day=day, subject="集采政策", persons="王保田", persons_count=1, hours=hours,
                    form_key=f"t{number}", recorded_at=NOW, recorded_by_name="王保田", removed_at=NOW if gone else None,
                )
            )  # fmt: skip
        for _ in range(dice.randrange(3)):
            number += 1
            withdrawn = dice.random() < 0.2
            case = CaseFile(
                number=f"AJ{number}", institution_id=unit.id,
                state=CaseState.WITHDRAWN if withdrawn else CaseState.CLOSED, opened_at=NOW, moved_at=NOW,
                opened_by_name="李慧", closed_at=NOW, outcome="dropped" if withdrawn else "resolved",
            )  # fmt: skip
            db.session.add(case)
            db.session.flush()
            for level in dice.sample([1, 2, 3, 4, 5], dice.randrange(1, 4)):
                number += 1
                revoked = dice.random() < 0.3
                day = date(2025, 12, 1) + timedelta(days=dice.randrange(430))
                letters[unit.id].append(LetterSeen(case.id, level, day, not (revoked or withdrawn)))
                db.session.add(
                    CaseLetter(
                        case_id=case.id, kind=OF_LEVEL[Level(level)], level=level,
                        state=LetterState.REVOKED if revoked else LetterState.ISSUED, number=f"{number}号",
                        series="序列", serial=number, token=f"{number:043d}", content="{}", sha256="0" * 64,
                        finding_ids=[], form_key=f"l{number}", deadline=day, made_at=NOW, made_by_name="李慧",
                        issued_at=datetime(day.year, day.month, day.day, 2, tzinfo=UTC), issued_on=day,
                    )
                )  # fmt: skip
    db.session.flush()
    return trainings, letters


@pytest.mark.both_databases
@RANDOM
@given(st.integers(0, 10**6))
def test_trainings_and_conduct_in_sql_are_those_of_the_rule(world: World, seed: int) -> None:
    for model in (TrainingRecord, CaseLetter, CaseFile):
        db.session.execute(delete(model))
    trainings, letters = draw_records(Random(seed), world)
    for year in (2025, 2026, 2027):
        hours = training_hours(year)
        assert {one: hours_of(seen, year) for one, seen in trainings.items()} == {
            one: hours.get(one, Decimal(0)) for one in trainings
        }
        levels = conduct_levels(year)
        assert {one: levels_of(seen, [], year) for one, seen in letters.items()} == {
            one: levels[one] for one in letters
        }


def test_a_prior_notice_is_no_level(world: World) -> None:
    assert LetterKind.PRIOR_NOTICE not in OF_LEVEL.values()
    assert sum(conduct_levels(2026).values()) == 0


def test_a_year_is_reckoned_from_its_months_and_agreements(app: Flask) -> None:
    make_people()
    keep_month("2026-10", {"V01": own_figures()}, county=SONG, at=NOW)
    keep_month("2026-11", {"V01": own_figures(over_markup_lines=3, due=Decimal(0), paid_in_time=Decimal(0))}, county=SONG, at=NOW)  # fmt: skip
    found = reckon(2026, today=TODAY)
    assert found.months == [("2026-10", False), ("2026-11", False)]
    assert found.as_of == TODAY
    clinic = next(one for one in found.sheets if one.name == "明白川村卫生室")
    measured = {one: (part.done, part.asked) for one, part in clinic.measured.items()}
    assert measured[Indicator.PAYMENT] == (Decimal(150), Decimal(200))
    assert measured[Indicator.PRICE] == (1, 2)
    assert measured[Indicator.REPORTING] == (2, 4)
    assert measured[Indicator.TRACING] == (18, 20)
    assert measured[Indicator.FULFILMENT] == (0, 0)
    assert clinic.points(Indicator.FULFILMENT) is None
    assert clinic.points(Indicator.PAYMENT) == Decimal("15.00")
    assert "assessment.payment" in found.unconfirmed
    hospital = next(one for one in found.sheets if one.name == "车村镇卫生院")
    assert hospital.points(Indicator.PAYMENT) is None


def test_agreed_volume_counts_whole_at_its_end_and_by_the_time_gone_while_it_runs(app: Flask) -> None:
    make_volume_world()
    over = {
        "institution_code": "0H01",
        "item_code": "LY001",
        "cycle_start": date(2026, 1, 1),
        "cycle_end": date(2026, 1, 31),
    }
    runs = {
        "institution_code": "0H01",
        "item_code": "LY002",
        "cycle_start": date(2026, 2, 1),
        "cycle_end": date(2026, 2, 28),
    }
    take_well("agreed-volumes", over | {"agreed_packs": 10}, runs | {"agreed_packs": 28})
    found = reckon(2026, today=date(2026, 2, 14))
    hospital = next(one for one in found.sheets if one.behind["volumes"])
    assert hospital.behind["volumes"] == [
        ["LY001", "2026-01-01", "2026-01-31", 10, 0, 0],
        ["LY002", "2026-02-01", "2026-02-28", 14, 0, 0],
    ]
    assert hospital.measured[Indicator.FULFILMENT].asked == 24
