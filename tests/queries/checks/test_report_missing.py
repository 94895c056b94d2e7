"""Missing reports: the set-based question and the plain rule agree on random histories (R-VOL-1, section 12)."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.policy import PolicyValue
from clinic_orders.models.reports import NothingSold, PlannedVolume
from clinic_orders.models.roster import Institution, Membership
from clinic_orders.models.sales import SaleLine
from clinic_orders.models.stock import StockCount
from clinic_orders.queries.checks import Scope, check
from clinic_orders.rules.days import Month, Quarter, start_of_day
from clinic_orders.rules.findings import CheckRule, Finding, in_order
from clinic_orders.rules.reporting import ReportKind, due_in, report_missing
from tests.examples import examples
from tests.files_world import NOW, make_world, take_well

pytestmark = pytest.mark.both_databases

CODES = ("0V01", "0H01")
Membered = dict[str, list[tuple[date, date | None]]]


def some_day(dice: Random) -> date:
    return date(2026, 1, 1) + timedelta(days=dice.randrange(130))


def draw(dice: Random) -> dict[str, Any]:
    """Reports of two institutions from January to April, some of them replaced, and when they were members."""
    spells: Membered = {}
    for code in CODES:
        first = dice.choice([date(2025, 1, 1), some_day(dice)])
        spells[code] = [(first, dice.choice([None, first + timedelta(days=dice.randrange(90))]))]
    one = lambda: (dice.choice(CODES), some_day(dice), dice.random() < 0.7)  # noqa: E731
    return {
        "spells": spells,
        "sales": [one() for _ in range(dice.randint(0, 4))],
        "counts": list(
            {(code, day): (code, day, stands) for code, day, stands in (one() for _ in range(4))}.values()
        ),
        "nothing": list(
            {
                (code, Month.of(day)): (code, day, stands) for code, day, stands in (one() for _ in range(2))
            }.values()
        ),
        "plans": list(
            {
                (code, Quarter.of(day)): (code, day, stands)
                for code, day, stands in (one() for _ in range(2))
            }.values()
        ),
        "volume_day": dice.choice([20, 28]),
        "village_day": dice.choice([1, 5, 28]),
        "hospital_day": dice.choice([5, 12]),
    }


def plain(drawn: dict[str, Any], on: date) -> list[Finding]:
    """The rule for one institution and report after the other."""
    found = []
    for code, spells in drawn["spells"].items():
        day = drawn["village_day"] if code == "0V01" else drawn["hospital_day"]
        for report in due_in(Month.of(on), volume_day=drawn["volume_day"], report_day=day):
            if not any(
                first <= report.due_on and (last is None or last >= report.due_on) for first, last in spells
            ):
                continue
            own = {
                kind: [row[1] for row in drawn[kind] if row[0] == code and row[2]]
                for kind in ("sales", "counts", "nothing", "plans")
            }
            if report.kind is ReportKind.PLANNED_VOLUME:
                received = any(str(Quarter.of(one)) == report.period for one in own["plans"])
            elif report.kind is ReportKind.SALES:
                received = any(str(Month.of(one)) == report.period for one in own["sales"] + own["nothing"])
            else:
                received = any(
                    Month.parse(report.period).first_day <= one <= report.due_on for one in own["counts"]
                )
            one = report_missing(code, report, received=received, on=on)
            found += [one] if one else []
    return in_order(found)


def write(drawn: dict[str, Any]) -> None:
    """The same as rows."""
    for table in (SaleLine, StockCount, NothingSold, PlannedVolume, Membership, PolicyValue):
        db.session.execute(delete(table))
    ids = dict(db.session.execute(select(Institution.code, Institution.id)).all())
    item = db.session.scalars(select(Item.id)).first()
    for code, spells in drawn["spells"].items():
        db.session.add_all(
            Membership(institution_id=ids[code], joined_on=first, left_on=last) for first, last in spells
        )
    at = {True: None, False: NOW}
    for number, (code, day, stands) in enumerate(drawn["sales"]):
        db.session.add(
            SaleLine(
                institution_id=ids[code],
                sale_no=f"S{number}",
                line_no="1",
                item_id=item,
                sold_at=start_of_day(day),
                sold_on=day,
                base_units=1,
                amount=Decimal("0.10"),
                recorded_at=NOW,
                replaced_at=at[stands],
            )
        )
    for code, day, stands in drawn["counts"]:
        db.session.add(
            StockCount(
                institution_id=ids[code],
                item_id=item,
                counted_on=day,
                base_units=0,
                recorded_at=NOW,
                replaced_at=at[stands],
            )
        )
    for code, day, stands in drawn["nothing"]:
        db.session.add(
            NothingSold(
                institution_id=ids[code], month=str(Month.of(day)), recorded_at=NOW, replaced_at=at[stands]
            )
        )
    for code, day, stands in drawn["plans"]:
        db.session.add(
            PlannedVolume(
                institution_id=ids[code],
                item_id=item,
                quarter=str(Quarter.of(day)),
                packs=0,
                recorded_at=NOW,
                replaced_at=at[stands],
            )
        )
    for parameter, kind, value in (
        ("volume.report_day", "", drawn["volume_day"]),
        ("report.day", "village_clinic", drawn["village_day"]),
        ("report.day", "township_hospital", drawn["hospital_day"]),
    ):
        db.session.add(
            PolicyValue(
                parameter=parameter,
                kind=kind,
                value="" if value is None else str(value),
                valid_from=date(2025, 1, 1),
                document_no="示例",
                recorded_at=NOW,
            )
        )
    db.session.commit()


@pytest.fixture
def world(app: Flask) -> None:
    make_world()


@settings(
    max_examples=examples(30),
    deadline=None,
    # Shrinking a case means writing it anew a thousand times; the first one found says enough.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(seed=st.integers(0, 2**32))
def test_sql_and_rule_find_the_same(world: None, seed: int) -> None:
    dice = Random(seed)
    drawn = draw(dice)
    write(drawn)
    for on in (date(2026, 2, 6), date(2026, 3, 31), date(2026, 4, dice.randint(1, 30))):
        found = check(Scope(on), [CheckRule.REPORT_MISSING])
        assert [one.as_json() for one in found] == [one.as_json() for one in plain(drawn, on)]


def test_only_the_institutions_asked_for_are_looked_at(world: None) -> None:
    first = db.session.scalars(select(Institution).where(Institution.code == "0V01")).one()
    found = check(Scope(date(2026, 2, 6), [first.id]), [CheckRule.REPORT_MISSING])
    assert [(one.institution, one.key, one.figures["due_on"]) for one in found] == [
        ("0V01", "sales", "2026-02-05"),
        ("0V01", "stock_count", "2026-02-05"),
    ]


def test_a_day_by_policy_that_begins_within_the_month_holds_from_the_next(world: None) -> None:
    take_well("policies", {"parameter": "report.day", "value": "3", "valid_from": date(2026, 2, 2)})
    days = [
        {one.figures["due_on"] for one in check(Scope(on), [CheckRule.REPORT_MISSING])}
        for on in (date(2026, 2, 28), date(2026, 3, 19))
    ]
    assert days == [{"2026-02-05"}, {"2026-03-03"}]
