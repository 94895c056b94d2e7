"""What the fund settled and nobody sold, or could not have been there 医保支付协同复核 (R-PRICE-7)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy import CTE, and_, exists, func, or_, select, union_all

from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.deliveries import GoodsReturn, ReturnLine, Shipment, ShipmentLine
from clinic_orders.models.orders import OrderLine
from clinic_orders.models.roster import Institution, Membership
from clinic_orders.models.sales import SaleLine, Settlement
from clinic_orders.queries.checks.scope import Scope
from clinic_orders.queries.doubles import counts_once
from clinic_orders.queries.ledger import ledger
from clinic_orders.rules.findings import CheckRule, Finding
from clinic_orders.rules.settlement import settled_not_sold

RULES = (CheckRule.SETTLED_NOT_SOLD,)


def _received(scope: Scope) -> CTE:
    """Accepted in the month of the scope less returned to distributors in it: institution_id, item_id, units."""
    begins, ends = scope.month_begins, scope.ends
    accepted = (
        select(
            Shipment.institution_id,
            OrderLine.item_id,
            (ShipmentLine.accepted_packs * Item.pack_size).label("units"),
        )
        .join(ShipmentLine, ShipmentLine.shipment_id == Shipment.id)
        .join(OrderLine, OrderLine.id == ShipmentLine.order_line_id)
        .join(Item, Item.id == OrderLine.item_id)
        .where(
            Shipment.accepted_at >= begins,
            Shipment.accepted_at < ends,
            counts_once(Shipment.order_id),
            scope.only(Shipment.institution_id),
        )
    )
    returned = (
        select(
            GoodsReturn.institution_id,
            OrderLine.item_id,
            (-ReturnLine.packs * Item.pack_size).label("units"),
        )
        .join(ReturnLine, ReturnLine.return_id == GoodsReturn.id)
        .join(ShipmentLine, ShipmentLine.id == ReturnLine.shipment_line_id)
        .join(Shipment, Shipment.id == ShipmentLine.shipment_id)
        .join(OrderLine, OrderLine.id == ShipmentLine.order_line_id)
        .join(Item, Item.id == OrderLine.item_id)
        .where(
            GoodsReturn.agreed_at >= begins,
            GoodsReturn.agreed_at < ends,
            counts_once(Shipment.order_id),
            scope.only(GoodsReturn.institution_id),
        )
    )
    moved = union_all(accepted, returned).subquery("moved")
    return (
        select(moved.c.institution_id, moved.c.item_id, func.sum(moved.c.units).label("units"))
        .group_by(moved.c.institution_id, moved.c.item_id)
        .cte("received")
    )


def find(scope: Scope) -> Iterator[Finding]:
    """The clues of the month that the day ends; on other days there are none.

    An institution that was a member on any day of the month is looked at: the file says nothing of days.
    """
    if not scope.ends_month:
        return
    first, last = scope.month.first_day, scope.month.last_day
    member = exists().where(
        Membership.institution_id == Settlement.institution_id,
        Membership.joined_on <= last,
        or_(Membership.left_on.is_(None), Membership.left_on >= first),
    )
    settled = (
        select(Settlement.institution_id, Settlement.item_id, Settlement.base_units.label("settled"))
        .where(
            Settlement.month == str(scope.month),
            Settlement.replaced_at.is_(None),
            Settlement.base_units > 0,
            member,
            scope.only(Settlement.institution_id),
        )
        .cte("settled")
    )
    line = SaleLine
    sold = (
        select(line.institution_id, line.item_id, func.sum(line.base_units).label("units"))
        .join(
            settled,
            and_(settled.c.institution_id == line.institution_id, settled.c.item_id == line.item_id),
        )
        .where(line.sold_on >= first, line.sold_on <= last, line.replaced_at.is_(None))
        .group_by(line.institution_id, line.item_id)
        .cte("sold")
    )
    received = _received(scope)
    before = ledger(first - timedelta(days=1), select(settled.c.institution_id)).subquery("before")
    opening = select(before.c.institution_id, before.c.item_id, before.c.base_units.label("units")).cte(
        "opening"
    )
    statement = (
        select(
            Institution.code,
            Item.item_code,
            settled.c.settled,
            func.coalesce(sold.c.units, 0).label("sold"),
            func.coalesce(opening.c.units, 0).label("opening"),
            func.coalesce(received.c.units, 0).label("accepted"),
        )
        .select_from(settled)
        .join(Institution, Institution.id == settled.c.institution_id)
        .join(Item, Item.id == settled.c.item_id)
    )
    for part in (sold, opening, received):
        statement = statement.outerjoin(
            part,
            and_(part.c.institution_id == settled.c.institution_id, part.c.item_id == settled.c.item_id),
        )
    there = func.coalesce(opening.c.units, 0)
    statement = statement.where(
        or_(
            settled.c.settled > func.coalesce(sold.c.units, 0),
            and_(
                settled.c.settled > func.coalesce(received.c.units, 0),
                settled.c.settled > there + func.coalesce(received.c.units, 0),
            ),
        )
    )
    for row in db.session.connection().execute(statement):
        found = settled_not_sold(
            row.code,
            row.item_code,
            scope.month,
            settled=int(row.settled),
            sold=int(row.sold),
            opening=int(row.opening),
            accepted=int(row.accepted),
        )
        if found is not None:
            yield found
