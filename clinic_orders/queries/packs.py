"""The life of a pack: where its trace code was shipped, accepted, sold and sent back, as far as a person may see it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import (
    BindParameter,
    Boolean,
    CompoundSelect,
    Date,
    Integer,
    Null,
    Row,
    Select,
    String,
    and_,
    bindparam,
    cast,
    func,
    literal_column,
    null,
    select,
    type_coerce,
    union_all,
)
from sqlalchemy.types import TypeEngine

from clinic_orders.models.base import UtcDateTime, db
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
        distributor_code: of shipments and returns.

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
    distributor_code: str = ""


@dataclass(frozen=True, slots=True)
class PackLife:
    """A code with what its prefix says, and its steps from the oldest on; none where nothing may be seen."""

    code: str
    item_code: str
    item: str
    base_units: int | None
    events: tuple[PackEvent, ...]


_ORDER: Final = list(PackStep)
_PRODUCT, _SHIPPED, _SOLD, _SENT_BACK = range(4)
_CODE: BindParameter[str] = bindparam("code", type_=String)


def life_of_pack(code: str, actor: Actor, *, on: date) -> PackLife:
    """What a person may know of a code: one statement, each part of it through an index of the code."""
    item_code, item, units = "", "", None
    events: list[PackEvent] = []
    asked = db.session.connection().execute(
        _asked_of_code(actor, on), {"code": code, "prefix": code[:PREFIX]}
    )
    for row in asked.all():
        if row.part == _PRODUCT:
            item_code, item, units = row.item_code, row.item, row.base_units
        else:
            events += _EVENTS[row.part](row)
    events.sort(key=lambda event: (event.at, _ORDER.index(event.step)))
    return PackLife(code, item_code, item, units, tuple(events))


@lru_cache(maxsize=256)
def _asked_of_code(actor: Actor, on: date) -> CompoundSelect[Any]:
    """Built once for a reader and a day: that costs more than to run it."""
    return union_all(_of_product(), _of_shipments(actor, on), _of_sales(actor, on), _of_returns(actor, on))


# What every part answers, in this order; what a part does not say is null.
_COLUMNS: Final[Mapping[str, TypeEngine[Any]]] = {
    "item_code": String(),
    "item": String(),
    "base_units": Integer(),
    "paper": String(),
    "place_code": String(),
    "place": String(),
    "distributor": String(),
    "distributor_code": String(),
    "batch_no": String(),
    "expiry": Date(),
    "shipped_at": UtcDateTime(),
    "delivered_at": UtcDateTime(),
    "at": UtcDateTime(),
    "accepted": Boolean(),
}


def _part(number: int, **columns: Any) -> Select[Any]:
    said = [columns.get(name, null()) for name in _COLUMNS]
    return select(
        literal_column(str(number), Integer).label("part"),
        *(
            cast(value, kind).label(name) if isinstance(value, Null) else type_coerce(value, kind).label(name)
            for value, (name, kind) in zip(said, _COLUMNS.items(), strict=True)
        ),
    )


def _of_product() -> Select[Any]:
    product = TraceProduct
    return (
        _part(
            _PRODUCT,
            item_code=Item.item_code,
            item=Item.generic_name + " " + Item.strength,
            base_units=product.base_units_per_code,
        )
        .select_from(product)
        .join(Item, Item.id == product.item_id)
        .where(product.prefix == bindparam("prefix", type_=String), product.replaced_at.is_(None))
    )


def _placed(statement: Select[Any], institution_id: Any, on: date) -> Select[Any]:
    """With an institution and its record of today."""
    record = InstitutionRecord
    return statement.join(Institution, Institution.id == institution_id).outerjoin(
        record, and_(record.institution_id == Institution.id, current(record, on))
    )


_PLACE: Final = func.coalesce(InstitutionRecord.name, "")


def _of_shipments(actor: Actor, on: date) -> Select[Any]:
    statement = (
        _part(
            _SHIPPED,
            paper=Shipment.receipt_no,
            shipped_at=Shipment.shipped_at,
            delivered_at=Shipment.delivered_at,
            at=Shipment.accepted_at,
            accepted=ShipmentCode.accepted,
            batch_no=ShipmentLine.batch_no,
            expiry=ShipmentLine.expiry_date,
            item_code=Item.item_code,
            item=Item.generic_name,
            distributor=Distributor.name,
            distributor_code=Distributor.code,
            place_code=Institution.code,
            place=_PLACE,
        )
        .select_from(ShipmentCode)
        .join(ShipmentLine, ShipmentLine.id == ShipmentCode.shipment_line_id)
        .join(Shipment, Shipment.id == ShipmentLine.shipment_id)
        .join(OrderLine, OrderLine.id == ShipmentLine.order_line_id)
        .join(Item, Item.id == OrderLine.item_id)
        .join(Distributor, Distributor.id == Shipment.distributor_id)
        .where(ShipmentCode.code == _CODE, Shipment.voided_at.is_(None), shipments_visible_to(actor, on))
    )
    return _placed(statement, Shipment.institution_id, on)


def _shipped(row: Row[Any]) -> list[PackEvent]:
    judged = PackStep.REJECTED if row.accepted is False else PackStep.ACCEPTED
    steps = (
        (row.shipped_at, PackStep.SHIPPED),
        (row.delivered_at, PackStep.DELIVERED),
        (row.at, judged),
    )
    return [
        PackEvent(
            at,
            step,
            row.place_code,
            row.place,
            row.distributor,
            row.item_code,
            row.item,
            row.paper,
            row.batch_no,
            row.expiry,
            distributor_code=row.distributor_code,
        )
        for at, step in steps
        if at is not None
    ]


def _of_sales(actor: Actor, on: date) -> Select[Any]:
    line = SaleLine
    statement = (
        _part(
            _SOLD,
            paper=line.sale_no,
            at=line.sold_at,
            base_units=line.base_units,
            item_code=func.coalesce(Item.item_code, ""),
            item=func.coalesce(Item.generic_name, line.other_product),
            place_code=Institution.code,
            place=_PLACE,
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
    return _placed(statement, line.institution_id, on)


def _sold(row: Row[Any]) -> list[PackEvent]:
    step = PackStep.SOLD if row.base_units > 0 else PackStep.BROUGHT_BACK
    return [
        PackEvent(
            row.at,
            step,
            row.place_code,
            row.place,
            "",
            row.item_code,
            row.item,
            row.paper,
            base_units=row.base_units,
        )
    ]


def _of_returns(actor: Actor, on: date) -> Select[Any]:
    statement = (
        _part(
            _SENT_BACK,
            paper=GoodsReturn.return_no,
            at=GoodsReturn.agreed_at,
            batch_no=ShipmentLine.batch_no,
            expiry=ShipmentLine.expiry_date,
            item_code=Item.item_code,
            item=Item.generic_name,
            distributor=Distributor.name,
            distributor_code=Distributor.code,
            place_code=Institution.code,
            place=_PLACE,
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
    return _placed(statement, GoodsReturn.institution_id, on)


def _sent_back(row: Row[Any]) -> list[PackEvent]:
    return [
        PackEvent(
            row.at,
            PackStep.SENT_BACK,
            row.place_code,
            row.place,
            row.distributor,
            row.item_code,
            row.item,
            row.paper,
            row.batch_no,
            row.expiry,
            distributor_code=row.distributor_code,
        )
    ]


_EVENTS: Final[Mapping[int, Callable[[Row[Any]], list[PackEvent]]]] = {
    _SHIPPED: _shipped,
    _SOLD: _sold,
    _SENT_BACK: _sent_back,
}
