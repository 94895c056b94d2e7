"""The life of a pack: where its trace code was shipped, accepted, sold and sent back, as far as a person may see it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import BindParameter, Select, String, and_, bindparam, func, select

from clinic_orders.models.base import db
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
from clinic_orders.models.roster import Distributor, Institution, InstitutionRecord
from clinic_orders.models.sales import SaleCode, SaleLine
from clinic_orders.models.tracing import TraceProduct
from clinic_orders.queries.checks.code_lives import PREFIX
from clinic_orders.queries.roster import current, institutions_of
from clinic_orders.queries.visibility import returns_visible_to, shipments_visible_to
from clinic_orders.rules.pack_life import PackStep
from clinic_orders.rules.parties import Actor


@dataclass(frozen=True, slots=True)
class PackEvent:
    """One step of a pack's life.

    Attributes:
        at: when.
        step: what.
        institution_code, institution: where; the name as of today.
        distributor: of shipments and returns.
        item_code, item: as the paper says; empty for a product outside the catalogue.
        paper: number of the receipt, sale or return.
        batch_no, expiry: of shipments.
        base_units: of a sale line, below 0 for a customer's return; 0 elsewhere.

    """

    at: datetime
    step: PackStep
    institution_code: str
    institution: str
    distributor: str
    item_code: str
    item: str
    paper: str
    batch_no: str = ""
    expiry: date | None = None
    base_units: int = 0


@dataclass(frozen=True, slots=True)
class PackLife:
    """A code with what its prefix says, and its steps from the oldest on; none where nothing may be seen."""

    code: str
    item_code: str
    item: str
    base_units: int | None
    events: tuple[PackEvent, ...]


_ORDER = list(PackStep)
# To build a statement costs more than to run it, so each is built once for a reader and a day.
_CODE: BindParameter[str] = bindparam("code", type_=String)
_PRODUCT = (
    select(Item.item_code, Item.generic_name, Item.strength, TraceProduct.base_units_per_code)
    .join(Item, Item.id == TraceProduct.item_id)
    .where(TraceProduct.prefix == bindparam("prefix", type_=String), TraceProduct.replaced_at.is_(None))
)


def life_of_pack(code: str, actor: Actor, *, on: date) -> PackLife:
    """What a person may know of a code: four statements, each through an index of the code."""
    events = sorted(
        [*_shipped(code, actor, on), *_sold(code, actor, on), *_sent_back(code, actor, on)],
        key=lambda event: (event.at, _ORDER.index(event.step)),
    )
    product = db.session.connection().execute(_PRODUCT, {"prefix": code[:PREFIX]}).one_or_none()
    if product is None:
        return PackLife(code, "", "", None, tuple(events))
    name = f"{product.generic_name} {product.strength}"
    return PackLife(code, product.item_code, name, product.base_units_per_code, tuple(events))


def _named(statement: Select[Any], institution_id: Any, on: date) -> Select[Any]:
    """With the code and today's name of an institution."""
    record = InstitutionRecord
    return (
        statement.add_columns(
            Institution.code.label("place_code"), func.coalesce(record.name, "").label("place")
        )
        .join(Institution, Institution.id == institution_id)
        .outerjoin(record, and_(record.institution_id == Institution.id, current(record, on)))
    )


@lru_cache(maxsize=256)
def _asked_of_shipments(actor: Actor, on: date) -> Select[Any]:
    statement: Any = (
        select(
            Shipment.receipt_no,
            Shipment.shipped_at,
            Shipment.delivered_at,
            Shipment.accepted_at,
            ShipmentCode.accepted,
            ShipmentLine.batch_no,
            ShipmentLine.expiry_date,
            Item.item_code,
            Item.generic_name,
            Distributor.name.label("distributor"),
        )
        .select_from(ShipmentCode)
        .join(ShipmentLine, ShipmentLine.id == ShipmentCode.shipment_line_id)
        .join(Shipment, Shipment.id == ShipmentLine.shipment_id)
        .join(OrderLine, OrderLine.id == ShipmentLine.order_line_id)
        .join(Item, Item.id == OrderLine.item_id)
        .join(Distributor, Distributor.id == Shipment.distributor_id)
        .where(ShipmentCode.code == _CODE, Shipment.voided_at.is_(None), shipments_visible_to(actor, on))
    )
    return _named(statement, Shipment.institution_id, on)


