"""Refunds of what was paid ahead: entered by one side, answered by the other, and never more than lies there."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from clinic_orders.actions.loading import NotFound
from clinic_orders.actions.payments import (
    confirm_payment,
    dispute_payment,
    record_payment,
    record_refund,
    reject_payment,
    withdraw_payment,
)
from clinic_orders.models.audit import AuditEntry
from clinic_orders.models.base import db
from clinic_orders.models.notices import Notice
from clinic_orders.models.payments import Payment
from clinic_orders.queries.files import rows_of
from clinic_orders.queries.integrity import allocation, kept
from clinic_orders.queries.payables import Book
from clinic_orders.queries.payments import PaymentsWanted, payments, payments_count
from clinic_orders.queries.statements import statement_of, whereabouts
from clinic_orders.rules.days import Month, day_in_china
from clinic_orders.rules.parties import Actor, Role
from clinic_orders.rules.payments import AmountNotPositive, OwnEntry, PaidInFuture, RefundAboveAdvance
from clinic_orders.rules.statements import EntryKind
from tests.deliveries_in_work import LATER, accepted
from tests.orders_in_work import World, make_world

pytestmark = pytest.mark.both_databases
TODAY = day_in_china(LATER)
CITY = Actor("市局", Role.CITY)


@pytest.fixture
def world(app: Flask) -> World:
    """A receipt of 6.73 yuan, and 10.00 paid: 3.27 lie ahead."""
    made = make_world(items=3)
    accepted(made, (2,))
    record_payment(
        made.clinic.id, made.distributor.id, Decimal("10.00"), TODAY, key="p" * 20, by=made.buyer, at=LATER
    )
    return made


def refund(world: World, amount: str = "3.00", *, by: Actor | None = None, **more: Any) -> Payment:
    return record_refund(
        world.clinic.id,
        world.distributor.id,
        Decimal(amount),
        more.pop("refunded_on", TODAY),
        key=more.pop("key", "r" * 20),
        by=by or world.seller,
        at=LATER,
        **more,
    )


def ahead(world: World, on: date = TODAY) -> Decimal:
    return Book(world.buyer, on=on).advance


def told() -> list[tuple[str, int | None, int | None]]:
    rows = db.session.scalars(select(Notice).where(Notice.kind.like("refund%")).order_by(Notice.id))
    return [(row.kind, row.institution_id, row.distributor_id) for row in rows]


def test_a_refund_counts_from_entry_and_the_other_side_confirms_it(world: World) -> None:
    made = refund(world, reference="0099")
    assert made.payment_no.startswith("TK")
    assert ahead(world) == Decimal("0.27")
    assert Book(world.buyer, on=TODAY).totals().open.amount == 0
    with pytest.raises(OwnEntry):
        confirm_payment(made.id, by=world.seller, at=LATER)
    confirm_payment(made.id, by=world.buyer, at=LATER)
    assert told() == [
        ("refund_entered", world.clinic.id, None),
        ("refund_confirmed", None, world.distributor.id),
    ]
    deeds = list(db.session.scalars(select(AuditEntry.deed).where(AuditEntry.subject_id == made.id)))
    assert deeds[:2] == ["record_refund", "confirm_payment"]


def test_a_refund_is_never_more_than_what_is_there_nor_on_another_day(world: World) -> None:
    with pytest.raises(RefundAboveAdvance) as refused:
        refund(world, "3.28")
    assert refused.value.facts["possible"] == "3.27"
    with pytest.raises(RefundAboveAdvance):
        refund(world, "0.01", refunded_on=TODAY - timedelta(days=1))
    with pytest.raises(AmountNotPositive):
        refund(world, "0.00")
    with pytest.raises(PaidInFuture):
        refund(world, refunded_on=TODAY + timedelta(days=1))
    with pytest.raises(NotFound):
        refund(world, by=world.stranger)
    assert refund(world, "3.27").id == refund(world, "3.27").id
    with pytest.raises(RefundAboveAdvance):
        refund(world, "0.01", key="s" * 20)
    assert ahead(world) == 0


def test_the_clinic_enters_it_too_and_a_dispute_or_a_word_back_gives_the_advance_again(world: World) -> None:
    mine = refund(world, by=world.buyer)
    withdraw_payment(mine.id, by=world.buyer, at=LATER)
    assert ahead(world) == Decimal("3.27")
    other = refund(world, key="s" * 20)
    dispute_payment(other.id, "没有收到", by=world.buyer, at=LATER)
    assert ahead(world) == Decimal("0.27")
    reject_payment(other.id, "银行没有这笔转账", by=CITY, at=LATER)
    assert ahead(world) == Decimal("3.27")
    kinds = [kind for kind, *_ in told()]
    assert kinds == [
        "refund_entered",
        "refund_withdrawn",
        "refund_entered",
        "refund_disputed",
        "refund_rejected",
        "refund_rejected",
    ]


def test_it_is_seen_on_lists_statement_and_checks_and_is_no_payment_of_a_file(world: World) -> None:
    made = refund(world)
    pair = (world.clinic.id, world.distributor.id)
    assert payments_count(world.buyer, on=TODAY) == (2, Decimal("7.00"))
    (row,) = payments(world.buyer, on=TODAY, wanted=PaymentsWanted(refunds=True))
    assert (row.payment_no, row.amount, row.is_refund) == (made.payment_no, Decimal("3.00"), True)
    found = statement_of(pair, Month(TODAY.year, TODAY.month))
    assert (found.payments, found.refunds) == (Decimal("7.00"), Decimal("3.00"))
    assert (found.advance, found.closing) == (Decimal("0.27"), Decimal("-0.27"))
    assert found.opening + found.receipts - found.returns - found.payments == found.closing
    assert [one.amount for one in found.entries if one.kind is EntryKind.REFUND] == [Decimal("-3.00")]
    parts, back = whereabouts(pair, made.payment_no, on=TODAY)
    assert (parts, [one.amount for one in back]) == ([], [Decimal("3.00")])
    assert whereabouts(pair, back[0].payment_no, on=TODAY)[1] == back
    assert [row["payment_no"] for row in rows_of("payments", CITY, TODAY)] == [back[0].payment_no]
    assert list(allocation.problems(TODAY)) == []
    assert list(kept.problems(TODAY)) == []


def test_a_payment_that_counts_no_more_leaves_its_refund_to_be_filled_by_the_next(world: World) -> None:
    refund(world)
    paid = db.session.scalars(select(Payment).where(~Payment.is_refund)).one()
    dispute_payment(paid.id, "没有到账", by=world.seller, at=LATER)
    reject_payment(paid.id, "银行没有这笔转账", by=CITY, at=LATER)
    book = Book(world.buyer, on=TODAY)
    assert (book.totals().open.amount, book.advance) == (Decimal("6.73"), Decimal("-3.00"))
    assert list(allocation.problems(TODAY)) == []
    record_payment(
        world.clinic.id, world.distributor.id, Decimal("9.00"), TODAY, key="q" * 20, by=world.buyer, at=LATER
    )
    # As of a day its refunds come after its payments: the new money pays the receipt, the refund takes the rest.
    assert Book(world.buyer, on=TODAY).totals().open.amount == 0
    assert ahead(world) == Decimal("-0.73")
