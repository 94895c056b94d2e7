from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from flask import Flask
from sqlalchemy import select

from clinic_orders.actions.answering import LinesNotPossible
from clinic_orders.actions.loading import ChangedMeanwhile, NotFound
from clinic_orders.actions.returns import (
    RefusalReasonMissing,
    ReturnedPacks,
    ReturnEmpty,
    agree_return,
    confirm_sent_back,
    refuse_return,
    request_return,
    withdraw_return,
)
from clinic_orders.models.base import db
from clinic_orders.models.deliveries import GoodsReturn, Shipment
from clinic_orders.models.notices import Notice
from clinic_orders.queries.integrity import problems
from clinic_orders.rules.order_steps import StepNotYours, StepOutOfTurn
from tests.deliveries_in_work import LATER, accepted, make_shipment, make_user
from tests.orders_in_work import World, make_world

DAY = timedelta(days=1)
NEXT = LATER + DAY


@pytest.fixture
def world(app: Flask) -> World:
    return make_world()


@pytest.fixture
def receipt(world: World) -> Shipment:
    """Six, twelve and twenty packs at 3.365."""
    return accepted(world)


def ask(world: World, receipt: Shipment, *packs: int, reason: str = "overstock") -> GoodsReturn:
    """Ask back so many packs of the receipt's lines."""
    lines = {
        line.id: ReturnedPacks(count, reason)
        for line, count in zip(receipt.lines, packs, strict=False)
        if count
    }
    return request_return(receipt.receipt_no, lines, by=world.buyer, at=NEXT)


def test_a_return_counts_from_the_day_it_is_agreed(world: World, receipt: Shipment) -> None:
    asked = ask(world, receipt, 2, 3)
    assert (asked.return_no, asked.agreed_at, asked.amount) == ("TH20261121-0001", None, None)
    assert [line.returned_packs for line in receipt.lines] == [0, 0, 0]
    agree_return(asked.return_no, by=world.seller, at=NEXT + DAY)
    # 20.19 − 13.46, and 40.38 − 30.285 → 30.29.
    assert asked.amount == Decimal("6.73") + Decimal("10.09")
    assert [line.returned_packs for line in receipt.lines] == [2, 3, 0]
    assert [line.returned_packs for line in receipt.order.lines] == [2, 3, 0]
    assert receipt.owed == Decimal("127.87")
    assert not problems()


def test_returns_in_parts_make_the_difference_so_that_a_full_return_leaves_nothing(world: World) -> None:
    receipt = accepted(world, (3,), prices=(Decimal("0.1250"),))
    amounts = []
    for packs in (1, 1, 1):
        asked = ask(world, receipt, packs)
        amounts.append(agree_return(asked.return_no, by=world.seller, at=NEXT).amount)
    assert amounts == [Decimal("0.13"), Decimal("0.12"), Decimal("0.13")]
    assert receipt.owed == sum(amount or 0 for amount in amounts)


def test_packs_asked_back_already_can_not_be_asked_back_again(world: World, receipt: Shipment) -> None:
    first = ask(world, receipt, 4)
    with pytest.raises(LinesNotPossible) as refused:
        ask(world, receipt, 3)
    assert [problem.code for problem in refused.value.problems.values()] == ["ReturnTooMany"]
    withdraw_return(first.return_no, by=world.buyer, at=NEXT)
    agree_return(ask(world, receipt, 4).return_no, by=world.seller, at=NEXT)
    with pytest.raises(LinesNotPossible):
        ask(world, receipt, 3)
    ask(world, receipt, 2)


def test_a_return_needs_packs_and_a_coded_reason(world: World, receipt: Shipment) -> None:
    with pytest.raises(ReturnEmpty):
        request_return(receipt.receipt_no, {}, by=world.buyer, at=NEXT)
    first, second, third = receipt.lines
    lines = {
        first.id: ReturnedPacks(0, "recall"),
        second.id: ReturnedPacks(1, ""),
        third.id: ReturnedPacks(1, "damaged"),
        10**6: ReturnedPacks(1, "recall"),
    }
    with pytest.raises(LinesNotPossible) as refused:
        request_return(receipt.receipt_no, lines, by=world.buyer, at=NEXT)
    assert [problem.code for problem in refused.value.problems.values()] == [
        "ReturnNothing",
        "ReasonMissing",
        "ReasonUnknown",
        "NoSuchBatch",
    ]
    assert not db.session.scalars(select(GoodsReturn)).all()


def test_only_received_goods_can_go_back(world: World) -> None:
    shipment = make_shipment(world)
    with pytest.raises(StepOutOfTurn):
        ask(world, shipment, 1)


