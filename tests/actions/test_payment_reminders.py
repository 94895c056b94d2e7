"""Reminders of payments: each receipt once for each stage, gathered, and never of what was paid meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from clinic_orders import jobs
from clinic_orders.actions.payment_reminders import remind_of_payments
from clinic_orders.actions.payments import record_payment
from clinic_orders.jobs import money
from clinic_orders.models.arrears import PaymentReminder
from clinic_orders.models.base import db
from clinic_orders.models.deliveries import Shipment
from clinic_orders.models.notices import Notice
from clinic_orders.rules.days import SHANGHAI, start_of_day
from clinic_orders.rules.parties import SYSTEM
from clinic_orders.rules.payment_reminders import ReminderStage
from tests.deliveries_in_work import accepted
from tests.orders_in_work import World, make_world

pytestmark = pytest.mark.both_databases
DUE = date(2026, 12, 31)


@pytest.fixture
def world(app: Flask) -> World:
    return make_world(items=3)


def night(day: date) -> datetime:
    """00:10 in China."""
    return datetime(day.year, day.month, day.day, 0, 10, tzinfo=SHANGHAI).astimezone(UTC)


def receipt_due(world: World, due: date = DUE, packs: int = 2) -> Shipment:
    receipt = accepted(world, (packs,))
    receipt.due_on = due
    db.session.commit()
    return receipt


def told() -> list[tuple[str, dict[str, Any]]]:
    kinds = ("payment_due_soon", "payment_overdue", "payment_overdue_and_due", "receivable_overdue")
    rows = db.session.scalars(select(Notice).where(Notice.kind.in_(kinds)).order_by(Notice.id))
    return [(row.kind, row.facts) for row in rows]


def stages() -> list[ReminderStage]:
    return list(db.session.scalars(select(PaymentReminder.stage).order_by(PaymentReminder.id)))


def run(day: date, at: datetime | None = None) -> jobs.Outcome:
    outcome = jobs.Outcome()
    money.remind_of_payments(day, at or night(day), outcome)
    assert outcome.failures == 0
    return outcome


def test_a_receipt_is_reminded_of_seven_three_and_one_day_before_and_on_the_day_after(world: World) -> None:
    receipt_due(world)
    for number in range(-10, 11):
        run(DUE + timedelta(days=number))
    assert stages() == [
        ReminderStage.WEEK,
        ReminderStage.THREE_DAYS,
        ReminderStage.TOMORROW,
        ReminderStage.OVERDUE,
    ]
    assert [kind for kind, _ in told()] == ["payment_due_soon"] * 3 + [
        "payment_overdue",
        "receivable_overdue",
    ]
    assert told()[0][1] == {
        "distributor": "豫西安康医药配送有限公司",
        "count": 1,
        "amount": "6.73",
        "due_on": "2026-12-31",
    }
    assert told()[-1][1]["payer"] == "明白川村卫生室"


def test_forty_receipts_of_a_pair_make_one_notice(world: World) -> None:
    for _ in range(4):
        receipt_due(world)
    receipt_due(world, DUE - timedelta(days=4))
    receipt_due(world, DUE - timedelta(days=8))
    run(DUE - timedelta(days=7))
    ((kind, facts), (second, _)) = told()
    assert (kind, second) == ("payment_overdue_and_due", "receivable_overdue")
    assert (facts["count"], facts["soon_count"], facts["soon_amount"]) == (1, 5, "33.65")
    assert len(stages()) == 6


def test_a_repeated_day_says_nothing_again(world: World) -> None:
    receipt_due(world)
    day = DUE - timedelta(days=3)
    assert run(day).changed == 1
    assert run(day).rows_read == 0
    assert (
        remind_of_payments(world.clinic.id, world.distributor.id, for_day=day, by=SYSTEM, at=night(day)) == 0
    )
    assert len(told()) == 1


def test_after_a_downtime_each_missed_day_is_caught_up(
    world: World, clock_at: Callable[[datetime], None]
) -> None:
    receipt_due(world)
    job = jobs.find_job("remind-of-payments")
    clock_at(night(DUE - timedelta(days=9)))
    for slot in jobs.missed_slots(job, night(DUE - timedelta(days=9))):
        jobs.run_slot(job, slot)
    back = night(DUE - timedelta(days=2))
    clock_at(back)
    for slot in jobs.missed_slots(job, back):
        jobs.run_slot(job, slot)
    assert stages() == [ReminderStage.WEEK, ReminderStage.THREE_DAYS]
    assert set(db.session.scalars(select(PaymentReminder.for_day))) == {
        DUE - timedelta(days=7),
        DUE - timedelta(days=3),
    }


def test_what_was_paid_meanwhile_is_not_reminded_of(world: World) -> None:
    one, other = receipt_due(world), receipt_due(world, packs=1)
    record_payment(
        world.clinic.id,
        world.distributor.id,
        Decimal("6.73"),
        DUE - timedelta(days=5),
        key="k" * 20,
        receipt_no=one.receipt_no,
        by=world.buyer,
        at=start_of_day(DUE - timedelta(days=5)) + timedelta(hours=9),
    )
    # The missed day lies before the payment; the reminder goes out after it.
    run(DUE - timedelta(days=7), at=night(DUE - timedelta(days=4)))
    assert list(db.session.scalars(select(PaymentReminder.shipment_id))) == [other.id]
    assert told()[0][1]["amount"] == "3.37"


def test_a_day_that_has_passed_meanwhile_is_not_announced_any_more(world: World) -> None:
    receipt_due(world)
    run(DUE - timedelta(days=1), at=night(DUE + timedelta(days=2)))
    assert stages() == []
    run(DUE + timedelta(days=2))
    assert stages() == [ReminderStage.OVERDUE]


def test_two_schedulers_at_once_send_one_notice(committed_app: Flask) -> None:
    with committed_app.app_context():
        world = make_world(items=3)
        receipt_due(world)
        pair = (world.clinic.id, world.distributor.id)
        db.session.remove()
    start, failures = threading.Barrier(3), list[BaseException]()

    def scheduler() -> None:
        try:
            with committed_app.app_context():
                start.wait(10)
                day = DUE - timedelta(days=7)
                remind_of_payments(*pair, for_day=day, by=SYSTEM, at=night(day))
                db.session.remove()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=scheduler) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not failures
    with committed_app.app_context():
        assert len(told()) == 1
        assert stages() == [ReminderStage.WEEK]
