"""The ordered pass over many pairs is held equal to the plain rule on random histories (R-PAY-3, R-PAY-7)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, true

from clinic_orders.models.base import db
from clinic_orders.models.deliveries import GoodsReturn, Shipment
from clinic_orders.models.payments import Payment
from clinic_orders.models.streaming import driver_rows
from clinic_orders.queries.payables import Book, PayableState, Wanted
from clinic_orders.queries.payables.laying import Which, lay_out_all, payments_of, receipts_of
from clinic_orders.rules.allocation import Allocation, PaymentMade, ReceiptOwed, allocate
from clinic_orders.rules.days import start_of_day
from clinic_orders.rules.parties import Actor, Role
from clinic_orders.rules.payments import PaymentFacts, PaymentSide, counts_on
from tests.examples import examples
from tests.orders_in_work import World, make_order, make_world

# The last weeks before a long holiday, so that working days and days differ much.
FIRST = date(2026, 1, 25)
CITY = Actor("市局", Role.CITY)
Pair = tuple[int, int]


@pytest.fixture
def world(app: Flask) -> World:
    return make_world(items=1)


@dataclass(frozen=True)
class History:
    """What was drawn, as the plain rule takes it: by pair, and what counts on which day."""

    receipts: dict[Pair, list[tuple[ReceiptOwed, list[tuple[date, Decimal]]]]]
    payments: dict[Pair, list[tuple[PaymentMade, PaymentFacts]]]

    def laid(self, on: date) -> dict[Pair, Allocation]:
        """By the rules alone."""
        return {
            pair: allocate(
                [
                    ReceiptOwed(
                        one.receipt_no,
                        one.accepted_at,
                        one.accepted_on,
                        one.due_on,
                        one.owed - sum(amount for day, amount in backs if day <= on),
                    )
                    for one, backs in self.receipts.get(pair, [])
                ],
                [made for made, facts in self.payments.get(pair, []) if counts_on(facts, on)],
                on=on,
            )
            for pair in self.receipts.keys() | self.payments.keys()
        }


def moment(number: int, minute: int = 0) -> datetime:
    """An instant so many days on; minutes may reach beyond midnight in China."""
    return start_of_day(FIRST + timedelta(days=number)) + timedelta(hours=23, minutes=minute)


day_number = st.integers(0, 40)
later = st.none() | st.integers(0, 40)
cents = st.integers(0, 500).map(lambda value: Decimal(value).scaleb(-2))
places = st.integers(0, 3)
drawn_receipts = st.lists(
    st.tuples(places, day_number, st.integers(0, 119), cents, st.integers(0, 45), later, st.integers(0, 100)),
    max_size=12,
)
drawn_payments = st.lists(
    st.tuples(
        places,
        day_number,
        cents.filter(bool),
        # The receipt it names; from 14 on it is a refund.
        st.none() | st.integers(0, 17),
        later,
        later,
        later,
        later,
    ),
    max_size=12,
)


def write(world: World, receipts: list[Any], payments: list[Any]) -> History:
    """Store what was drawn: two payers, two distributors, numbers that do not follow the days."""
    db.session.expunge_all()
    for model in (Payment, GoodsReturn, Shipment):
        db.session.execute(delete(model))
    db.session.commit()
    pairs = [
        (payer.id, distributor.id)
        for payer in (world.clinic, world.hospital)
        for distributor in (world.distributor, world.other_distributor)
    ]
    order = make_order(world, (1,))
    history = History({}, {})
    stored: list[tuple[Shipment, Pair]] = []
    for number, (place, day, minute, owed, terms, back, share) in enumerate(receipts):
        at, pair = moment(day, minute), pairs[place]
        accepted_on = FIRST + timedelta(days=day + (minute >= 60))
        due = accepted_on + timedelta(days=terms)
        receipt_no = f"PS{(number * 7) % 13:02}"
        row = Shipment(
            receipt_no=receipt_no,
            order_id=order.id,
            institution_id=pair[0],
            paying_id=pair[0],
            distributor_id=pair[1],
            accepted_at=at,
            acceptance_day=accepted_on,
            due_on=due,
            owed=owed,
            recorded_at=at,
            updated_at=at,
        )
        db.session.add(row)
        db.session.flush()
        stored.append((row, pair))
        backs = []
        if back is not None:
            off = (owed * share / 100).quantize(Decimal("0.01"))
            agreed = moment(day + back, minute)
            backs.append((FIRST + timedelta(days=day + back + (minute >= 60)), off))
            db.session.add(
                GoodsReturn(
                    return_no=f"TH{number}",
                    shipment_id=row.id,
                    institution_id=pair[0],
                    distributor_id=pair[1],
                    requested_at=at,
                    agreed_at=agreed,
                    amount=off,
                    recorded_at=at,
                )
            )
        history.receipts.setdefault(pair, []).append(
            (ReceiptOwed(receipt_no, at, accepted_on, due, owed), backs)
        )
    for number, (place, day, amount, named, *events) in enumerate(payments):
        pair = pairs[place]
        mine = [row for row, whose in stored if whose == pair]
        refund = named is not None and named >= 14
        receipt = mine[named % len(mine)] if named is not None and mine and not refund else None
        disputed, confirmed, upheld, withdrawn = (
            None if one is None else moment(day + one) for one in events
        )
        facts = PaymentFacts(
            confirmed_at=None if withdrawn else confirmed,
            disputed_at=disputed,
            upheld_at=upheld if disputed else None,
            withdrawn_at=withdrawn,
        )
        payment_no = f"FK{(number * 5) % 13:02}"
        db.session.add(
            Payment(
                payment_no=payment_no,
                paying_id=pair[0],
                distributor_id=pair[1],
                shipment_id=receipt.id if receipt else None,
                amount=amount,
                is_refund=refund,
                paid_on=FIRST + timedelta(days=day),
                entered_by=PaymentSide.INSTITUTION,
                confirmed_at=facts.confirmed_at,
                disputed_at=facts.disputed_at,
                dispute_reason="?" if disputed else "",
                upheld_at=facts.upheld_at,
                withdrawn_at=facts.withdrawn_at,
                recorded_at=moment(day),
            )
        )
        made = PaymentMade(
            payment_no,
            FIRST + timedelta(days=day),
            amount,
            receipt.receipt_no if receipt else "",
            refund=refund,
        )
        history.payments.setdefault(pair, []).append((made, facts))
    db.session.flush()
    return history


random_histories = settings(
    max_examples=examples(60),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.mark.both_databases
@random_histories
@given(receipts=drawn_receipts, payments=drawn_payments, asked=st.integers(-1, 90))
def test_the_pass_agrees_with_the_plain_rule_and_nothing_is_created_or_lost(
    world: World, receipts: list[Any], payments: list[Any], asked: int
) -> None:
    on = FIRST + timedelta(days=asked)
    history = write(world, receipts, payments)
    expected = history.laid(on)
    found = {
        pair: (
            {one.receipt_no: Decimal(one.left).scaleb(-4) for one in laid.open},
            Decimal(laid.advance).scaleb(-4),
            Decimal(laid.waiting).scaleb(-4),
            Decimal(laid.uncovered).scaleb(-4),
            sum(row[6] for row in rows),
        )
        for pair, rows, laid in lay_out_all(db.session.connection(), on, Which(true(), true()))
    }
    for pair, rule in expected.items():
        open_, advance, waiting, uncovered, _ = found.pop(pair, ({}, *[Decimal(0)] * 3, 0))
        assert open_ == {number: left for number, left in rule.outstanding.items() if left}
        assert advance == sum(amount for _, amount in rule.advances)
        assert waiting == sum(amount for *_, amount in rule.waiting)
        assert uncovered == sum(amount for _, amount in rule.uncovered)
        counting = [
            -made.amount if made.refund else made.amount
            for made, facts in history.payments.get(pair, [])
            if made.paid_on <= on and counts_on(facts, on)
        ]
        owed = sum(
            one.owed - sum(amount for day, amount in backs if day <= on)
            for one, backs in history.receipts.get(pair, [])
            if one.accepted_on <= on
        )
        applied = owed - sum(open_.values())
        assert sum(counting) == applied + advance + waiting - uncovered
    assert found == {}


@pytest.mark.both_databases
@random_histories
@given(receipts=drawn_receipts, payments=drawn_payments, asked=st.integers(-1, 90))
def test_every_figure_of_the_book_comes_from_that_allocation(
    world: World, receipts: list[Any], payments: list[Any], asked: int
) -> None:
    on = FIRST + timedelta(days=asked)
    rules = write(world, receipts, payments).laid(on)
    outstanding = {number: left for rule in rules.values() for number, left in rule.outstanding.items()}
    book = Book(CITY, on=on)
    assert book.count == len(outstanding)
    assert {row.receipt_no: row.outstanding for row in book.receipts} == {
        number: left for number, left in outstanding.items() if left
    }
    assert {row.receipt_no: row.outstanding for row in book.rows()} == outstanding
    totals = book.totals()
    assert totals.open.amount == sum(outstanding.values())
    assert book.advance == sum(rule.ahead for rule in rules.values())
    for state in PayableState:
        rows = book.rows(Wanted(state))
        in_memory = book.sum(Wanted(state))
        by_database = book.sum(Wanted(state, search="PS"))
        assert in_memory == by_database == (len(rows), sum((row.outstanding for row in rows), Decimal(0)))
        assert totals.of(state).receipts == len(rows) or state in {PayableState.OPEN, PayableState.OVERDUE}
    for number in outstanding:
        parts = [part for rule in rules.values() for part in rule.parts if part.receipt_no == number]
        assert book.parts_of(number) == parts
    for pair, rule in rules.items():
        of_pair = Book(CITY, on=on, pair=pair)
        assert len(of_pair.outstanding) == len(rule.outstanding)
        assert sum(of_pair.outstanding.values()) == sum(rule.outstanding.values())


@pytest.mark.both_databases
def test_rows_from_the_driver_are_the_rows_of_the_question_none_left_out(world: World) -> None:
    receipts = [(number % 4, number % 30, number % 100, Decimal(5), 3, None, 0) for number in range(13)]
    write(world, receipts, [(0, 3, Decimal(2), None, None, None, None, None)] * 13)
    connection = db.session.connection()
    for statement in (receipts_of(FIRST + timedelta(days=50)), payments_of(FIRST + timedelta(days=50))):
        whole = [tuple(row) for row in connection.execute(statement)]
        assert len(whole) == 13
        for part in (1, 4, 13, 100):
            assert [row for rows in driver_rows(connection, statement, part) for row in rows] == whole
    nothing = receipts_of(FIRST - timedelta(days=1))
    assert list(driver_rows(connection, nothing)) == []
