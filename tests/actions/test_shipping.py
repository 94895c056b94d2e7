from __future__ import annotations

from datetime import date, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from clinic_orders.actions.answering import answer_order_in_full, close_short
from clinic_orders.actions.loading import ChangedMeanwhile, NotFound
from clinic_orders.actions.shipping import (
    DeliveredAlready,
    DeliveredOutOfTime,
    RowsNotPossible,
    ShipLine,
    ShipmentEmpty,
    ShippedInFuture,
    VoidReasonMissing,
    mark_delivered,
    ship,
    void_shipment,
)
from clinic_orders.models.audit import AuditEntry
from clinic_orders.models.base import db
from clinic_orders.models.notices import Notice
from clinic_orders.models.orders import Order
from clinic_orders.queries.integrity import problems
from clinic_orders.rules.order_steps import StepNotAllowed
from tests.orders_in_work import NOW, World, make_order, make_world

LATER = NOW + timedelta(hours=3)
GOOD = date(2028, 6, 30)
CODE = "81234567890123456789"


@pytest.fixture
def world(app: Flask) -> World:
    return make_world()


@pytest.fixture
def order(world: World) -> Order:
    order = make_order(world)
    return answer_order_in_full(order.order_no, by=world.seller, at=NOW)


def test_one_item_may_come_in_several_batches_and_in_parts(world: World, order: Order) -> None:
    rows = [
        ShipLine(2, "A1", GOOD, 5, "08812345"),
        ShipLine(2, "A2", GOOD, 3),
        ShipLine(1, "B1", GOOD, 6, codes=(CODE,)),
    ]
    first = ship(order.order_no, rows, by=world.seller, at=LATER)
    second = ship(order.order_no, [ShipLine(2, "A1", GOOD, 4)], by=world.seller, at=LATER)
    assert [line.shipped_packs for line in order.lines] == [6, 12, 0]
    assert (first.receipt_no, second.receipt_no) == ("PS20261120-0001", "PS20261120-0002")
    assert (first.packs, first.shipped_at, first.delivered_at) == (14, LATER, None)
    assert [(row.batch_no, row.shipped_packs, row.invoice_no) for row in first.lines] == [
        ("A1", 5, "08812345"),
        ("A2", 3, ""),
        ("B1", 6, ""),
    ]
    assert [code.code for code in first.lines[2].codes] == [CODE]
    kinds = db.session.scalars(select(Notice.kind).order_by(Notice.id)).all()
    assert kinds == ["order_confirmed", "goods_shipped", "goods_shipped"]
    assert not problems()


def test_every_row_says_what_is_wrong_with_it_and_nothing_is_stored(world: World, order: Order) -> None:
    rows = [
        ShipLine(1, "B1", GOOD, 6),
        ShipLine(1, "B2", GOOD, 1),
        ShipLine(2, " ", GOOD, 1),
        ShipLine(2, "A1", date(2026, 11, 19), 1),
        ShipLine(2, "A2", GOOD, 0),
        ShipLine(3, "C1", GOOD, 2, codes=("123",)),
        ShipLine(3, "C1", GOOD, 1, codes=(CODE, "81234567890123456788")),
        ShipLine(3, "C2", GOOD, 2, codes=(CODE,)),
        ShipLine(3, "C3", GOOD, 2, codes=(CODE,)),
        ShipLine(3, "C2", GOOD, 2),
        ShipLine(3, "C4", GOOD, 2, "1" * 201),
    ]
    with pytest.raises(RowsNotPossible) as refused:
        ship(order.order_no, rows, by=world.seller, at=LATER)
    assert {place: problem.code for place, problem in refused.value.problems.items()} == {
        1: "ShipTooMany",
        2: "BatchMissing",
        3: "BatchExpired",
        4: "NothingToShip",
        5: "TraceCodeNotUnderstood",
        6: "MoreCodesThanPacks",
        8: "TraceCodeTwice",
        9: "BatchTwice",
        10: "TextTooLong",
    }
    db.session.refresh(order)
    assert [line.shipped_packs for line in order.lines] == [0, 0, 0]


def test_goods_may_be_shipped_on_their_last_day(world: World, order: Order) -> None:
    ship(order.order_no, [ShipLine(1, "B1", date(2026, 11, 20), 6)], by=world.seller, at=LATER)


