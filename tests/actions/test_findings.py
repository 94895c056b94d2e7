"""Findings are raised once, follow what later looks see, end when cured, and are waived with a reason (R-CASE-1)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from flask import Flask
from sqlalchemy import select

from clinic_orders.actions.finding_decisions import take_back_waiver, waive_finding
from clinic_orders.actions.findings import raise_findings
from clinic_orders.actions.loading import ChangedMeanwhile, NotFound
from clinic_orders.models.audit import AuditEntry
from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.reports import NothingSold, PlannedVolume
from clinic_orders.models.stock import StockCount
from clinic_orders.models.supervision import FindingHistory, FindingRecord
from clinic_orders.models.volume import AgreedVolume
from clinic_orders.queries.findings import FindingsWanted, find_finding, findings
from clinic_orders.rules.finding_states import (
    COVERAGE,
    FindingNotOpen,
    FindingNotWaived,
    FindingState,
    FindingStep,
    Severity,
    WaiverNeedsReason,
)
from clinic_orders.rules.findings import CheckRule, Finding, Grade
from clinic_orders.rules.parties import SYSTEM, Actor, NotAllowed, Role
from tests.orders_in_work import LONG_AGO, NOW, World, make_world

CITY = Actor("李慧", Role.CITY)
PAYMENT, STOCKING = {CheckRule.PAYMENT_OVERDUE}, {CheckRule.STOCKING_SHORT}
MARCH = date(2026, 3, 31)


@pytest.fixture(autouse=True)
def world(app: Flask) -> Iterator[World]:
    yield make_world()
    db.session.rollback()


def overdue(receipt: str = "PS1", days: int = 1, outstanding: str = "5.10") -> Finding:
    return Finding(
        CheckRule.PAYMENT_OVERDUE,
        Grade.WARNING if days <= 30 else Grade.VIOLATION,
        institution="V01",
        distributor="D01",
        key=receipt,
        period="2026-02-28",
        formula=f"{outstanding} > 0; {days}",
        figures={
            "outstanding": Decimal(outstanding),
            "days_overdue": days,
            "ageing": "1-30" if days <= 30 else "31-60",
        },
        rows=(("receipt", receipt),),
    )


def short(month: str = "2026-03", carried: int = 20, institution: str = "V01") -> Finding:
    return Finding(
        CheckRule.STOCKING_SHORT,
        Grade.VIOLATION,
        institution=institution,
        distributor=None,
        key=None,
        period=month,
        formula=f"{carried} < 30",
        figures={"carried": carried, "minimum": 30},
    )


def look(as_of: date, *found: Finding, rules=PAYMENT, ids=None, pairs=None):
    return raise_findings(as_of, found, rules, institution_ids=ids, pairs=pairs, by=SYSTEM, at=NOW)


def stored() -> list[FindingRecord]:
    db.session.expire_all()
    return list(db.session.scalars(select(FindingRecord).order_by(FindingRecord.id)))


def steps(finding_id: int = 1) -> list[FindingStep]:
    history = select(FindingHistory).where(FindingHistory.finding_id == finding_id)
    return [one.step for one in db.session.scalars(history.order_by(FindingHistory.id))]


def test_what_every_check_covers_is_written_down():
    assert set(COVERAGE) == set(CheckRule)


@pytest.mark.both_databases
def test_a_finding_is_raised_once_and_the_passing_of_days_makes_no_history():
    assert look(date(2026, 3, 1), overdue()).new == 1
    for number in range(1, 4):
        done = look(date(2026, 3, 1) + timedelta(days=number), overdue(days=number + 1))
        assert (done.new, done.changed, done.unchanged) == (0, 0, 1)
    again = look(date(2026, 3, 4), overdue(days=4))
    assert again.touched == 0
    (record,) = stored()
    assert record.figures["days_overdue"] == 4
    assert (record.first_seen, record.last_seen) == (date(2026, 3, 1), date(2026, 3, 4))
    assert steps(record.id) == [FindingStep.RAISED]


@pytest.mark.both_databases
def test_another_amount_or_grade_is_a_line_of_history_and_payment_ends_it():
    look(date(2026, 3, 1), overdue())
    look(date(2026, 3, 2), overdue(days=2, outstanding="3.00"))
    look(date(2026, 4, 2), overdue(days=33, outstanding="3.00"))
    assert look(date(2026, 4, 3)).ended == 1
    (record,) = stored()
    assert (record.state, record.ended_on) == (FindingState.ENDED, date(2026, 4, 3))
    assert record.figures["outstanding"] == "3.00"
    assert steps(record.id) == [
        FindingStep.RAISED,
        FindingStep.CHANGED,
        FindingStep.CHANGED,
        FindingStep.ENDED,
    ]
    assert look(date(2026, 4, 4), overdue(days=35, outstanding="3.00")).reopened == 1
    (record,) = stored()
    assert (record.state, record.ended_on) == (FindingState.OPEN, None)


def test_a_new_month_does_not_end_a_finding_of_the_last_one_but_its_own_month_does():
    look(MARCH, short(), rules=STOCKING)
    assert look(date(2026, 4, 1), rules=STOCKING).ended == 0
    assert look(date(2026, 4, 30), rules=STOCKING).ended == 0
    assert look(MARCH, rules=STOCKING).ended == 1


def test_a_look_ends_only_what_its_checks_and_its_institutions_are_about(world):
    look(MARCH, short(), short(institution="H01"), rules=STOCKING)
    look(MARCH, overdue(days=31), rules=PAYMENT)
    assert look(MARCH, rules={CheckRule.LATE_ACCEPTANCE}).ended == 0
    assert look(MARCH, rules=STOCKING, ids=[world.hospital.id]).ended == 1
    assert [one.state for one in stored()] == [FindingState.OPEN, FindingState.ENDED, FindingState.OPEN]


def test_a_look_at_some_items_of_an_institution_ends_nothing_about_its_other_items(world):
    def dear(item: Item) -> Finding:
        return Finding(
            CheckRule.OVER_MARKUP,
            Grade.VIOLATION,
            institution="V01",
            distributor=None,
            key=item.item_code,
            period="2026-03",
            formula="9.99 > 3.36",
            figures={"lines": 1, "base_units": 28, "excess": Decimal("6.63"), "worst_rate": Decimal(1)},
        )

    first, second = db.session.scalars(select(Item).order_by(Item.id).limit(2))
    rules, ids = {CheckRule.OVER_MARKUP}, [world.clinic.id]
    look(MARCH, dear(first), dear(second), rules=rules)
    assert look(MARCH, rules=rules, ids=ids, pairs=[(world.hospital.id, first.id)]).ended == 0
    assert look(MARCH, rules=rules, ids=ids, pairs=[(world.clinic.id, second.id)]).ended == 1
    assert [one.state for one in stored()] == [FindingState.OPEN, FindingState.ENDED]


def test_days_caught_up_late_do_not_undo_what_a_later_look_saw():
    look(date(2026, 3, 5), overdue(days=5, outstanding="1.00"))
    assert look(date(2026, 3, 2), overdue(days=2)).touched == 0
    assert look(date(2026, 3, 3)).ended == 0
    look(date(2026, 3, 6))
    assert look(date(2026, 3, 4), overdue(days=4)).reopened == 0
    (record,) = stored()
    assert (record.state, record.figures["outstanding"]) == (FindingState.ENDED, "1.00")


def test_volume_stays_open_after_its_cycle_and_ends_with_the_agreement(world):
    agreement = AgreedVolume(
        institution_id=world.clinic.id, item_id=world.items[0].id, cycle_start=date(2025, 1, 1),
        cycle_end=date(2025, 12, 31), agreed_packs=10, recorded_at=LONG_AGO,
    )  # fmt: skip
    db.session.add(agreement)
    db.session.commit()
    figures = {"agreed": 10, "counted": 1, "progress": Decimal("0.1"), "time_progress": Decimal(1),
               "lag_pp": Decimal(90), "undelivered": 0, "rejected": 0, "not_ordered": 9}  # fmt: skip
    behind = Finding(CheckRule.VOLUME_BEHIND, Grade.UNFULFILLED, institution="V01", distributor=None,
                     key="LY000", period="2025-01-01", formula="1 / 10", figures=figures)  # fmt: skip
    rules = {CheckRule.VOLUME_BEHIND}
    look(date(2026, 1, 1), behind, replace(behind, institution=None, distributor="D01", key="LY000@V01"),
         rules=rules)  # fmt: skip
    assert look(date(2026, 1, 2), rules=rules).ended == 0
    agreement.replaced_at = NOW
    db.session.commit()
    assert look(date(2026, 1, 3), rules=rules).ended == 2
    assert stored()[0].item_id == world.items[0].id


def test_a_waiver_needs_a_reason_stays_through_later_looks_and_can_be_taken_back():
    look(date(2026, 3, 1), overdue())
    (record,) = stored()
    with pytest.raises(WaiverNeedsReason):
        waive_finding(record.id, "  ", by=CITY, at=NOW)
    with pytest.raises(NotAllowed):
        waive_finding(record.id, "x", by=Actor("王桂兰", Role.INSTITUTION, institution_id=1), at=NOW)
    with pytest.raises(FindingNotWaived):
        take_back_waiver(record.id, by=CITY, at=NOW)
    with pytest.raises(ChangedMeanwhile):
        waive_finding(record.id, "已核实", seen_version=9, by=CITY, at=NOW)
    waive_finding(record.id, "已核实，银行退票", seen_version=record.version, by=CITY, at=NOW)
    with pytest.raises(FindingNotOpen):
        waive_finding(record.id, "again", by=CITY, at=NOW)
    look(date(2026, 3, 2), overdue(days=2, outstanding="9.00"))
    look(date(2026, 3, 3))
    (record,) = stored()
    assert (record.state, record.waive_reason) == (FindingState.WAIVED, "已核实，银行退票")
    take_back_waiver(record.id, by=CITY, at=NOW)
    assert stored()[0].state is FindingState.OPEN
    assert look(date(2026, 3, 4)).ended == 1
    deeds = set(db.session.scalars(select(AuditEntry.deed)))
    assert {"raise_findings", "waive_finding", "take_back_waiver"} <= deeds


def test_a_county_decides_in_its_county_only():
    look(date(2026, 3, 1), overdue())
    (record,) = stored()
    with pytest.raises(NotFound):
        waive_finding(record.id, "x", by=Actor("周", Role.COUNTY, county_code="410329"), at=NOW)
    waive_finding(record.id, "x", by=Actor("周", Role.COUNTY, county_code="410325"), at=NOW)


@pytest.mark.both_databases
def test_a_party_sees_what_is_held_against_it_and_no_clue_and_nothing_of_others(world):
    clue = Finding(CheckRule.EMERGENCY_SHARE, Grade.CLUE, institution="V01", distributor=None, key=None,
                   period="2026-03", formula="9 / 10", figures={"share": Decimal("0.9")})  # fmt: skip
    rate = Finding(CheckRule.DELIVERY_RATE, Grade.VIOLATION, institution=None, distributor="D01", key=None,
                   period="2026-03", formula="1 / 2", figures={"rate": Decimal("0.5"), "months_below": 3})  # fmt: skip
    rules = set(CheckRule)
    look(MARCH, overdue(days=31), short(institution="H01"), clue, rate, rules=rules)

    def seen(actor: Actor) -> set[CheckRule]:
        return {one.rule for one in findings(actor, on=NOW.date())}

    assert seen(world.buyer) == {CheckRule.PAYMENT_OVERDUE}
    assert seen(world.seller) == {CheckRule.DELIVERY_RATE}
    assert seen(world.stranger) == set()
    assert seen(Actor("周", Role.COUNTY, county_code="410325")) == {
        CheckRule.PAYMENT_OVERDUE,
        CheckRule.EMERGENCY_SHARE,
    }
    assert len(seen(CITY)) == 4
    grave = findings(CITY, on=NOW.date(), wanted=FindingsWanted(severity=Severity.CLUE))
    assert [one.rule for one in grave] == [CheckRule.EMERGENCY_SHARE]
    number = next(one.id for one in stored() if one.rule is CheckRule.STOCKING_SHORT)
    assert find_finding(number, world.buyer, on=NOW.date()) is None


def missing(kind: str, period: str) -> Finding:
    return Finding(
        CheckRule.REPORT_MISSING,
        Grade.WARNING,
        institution="V01",
        distributor=None,
        key=kind,
        period=period,
        formula="",
        figures={"due_on": "2026-02-05"},
    )


@pytest.mark.both_databases
def test_a_missing_report_that_comes_in_a_later_month_ends_its_finding(world: World) -> None:
    reports = {CheckRule.REPORT_MISSING}
    missed = [
        missing("sales", "2026-01"),
        missing("sales", "2025-12"),
        missing("stock_count", "2026-01"),
        missing("planned_volume", "2025-Q4"),
    ]
    look(date(2026, 2, 6), *missed, rules=reports)
    look(date(2026, 4, 10), rules=reports)
    assert {one.state for one in stored()} == {FindingState.OPEN}
    clinic, item = world.clinic.id, world.items[0].id
    db.session.add_all(
        [
            NothingSold(institution_id=clinic, month="2026-01", recorded_at=NOW),
            StockCount(
                institution_id=clinic,
                item_id=item,
                counted_on=date(2026, 3, 2),
                base_units=0,
                recorded_at=NOW,
            ),
            PlannedVolume(institution_id=clinic, item_id=item, quarter="2025-Q4", packs=1, recorded_at=NOW),
        ]
    )
    db.session.flush()
    assert look(date(2026, 4, 11), rules=reports).ended == 3
    still = [(one.key, one.period) for one in stored() if one.state is FindingState.OPEN]
    assert still == [("sales", "2025-12")]
