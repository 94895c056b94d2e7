"""Statements of account: their sums are those of the book, to the cent, whatever happened."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from clinic_orders.models.base import db
from clinic_orders.models.deliveries import Shipment
from clinic_orders.models.payments import Payment
from clinic_orders.queries.payables import Book
from clinic_orders.queries.statements import statement_of, statements_of
from clinic_orders.rules.days import Month
from clinic_orders.rules.parties import SYSTEM
from clinic_orders.rules.payment_terms import is_overdue
from clinic_orders.rules.payments import PaymentSide
from clinic_orders.rules.statements import EntryKind, statement_from_json
from tests.orders_in_work import World, make_world
from tests.queries.test_payables import FIRST, forget_orders, noon, receipts, write_receipts

ZERO = Decimal(0)

# A payment: day, cents, the receipt it names, days until it is disputed, upheld and taken back (None = never).
payments = st.lists(
    st.tuples(
        st.integers(0, 150),
        st.integers(1, 5_000_000),
        st.none() | st.integers(0, 3),
        st.none() | st.integers(0, 60),
        st.none() | st.integers(0, 60),
        st.none() | st.integers(0, 90),
    ),
    max_size=5,
)


@pytest.fixture
def world(app: Flask) -> World:
    return make_world(items=3)


def write_payments(world: World, drawn: Any, ids: list[int]) -> None:
    for number, (on, cents, named, disputed, upheld, withdrawn) in enumerate(drawn):
        day = FIRST + timedelta(days=on)

        def after(days: int | None, start: Any = day) -> Any:
            return None if days is None else noon(start + timedelta(days=days))

        db.session.add(
            Payment(
                payment_no=f"FK-{number}",
                paying_id=world.clinic.id,
                distributor_id=world.distributor.id,
                shipment_id=ids[named] if named is not None and named < len(ids) else None,
                amount=Decimal(cents).scaleb(-2),
                # Some that name no receipt went the other way.
                is_refund=named is None and cents % 5 == 1,
                paid_on=day,
                entered_by=PaymentSide.INSTITUTION,
                disputed_at=after(disputed),
                dispute_reason="没有到账" if disputed is not None else "",
                upheld_at=after(disputed + upheld) if disputed is not None and upheld is not None else None,
                withdrawn_at=after(withdrawn),
                recorded_at=noon(day),
            )
        )
    db.session.flush()


@pytest.mark.both_databases
@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(drawn=receipts, paid=payments)
def test_every_month_adds_up_follows_the_one_before_and_is_the_book(
    world: World, drawn: Any, paid: Any
) -> None:
    db.session.execute(delete(Payment))
    forget_orders()
    write_receipts(world, [(*one[:3], False) for one in drawn])
    pair = (world.clinic.id, world.distributor.id)
    write_payments(world, paid, list(db.session.scalars(select(Shipment.id).order_by(Shipment.id))))
    closing = ZERO
    for number in range(1, 11):
        month = Month(2026, number)
        found = statement_of(pair, month)
        assert found.opening + found.receipts - found.returns - found.payments == found.closing
        assert found.opening == closing
        closing = found.closing
        book = Book(SYSTEM, on=month.last_day, pair=pair)
        left = {row.receipt_no: book.outstanding[row.id] for row in book.receipts}
        assert {one.receipt_no: one.outstanding for one in found.open_receipts} == {
            receipt_no: amount for receipt_no, amount in left.items() if amount > 0
        }
        assert (found.outstanding, found.advance) == (sum(left.values(), ZERO), book.advance)
        late = [
            book.outstanding[row.id]
            for row in book.receipts
            if is_overdue(row.due_on, book.outstanding[row.id], on=month.last_day)
        ]
        assert found.overdue == sum(late, ZERO)
        assert sum(found.by_age().values(), ZERO) == found.outstanding
        reached = [
            part
            for receipt_no in db.session.scalars(select(Shipment.receipt_no)).all()
            for part in book.parts_of(receipt_no)
            if part.on in month
        ]
        assert sorted(
            (one.payment_no, one.receipt_no, one.on, one.amount) for one in found.reached
        ) == sorted((part.payment_no, part.receipt_no, part.on, part.amount) for part in reached)
        assert statement_from_json(found.to_json()) == found
        assert statements_of(world.distributor.id, month).get(world.clinic.id, found) == found


def test_a_payment_that_stops_counting_after_its_month_stands_with_the_opposite_sign(world: World) -> None:
    # Paid on 20 January, disputed on 30 January: it counts for five working days, into February.
    write_payments(world, [(19, 10000, None, 10, None, None)], [])
    pair = (world.clinic.id, world.distributor.id)
    january, february = statement_of(pair, Month(2026, 1)), statement_of(pair, Month(2026, 2))
    assert (january.closing, february.opening) == (Decimal("-100.00"), Decimal("-100.00"))
    assert [(one.kind, one.amount) for one in february.entries] == [
        (EntryKind.PAYMENT_STOPPED, Decimal("-100.00"))
    ]
    assert february.closing == ZERO
