"""A policy that is dated back leaves every order and receipt as if it had been known from its day on."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from clinic_orders.actions.policy_reach import take_calendar
from clinic_orders.actions.undoing import undo_batch
from clinic_orders.models.audit import AuditEntry
from clinic_orders.models.base import db
from clinic_orders.models.deliveries import Shipment
from clinic_orders.models.exchange import ImportBatch
from clinic_orders.models.orders import Order
from clinic_orders.rules.parties import SYSTEM
from tests.files_world import NOW, empty_database, make_world, moment, order, receipt, take_well

pytestmark = pytest.mark.both_databases

DAY = date(2026, 1, 20)
POLICIES: list[dict[str, Any]] = [
    {"parameter": "order.confirm_days", "valid_from": DAY, "value": "5"},
    {"parameter": "order.emergency_hours", "valid_from": DAY, "value": "7"},
    {"parameter": "delivery.accept_days", "valid_from": DAY, "value": "1"},
    {"parameter": "delivery.accept_days", "valid_from": DAY, "value": "4", "kind": "village_clinic"},
    {"parameter": "payment.rule", "valid_from": date(2026, 2, 1), "value": "days_30"},
]


@pytest.fixture
def world(app: Flask) -> None:
    make_world()


def deal() -> None:
    """Orders and receipts around the day, of a clinic and of its hospital, one of them an emergency."""
    number = 0
    for submitted in ("2026-01-19T23:59", "2026-01-20T00:00", "2026-01-29T10:00"):
        for code in ("0V01", "0H01"):
            number += 1
            begins = moment(submitted)
            take_well(
                "orders",
                order(
                    order_no=f"A{number}",
                    institution_code=code,
                    submitted_at=begins,
                    confirmed_at=begins,
                    emergency=number == 4,
                ),
            )
            take_well(
                "receipts",
                receipt(
                    receipt_no=f"R{number}",
                    order_no=f"A{number}",
                    shipped_at=begins,
                    delivered_at=begins,
                    accepted_at=moment("2026-02-09T11:00"),
                ),
            )
    take_well(
        "orders",
        order(
            order_no="A9", submitted_at=moment("2026-01-21T09:00"), confirmed_packs=None, confirmed_at=None
        ),
    )


def kept() -> list[tuple[Any, ...]]:
    db.session.expire_all()
    orders = select(Order.order_no, Order.answer_due_at).order_by(Order.order_no)
    receipts = select(
        Shipment.receipt_no, Shipment.acceptance_day, Shipment.payment_rule, Shipment.due_on
    ).order_by(Shipment.receipt_no)
    return [tuple(row) for statement in (orders, receipts) for row in db.session.execute(statement)]


def test_a_policy_dated_back_gives_what_it_would_have_given_if_known_and_its_undoing_takes_it_back(world):
    deal()
    by_default = kept()
    take_well("policies", *POLICIES)
    dated_back = kept()
    told = db.session.scalars(select(AuditEntry.after).where(AuditEntry.deed == "reach_back")).all()
    assert [(one["orders"], one["receipts"]) for one in told] == [(5, 4)]
    batch_id = db.session.scalar(select(func.max(ImportBatch.id)))
    undo_batch(batch_id, by=SYSTEM, at=NOW)
    assert kept() == by_default
    empty_database()
    make_world()
    take_well("policies", *POLICIES)
    deal()
    assert kept() == dated_back
    assert dated_back != by_default
    # What began before the day keeps its deadline.
    assert dated_back[:2] == by_default[:2]


def test_an_order_whose_deadline_moves_ahead_has_not_lapsed_and_its_lapse_is_recorded_again(world):
    submitted = moment("2026-11-10T09:00")
    take_well("orders", order(submitted_at=submitted, confirmed_packs=None, confirmed_at=None))
    lapsed = db.session.scalars(select(Order)).one()
    lapsed.lapse_recorded_at = NOW
    db.session.commit()
    lapse = select(Order.lapse_recorded_at)
    take_well("policies", {"parameter": "order.confirm_days", "valid_from": DAY, "value": "3"})
    assert db.session.scalar(lapse) == NOW
    take_well("policies", {"parameter": "order.confirm_days", "valid_from": DAY, "value": "20"})
    assert db.session.scalar(lapse) is None


def test_parameters_that_nothing_is_kept_by_leave_everything_alone(world):
    deal()
    before = kept()
    take_well("policies", {"parameter": "order.max_packs", "valid_from": DAY, "value": "9"})
    assert kept() == before
    assert db.session.scalars(select(AuditEntry).where(AuditEntry.deed == "reach_back")).all() == []


def test_a_new_year_of_the_calendar_puts_right_what_ran_on_weekdays(world):
    deal()
    right = {one.id: (one.answer_due_at, one.order_no) for one in db.session.scalars(select(Order))}
    due = {one.id: one.due_on for one in db.session.scalars(select(Shipment))}
    # As it would stand if the days off of the year had not been known.
    for one in db.session.scalars(select(Order)):
        one.answer_due_at += timedelta(days=1)
    db.session.commit()
    assert take_calendar(by=SYSTEM, at=NOW)
    db.session.expire_all()
    assert {one.id: (one.answer_due_at, one.order_no) for one in db.session.scalars(select(Order))} == right
    assert {one.id: one.due_on for one in db.session.scalars(select(Shipment))} == due
    # Once for each year.
    assert not take_calendar(by=SYSTEM, at=NOW)
