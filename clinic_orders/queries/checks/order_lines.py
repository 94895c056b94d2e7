"""Order lines with the day of their delivery limit, and what had become of them by a day (R-DEL-3, R-DEL-4, R-VOL-5)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CTE, ColumnElement, Select, and_, case, func, or_, select, true

from clinic_orders.models.base import china_day
from clinic_orders.models.catalogue import Item
from clinic_orders.models.deliveries import Shipment, ShipmentLine
from clinic_orders.models.orders import EventKind, Order, OrderEvent, OrderLine
from clinic_orders.models.roster import InstitutionRecord
from clinic_orders.queries.checks.limits import limit_day_of, limit_days
from clinic_orders.queries.doubles import counts_once
from clinic_orders.rules.days import end_of_day, start_of_day
from clinic_orders.rules.policy import PolicyBook
from clinic_orders.rules.reasons import RejectReason

JUSTIFIED_REJECTIONS = tuple(reason.value for reason in RejectReason if reason.is_justified)
"""The values of ``reject_reason`` for which the blame is the distributor's (R-VOL-5)."""

WITHDRAWALS = (EventKind.WITHDRAWN_BEFORE, EventKind.WITHDRAWN_AFTER)
"""The events by which the buyer takes packs back."""


def _orders(
    submitted_in: tuple[datetime, datetime], *, seen_before: datetime, only: ColumnElement[bool] | None = None
) -> CTE:
    """Orders with the instant from which their limits run: submission for emergencies and what is not answered yet."""
    answered = func.coalesce(Order.answered_at, seen_before) < seen_before
    return (
        select(
            Order.id,
            Order.institution_id,
            Order.distributor_id,
            Order.submitted_at,
            Order.emergency,
            case(
                (and_(answered, Order.emergency.is_(False)), Order.answered_at), else_=Order.submitted_at
            ).label("begins"),
            answered.label("answered"),
        )
        .where(
            Order.submitted_at >= submitted_in[0],
            Order.submitted_at < min(submitted_in[1], seen_before),
            counts_once(Order.id),
            true() if only is None else only,
        )
        .cte("begun")
    )


def _with_limits(orders: CTE, book: PolicyBook, first: date, last: date) -> Select[Any]:
    """The lines of these orders with the day of their limit; the limits run from days between the two."""
    days = limit_days(book, first, last)
    record = InstitutionRecord
    limit_day = limit_day_of(
        days,
        begins=orders.c.begins,
        answered=orders.c.answered,
        emergency=orders.c.emergency,
        remote=func.coalesce(record.remote, False),
        cold_chain=Item.cold_chain,
    )
    return (
        select(
            OrderLine.id.label("line_id"),
            orders.c.id.label("order_id"),
            orders.c.distributor_id,
            orders.c.institution_id,
            OrderLine.item_id,
            orders.c.submitted_at,
            OrderLine.packs.label("ordered"),
            (OrderLine.withdrawn_before + OrderLine.withdrawn_after).label("withdrawn"),
            limit_day.label("limit_day"),
        )
        .select_from(orders)
        .join(days, days.c.day == china_day(orders.c.begins))
        .join(OrderLine, OrderLine.order_id == orders.c.id)
        .join(Item, Item.id == OrderLine.item_id)
        .outerjoin(
            record,
            and_(
                record.institution_id == orders.c.institution_id,
                record.valid_from <= days.c.day,
                or_(record.valid_before.is_(None), record.valid_before > days.c.day),
            ),
        )
    )


def lines_submitted(
    book: PolicyBook, *, first: date, last: date, as_of: date, only: ColumnElement[bool] | None = None
) -> CTE:
    """Order lines submitted between two days, with the day on which their delivery limit falls as seen on a day (R-DEL-3).

    Args:
        book: all rows of policy.
        first: the first day of submission.
        last: the last one.
        as_of: the day D; what is dated later is not seen.
        only: a condition on the orders, where not all are wanted.

    Returns:
        a CTE with line_id, order_id, distributor_id, institution_id, item_id, submitted_at, ordered (packs),
        withdrawn (packs, whenever), limit_day.

    """
    submitted = (start_of_day(first), end_of_day(last))
    orders = _orders(submitted, seen_before=end_of_day(as_of), only=only)
    return _with_limits(orders, book, first, as_of).cte("submitted")


def withdrawn_by_limit(lines: CTE, *, as_of: date) -> CTE:
    """Packs of each line that the buyer took back on or before the day of its limit: line_id, packs (R-DEL-4)."""
    return (
        select(OrderEvent.line_id, func.sum(OrderEvent.packs).label("packs"))
        .join(lines, lines.c.line_id == OrderEvent.line_id)
        .where(
            lines.c.withdrawn > 0,
            OrderEvent.kind.in_(WITHDRAWALS),
            OrderEvent.at < end_of_day(as_of),
            china_day(OrderEvent.at) <= lines.c.limit_day,
        )
        .group_by(OrderEvent.line_id)
        .cte("taken_back")
    )


def delivered_by(lines: CTE, *, as_of: date) -> CTE:
    """What of each line was delivered by a day: line_id, packs, rejected (for a justified reason, by the day).

    Goods whose delivery nobody noted were delivered at the latest when they were accepted.
    """
    ends = end_of_day(as_of)
    rejected = case(
        (
            and_(
                Shipment.accepted_at < ends,
                ShipmentLine.reject_reason.in_(JUSTIFIED_REJECTIONS),
            ),
            ShipmentLine.rejected_packs,
        ),
        else_=0,
    )
    return (
        select(
            lines.c.line_id,
            func.sum(ShipmentLine.shipped_packs).label("packs"),
            func.sum(rejected).label("rejected"),
        )
        .select_from(lines)
        .join(ShipmentLine, ShipmentLine.order_line_id == lines.c.line_id)
        .join(Shipment, Shipment.id == ShipmentLine.shipment_id)
        .where(
            func.coalesce(Shipment.delivered_at, Shipment.accepted_at) < ends,
            or_(Shipment.voided_at.is_(None), Shipment.voided_at >= ends),
        )
        .group_by(lines.c.line_id)
        .cte("delivered")
    )