def test_the_same_request_sent_twice_is_made_once(world: World, receipt: Shipment) -> None:
    buyer = make_user("王桂兰", world.clinic)
    lines = {receipt.lines[0].id: ReturnedPacks(2, "recall")}
    seen = receipt.version
    first = request_return(receipt.receipt_no, lines, by=buyer, at=NEXT, seen_version=seen)
    again = request_return(receipt.receipt_no, lines, by=buyer, at=NEXT, seen_version=seen)
    assert first.return_no == again.return_no
    other = {receipt.lines[0].id: ReturnedPacks(1, "recall")}
    with pytest.raises(ChangedMeanwhile):
        request_return(receipt.receipt_no, other, by=buyer, at=NEXT, seen_version=seen)


def test_a_refused_return_changes_nothing_and_says_why(world: World, receipt: Shipment) -> None:
    asked = ask(world, receipt, 2)
    with pytest.raises(RefusalReasonMissing):
        refuse_return(asked.return_no, "  ", by=world.seller, at=NEXT)
    refuse_return(asked.return_no, "已拆封", by=world.seller, at=NEXT)
    assert (asked.refused_at, asked.refusal_reason, asked.amount) == (NEXT, "已拆封", None)
    for deed in (agree_return, withdraw_return):
        by = world.seller if deed is agree_return else world.buyer
        with pytest.raises(StepOutOfTurn):
            deed(asked.return_no, by=by, at=NEXT)
    assert not problems()


def test_agreed_packs_are_sent_back_by_the_buyer(world: World, receipt: Shipment) -> None:
    asked = ask(world, receipt, 2)
    with pytest.raises(StepOutOfTurn):
        confirm_sent_back(asked.return_no, by=world.buyer, at=NEXT)
    agree_return(asked.return_no, by=world.seller, at=NEXT)
    confirm_sent_back(asked.return_no, by=world.buyer, at=NEXT + DAY)
    assert asked.sent_back_at == NEXT + DAY
    kinds = db.session.scalars(
        select(Notice.kind).where(Notice.kind.like("return%")).order_by(Notice.id)
    ).all()
    assert kinds == ["return_requested", "return_agreed", "return_sent_back"]


def test_each_side_takes_its_own_steps_and_strangers_find_nothing(world: World, receipt: Shipment) -> None:
    asked = ask(world, receipt, 2)
    with pytest.raises(Exception, match="Your role may not"):
        agree_return(asked.return_no, by=world.buyer, at=NEXT)
    with pytest.raises(Exception, match="Your role may not"):
        withdraw_return(asked.return_no, by=world.seller, at=NEXT)
    with pytest.raises(NotFound):
        agree_return(asked.return_no, by=world.stranger, at=NEXT)
    stranger = make_user("李院长", world.hospital)
    with pytest.raises(NotFound):
        withdraw_return(asked.return_no, by=stranger, at=NEXT)
    world.clinic.records[0].supervisor_id = world.hospital.id
    db.session.commit()
    with pytest.raises(StepNotYours):
        withdraw_return(asked.return_no, by=stranger, at=NEXT)


def test_of_two_decisions_the_first_wins(world: World, receipt: Shipment) -> None:
    asked = ask(world, receipt, 2)
    seen = asked.version
    agree_return(asked.return_no, by=world.seller, at=NEXT, seen_version=seen)
    with pytest.raises(ChangedMeanwhile):
        refuse_return(asked.return_no, "已拆封", by=world.seller, at=NEXT, seen_version=seen)


def test_agreed_packs_may_be_noted_as_arrived_by_the_distributor_and_the_buyer_is_told(
    world: World, receipt: Shipment
) -> None:
    asked = ask(world, receipt, 2)
    with pytest.raises(StepOutOfTurn):
        confirm_sent_back(asked.return_no, by=world.seller, at=NEXT)
    agree_return(asked.return_no, by=world.seller, at=NEXT)
    owed = receipt.owed
    with pytest.raises(NotFound):
        confirm_sent_back(asked.return_no, by=world.stranger, at=NEXT)
    confirm_sent_back(asked.return_no, by=world.seller, at=NEXT + DAY)
    assert (asked.sent_back_at, receipt.owed) == (NEXT + DAY, owed)
    told = db.session.scalars(select(Notice).where(Notice.kind == "return_arrived")).one()
    assert (told.institution_id, told.facts["packs"]) == (world.clinic.id, 2)
    with pytest.raises(StepOutOfTurn):
        confirm_sent_back(asked.return_no, by=world.buyer, at=NEXT + DAY)
    assert not problems()
