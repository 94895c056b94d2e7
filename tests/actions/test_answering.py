from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from clinic_orders.actions.answering import (
    Answer,
    LinesNotPossible,
    NothingStillOrdered,
    OrderLapsed,
    answer_in_full,
    answer_order,
    answer_order_in_full,
    close_short,
)
from clinic_orders.actions.loading import ChangedMeanwhile, NotFound
from clinic_orders.models.audit import AuditEntry
from clinic_orders.models.base import db
from clinic_orders.models.notices import Notice
from clinic_orders.models.orders import EventKind, Order, OrderEvent
from clinic_orders.rules.order_steps import StepNotAllowed
from clinic_orders.rules.parties import NotAllowed
from tests.orders_in_work import NOW, World, make_order, make_world

FULL = {1: Answer(6), 2: Answer(12), 3: Answer(20)}


@pytest.fixture
def world(app: Flask) -> World:
    return make_world()


def confirmed(order: Order) -> list[int | None]:
    return [line.confirmed_packs for line in order.lines]


def test_an_answer_is_kept_per_line_with_its_reason(world: World) -> None:
    order = make_order(world)
    answer_order(order.order_no, {**FULL, 3: Answer(8, "缺货")}, by=world.seller, at=NOW)
    assert confirmed(order) == [6, 12, 8]
    assert [line.answer_reason for line in order.lines] == ["", "", "stock_out"]
    assert order.answered_at == NOW
    events = db.session.scalars(select(OrderEvent).where(OrderEvent.kind == EventKind.ANSWERED)).all()
    assert [(event.packs, event.reason) for event in events] == [(6, ""), (12, ""), (8, "stock_out")]


def test_the_institution_is_told_and_the_audit_knows_before_and_after(world: World) -> None:
    order = make_order(world)
    answer_order(order.order_no, {**FULL, 3: Answer(0, "discontinued")}, by=world.seller, at=NOW)
    notice = db.session.scalars(select(Notice)).one()
    assert (notice.kind, notice.institution_id) == ("order_partly_confirmed", world.clinic.id)
    assert notice.facts == {
        "order_no": order.order_no,
        "distributor": world.distributor.name,
        "confirmed": 18,
        "ordered": 38,
    }
    entry = db.session.scalars(select(AuditEntry)).one()
    assert entry.deed == "answer_order"
    assert entry.after == {"confirmed_packs": {"1": 6, "2": 12, "3": 0}, "reasons": {"3": "discontinued"}}


def test_every_line_says_what_is_wrong_with_it_and_nothing_is_stored(world: World) -> None:
    order = make_order(world)
    with pytest.raises(LinesNotPossible) as refused:
        answer_order(order.order_no, {1: Answer(7), 2: Answer(3)}, by=world.seller, at=NOW)
    assert {no: problem.code for no, problem in refused.value.problems.items()} == {
        1: "ConfirmedTooMany",
        2: "ShortAnswerNeedsReason",
        3: "LineNotAnswered",
    }
    db.session.refresh(order)
    assert order.answered_at is None
    assert confirmed(order) == [None, None, None]


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("", "ShortAnswerNeedsReason"),
        ("忙", "ReasonUnknown"),
        ("other", "ReasonNeedsText"),
        ("stock_out:x", "ReasonTextNotAllowed"),
    ],
)
def test_a_smaller_answer_needs_a_coded_reason(world: World, reason: str, code: str) -> None:
    order = make_order(world)
    with pytest.raises(LinesNotPossible) as refused:
        answer_order(order.order_no, {**FULL, 3: Answer(8, reason)}, by=world.seller, at=NOW)
    assert refused.value.problems[3].code == code


def test_what_was_withdrawn_before_the_answer_can_not_be_confirmed(world: World) -> None:
    order = make_order(world, (6, 4))
    order.lines[0].withdrawn_before = 2
    order.lines[1].withdrawn_before = 4
    db.session.commit()
    with pytest.raises(LinesNotPossible):
        answer_order(order.order_no, {1: Answer(5), 2: Answer(0)}, by=world.seller, at=NOW)
    answer_order(order.order_no, {1: Answer(4)}, by=world.seller, at=NOW)
    assert confirmed(order) == [4, 0]


