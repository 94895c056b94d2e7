"""The distributor's papers: picking list 拣货单 and delivery note 随货同行单."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from clinic_orders.documents import render
from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.deliveries import Shipment, ShipmentLine
from clinic_orders.models.orders import Order, OrderLine
from clinic_orders.queries.distribution import Place, orders_with_lines, places_of
from clinic_orders.queries.visibility import shipments_visible_to
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.money import line_amount, total
from clinic_orders.rules.parties import Actor

DEMO_MARK = "演示数据"
NOWHERE = Place(name="", county="", township="", address="", phone="", remote=False)


@dataclass(frozen=True, slots=True)
class PickLine:
    """Packs of one item for one order."""

    line_no: int
    item: Item
    packs: int


@dataclass(frozen=True, slots=True)
class PickOrder:
    """One order on a picking list."""

    order: Order
    place: Place
    lines: list[PickLine]
    answered: bool

    @property
    def packs(self) -> int:
        """All packs to be picked for the order."""
        return sum(line.packs for line in self.lines)


@dataclass(slots=True)
class PickItem:
    """One item over all orders of a picking list."""

    item: Item
    packs: int = 0
    orders: int = 0


def _pick_orders(orders: Sequence[Order], places: Mapping[int, Place]) -> list[PickOrder]:
    found = []
    for order in orders:
        answered = order.answered_at is not None
        lines = [
            PickLine(
                line.line_no, line.item, line.quantities.to_ship if answered else line.quantities.to_answer
            )
            for line in order.lines
        ]
        lines = [line for line in lines if line.packs > 0]
        if lines:
            place = places.get(order.institution_id, NOWHERE)
            found.append(PickOrder(order, place, lines, answered))
    return found


def _by_item(orders: Sequence[PickOrder]) -> list[PickItem]:
    items: dict[int, PickItem] = {}
    for picked in orders:
        for line in picked.lines:
            sum_ = items.setdefault(line.item.id, PickItem(line.item))
            sum_.packs += line.packs
            sum_.orders += 1
    return sorted(items.values(), key=lambda row: (row.item.generic_name, row.item.item_code))


def picking_list(order_nos: Collection[str], *, by: Actor, at: datetime) -> bytes | None:
    """What is to be taken from the shelves for these orders, by item and by order; None if there is nothing.

    Orders that the actor may not see are left out. An order that is not answered yet counts as ordered.

    Raises:
        PapersOff: see ``documents.render``.

    """
    orders = orders_with_lines(order_nos, by, at=at)
    picked = _pick_orders(orders, places_of((order.institution_id for order in orders), day_in_china(at)))
    if not picked:
        return None
    items = _by_item(picked)
    distributor = picked[0].order.distributor
    return render(
        "picking_list",
        {
            "distributor": distributor,
            "orders": picked,
            "items": items,
            "packs": sum(row.packs for row in items),
            "printed_at": at,
            "printed_by": by.name,
            "mark": DEMO_MARK if distributor.demo else "",
        },
    )


@dataclass(frozen=True, slots=True)
class NoteLine:
    """One batch on a delivery note."""

    item: Item
    batch_no: str
    expiry_date: date
    packs: int
    price: Decimal
    amount: Decimal
    invoice_no: str


def delivery_note(receipt_no: str, *, by: Actor, at: datetime) -> bytes | None:
    """The delivery note that travels with the goods; None if the actor may not see the shipment.

    Raises:
        PapersOff: see ``documents.render``.

    """
    shipment = db.session.scalars(
        select(Shipment)
        .where(Shipment.receipt_no == receipt_no, shipments_visible_to(by, day_in_china(at)))
        .options(
            selectinload(Shipment.lines).joinedload(ShipmentLine.order_line).joinedload(OrderLine.item),
        )
    ).one_or_none()
    if shipment is None:
        return None
    on = day_in_china(shipment.shipped_at or at)
    places = places_of([shipment.institution_id, shipment.paying_id], on)
    lines = [
        NoteLine(
            item=line.order_line.item,
            batch_no=line.batch_no,
            expiry_date=line.expiry_date,
            packs=line.shipped_packs,
            price=line.order_line.pack_price,
            amount=line_amount(line.order_line.pack_price, line.shipped_packs),
            invoice_no=line.invoice_no,
        )
        for line in shipment.lines
    ]
    distributor = shipment.order.distributor
    mark = "作废" if shipment.voided_at is not None else DEMO_MARK if distributor.demo else ""
    return render(
        "delivery_note",
        {
            "shipment": shipment,
            "order": shipment.order,
            "distributor": distributor,
            "receiver": places.get(shipment.institution_id, NOWHERE),
            "payer": places.get(shipment.paying_id, NOWHERE),
            "lines": lines,
            "packs": sum(line.packs for line in lines),
            "total": total(line.amount for line in lines),
            "mark": mark,
        },
    )