def _shipped(code: str, actor: Actor, on: date) -> list[PackEvent]:
    events = []
    for row in db.session.connection().execute(_asked_of_shipments(actor, on), {"code": code}):
        judged = PackStep.REJECTED if row.accepted is False else PackStep.ACCEPTED
        for at, step in (
            (row.shipped_at, PackStep.SHIPPED),
            (row.delivered_at, PackStep.DELIVERED),
            (row.accepted_at, judged),
        ):
            if at is not None:
                events.append(
                    PackEvent(
                        at,
                        step,
                        row.place_code,
                        row.place,
                        row.distributor,
                        row.item_code,
                        row.generic_name,
                        row.receipt_no,
                        row.batch_no,
                        row.expiry_date,
                    )
                )
    return events


@lru_cache(maxsize=256)
def _asked_of_sales(actor: Actor, on: date) -> Select[Any]:
    line = SaleLine
    statement: Any = (
        select(
            line.sale_no, line.sold_at, line.base_units, line.other_product, Item.item_code, Item.generic_name
        )
        .select_from(SaleCode)
        .join(line, line.id == SaleCode.sale_line_id)
        .outerjoin(Item, Item.id == line.item_id)
        .where(
            SaleCode.code == _CODE,
            line.replaced_at.is_(None),
            institutions_of(actor, line.institution_id, on),
        )
    )
    return _named(statement, line.institution_id, on)


def _sold(code: str, actor: Actor, on: date) -> list[PackEvent]:
    return [
        PackEvent(
            row.sold_at,
            PackStep.SOLD if row.base_units > 0 else PackStep.BROUGHT_BACK,
            row.place_code,
            row.place,
            "",
            row.item_code or "",
            row.generic_name or row.other_product,
            row.sale_no,
            base_units=row.base_units,
        )
        for row in db.session.connection().execute(_asked_of_sales(actor, on), {"code": code})
    ]


@lru_cache(maxsize=256)
def _asked_of_returns(actor: Actor, on: date) -> Select[Any]:
    statement: Any = (
        select(
            GoodsReturn.return_no,
            GoodsReturn.agreed_at,
            Item.item_code,
            Item.generic_name,
            ShipmentLine.batch_no,
            ShipmentLine.expiry_date,
            Distributor.name.label("distributor"),
        )
        .select_from(ReturnCode)
        .join(ReturnLine, ReturnLine.id == ReturnCode.return_line_id)
        .join(GoodsReturn, GoodsReturn.id == ReturnLine.return_id)
        .join(ShipmentLine, ShipmentLine.id == ReturnLine.shipment_line_id)
        .join(OrderLine, OrderLine.id == ShipmentLine.order_line_id)
        .join(Item, Item.id == OrderLine.item_id)
        .join(Distributor, Distributor.id == GoodsReturn.distributor_id)
        .where(ReturnCode.code == _CODE, GoodsReturn.agreed_at.is_not(None), returns_visible_to(actor, on))
    )
    return _named(statement, GoodsReturn.institution_id, on)


def _sent_back(code: str, actor: Actor, on: date) -> list[PackEvent]:
    return [
        PackEvent(
            row.agreed_at,
            PackStep.SENT_BACK,
            row.place_code,
            row.place,
            row.distributor,
            row.item_code,
            row.generic_name,
            row.return_no,
            row.batch_no,
            row.expiry_date,
        )
        for row in db.session.connection().execute(_asked_of_returns(actor, on), {"code": code})
    ]
