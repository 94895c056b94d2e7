"""How many rows an export of a kind has for a person: one statement each, without reading the rows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, func, select, true

from clinic_orders.models.base import db
from clinic_orders.models.catalogue import EditionItem, Item, Price
from clinic_orders.models.clues import IssuedClue
from clinic_orders.models.deliveries import GoodsReturn, ReturnLine, Shipment, ShipmentLine
from clinic_orders.models.monitoring import ListedProduct, MonitoredPrice
from clinic_orders.models.orders import Order, OrderLine
from clinic_orders.models.payments import Payment
from clinic_orders.models.pharmacies import DesignatedPharmacy
from clinic_orders.models.policy import PolicyValue
from clinic_orders.models.roster import (
    Commitment,
    DeliveryRelation,
    Distributor,
    InstitutionRecord,
    Mandate,
)
from clinic_orders.models.sales import SaleLine, Settlement
from clinic_orders.models.stock import OtherPurchase, ShelfPrice, StockCount
from clinic_orders.models.tracing import ProductCode, TraceProduct
from clinic_orders.models.volume import AgreedVolume, SupplyProblem
from clinic_orders.queries.clues.visible import issued_visible_to
from clinic_orders.queries.files import relations_visible_to
from clinic_orders.queries.reported import supply_problems_visible_to
from clinic_orders.queries.roster import institutions_of
from clinic_orders.queries.visibility import (
    orders_visible_to,
    payments_visible_to,
    returns_visible_to,
    shipments_visible_to,
)
from clinic_orders.rules.parties import Actor

_Count = Callable[[Actor, date], Select[int]]


def _rows(model: Any, *conditions: ColumnElement[bool]) -> Select[int]:
    return select(func.count()).select_from(model).where(true(), *conditions)


def _all(model: Any) -> _Count:
    return lambda _actor, _on: _rows(model)


def _standing(model: Any) -> _Count:
    """Recorded facts that nothing has replaced."""
    return lambda _actor, _on: _rows(model, model.replaced_at.is_(None))


def _of_institutions(model: Any) -> _Count:
    return lambda actor, on: _rows(model, institutions_of(actor, model.institution_id, on))


def _reported(model: Any) -> _Count:
    """Those of them that institutions have reported."""
    return lambda actor, on: _rows(
        model, model.replaced_at.is_(None), institutions_of(actor, model.institution_id, on)
    )


def _orders(actor: Actor, on: date) -> Select[int]:
    return _rows(OrderLine, orders_visible_to(actor, on)).join(Order, Order.id == OrderLine.order_id)


def _receipts(actor: Actor, on: date) -> Select[int]:
    count = _rows(ShipmentLine, shipments_visible_to(actor, on), Shipment.voided_at.is_(None))
    return count.join(Shipment, Shipment.id == ShipmentLine.shipment_id)


def _returns(actor: Actor, on: date) -> Select[int]:
    count = _rows(ReturnLine, returns_visible_to(actor, on), GoodsReturn.agreed_at.is_not(None))
    return count.join(GoodsReturn, GoodsReturn.id == ReturnLine.return_id)


_COUNTS: Final[dict[str, _Count]] = {
    "catalogue": _all(Item),
    "prices": _all(Price),
    "editions": _all(EditionItem),
    "institutions": _of_institutions(InstitutionRecord),
    "mandates": _of_institutions(Mandate),
    "commitments": _of_institutions(Commitment),
    "distributors": _all(Distributor),
    "delivery-relations": lambda actor, on: _rows(DeliveryRelation, relations_visible_to(actor, on)),
    "policies": _all(PolicyValue),
    "orders": _orders,
    "receipts": _receipts,
    "returns": _returns,
    "payments": lambda actor, on: _rows(
        Payment, payments_visible_to(actor, on, members=True) & ~Payment.is_refund
    ),
    "agreed-volumes": _reported(AgreedVolume),
    "supply-problems": lambda actor, on: _rows(
        SupplyProblem,
        SupplyProblem.replaced_at.is_(None),
        SupplyProblem.verified_at.is_not(None),
        supply_problems_visible_to(actor, on),
    ),
    "sales": _reported(SaleLine),
    "settlements": _reported(Settlement),
    "stock-counts": _reported(StockCount),
    "shelf-prices": _reported(ShelfPrice),
    "other-purchases": _reported(OtherPurchase),
    "trace-products": _standing(TraceProduct),
    "product-codes": _standing(ProductCode),
    "designated-pharmacies": _standing(DesignatedPharmacy),
    "monitored-prices": _reported(MonitoredPrice),
    "listed-products": _standing(ListedProduct),
    "issued-clues": lambda actor, on: _rows(
        IssuedClue, IssuedClue.replaced_at.is_(None), issued_visible_to(actor, on)
    ),
}


def count_rows(kind: str, actor: Actor, on: date) -> int:
    """How many rows ``files.rows_of`` gives; of payments at most so many, for some of them may not count.

    Raises:
        KeyError: there is no such kind, which is a bug of the caller.

    """
    return db.session.scalar(_COUNTS[kind](actor, on)) or 0
