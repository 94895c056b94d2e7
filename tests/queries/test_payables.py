from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from clinic_orders.actions.returns import ReturnedPacks, agree_return, request_return
from clinic_orders.models.base import db
from clinic_orders.models.deliveries import GoodsReturn, ReturnLine, Shipment, ShipmentLine
from clinic_orders.models.orders import Order, OrderEvent, OrderLine
from clinic_orders.queries.payables import (
    Book,
    Group,
    Payable,
    PayableState,
    Scope,
    Totals,
    Wanted,
    statement_lines,
)
from clinic_orders.rules.days import Month, day_in_china, start_of_day
from clinic_orders.rules.parties import Actor, Role
from clinic_orders.rules.payment_terms import OwedLine, ageing, amount_owed, days_overdue, return_amount
from tests.deliveries_in_work import LATER, accepted
from tests.examples import examples
from tests.orders_in_work import World, make_order, make_world

FIRST = date(2026, 1, 1)


def payables(
    actor: Actor, *, on: date, scope: Scope = Scope.OWN, wanted: Wanted | None = None, **more: Any
) -> list[Payable]:
    return Book(actor, on=on, scope=scope).rows(wanted, **more)


def payables_sum(actor: Actor, *, on: date) -> tuple[int, Decimal]:
    return Book(actor, on=on).sum()


def totals(actor: Actor, *, on: date) -> Totals:
    return Book(actor, on=on).totals()


def groups(actor: Actor, *, on: date) -> list[Group]:
    return list(Book(actor, on=on).groups())


@pytest.fixture
def world(app: Flask) -> World:
    return make_world(items=3)


# One receipt: acceptance day, days until payment is due, and its lines; a line: price in ten-thousandths,
# accepted, and returns (packs, day agreed; None = only asked for).
returns = st.lists(st.tuples(st.integers(1, 9), st.none() | st.integers(0, 200)), max_size=3)
lines = st.tuples(st.integers(1, 10**7), st.integers(0, 9999), returns)
receipts = st.lists(
    st.tuples(
        st.integers(0, 120), st.integers(0, 60), st.lists(lines, min_size=1, max_size=3), st.booleans()
    ),
    max_size=4,
)


def noon(day: date) -> datetime:
    return start_of_day(day) + timedelta(hours=12)


def write_receipts(world: World, drawn: Any) -> list[tuple[str, date, date, list[Any]]]:
    """Store receipts as drawn; give back what plain Python needs to say what they owe."""
    facts = []
    for number, (accepted_on, terms, drawn_lines, other) in enumerate(drawn):
        day, due = FIRST + timedelta(days=accepted_on), FIRST + timedelta(days=accepted_on + terms)
        order = make_order(
            world,
            tuple(max(1, packs) for _, packs, _ in drawn_lines),
            distributor=world.other_distributor if other else None,
            submitted_at=noon(FIRST),
        )
        receipt = Shipment(
            receipt_no=f"PS-{number}",
            order_id=order.id,
            institution_id=world.clinic.id,
            paying_id=world.clinic.id,
            distributor_id=order.distributor_id,
            shipped_at=noon(FIRST),
            accepted_at=noon(day),
            acceptance_day=day,
            due_on=due,
            payment_rule="days_30",
            owed=Decimal(0),
            recorded_at=noon(day),
            updated_at=noon(day),
        )
        kept = []
        for order_line, (price, packs, backs) in zip(order.lines, drawn_lines, strict=True):
            order_line.pack_price = Decimal(price).scaleb(-4)
            order_line.confirmed_packs = order_line.packs
            line = ShipmentLine(
                order_line=order_line,
                batch_no="B",
                expiry_date=date(2030, 1, 1),
                shipped_packs=max(1, packs),
                accepted_packs=packs,
                rejected_packs=max(1, packs) - packs,
                reject_reason="" if packs else "damaged",
            )
            receipt.lines.append(line)
            left, agreed = packs, []
            for count, agreed_day in backs:
                count = min(count, left)
                if not count:
                    continue
                left -= count
                agreed.append((count, None if agreed_day is None else day + timedelta(days=agreed_day)))
            kept.append((order_line.pack_price, packs, agreed, line))
        receipt.owed = amount_owed(OwedLine(price, packs) for price, packs, _, _ in kept)
        db.session.add(receipt)
        db.session.flush()
        for place, (price, packs, agreed, line) in enumerate(kept):
            order_of = sorted((on, index) for index, (_, on) in enumerate(agreed) if on is not None)
            so_far = 0
            worth: dict[int, Decimal] = {}
            for _, index in order_of:
                worth[index] = return_amount(OwedLine(price, packs, so_far), agreed[index][0])
                so_far += agreed[index][0]
            for index, (count, agreed_on) in enumerate(agreed):
                db.session.add(
                    GoodsReturn(
                        return_no=f"TH-{number}-{place}-{index}",
                        shipment_id=receipt.id,
                        institution_id=world.clinic.id,
                        distributor_id=receipt.distributor_id,
                        requested_at=noon(day),
                        agreed_at=None if agreed_on is None else noon(agreed_on),
                        amount=worth.get(index),
                        recorded_at=noon(day),
                        lines=[ReturnLine(shipment_line_id=line.id, packs=count, reason="recall")],
                    )
                )
        db.session.flush()
        facts.append((receipt.receipt_no, day, due, [(p, a, r) for p, a, r, _ in kept]))
    return facts


