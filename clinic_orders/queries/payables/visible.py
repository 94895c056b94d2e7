"""Whose receipts an actor may see as money, and the formula of one of them (R-PAY-1)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    SQLColumnExpression,
    Subquery,
    and_,
    cast,
    func,
    or_,
    select,
    type_coerce,
)
from sqlalchemy.orm import InstrumentedAttribute

from clinic_orders.models.base import Yuan, db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.deliveries import GoodsReturn, ReturnLine, Shipment, ShipmentLine
from clinic_orders.models.expressions import among
from clinic_orders.models.orders import OrderLine
from clinic_orders.models.roster import InstitutionRecord
from clinic_orders.queries.doubles import counts_once
from clinic_orders.queries.payables.records import Scope
from clinic_orders.queries.roster import current, institutions_of
from clinic_orders.rules.days import end_of_day
from clinic_orders.rules.parties import Actor, Role


def payables_visible_to(actor: Actor, on: date, scope: Scope = Scope.OWN) -> ColumnElement[bool]:
    """The receipts whose money concerns the actor.

    A distributor sees what it is owed; an institution what it pays, a headquarters also what its stores pay,
    since one account orders for all; with ``Scope.MEMBERS`` a hospital sees what those it looks after pay. A
    bureau sees the payers of its county. Receipts of an order that was set aside as the same as another one are
    nobody's: the other one's are owed (R-VOL-2).
    """
    return and_(
        pairs_visible_to(actor, on, scope, Shipment.paying_id, Shipment.distributor_id),
        counts_once(Shipment.order_id),
    )


def pairs_visible_to(
    actor: Actor,
    on: date,
    scope: Scope,
    paying: InstrumentedAttribute[int],
    distributor: InstrumentedAttribute[int],
) -> ColumnElement[bool]:
    """The same of any rows that name who pays and who delivered."""
    if actor.role is Role.DISTRIBUTOR:
        return distributor == actor.distributor_id
    if actor.institution_id is None or scope is Scope.MEMBERS:
        return institutions_of(actor, paying, on)
    stores = select(InstitutionRecord.institution_id).where(
        current(InstitutionRecord, on), InstitutionRecord.headquarters_id == actor.institution_id
    )
    return or_(paying == actor.institution_id, among(paying, stores))


def line_amount_sql(price: SQLColumnExpression[Decimal], packs: ColumnElement[int]) -> ColumnElement[Decimal]:
    """``rules.money.line_amount`` in SQL: price × packs rounded half up to 0.01 once, for packs ≥ 0.

    Both sides are whole ten-thousandths of a yuan, so nothing is ever a binary float.
    """
    exact = type_coerce(price, BigInteger) * packs
    return type_coerce((exact + 50) // 100 * 100, Yuan())


def returned_by(on: date, condition: ColumnElement[bool]) -> Subquery:
    """Packs of each receipt line whose return was agreed on or before the day (R-DEL-5)."""
    return (
        # PostgreSQL counts a sum of sums in decimals, and packs are whole.
        select(ReturnLine.shipment_line_id, cast(func.sum(ReturnLine.packs), Integer).label("packs"))
        .join(GoodsReturn, GoodsReturn.id == ReturnLine.return_id)
        .join(Shipment, Shipment.id == GoodsReturn.shipment_id)
        .where(GoodsReturn.agreed_at < end_of_day(on), condition)
        .group_by(ReturnLine.shipment_line_id)
        .subquery("returned")
    )


class StatementLine(NamedTuple):
    """One line of a receipt in the formula of R-PAY-1."""

    item_code: str
    name: str
    strength: str
    batch_no: str
    price: Decimal
    accepted: int
    returned: int
    owes: Decimal


def statement_lines(shipment_id: int, *, on: date) -> list[StatementLine]:
    """The formula of what a receipt owes at the end of a day, line by line; one statement."""
    returned = returned_by(on, Shipment.id == shipment_id)
    accepted = func.coalesce(ShipmentLine.accepted_packs, 0)
    back = func.coalesce(returned.c.packs, 0)
    rows = db.session.execute(
        select(
            Item.item_code,
            Item.generic_name,
            Item.strength,
            ShipmentLine.batch_no,
            OrderLine.pack_price,
            accepted,
            back,
            line_amount_sql(OrderLine.pack_price, accepted - back),
        )
        .join(OrderLine, OrderLine.id == ShipmentLine.order_line_id)
        .join(Item, Item.id == OrderLine.item_id)
        .outerjoin(returned, returned.c.shipment_line_id == ShipmentLine.id)
        .where(ShipmentLine.shipment_id == shipment_id)
        .order_by(ShipmentLine.id)
    )
    return [StatementLine(*row) for row in rows]
