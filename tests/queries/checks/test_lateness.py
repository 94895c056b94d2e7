"""Late answers, lapses and late acceptances: the questions and the plain rules agree on random orders."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from clinic_orders.models.base import db
from clinic_orders.models.deliveries import Shipment, ShipmentLine
from clinic_orders.models.orders import Order, OrderEvent, OrderLine
from clinic_orders.models.policy import PolicyValue
from clinic_orders.queries.checks import Scope, check
from clinic_orders.rules.days import day_in_china, end_of_day, start_of_day
from clinic_orders.rules.delivery import acceptance_due_day
from clinic_orders.rules.findings import CheckRule, in_order
from clinic_orders.rules.lateness import late_acceptance, late_confirmation
from clinic_orders.rules.ordering import last_day_to_answer
from tests.examples import examples
from tests.files_world import make_world, order, receipt, take_well

pytestmark = pytest.mark.both_databases

FIRST = start_of_day(date(2026, 1, 10))
# Shrinking a case means writing it anew a thousand times; the first one found says enough.
WITHOUT_SHRINKING = [Phase.explicit, Phase.reuse, Phase.generate]

# Minutes after FIRST of the submission; hours until the answer and until everything is withdrawn, if ever.
answers = st.tuples(
    st.integers(0, 60 * 24 * 45),
    st.none() | st.integers(0, 300),
    st.none() | st.integers(0, 200),
    st.booleans(),
)
# Minutes after FIRST of the delivery, hours until acceptance, if ever.
arrivals = st.tuples(st.integers(0, 60 * 24 * 45), st.none() | st.integers(0, 300))


@pytest.fixture
def world(app: Flask) -> None:
    make_world()


def empty() -> None:
    for table in (ShipmentLine, Shipment, OrderEvent, OrderLine, Order):
        db.session.execute(delete(table))
    db.session.execute(delete(PolicyValue).where(PolicyValue.parameter.like("delivery.auto%")))
    db.session.commit()


def moment(minutes: int) -> datetime:
    return FIRST + timedelta(minutes=minutes)


@settings(
    max_examples=examples(40),
    deadline=None,
    phases=WITHOUT_SHRINKING,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(drawn=st.lists(answers, min_size=1, max_size=6), as_of=st.dates(date(2026, 1, 10), date(2026, 3, 10)))
def test_late_answers(world, drawn, as_of):
    empty()
    expected = []
    for number, (minutes, answered, withdrawn, emergency) in enumerate(drawn):
        submitted = moment(minutes)
        answered_at = None if answered is None else submitted + timedelta(hours=answered)
        row = {
            "order_no": f"A{number}",
            "submitted_at": submitted,
            "confirmed_packs": None,
            "confirmed_at": None,
        }
        if answered_at is not None:
            row |= {"confirmed_packs": 10, "confirmed_at": answered_at}
        gone_at = None
        if withdrawn is not None and answered_at is None:
            gone_at = submitted + timedelta(hours=withdrawn)
            row |= {"withdrawn_packs": 10, "withdrawn_at": gone_at}
        take_well("orders", order(**row, emergency=emergency))
        last_day = last_day_to_answer(submitted, confirm_days=2)
        if submitted >= end_of_day(as_of) or (gone_at is not None and gone_at < end_of_day(last_day)):
            continue
        found = late_confirmation(
            f"A{number}",
            "D01",
            submitted_on=day_in_china(submitted),
            last_day=last_day,
            answered_on=None if answered_at is None else day_in_china(answered_at),
            on=as_of,
        )
        expected += [found] if found else []
    assert check(Scope(as_of), [CheckRule.LATE_CONFIRMATION]) == in_order(expected)


@settings(
    max_examples=examples(40),
    deadline=None,
    phases=WITHOUT_SHRINKING,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    drawn=st.lists(arrivals, min_size=1, max_size=6),
    as_of=st.dates(date(2026, 1, 10), date(2026, 3, 10)),
    silent_days=st.none() | st.integers(0, 10),
)
def test_late_acceptances(world, drawn, as_of, silent_days):
    empty()
    if silent_days is not None:
        row = {
            "parameter": "delivery.auto_accept_days",
            "valid_from": date(2025, 1, 1),
            "value": str(silent_days),
        }
        take_well("policies", row)
    expected = []
    for number, (minutes, hours) in enumerate(drawn):
        delivered = moment(minutes)
        accepted = None if hours is None else delivered + timedelta(hours=hours)
        sent = delivered - timedelta(hours=2)
        take_well("orders", order(order_no=f"A{number}", submitted_at=sent, confirmed_at=sent))
        took = (
            {"accepted_packs": 10, "rejected_packs": 0}
            if accepted
            else {"accepted_packs": None, "rejected_packs": None}
        )
        take_well(
            "receipts",
            receipt(
                receipt_no=f"R{number}",
                order_no=f"A{number}",
                shipped_at=sent,
                delivered_at=delivered,
                accepted_at=accepted,
                **took,
            ),
        )
        if delivered >= end_of_day(as_of):
            continue
        days = [] if accepted is None else [day_in_china(accepted)]
        days += [] if silent_days is None else [day_in_china(delivered) + timedelta(days=silent_days)]
        found = late_acceptance(
            f"R{number}",
            "0V01",
            due_day=acceptance_due_day(delivered, accept_days=2),
            accepted_on=min(days) if days else None,
            on=as_of,
        )
        expected += [found] if found else []
    assert check(Scope(as_of), [CheckRule.LATE_ACCEPTANCE]) == in_order(expected)


def test_each_kind_has_its_own_days_to_accept(world):
    """A clinic with three days is late a day later than its hospital with one; each is named once."""
    rows = [
        {"parameter": "delivery.accept_days", "valid_from": date(2026, 1, 1), "value": "1"},
        {
            "parameter": "delivery.accept_days",
            "valid_from": date(2026, 1, 1),
            "value": "3",
            "kind": "village_clinic",
        },
    ]
    take_well("policies", *rows)
    # A Monday noon; accepted never.
    delivered = start_of_day(date(2026, 1, 12)) + timedelta(hours=12)
    for number, code in enumerate(("0V01", "0H01")):
        sent = delivered - timedelta(hours=2)
        take_well(
            "orders",
            order(order_no=f"A{number}", institution_code=code, submitted_at=sent, confirmed_at=sent),
        )
        take_well(
            "receipts",
            receipt(
                receipt_no=f"R{number}",
                order_no=f"A{number}",
                shipped_at=sent,
                delivered_at=delivered,
                accepted_at=None,
                accepted_packs=None,
                rejected_packs=None,
            ),
        )
    due = {
        day: [
            (one.institution, one.period)
            for one in check(Scope(date(2026, 1, day)), [CheckRule.LATE_ACCEPTANCE])
        ]
        for day in (13, 14, 15, 16)
    }
    hospital, clinic = ("0H01", "2026-01-13"), ("0V01", "2026-01-15")
    assert due == {13: [], 14: [hospital], 15: [hospital], 16: [hospital, clinic]}
