"""Payments: entered by one side, answered by the other, and what they reach as of a day."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from clinic_orders.actions.loading import ChangedMeanwhile, NotFound
from clinic_orders.actions.payments import (
    confirm_payment,
    dispute_payment,
    record_payment,
    reject_payment,
    uphold_payment,
    withdraw_payment,
)
from clinic_orders.models.base import db
from clinic_orders.models.deliveries import Shipment
from clinic_orders.models.notices import Notice
from clinic_orders.models.payments import Payment
from clinic_orders.queries.payables import Book
from clinic_orders.queries.payments import PaymentsWanted, payers_of, payments, payments_count, waiting_for
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.parties import Actor, NotAllowed, Role
from clinic_orders.rules.payments import (
    AlreadySettled,
    AmountNotPositive,
    DisputeReasonMissing,
    NotDisputed,
    NotOwnEntry,
    OwnEntry,
    PaidInFuture,
    PaymentRefused,
    PaymentSide,
    PaymentState,
    ReceiptOfOthers,
    RejectionReasonMissing,
)
from tests.deliveries_in_work import LATER, accepted
from tests.orders_in_work import World, make_world

pytestmark = pytest.mark.both_databases
TODAY = day_in_china(LATER)
CITY = Actor("市局", Role.CITY)


@pytest.fixture
def world(app: Flask) -> World:
    return make_world(items=3)


def pay(
    world: World, amount: str = "3.37", *, by: Actor | None = None, key: str = "k" * 20, **more: Any
) -> Payment:
    return record_payment(
        world.clinic.id,
        world.distributor.id,
        Decimal(amount),
        more.pop("paid_on", TODAY),
        key=key,
        by=by or world.buyer,
        at=LATER,
        **more,
    )


def owed(world: World, on: date = TODAY) -> Decimal:
    return Book(world.buyer, on=on).totals().open.amount


def told() -> list[tuple[str, int | None, int | None]]:
    rows = db.session.scalars(select(Notice).where(Notice.kind.like("payment%")).order_by(Notice.id))
    return [(row.kind, row.institution_id, row.distributor_id) for row in rows]


@pytest.fixture
def receipt(world: World) -> Shipment:
    return accepted(world, (2,))


def test_a_payment_counts_from_entry_and_the_other_side_is_told(world: World, receipt: Shipment) -> None:
    assert owed(world) == Decimal("6.73")
    payment = pay(world, "3.37", receipt_no=receipt.receipt_no, method="cash", reference="0012")
    assert payment.payment_no.startswith("FK")
    assert (owed(world), owed(world, TODAY - timedelta(days=1))) == (Decimal("3.36"), Decimal(0))
    assert told() == [("payment_entered", None, world.distributor.id)]
    assert waiting_for(world.seller, on=TODAY) == 1
    assert waiting_for(world.buyer, on=TODAY) == 0
    (row,) = Book(world.seller, on=TODAY).rows()
    assert (row.owes, row.paid, row.outstanding) == (Decimal("6.73"), Decimal("3.37"), Decimal("3.36"))
    parts = Book(world.buyer, on=TODAY).parts_of(receipt.receipt_no)
    assert [(part.payment_no, part.amount, part.on) for part in parts] == [
        (payment.payment_no, Decimal("3.37"), TODAY)
    ]


def test_one_form_sent_twice_makes_one_payment(world: World, receipt: Shipment) -> None:
    assert pay(world).id == pay(world).id
    assert payments_count(world.buyer, on=TODAY) == (1, Decimal("3.37"))
    pay(world, key="z" * 20)
    assert payments_count(world.buyer, on=TODAY) == (2, Decimal("6.74"))


def test_what_is_paid_ahead_waits_and_is_shown(world: World, receipt: Shipment) -> None:
    pay(world, "10.00")
    book = Book(world.buyer, on=TODAY)
    assert (book.totals().open.amount, book.advance) == (Decimal(0), Decimal("3.27"))
    (balance,) = book.balances()
    assert (balance.outstanding, balance.overdue, balance.advance) == (0, 0, Decimal("3.27"))


def test_the_other_side_confirms_and_then_nothing_changes_any_more(world: World, receipt: Shipment) -> None:
    payment = pay(world)
    with pytest.raises(OwnEntry):
        confirm_payment(payment.id, by=world.buyer, at=LATER)
    with pytest.raises(NotFound):
        confirm_payment(payment.id, by=world.stranger, at=LATER)
    with pytest.raises(ChangedMeanwhile):
        confirm_payment(payment.id, by=world.seller, at=LATER, seen_version=7)
    confirm_payment(payment.id, by=world.seller, at=LATER, seen_version=1)
    assert told()[-1] == ("payment_confirmed", world.clinic.id, None)
    (row,) = payments(world.buyer, on=TODAY)
    assert row.state is PaymentState.CONFIRMED
    for deed in (confirm_payment, lambda *a, **k: dispute_payment(a[0], "没到账", **k)):
        with pytest.raises(AlreadySettled):
            deed(payment.id, by=world.seller, at=LATER)
    with pytest.raises(AlreadySettled):
        withdraw_payment(payment.id, by=world.buyer, at=LATER)


def test_a_disputed_payment_stops_counting_after_five_working_days_unless_upheld(
    world: World, receipt: Shipment
) -> None:
    payment = pay(world, by=world.seller)
    assert payment.entered_by is PaymentSide.DISTRIBUTOR
    with pytest.raises(DisputeReasonMissing):
        dispute_payment(payment.id, "  ", by=world.buyer, at=LATER)
    with pytest.raises(NotDisputed):
        uphold_payment(payment.id, by=CITY, at=LATER)
    dispute_payment(payment.id, "金额不对", by=world.buyer, at=LATER)
    # Friday the 20th; the fifth working day after it is Friday the 27th.
    last = date(2026, 11, 27)
    assert owed(world, last) == Decimal("3.36")
    assert owed(world, last + timedelta(days=1)) == Decimal("6.73")
    with pytest.raises(NotAllowed):
        uphold_payment(payment.id, by=world.seller, at=LATER)
    uphold_payment(payment.id, by=CITY, at=LATER)
    assert owed(world, last + timedelta(days=1)) == Decimal("3.36")
    assert [kind for kind, _, _ in told()] == [
        "payment_entered",
        "payment_disputed",
        "payment_upheld",
        "payment_upheld",
    ]


def test_the_bureau_decides_against_a_disputed_payment_which_counts_no_more_from_that_day(
    world: World, receipt: Shipment
) -> None:
    payment = pay(world)
    with pytest.raises(NotDisputed):
        reject_payment(payment.id, "没有", by=CITY, at=LATER)
    dispute_payment(payment.id, "没有到账", by=world.seller, at=LATER)
    with pytest.raises(RejectionReasonMissing):
        reject_payment(payment.id, " ", by=CITY, at=LATER)
    with pytest.raises(NotAllowed):
        reject_payment(payment.id, "没有", by=world.seller, at=LATER)
    assert owed(world) == Decimal("3.36")
    reject_payment(payment.id, "银行流水中没有", by=CITY, at=LATER)
    assert owed(world) == Decimal("6.73")
    for deed in (uphold_payment, confirm_payment, withdraw_payment):
        with pytest.raises(PaymentRefused):
            deed(
                payment.id,
                by={uphold_payment: CITY, confirm_payment: world.seller}.get(deed, world.buyer),
                at=LATER,
            )
    assert [kind for kind, _, _ in told()][-2:] == ["payment_rejected"] * 2
    (row,) = payments(world.seller, on=TODAY, wanted=PaymentsWanted(PaymentState.REJECTED))
    assert (row.state, row.rejection_reason) == (PaymentState.REJECTED, "银行流水中没有")


def test_an_own_entry_is_taken_back_and_counts_no_more(world: World, receipt: Shipment) -> None:
    payment = pay(world)
    with pytest.raises(NotOwnEntry):
        withdraw_payment(payment.id, by=world.seller, at=LATER)
    withdraw_payment(payment.id, by=world.buyer, at=LATER)
    assert owed(world) == Decimal("6.73")
    (row,) = payments(world.seller, on=TODAY)
    assert row.state is PaymentState.WITHDRAWN


def test_what_can_not_be_entered(world: World, receipt: Shipment) -> None:
    with pytest.raises(AmountNotPositive):
        pay(world, "0.00")
    with pytest.raises(PaidInFuture):
        pay(world, paid_on=TODAY + timedelta(days=1))
    with pytest.raises(ReceiptOfOthers):
        pay(world, receipt_no="PS0")
    with pytest.raises(NotFound):
        pay(world, by=world.stranger)
    with pytest.raises(NotAllowed):
        pay(world, by=CITY)
    assert [(one.paying_id, one.distributor_id) for one in payers_of(world.seller, on=TODAY)] == [
        (world.clinic.id, world.distributor.id)
    ]
    assert payers_of(world.stranger, on=TODAY) == []
