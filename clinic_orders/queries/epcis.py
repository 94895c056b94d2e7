"""What became of packs, as events to give out: of a shipment, of a month, of one code; as far as a person may see it.

A month is read row by row: the codes of one line at a time are in memory, however many there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select

from clinic_orders.models.catalogue import Item
from clinic_orders.models.deliveries import (
    GoodsReturn,
    ReturnCode,
    ReturnLine,
    Shipment,
    ShipmentCode,
    ShipmentLine,
)
from clinic_orders.models.orders import OrderLine
from clinic_orders.models.roster import Distributor, Institution
from clinic_orders.models.sales import SaleCode, SaleLine
from clinic_orders.queries.packs import PackLife
from clinic_orders.queries.roster import institutions_of
from clinic_orders.queries.streaming import Row, stream
from clinic_orders.queries.visibility import returns_visible_to, shipments_visible_to
from clinic_orders.rules.days import Month, start_of_day
from clinic_orders.rules.epcis import PacksMoved
from clinic_orders.rules.pack_life import PackStep
from clinic_orders.rules.parties import Actor


def _within(column: Any, first: datetime, after: datetime) -> ColumnElement[bool]:
    return and_(column >= first, column < after)


def _shipped(condition: ColumnElement[bool], actor: Actor, on: date) -> Iterator[Row]:
    statement: Any = (
        select(
            ShipmentLine.id.label("line"),
            ShipmentCode.code,
            ShipmentCode.accepted,
            Shipment.receipt_no,
            Shipment.shipped_at,
            Shipment.delivered_at,
            Shipment.accepted_at,
            ShipmentLine.batch_no,
            ShipmentLine.expiry_date,
            Item.item_code,
            Institution.code.label("institution"),
            Distributor.code.label("distributor"),
        )
        .select_from(Shipment)
        .join(ShipmentLine, ShipmentLine.shipment_id == Shipment.id)
        .join(ShipmentCode, ShipmentCode.shipment_line_id == ShipmentLine.id)
        .join(OrderLine, OrderLine.id == ShipmentLine.order_line_id)
        .join(Item, Item.id == OrderLine.item_id)
        .join(Institution, Institution.id == Shipment.institution_id)
        .join(Distributor, Distributor.id == Shipment.distributor_id)
        .where(Shipment.voided_at.is_(None), shipments_visible_to(actor, on), condition)
        .order_by(Shipment.id, ShipmentLine.id, ShipmentCode.code)
    )
    return stream(statement)


def _line_events(rows: Iterable[Row]) -> Iterator[PacksMoved]:
    """The steps of every line of shipments, each with its codes; what was not accepted is an event of its own."""
    for line, found in groupby(rows, key=lambda row: row["line"]):
        codes = list(found)
        row = codes[0]

        def moved(
            at: datetime | None, step: PackStep, chosen: list[Row], row: Row = row, line: int = line
        ) -> Iterator[PacksMoved]:
            if at is not None and chosen:
                yield PacksMoved(
                    at, step, [one["code"] for one in chosen], row["institution"], row["distributor"],
                    row["receipt_no"], str(line), row["item_code"], row["batch_no"],
                    row["expiry_date"].isoformat() if row["expiry_date"] else "",
                )  # fmt: skip

        yield from moved(row["shipped_at"], PackStep.SHIPPED, codes)
        yield from moved(row["delivered_at"], PackStep.DELIVERED, codes)
        accepted = [one for one in codes if one["accepted"] is not False]
        yield from moved(row["accepted_at"], PackStep.ACCEPTED, accepted)
        yield from moved(
            row["accepted_at"], PackStep.REJECTED, [one for one in codes if one["accepted"] is False]
        )


def shipment_events(receipt_no: str, actor: Actor, on: date) -> Iterator[PacksMoved]:
    """What became of the packs of one shipment on their way; nothing where it may not be seen."""
    return _line_events(_shipped(Shipment.receipt_no == receipt_no, actor, on))


def month_events(month: Month, actor: Actor, on: date) -> Iterator[PacksMoved]:
    """Everything that happened in a month to packs with codes: deliveries, then sales, then returns."""
    first, after = start_of_day(month.first_day), start_of_day(month.plus(1).first_day)
    touched = or_(
        *(
            _within(column, first, after)
            for column in (Shipment.shipped_at, Shipment.delivered_at, Shipment.accepted_at)
        )
    )
    for moved in _line_events(_shipped(touched, actor, on)):
        if first <= moved.at < after:
            yield moved
    yield from _sold(month, actor, on)
    yield from _sent_back(first, after, actor, on)


def _sold(month: Month, actor: Actor, on: date) -> Iterator[PacksMoved]:
    line = SaleLine
    statement: Any = (
        select(
            line.id.label("line"),
            SaleCode.code,
            line.sale_no,
            line.line_no,
            line.sold_at,
            line.base_units,
            Item.item_code,
            Institution.code.label("institution"),
        )
        .select_from(SaleCode)
        .join(line, line.id == SaleCode.sale_line_id)
        .join(Institution, Institution.id == line.institution_id)
        .outerjoin(Item, Item.id == line.item_id)
        .where(
            SaleCode.sold_on.between(month.first_day, month.last_day),
            line.replaced_at.is_(None),
            institutions_of(actor, line.institution_id, on),
        )
        .order_by(line.id, SaleCode.code)
    )
    for _, found in groupby(stream(statement), key=lambda row: row["line"]):
        codes = list(found)
        row = codes[0]
        yield PacksMoved(
            row["sold_at"],
            PackStep.SOLD if row["base_units"] > 0 else PackStep.BROUGHT_BACK,
            [one["code"] for one in codes],
            row["institution"],
            "",
            row["sale_no"],
            row["line_no"],
            row["item_code"] or "",
        )


def _sent_back(first: datetime, after: datetime, actor: Actor, on: date) -> Iterator[PacksMoved]:
    statement: Any = (
        select(
            ReturnLine.id.label("line"),
            ReturnCode.code,
            GoodsReturn.return_no,
            GoodsReturn.agreed_at,
            ShipmentLine.batch_no,
            ShipmentLine.expiry_date,
            Item.item_code,
            Institution.code.label("institution"),
            Distributor.code.label("distributor"),
        )
        .select_from(GoodsReturn)
        .join(ReturnLine, ReturnLine.return_id == GoodsReturn.id)
        .join(ReturnCode, ReturnCode.return_line_id == ReturnLine.id)
        .join(ShipmentLine, ShipmentLine.id == ReturnLine.shipment_line_id)
        .join(OrderLine, OrderLine.id == ShipmentLine.order_line_id)
        .join(Item, Item.id == OrderLine.item_id)
        .join(Institution, Institution.id == GoodsReturn.institution_id)
        .join(Distributor, Distributor.id == GoodsReturn.distributor_id)
        .where(_within(GoodsReturn.agreed_at, first, after), returns_visible_to(actor, on))
        .order_by(ReturnLine.id, ReturnCode.code)
    )
    for line, found in groupby(stream(statement), key=lambda row: row["line"]):
        codes = list(found)
        row = codes[0]
        yield PacksMoved(
            row["agreed_at"], PackStep.SENT_BACK, [one["code"] for one in codes], row["institution"],
            row["distributor"], row["return_no"], str(line), row["item_code"], row["batch_no"],
            row["expiry_date"].isoformat() if row["expiry_date"] else "",
        )  # fmt: skip


def life_events(life: PackLife) -> Iterator[PacksMoved]:
    """The steps of one code, as the page of its life shows them."""
    for number, event in enumerate(life.events, start=1):
        yield PacksMoved(
            event.at, event.step, [life.code], event.institution_code, event.distributor_code, event.paper,
            str(number), event.item_code, event.batch_no, event.expiry.isoformat() if event.expiry else "",
        )  # fmt: skip
