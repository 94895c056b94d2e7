"""What was ordered and accepted in a month, by receiving institution and distributor (R-STAT-2)."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import func, select

from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.deliveries import Shipment, ShipmentLine
from clinic_orders.models.orders import Order, OrderLine
from clinic_orders.queries.doubles import counts_once
from clinic_orders.rules.days import Month, end_of_day, start_of_day
from clinic_orders.rules.parties import OrderMode
from clinic_orders.rules.savings import ceiling_saving


class Ordered(NamedTuple):
    """Orders submitted in a month, whatever became of them; yuan."""

    institution_id: int
    distributor_id: int
    mode: OrderMode
    channel: str
    orders: int
    packs: int
    amount: Decimal


class Accepted(NamedTuple):
    """Receipts accepted in a month, returns not deducted; yuan."""

    institution_id: int
    distributor_id: int
    amount: Decimal


class Saved(NamedTuple):
    """What was accepted of items with a known ceiling price: what it cost, and what was saved; yuan."""

    institution_id: int
    paid: Decimal
    saved: Decimal


def ordered(month: Month) -> Iterator[Ordered]:
    """The orders of a month; one statement."""
    groups = (Order.institution_id, Order.distributor_id, Order.mode, Order.channel)
    statement = (
        select(*groups, func.count(), func.sum(Order.packs), func.sum(Order.amount))
        .where(
            Order.submitted_at >= start_of_day(month.first_day),
            Order.submitted_at < end_of_day(month.last_day),
            counts_once(Order.id),
        )
        .group_by(*groups)
    )
    for row in db.session.connection().execute(statement):
        one = Ordered._make(row)
        # PostgreSQL answers sums as decimals.
        yield one._replace(packs=int(one.packs))


def accepted(month: Month) -> Iterator[Accepted]:
    """The acceptances of a month; one statement."""
    groups = (Shipment.institution_id, Shipment.distributor_id)
    statement = (
        select(*groups, func.sum(Shipment.owed))
        .where(
            Shipment.accepted_at >= start_of_day(month.first_day),
            Shipment.accepted_at < end_of_day(month.last_day),
            counts_once(Shipment.order_id),
        )
        .group_by(*groups)
    )
    for institution_id, distributor_id, amount in db.session.connection().execute(statement):
        yield Accepted(institution_id, distributor_id, amount or Decimal(0))


def saved(month: Month) -> Iterator[Saved]:
    """What the month's acceptances saved against ceiling prices, for items that have one; one statement.

    Packs of one price are added up before they are rounded, so the statement stays short.
    """
    groups = (Shipment.institution_id, Item.id, OrderLine.pack_price)
    statement = (
        select(*groups, Item.pack_size, Item.ceiling_price, func.sum(ShipmentLine.accepted_packs))
        .select_from(Shipment)
        .join(ShipmentLine, ShipmentLine.shipment_id == Shipment.id)
        .join(OrderLine, OrderLine.id == ShipmentLine.order_line_id)
        .join(Item, Item.id == OrderLine.item_id)
        .where(
            Shipment.accepted_at >= start_of_day(month.first_day),
            Shipment.accepted_at < end_of_day(month.last_day),
            ShipmentLine.accepted_packs > 0,
            Item.ceiling_price.is_not(None),
            counts_once(Shipment.order_id),
        )
        .group_by(*groups, Item.pack_size, Item.ceiling_price)
    )
    for institution_id, _item, price, pack_size, ceiling, packs in db.session.connection().execute(statement):
        assert ceiling is not None
        one = ceiling_saving(ceiling, price, packs=int(packs or 0), pack_size=pack_size)
        yield Saved(institution_id, one.paid, one.saved)