def owed_by_plain_python(facts: Any, on: date) -> dict[str, Decimal]:
    """R-PAY-1 by the rules alone."""
    return {
        number: amount_owed(
            OwedLine(price, packs, sum(count for count, agreed in backs if agreed and agreed <= on))
            for price, packs, backs in rows
        )
        for number, day, _, rows in facts
        if day <= on
    }


@pytest.mark.both_databases
@settings(
    max_examples=examples(40),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(drawn=receipts, asked=st.integers(-5, 260))
def test_the_database_and_plain_python_agree_on_what_is_owed(world: World, drawn: Any, asked: int) -> None:
    on = FIRST + timedelta(days=asked)
    forget_orders()
    facts = write_receipts(world, drawn)
    plain = owed_by_plain_python(facts, on)
    rows = payables(world.buyer, on=on)
    assert {row.receipt_no: row.owes for row in rows} == plain
    for row in rows:
        assert row.owes == sum(line.owes for line in statement_lines(row.shipment_id, on=on))
    expected: dict[PayableState, Decimal] = {}
    for number, _, due_on, _ in facts:
        if number not in plain:
            continue
        bucket = ageing(days_overdue(due_on, on=on))
        state = PayableState(bucket.value) if bucket else PayableState.NOT_DUE
        state = state if plain[number] else PayableState.NOTHING_OWED
        expected[state] = expected.get(state, Decimal(0)) + plain[number]
    found = totals(world.buyer, on=on)
    assert {state: bucket.amount for state, bucket in found.buckets.items()} == expected
    assert payables_sum(world.buyer, on=on) == (len(plain), sum(plain.values(), Decimal(0)))


def forget_orders() -> None:
    """Take away what the example before has written."""
    db.session.expunge_all()
    for model in (ReturnLine, GoodsReturn, ShipmentLine, Shipment, OrderEvent, OrderLine, Order):
        db.session.execute(delete(model))
    db.session.commit()


def due(world: World, day: date, *, packs: int = 1, accepted_on: date = FIRST) -> Shipment:
    """A receipt of so many packs at 3.365 that is due on a day."""
    receipt = accepted(world, (packs,))
    receipt.accepted_at, receipt.acceptance_day, receipt.due_on = noon(accepted_on), accepted_on, day
    db.session.commit()
    return receipt


@pytest.mark.parametrize(
    ("days", "state"),
    [
        (0, PayableState.NOT_DUE),
        (1, PayableState.UP_TO_30),
        (30, PayableState.UP_TO_30),
        (31, PayableState.UP_TO_60),
        (60, PayableState.UP_TO_60),
        (61, PayableState.UP_TO_90),
        (90, PayableState.UP_TO_90),
        (91, PayableState.OVER_90),
    ],
)
def test_money_is_overdue_from_the_day_after_the_due_day_and_ages_in_four_steps(
    world: World, days: int, state: PayableState
) -> None:
    due(world, date(2026, 2, 28))
    found = totals(world.buyer, on=date(2026, 2, 28) + timedelta(days=days))
    assert set(found.buckets) == {state}
    assert found.overdue.receipts == (1 if days else 0)
    assert found.open.amount == Decimal("3.37")


def test_a_receipt_is_owed_from_its_day_of_acceptance_and_less_from_the_day_a_return_is_agreed(
    world: World,
) -> None:
    receipt = accepted(world, (6,))
    day = day_in_china(LATER)
    asked = request_return(
        receipt.receipt_no, {receipt.lines[0].id: ReturnedPacks(6, "recall")}, by=world.buyer, at=LATER
    )
    agree_return(asked.return_no, by=world.seller, at=LATER + timedelta(days=3))
    amounts = [payables_sum(world.buyer, on=day + timedelta(days=number))[1] for number in (-1, 0, 2, 3, 10)]
    assert amounts == [Decimal(text) for text in ("0.00", "20.19", "20.19", "0.00", "0.00")]
    assert totals(world.buyer, on=day + timedelta(days=3)).buckets.keys() == {PayableState.NOTHING_OWED}


def test_filters_sorts_and_groups(world: World) -> None:
    late = due(world, date(2026, 1, 31), packs=2)
    soon = due(world, date(2026, 3, 31), packs=1)
    same = due(world, date(2026, 3, 31), packs=4)
    on = date(2026, 3, 5)

    def numbers(sort: str = "due", **wanted: Any) -> list[str]:
        return [row.receipt_no for row in payables(world.buyer, on=on, sort=sort, wanted=Wanted(**wanted))]

    assert numbers() == [late.receipt_no, soon.receipt_no, same.receipt_no]
    assert numbers("-amount") == [same.receipt_no, late.receipt_no, soon.receipt_no]
    assert numbers(state=PayableState.OVERDUE) == [late.receipt_no]
    assert numbers(state=PayableState.UP_TO_60) == [late.receipt_no]
    assert numbers(state=PayableState.NOT_DUE) == [soon.receipt_no, same.receipt_no]
    assert numbers(due_month=Month(2026, 1)) == [late.receipt_no]
    assert numbers(search=soon.receipt_no[-4:]) == [soon.receipt_no]
    assert numbers(search="安康", distributor="D01") == numbers()
    assert numbers(distributor="D02") == []
    assert numbers(search="%") == []
    assert [row.receipt_no for row in payables(world.buyer, on=on, limit=1, offset=1)] == [soon.receipt_no]
    assert [(group.due_on, group.receipts, group.amount) for group in groups(world.buyer, on=on)] == [
        (date(2026, 1, 31), 1, Decimal("6.73")),
        (date(2026, 3, 31), 2, Decimal("16.83")),
    ]
    book = Book(world.buyer, on=on)
    assert book.due_months() == [Month(2026, 3), Month(2026, 2), Month(2026, 1)]
    assert book.distributors() == [("D01", "豫西安康医药配送有限公司")]


def test_each_party_sees_the_money_that_concerns_it(world: World) -> None:
    due(world, date(2026, 1, 31))
    on = date(2026, 2, 5)
    hospital = Actor("院长", Role.HOSPITAL, institution_id=world.hospital.id)

    def seen(actor: Actor, scope: Scope = Scope.OWN) -> int:
        return len(payables(actor, on=on, scope=scope))

    assert (seen(world.seller), seen(world.stranger), seen(hospital)) == (1, 0, 0)
    assert seen(hospital, Scope.MEMBERS) == 0
    record = world.clinic.records[0]
    record.supervisor_id = world.hospital.id
    db.session.commit()
    assert (seen(hospital), seen(hospital, Scope.MEMBERS)) == (0, 1)
    record.headquarters_id = world.hospital.id
    db.session.commit()
    assert seen(hospital) == 1
    assert seen(Actor("局", Role.COUNTY, county_code="410325")) == 1
    assert seen(Actor("局", Role.COUNTY, county_code="410329")) == 0
    assert seen(Actor("市局", Role.CITY)) == 1


def test_the_statements_do_not_grow_with_the_receipts(world: World, count_sql: Any) -> None:
    def statements() -> int:
        counting: AbstractContextManager[Any] = count_sql()
        with counting as seen:
            book = Book(world.buyer, on=date(2026, 3, 5))
            book.rows()
            book.sum()
            book.totals()
            book.groups()
            book.balances()
        return int(seen.count)

    due(world, date(2026, 1, 31))
    few = statements()
    for _ in range(5):
        due(world, date(2026, 3, 31))
    assert statements() == few == 10


def test_acceptance_late_in_the_evening_of_china_counts_on_that_day(world: World) -> None:
    receipt = due(world, date(2026, 4, 30))
    receipt.accepted_at = datetime(2026, 3, 31, 15, 59, tzinfo=UTC)
    db.session.commit()
    assert payables_sum(world.buyer, on=date(2026, 3, 30))[0] == 0
    assert payables_sum(world.buyer, on=date(2026, 3, 31))[0] == 1
