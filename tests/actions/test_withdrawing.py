"""Taking back, "not mine", another distributor; two people acting on one order at once (R-ORD-6, R-ORD-9)."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import select

from clinic_orders.actions.answering import answer_in_full, answer_order_in_full, close_short
from clinic_orders.actions.loading import ChangedMeanwhile, NotFound
from clinic_orders.actions.withdrawing import (
    NothingToWithdraw,
    SameDistributor,
    WithdrawTooMany,
    disown_order,
    resend_emergency,
    withdraw_order,
)
from clinic_orders.models.base import db
from clinic_orders.models.notices import Notice
from clinic_orders.models.orders import Order, OrderLine
from clinic_orders.queries.integrity import problems
from clinic_orders.rules.order_steps import ResendNotPossible, StepNotAllowed
from clinic_orders.rules.ordering import TooEarlyToWithdraw
from tests import factories as make


@pytest.fixture
def world(app: Any) -> make.World:
    return make.make_world()


def lines() -> list[OrderLine]:
    db.session.expire_all()
    return list(db.session.scalars(select(OrderLine).order_by(OrderLine.id)))


def test_before_the_answer_everything_can_be_withdrawn(world: make.World) -> None:
    order_no = make.make_order(world, (6, 12))
    assert withdraw_order(order_no, {1: 2}, by=world.actor(), at=make.later(hours=1)) == 2
    assert withdraw_order(order_no, by=world.actor(), at=make.later(hours=2)) == 16
    assert [line.withdrawn_before for line in lines()] == [6, 12]
    with pytest.raises(StepNotAllowed):
        withdraw_order(order_no, by=world.actor(), at=make.later(hours=3))
    assert problems() == []
    kinds = set(db.session.scalars(select(Notice.kind).where(Notice.distributor_id == world.distributor.id)))
    assert kinds == {"order_withdrawn"}


def test_more_than_is_open_is_refused_whole(world: make.World) -> None:
    order_no = make.make_order(world, (6, 12))
    for packs in ({1: 7}, {1: -1}, {1: 1, 2: 13}):
        with pytest.raises(WithdrawTooMany):
            withdraw_order(order_no, packs, by=world.actor(), at=make.later(hours=1))
    with pytest.raises(NothingToWithdraw):
        withdraw_order(order_no, {1: 0}, by=world.actor(), at=make.later(hours=1))
    assert [line.withdrawn_before for line in lines()] == [0, 0]


def test_after_the_answer_only_the_late_unshipped_rest(world: make.World) -> None:
    order_no = make.make_order(world, (6, 12))
    answer_in_full([order_no], by=world.seller, at=make.later(hours=1))
    # Answered on Friday: until Tuesday 24:00 the distributor has time.
    with pytest.raises(TooEarlyToWithdraw) as refused:
        withdraw_order(order_no, by=world.actor(), at=make.later(4.5))
    assert str(refused.value.facts["day"]) == "2026-11-24"
    close_short(order_no, {1: 1}, "stock_out", by=world.seller, at=make.later(4.6))
    assert withdraw_order(order_no, by=world.actor(), at=make.later(5)) == 17
    assert [line.withdrawn_after for line in lines()] == [5, 12]
    assert problems() == []


def test_a_lapsed_order_is_not_withdrawn(world: make.World) -> None:
    order_no = make.make_order(world, (6,))
    with pytest.raises(StepNotAllowed):
        withdraw_order(order_no, by=world.actor(), at=make.later(5))


def test_only_the_receiver_of_anothers_order_says_not_mine(world: make.World) -> None:
    make.give_mandate(world)
    order_no = make.make_order(world, (6, 12), institution=world.clinic, by=world.hospital)
    own = make.make_order(world, (3,), institution=world.second_clinic)
    hospital = world.actor(world.hospital)
    with pytest.raises(StepNotAllowed):
        disown_order(order_no, by=hospital, at=make.later(hours=1))
    with pytest.raises(StepNotAllowed):
        disown_order(own, by=world.actor(world.second_clinic), at=make.later(hours=1))
    with pytest.raises(NotFound):
        disown_order(order_no, by=world.actor(world.second_clinic), at=make.later(hours=1))
    disown_order(order_no, "没有订过", by=world.actor(), at=make.later(hours=1))
    order = db.session.scalars(select(Order).where(Order.order_no == order_no)).one()
    assert order.disowned_at == make.later(hours=1)
    told = db.session.scalars(select(Notice.institution_id).where(Notice.kind == "order_disowned")).all()
    assert world.hospital.id in told
    with pytest.raises(StepNotAllowed):
        answer_order_in_full(order_no, by=world.seller, at=make.later(hours=2))


def test_after_the_answer_it_is_too_late_for_not_mine(world: make.World) -> None:
    make.give_mandate(world)
    order_no = make.make_order(world, (6,), institution=world.clinic, by=world.hospital)
    answer_in_full([order_no], by=world.seller, at=make.later(hours=1))
    with pytest.raises(StepNotAllowed):
        disown_order(order_no, by=world.actor(), at=make.later(hours=2))


def test_an_emergency_goes_to_another_distributor_once_its_hours_are_over(world: make.World) -> None:
    code = world.items[0].item_code
    (order_no,) = make.submit(world, {code: "2"}, emergency=True, reason="蛇咬伤").orders
    other, buyer = world.other_distributor.id, world.actor()
    with pytest.raises(ResendNotPossible):
        resend_emergency(order_no, other, by=buyer, at=make.later(hours=1.9))
    with pytest.raises(SameDistributor):
        resend_emergency(order_no, world.distributor.id, by=buyer, at=make.later(hours=2))
    new = resend_emergency(order_no, other, by=buyer, at=make.later(hours=2))
    old, fresh = db.session.scalars(select(Order).order_by(Order.id)).all()
    assert (fresh.order_no, fresh.distributor_id, fresh.resent_from_id) == (new, other, old.id)
    assert fresh.answer_due_at == make.later(hours=4)
    assert [line.withdrawn_before for line in lines()] == [2, 0]
    with pytest.raises((NothingToWithdraw, StepNotAllowed)):
        resend_emergency(order_no, other, by=buyer, at=make.later(hours=3))
    assert problems() == []


def test_a_regular_order_is_not_sent_to_another(world: make.World) -> None:
    order_no = make.make_order(world, (6,))
    with pytest.raises(ResendNotPossible):
        resend_emergency(order_no, world.other_distributor.id, by=world.actor(), at=make.later(1))


@pytest.mark.both_databases
def test_answer_and_withdrawal_at_once_one_wins_and_the_other_is_told(committed_app: Any) -> None:
    with committed_app.app_context():
        world = make.make_world()
        order_no = make.make_order(world, (6, 12))
        seen = db.session.scalars(select(Order.version)).one()
        buyer, seller = world.actor(), world.seller
        db.session.remove()
    start = threading.Barrier(2)

    def act(deed: Any, by: Any) -> bool:
        start.wait()
        with committed_app.app_context():
            try:
                deed(order_no, by=by, at=make.later(hours=1), seen_version=seen)
            except ChangedMeanwhile:
                return False
            finally:
                db.session.remove()
            return True

    with ThreadPoolExecutor(2) as pool:
        jobs = [pool.submit(act, withdraw_order, buyer), pool.submit(act, answer_order_in_full, seller)]
        won = [job.result() for job in jobs]
    assert sorted(won) == [False, True]
    with committed_app.app_context():
        assert problems() == []
        taken = {line.withdrawn_before for line in lines()}
        assert (taken == {6, 12}) == won[0]
        db.session.remove()