def test_shipped_stays_within_what_is_neither_closed_nor_withdrawn(world: World, order: Order) -> None:
    close_short(order.order_no, {1: 2}, "stock_out", by=world.seller, at=NOW)
    order.lines[0].withdrawn_after = 1
    db.session.commit()
    with pytest.raises(RowsNotPossible):
        ship(order.order_no, [ShipLine(1, "B1", GOOD, 4)], by=world.seller, at=LATER)
    ship(order.order_no, [ShipLine(1, "B1", GOOD, 3)], by=world.seller, at=LATER)


def test_an_unanswered_order_can_not_be_shipped(world: World) -> None:
    order = make_order(world)
    with pytest.raises(StepNotAllowed):
        ship(order.order_no, [ShipLine(1, "B1", GOOD, 1)], by=world.seller, at=LATER)


def test_goods_leave_between_the_answer_and_now(world: World, order: Order) -> None:
    row = [ShipLine(1, "B1", GOOD, 1)]
    for moment in (LATER + timedelta(seconds=1), NOW - timedelta(seconds=1)):
        with pytest.raises(ShippedInFuture):
            ship(order.order_no, row, by=world.seller, at=LATER, shipped_at=moment)
    with pytest.raises(ShipmentEmpty):
        ship(order.order_no, [], by=world.seller, at=LATER)


def test_of_two_people_shipping_one_order_the_second_is_told(world: World, order: Order) -> None:
    seen = order.version
    ship(order.order_no, [ShipLine(1, "B1", GOOD, 1)], by=world.seller, at=LATER, seen_version=seen)
    with pytest.raises(ChangedMeanwhile):
        ship(order.order_no, [ShipLine(1, "B1", GOOD, 1)], by=world.seller, at=LATER, seen_version=seen)


def test_a_foreign_shipment_is_not_found(world: World, order: Order) -> None:
    shipment = ship(order.order_no, [ShipLine(1, "B1", GOOD, 1)], by=world.seller, at=LATER)
    with pytest.raises(NotFound):
        mark_delivered(shipment.receipt_no, by=world.stranger, at=LATER)
    with pytest.raises(NotFound):
        void_shipment(shipment.receipt_no, "写错", by=world.stranger, at=LATER)


def test_arrival_is_noted_once_and_not_before_departure(world: World, order: Order) -> None:
    shipment = ship(order.order_no, [ShipLine(1, "B1", GOOD, 1)], by=world.seller, at=LATER)
    no = shipment.receipt_no
    with pytest.raises(DeliveredOutOfTime):
        mark_delivered(no, by=world.seller, at=LATER + timedelta(hours=1), delivered_at=NOW)
    mark_delivered(no, by=world.seller, at=LATER + timedelta(hours=1))
    assert shipment.delivered_at == LATER + timedelta(hours=1)
    with pytest.raises(DeliveredAlready):
        mark_delivered(no, by=world.seller, at=LATER + timedelta(hours=2))


def test_a_void_delivery_note_gives_its_packs_back_and_stays_on_record(world: World, order: Order) -> None:
    rows = [ShipLine(1, "B1", GOOD, 6), ShipLine(2, "A1", GOOD, 2)]
    shipment = ship(order.order_no, rows, by=world.seller, at=LATER)
    with pytest.raises(VoidReasonMissing):
        void_shipment(shipment.receipt_no, " ", by=world.seller, at=LATER)
    void_shipment(shipment.receipt_no, "批号写错", by=world.seller, at=LATER)
    assert [line.shipped_packs for line in order.lines] == [0, 0, 0]
    assert (shipment.voided_at, shipment.void_reason, shipment.packs) == (LATER, "批号写错", 8)
    with pytest.raises(StepNotAllowed):
        void_shipment(shipment.receipt_no, "再来", by=world.seller, at=LATER)
    with pytest.raises(StepNotAllowed):
        mark_delivered(shipment.receipt_no, by=world.seller, at=LATER)
    deeds = db.session.scalars(select(AuditEntry.deed).order_by(AuditEntry.id)).all()
    assert deeds == ["answer_order", "ship", "void_shipment"]
    assert not problems()


def test_received_goods_can_not_be_made_void(world: World, order: Order) -> None:
    shipment = ship(order.order_no, [ShipLine(1, "B1", GOOD, 1)], by=world.seller, at=LATER)
    shipment.accepted_at, shipment.due_on, shipment.owed = LATER, date(2026, 12, 31), order.amount
    db.session.commit()
    with pytest.raises(StepNotAllowed):
        void_shipment(shipment.receipt_no, "写错", by=world.seller, at=LATER)