def test_an_order_lapses_by_the_calendar_even_if_no_job_has_run(world: World) -> None:
    order = make_order(world, submitted_at=NOW)
    with pytest.raises(OrderLapsed):
        answer_order_in_full(order.order_no, by=world.seller, at=order.answer_due_at)
    answer_order_in_full(order.order_no, by=world.seller, at=order.answer_due_at - timedelta(seconds=1))
    assert confirmed(order) == [6, 12, 20]


def test_an_emergency_order_may_be_answered_after_its_hour_until_it_lapses(world: World) -> None:
    order = make_order(world, submitted_at=NOW, emergency=True)
    answer_order_in_full(order.order_no, by=world.seller, at=NOW + timedelta(hours=5))
    late = make_order(world, submitted_at=NOW, emergency=True)
    with pytest.raises(OrderLapsed):
        answer_order_in_full(late.order_no, by=world.seller, at=NOW + timedelta(days=5))


def test_an_answer_is_given_once(world: World) -> None:
    order = make_order(world)
    answer_order(order.order_no, FULL, by=world.seller, at=NOW)
    with pytest.raises(StepNotAllowed):
        answer_order(order.order_no, FULL, by=world.seller, at=NOW)


def test_a_wholly_withdrawn_order_has_nothing_to_answer(world: World) -> None:
    order = make_order(world, (6,))
    order.lines[0].withdrawn_before = 6
    db.session.commit()
    with pytest.raises(NothingStillOrdered):
        answer_order_in_full(order.order_no, by=world.seller, at=NOW)


def test_strangers_and_buyers_can_not_answer(world: World) -> None:
    order = make_order(world)
    with pytest.raises(NotFound):
        answer_order_in_full(order.order_no, by=world.stranger, at=NOW)
    with pytest.raises(NotAllowed):
        answer_order_in_full(order.order_no, by=world.buyer, at=NOW)


def test_of_two_people_on_one_order_the_second_is_told(world: World) -> None:
    order = make_order(world)
    seen = order.version
    answer_order(order.order_no, FULL, by=world.seller, at=NOW, seen_version=seen)
    with pytest.raises(ChangedMeanwhile):
        answer_order(order.order_no, FULL, by=world.seller, at=NOW, seen_version=seen)


def test_many_orders_are_answered_one_by_one_and_each_says_what_happened(world: World) -> None:
    good, lapsed, last = (
        make_order(world),
        make_order(world, submitted_at=NOW - timedelta(days=9)),
        make_order(world),
    )
    numbers = [good.order_no, lapsed.order_no, "CG0", last.order_no, good.order_no]
    outcomes = answer_in_full(numbers, by=world.seller, at=NOW)
    assert [outcome.order_no for outcome in outcomes] == numbers[:4]
    assert [outcome.refusal and outcome.refusal.code for outcome in outcomes] == [
        None,
        "OrderLapsed",
        "NotFound",
        None,
    ]
    assert confirmed(last) == [6, 12, 20]


def test_the_rest_is_closed_short_with_a_reason(world: World) -> None:
    order = make_order(world)
    answer_order(order.order_no, FULL, by=world.seller, at=NOW)
    close_short(order.order_no, {2: 5, 3: 20}, "other:厂家停供", by=world.seller, at=NOW + timedelta(hours=1))
    assert [line.closed_packs for line in order.lines] == [0, 5, 20]
    events = db.session.scalars(select(OrderEvent).where(OrderEvent.kind == EventKind.CLOSED)).all()
    assert [(event.packs, event.reason) for event in events] == [
        (5, "other:厂家停供"),
        (20, "other:厂家停供"),
    ]
    with pytest.raises(LinesNotPossible) as refused:
        close_short(order.order_no, {1: 7, 2: 8, 9: 1}, "stock_out", by=world.seller, at=NOW)
    assert {no: problem.code for no, problem in refused.value.problems.items()} == {
        1: "ClosedTooMany",
        2: "ClosedTooMany",
        9: "NoSuchLine",
    }


def test_an_order_that_is_not_answered_can_not_be_closed(world: World) -> None:
    order = make_order(world)
    with pytest.raises(StepNotAllowed):
        close_short(order.order_no, {1: 1}, "stock_out", by=world.seller, at=NOW)
