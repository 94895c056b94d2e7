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
from clinic_orders.queries.carried import carried_to
from clinic_orders.queries.checks.scope import Scope
from clinic_orders.queries.doubles import counts_once
from clinic_orders.queries.ledger import with_ledger
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
    line = SaleLine
    sold = (
        select(line.institution_id, line.item_id, func.sum(line.base_units).label("units"))
        .where(
            line.sold_on >= first,
            line.sold_on <= last,
            line.replaced_at.is_(None),
            line.item_id.is_not(None),
            scope.only(line.institution_id),
        )
        .group_by(line.institution_id, line.item_id)
        .cte("sold")
    )
    received = _received(scope)
    sold_units, received_units = func.coalesce(sold.c.units, 0), func.coalesce(received.c.units, 0)
    settled = Settlement
    judged = (
        select(
            settled.institution_id,
            settled.item_id,
            settled.base_units.label("settled"),
            sold_units.label("sold"),
            received_units.label("accepted"),
        )
        .select_from(settled)
        .where(
            settled.month == str(scope.month),
            settled.replaced_at.is_(None),
            settled.base_units > 0,
            # The rule asks for the ledger only where the month's acceptances are not enough.
            or_(settled.base_units > sold_units, settled.base_units > received_units),
            scope.only(settled.institution_id),
        )
    )
    for part in (sold, received):
        judged = judged.outerjoin(
            part, and_(part.c.institution_id == settled.institution_id, part.c.item_id == settled.item_id)
        )
    opening = first - timedelta(days=1)
    base = carried_to(opening) if scope.institution_ids is None else None
    pair = with_ledger(opening, judged.subquery("doubtful"), base).subquery("pair")
    statement = (
        select(
            Institution.code,
            Item.item_code,
            pair.c.settled,
            pair.c.sold,
            pair.c.base_units.label("opening"),
            pair.c.accepted,
        )
        .join(Institution, Institution.id == pair.c.institution_id)
        .join(Item, Item.id == pair.c.item_id)
        .where(
            or_(
                pair.c.settled > pair.c.sold,
                # What is below 0 counts as 0, and that was asked above.
                and_(pair.c.settled > pair.c.accepted, pair.c.settled > pair.c.base_units + pair.c.accepted),
            ),
            exists().where(
                Membership.institution_id == pair.c.institution_id,
                Membership.joined_on <= last,
                or_(Membership.left_on.is_(None), Membership.left_on >= first),
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
