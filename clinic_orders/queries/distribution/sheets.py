"""Orders with their lines: one order, and many for paper."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from clinic_orders.models.base import db
from clinic_orders.models.deliveries import Shipment
from clinic_orders.models.orders import Order, OrderLine
from clinic_orders.models.roster import County, InstitutionRecord
from clinic_orders.queries.distribution.rows import (
    PARAMETERS,
    OrderRow,
    rows_by_ids,
)
from clinic_orders.queries.policy import policy_book
from clinic_orders.queries.roster import current
from clinic_orders.queries.visibility import orders_visible_to
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.parties import Actor

# Orders with their lines ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Place:
    """An institution as it stands on a paper or page."""

    name: str
    county: str
    township: str
    address: str
    phone: str
    remote: bool


def places_of(institution_ids: Iterable[int], on: date) -> dict[int, Place]:
    """Name and place of institutions on a day, by row id; one statement."""
    statement = (
        select(InstitutionRecord, County.name)
        .outerjoin(County, County.code == InstitutionRecord.county_code)
        .where(
            InstitutionRecord.institution_id.in_(sorted(set(institution_ids))), current(InstitutionRecord, on)
        )
    )
    return {
        record.institution_id: Place(
            record.name, county or "", record.township, record.address, record.phone, record.remote
        )
        for record, county in db.session.execute(statement)
    }


def orders_with_lines(order_nos: Collection[str], by: Actor, *, at: datetime) -> list[Order]:
    """The orders of these numbers that the actor may see, with lines and items, in the order of numbers."""
    statement = (
        select(Order)
        .where(Order.order_no.in_(sorted(order_nos)), orders_visible_to(by, day_in_china(at)))
        .options(selectinload(Order.lines).joinedload(OrderLine.item))
        .order_by(Order.order_no)
    )
    return list(db.session.scalars(statement))


@dataclass(frozen=True, slots=True)
class OrderSheet:
    """One order with all that a page about it shows."""

    order: Order
    row: OrderRow
    places: dict[int, Place]
    shipments: list[Shipment]


def order_sheet(order_no: str, by: Actor, *, at: datetime) -> OrderSheet | None:
    """One order with lines, history and shipments; None if the actor may not see it. A fixed number of statements."""
    on, book = day_in_china(at), policy_book(*PARAMETERS)
    order = db.session.scalars(
        select(Order)
        .where(Order.order_no == order_no, orders_visible_to(by, on))
        .options(selectinload(Order.lines).joinedload(OrderLine.item), selectinload(Order.events))
    ).one_or_none()
    if order is None:
        return None
    shipments = db.session.scalars(
        select(Shipment)
        .where(Shipment.order_id == order.id)
        .options(selectinload(Shipment.lines))
        .order_by(Shipment.id)
    )
    return OrderSheet(
        order=order,
        row=rows_by_ids([order.id], at=at, on=on, book=book)[0],
        places=places_of([order.institution_id, order.ordering_id, order.paying_id], on),
        shipments=list(shipments),
    )
