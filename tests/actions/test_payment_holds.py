"""Holds: begin after a notice, stop what the debtor would pay, end with the payment (R-PAY-5)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from clinic_orders import jobs
from clinic_orders.actions.payments import dispute_payment, record_payment
from clinic_orders.actions.returns import ReturnedPacks, refuse_return, request_return
from clinic_orders.jobs import money
from clinic_orders.models.arrears import PaymentHold
from clinic_orders.models.base import db
from clinic_orders.models.deliveries import Shipment
from clinic_orders.models.notices import Notice
from clinic_orders.queries.arrears import HoldsWanted, holds, holds_count, running_holds
from clinic_orders.rules.days import SHANGHAI
from clinic_orders.rules.parties import Actor, Role
from tests.deliveries_in_work import accepted
from tests.factories import set_policy
from tests.orders_in_work import World, make_world

pytestmark = pytest.mark.both_databases
DUE = date(2026, 12, 31)
# 30 days are allowed: the 31st day after the due day is the first of a hold.
FIRST = DUE + timedelta(days=31)


@pytest.fixture
def world(app: Flask) -> World:
    world = make_world(items=3)
    set_policy("payment.hold_after_days", "30")
    return world


def morning(day: date, hour: int = 9) -> datetime:
    return datetime(day.year, day.month, day.day, hour, 0, tzinfo=SHANGHAI).astimezone(UTC)


def receipt_due(world: World, packs: int = 100, due: date = DUE) -> Shipment:
    receipt = accepted(world, (packs,))
    receipt.due_on = due
    db.session.commit()
    return receipt


def remind(day: date) -> None:
    outcome = jobs.Outcome()
    money.remind_of_payments(day, morning(day, 0) + timedelta(minutes=10), outcome)
    assert outcome.failures == 0


def look(day: date) -> list[PaymentHold]:
    outcome = jobs.Outcome()
    money.look_at_payment_holds(day, morning(day, 0) + timedelta(minutes=20), outcome)
    assert outcome.failures == 0
    return list(db.session.scalars(select(PaymentHold).where(PaymentHold.ended_at.is_(None))))


def pay(world: World, amount: str, day: date, *, key: str = "k" * 20, by: Actor | None = None) -> Any:
    return record_payment(
        world.clinic.id,
        world.distributor.id,
        Decimal(amount),
        day,
        key=key,
        by=by or world.buyer,
        at=morning(day),
    )


def told() -> list[tuple[str, int | None, int | None, str | None]]:
    rows = db.session.scalars(select(Notice).where(Notice.kind.like("payment_hold%")).order_by(Notice.id))
    return [(row.kind[13:], row.institution_id, row.distributor_id, row.county_code) for row in rows]


def test_a_hold_begins_after_the_days_and_a_notice_and_ends_with_the_payment(world: World) -> None:
    receipt_due(world)
    remind(DUE + timedelta(days=1))
    assert look(FIRST - timedelta(days=1)) == []
    (hold,) = look(FIRST)
    assert (hold.amount, hold.since, hold.receipts) == (Decimal("336.50"), DUE, 1)
    all_three = [(world.clinic.id, None, None), (None, world.distributor.id, None), (None, None, "410325")]
    assert told() == [("began", *one) for one in all_three]
    assert [one.id for one in look(FIRST + timedelta(days=1))] == [hold.id]
    assert len(told()) == 3
    (running,) = running_holds([world.clinic.id, world.hospital.id])
    assert (running.paying_id, running.distributor) == (world.clinic.id, world.distributor.name)
    pay(world, "200.00", FIRST + timedelta(days=1))
    assert running_holds([world.clinic.id])[0].amount == Decimal("136.50")
    # 36.51 more leave 99.99, which is less than the least amount of 100.00.
    pay(world, "36.51", FIRST + timedelta(days=1), key="z" * 20)
    assert running_holds([world.clinic.id]) == []
    assert told()[3:] == [("ended", *one) for one in all_three]


def test_without_a_policy_nothing_is_held(world: World) -> None:
    set_policy("payment.hold_after_days", "", valid_from=date(2026, 6, 1))
    receipt_due(world)
    remind(DUE + timedelta(days=1))
    assert look(FIRST + timedelta(days=300)) == []


def test_taking_the_policy_back_ends_the_holds(world: World) -> None:
    receipt_due(world)
    remind(DUE + timedelta(days=1))
    assert len(look(FIRST)) == 1
    set_policy("payment.hold_after_days", "", valid_from=FIRST + timedelta(days=1))
    assert look(FIRST + timedelta(days=1)) == []


def test_nothing_is_held_before_a_notice_nor_on_its_very_day(world: World) -> None:
    receipt_due(world)
    late = FIRST + timedelta(days=20)
    assert look(late) == []
    remind(late)
    assert look(late) == []
    assert len(look(late + timedelta(days=1))) == 1


def test_less_than_the_least_amount_is_not_held(world: World) -> None:
    receipt_due(world, packs=29)  # 97.59 yuan
    remind(DUE + timedelta(days=1))
    assert look(FIRST) == []
    receipt_due(world, packs=1, due=DUE - timedelta(days=1))
    remind(FIRST)
    assert look(FIRST + timedelta(days=1))[0].amount == Decimal("100.96")


def test_packs_asked_back_are_disputed_until_the_distributor_answers(world: World) -> None:
    receipt = receipt_due(world)
    remind(DUE + timedelta(days=1))
    assert len(look(FIRST)) == 1
    asked = request_return(
        receipt.receipt_no,
        {receipt.lines[0].id: ReturnedPacks(80, "quality")},
        by=world.buyer,
        at=morning(FIRST),
    )
    # 20 packs at 3.365 are left without dispute: 67.30.
    assert running_holds([world.clinic.id]) == []
    assert look(FIRST + timedelta(days=1)) == []
    refuse_return(asked.return_no, "批号不符", by=world.seller, at=morning(FIRST + timedelta(days=1)))
    assert len(look(FIRST + timedelta(days=2))) == 1


def test_a_disputed_payment_frees_for_five_working_days(world: World) -> None:
    receipt_due(world)
    remind(DUE + timedelta(days=1))
    paid = pay(world, "336.50", FIRST - timedelta(days=1))
    dispute_payment(paid.id, "没有到账", by=world.seller, at=morning(FIRST - timedelta(days=1)))
    assert look(FIRST) == []
    # Saturday 30 January 2027; the fifth working day after it is Friday 5 February.
    assert look(date(2027, 2, 5)) == []
    assert len(look(date(2027, 2, 6))) == 1


def test_each_side_and_the_county_see_the_holds_that_concern_them(world: World) -> None:
    receipt_due(world)
    remind(DUE + timedelta(days=1))
    look(FIRST)

    def seen(actor: Actor, **wanted: Any) -> int:
        return holds_count(actor, on=FIRST, wanted=HoldsWanted(**wanted))[0]

    assert (seen(world.buyer), seen(world.seller), seen(world.stranger)) == (1, 1, 0)
    assert seen(Actor("院长", Role.HOSPITAL, institution_id=world.hospital.id)) == 0
    assert seen(Actor("局", Role.COUNTY, county_code="410325")) == 1
    assert seen(Actor("局", Role.COUNTY, county_code="410329")) == 0
    city = Actor("市局", Role.CITY)
    assert (seen(city, search="明白川"), seen(city, search="没有"), seen(city, running=False)) == (1, 0, 0)
    assert [row.payer for row in holds(city, on=FIRST, sort="payer")] == ["明白川村卫生室"]
