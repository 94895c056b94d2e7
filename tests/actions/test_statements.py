"""Statements of account: made once, confirmed by both sides or disputed, and never rewritten afterwards."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from clinic_orders import jobs
from clinic_orders.actions.loading import ChangedMeanwhile, NotFound
from clinic_orders.actions.payments import record_payment
from clinic_orders.actions.statements import confirm_statement, dispute_statement
from clinic_orders.jobs import money
from clinic_orders.models.base import db
from clinic_orders.models.deliveries import Shipment
from clinic_orders.models.notices import Notice
from clinic_orders.models.statements import AccountStatement
from clinic_orders.queries.statements import (
    StatementsWanted,
    find_statement,
    statement_of,
    statements,
    waiting_for,
)
from clinic_orders.rules.days import SHANGHAI, Month, day_in_china
from clinic_orders.rules.parties import Actor, NotAllowed, Role
from clinic_orders.rules.payments import PaymentSide
from clinic_orders.rules.statements import (
    STEPS,
    DifferenceReasonMissing,
    MonthNotOver,
    StatementState,
    StatementStep,
    StatementStepRefused,
    difference,
    next_state,
    statement_from_json,
)
from tests.deliveries_in_work import LATER, accepted
from tests.orders_in_work import World, make_world

pytestmark = pytest.mark.both_databases
MONTH = Month(2026, 11)
FIRST = datetime(2026, 12, 1, 3, 30, tzinfo=SHANGHAI).astimezone(UTC)
LATE = FIRST + timedelta(days=3)


@pytest.fixture
def world(app: Flask) -> World:
    world = make_world(items=3)
    accepted(world, (2,))
    return world


def pair(world: World) -> tuple[int, int]:
    return world.clinic.id, world.distributor.id


def make() -> jobs.Outcome:
    outcome = jobs.Outcome()
    money.make_statements(date(2026, 12, 1), FIRST, outcome)
    assert outcome.failures == 0
    return outcome


def stored(world: World) -> AccountStatement:
    found = find_statement(pair(world), MONTH)
    assert found is not None
    return found


def confirm(world: World, by: Actor, **more: Any) -> AccountStatement:
    found = find_statement(pair(world), MONTH)
    kept = found is not None and found.content is not None and found.state is not StatementState.DIFFERS
    seen = statement_from_json(found.content) if kept else statement_of(pair(world), MONTH)  # type: ignore[union-attr, arg-type]
    values = {"seen": seen.fingerprint, "at": LATE, **more}
    return confirm_statement(pair(world), MONTH, by=by, **values)


def told() -> list[tuple[str, int | None, int | None]]:
    rows = db.session.scalars(select(Notice).where(Notice.kind.like("statement%")).order_by(Notice.id))
    return [(row.kind, row.institution_id, row.distributor_id) for row in rows]


def pay(world: World, amount: str, day: date, key: str = "k" * 20) -> None:
    record_payment(*pair(world), Decimal(amount), day, key=key, by=world.buyer, at=LATE + timedelta(hours=1))


def test_on_the_first_the_month_before_is_made_once_and_both_sides_are_told(world: World) -> None:
    make()
    make()
    (row,) = statements(world.buyer, on=FIRST.date())
    assert (row.month, row.opening, row.receipts, row.closing) == (
        "2026-11",
        0,
        Decimal("6.73"),
        Decimal("6.73"),
    )
    assert told() == [
        ("statement_ready", world.clinic.id, None),
        ("statements_ready", None, world.distributor.id),
    ]
    assert [waiting_for(one, on=FIRST.date()) for one in (world.buyer, world.seller, world.stranger)] == [
        1,
        1,
        0,
    ]


def test_both_sides_confirm_and_what_comes_later_is_a_difference(world: World) -> None:
    make()
    confirm(world, world.buyer, seen_version=1)
    assert stored(world).state is StatementState.BY_INSTITUTION
    assert waiting_for(world.buyer, on=LATE.date()) == 0
    with pytest.raises(StatementStepRefused):
        confirm(world, world.buyer)
    confirm(world, world.seller)
    made = stored(world)
    assert (made.state, made.institution_by, made.distributor_by) == (StatementState.AGREED, "王桂兰", "刘敏")
    assert [kind for kind, _, _ in told()[2:]] == ["statement_confirmed", "statement_agreed"]
    pay(world, "1.73", date(2026, 11, 28))
    kept, now = statement_from_json(made.content or {}), statement_of(pair(world), MONTH)
    changed = difference(kept, now)
    assert [one.amount for one in changed.came] == [Decimal("1.73")]
    assert (kept.closing, changed.closing, changed.went) == (Decimal("6.73"), Decimal("-1.73"), ())
    assert stored(world).closing == Decimal("6.73")
    with pytest.raises(StatementStepRefused):
        dispute_statement(pair(world), MONTH, "还有一笔付款", by=world.buyer, at=LATE)


def test_a_difference_needs_a_reason_and_voids_what_was_confirmed(world: World) -> None:
    make()
    confirm(world, world.seller)
    with pytest.raises(DifferenceReasonMissing):
        dispute_statement(pair(world), MONTH, " ", by=world.buyer, at=LATE)
    dispute_statement(pair(world), MONTH, "少一笔付款", by=world.buyer, at=LATE)
    made = stored(world)
    assert (made.state, made.differs_side, made.distributor_at) == (
        StatementState.DIFFERS,
        PaymentSide.INSTITUTION,
        None,
    )
    assert told()[-1] == ("statement_disputed", None, world.distributor.id)
    pay(world, "1.00", date(2026, 11, 29))
    confirm(world, world.seller)
    assert stored(world).closing == Decimal("5.73")
    confirm(world, world.buyer)
    assert stored(world).state is StatementState.AGREED


def test_nobody_confirms_what_he_has_not_seen(world: World) -> None:
    make()
    seen = statement_of(pair(world), MONTH).fingerprint
    pay(world, "1.00", date(2026, 11, 29))
    with pytest.raises(ChangedMeanwhile):
        confirm_statement(pair(world), MONTH, seen=seen, by=world.buyer, at=LATE)
    with pytest.raises(ChangedMeanwhile):
        confirm(world, world.buyer, seen_version=7)
    assert stored(world).state is StatementState.READY


def test_a_month_without_a_made_statement_is_confirmed_too_but_not_before_it_is_over(world: World) -> None:
    with pytest.raises(MonthNotOver):
        confirm(world, world.buyer, at=LATER)
    confirm(world, world.buyer, seen_version=0)
    with pytest.raises(ChangedMeanwhile):
        confirm(world, world.seller, seen_version=0)
    make()
    assert stored(world).state is StatementState.BY_INSTITUTION


def test_strangers_and_bureaus_say_nothing(world: World) -> None:
    make()
    for by in (world.stranger, Actor("院长", Role.HOSPITAL, institution_id=world.hospital.id)):
        with pytest.raises(NotFound):
            confirm(world, by)
    with pytest.raises(NotAllowed):
        confirm(world, Actor("市局", Role.CITY))
    assert statements(world.stranger, on=FIRST.date()) == []
    city = statements(
        Actor("市局", Role.CITY),
        on=FIRST.date(),
        wanted=StatementsWanted(StatementState.READY, MONTH, "明白川"),
    )
    assert len(city) == 1


def test_the_table_of_steps_ends_where_both_have_confirmed() -> None:
    assert not [state for state, _, _ in STEPS if state is StatementState.AGREED]
    assert {STEPS[key] for key in STEPS} == set(StatementState) - {StatementState.READY}
    with pytest.raises(StatementStepRefused):
        next_state(StatementState.AGREED, StatementStep.CONFIRM, PaymentSide.INSTITUTION)


def test_the_receipt_of_a_month_is_that_of_its_day_in_china(world: World) -> None:
    (receipt,) = db.session.scalars(select(Shipment))
    assert receipt.accepted_at is not None
    assert day_in_china(receipt.accepted_at) in MONTH
    receipt.accepted_at = datetime(2026, 11, 30, 16, 30, tzinfo=UTC)
    db.session.commit()
    assert statement_of(pair(world), MONTH).receipts == 0
    assert statement_of(pair(world), MONTH.next()).receipts == Decimal("6.73")
