"""Order lines with the day of their delivery limit, and what had become of them by a day (R-DEL-3, R-DEL-4, R-VOL-5)."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import CTE, ColumnElement, Select, and_, case, func, or_, select, true, union

from clinic_orders.models.catalogue import Item
from clinic_orders.models.deliveries import Shipment, ShipmentLine
from clinic_orders.models.expressions import china_day, instant
from clinic_orders.models.orders import EventKind, Order, OrderEvent, OrderLine
from clinic_orders.models.roster import InstitutionRecord
from clinic_orders.queries.checks.limits import limit_day_of, limit_days
from clinic_orders.queries.doubles import not_set_aside
from clinic_orders.rules.days import end_of_day, start_of_day
from clinic_orders.rules.policy import PolicyBook
from clinic_orders.rules.reasons import RejectReason

JUSTIFIED_REJECTIONS = tuple(reason.value for reason in RejectReason if reason.is_justified)
"""The values of ``reject_reason`` for which the blame is the distributor's (R-VOL-5)."""

WITHDRAWALS = (EventKind.WITHDRAWN_BEFORE, EventKind.WITHDRAWN_AFTER)
"""The events by which the buyer takes packs back."""


def _late(until: date) -> ColumnElement[bool]:
    """The condition that what a shipment brought was not delivered by the end of a day."""
    ends = end_of_day(until)
    never = and_(Shipment.delivered_at.is_(None), Shipment.accepted_at.is_(None))
    later = and_(Shipment.delivered_at.is_(None), Shipment.accepted_at >= ends)
    # Each is a range of the index of deliveries.
    return or_(Shipment.delivered_at >= ends, later, never)


def _lacks(until: date) -> ColumnElement[bool]:
    """The condition that of a line something may not have come by a day; it lets through a few more.

    Of all others every pack was shipped, so that none was refused, closed or taken back (the CHECKs of the table), and
    all of it was delivered by the end of the day.
    """
    late = (
        select(ShipmentLine.order_line_id)
        .join(Shipment, Shipment.id == ShipmentLine.shipment_id)
        .where(_late(until))
    )
    return or_(OrderLine.packs > OrderLine.shipped_packs, OrderLine.id.in_(late))


def _lacks_of_few(
    until: date, where: ColumnElement[bool], received: ColumnElement[bool]
) -> ColumnElement[bool]:
    """The same of a few institutions, together with the condition that leads to them: their orders and their shipments
    are looked through, each by its index, before anything else is asked of a line.
    """
    ordered = select(OrderLine.id).join(Order, Order.id == OrderLine.order_id)
    shipped = ordered.join(ShipmentLine, ShipmentLine.order_line_id == OrderLine.id).join(
        Shipment, Shipment.id == ShipmentLine.shipment_id
    )
    found = union(
        ordered.where(OrderLine.packs > OrderLine.shipped_packs, where),
        shipped.where(_late(until), received, where),
    ).cte("lacking")
    return OrderLine.id.in_(select(found.prefix_with("MATERIALIZED", dialect="postgresql").c.id))


def lines_lacking(
    book: PolicyBook,
    *,
    first: date,
    last: date,
    as_of: date,
    where: ColumnElement[bool],
    received: ColumnElement[bool] | None = None,
) -> CTE:
    """Order lines submitted between two days of which something may not have come by the second, each with the day on which
    its delivery limit falls as seen on a day (R-DEL-3).

    Args:
        book: all rows of policy.
        first: the first day of submission.
        last: the last one, by whose end something came or did not.
        as_of: the day D; what is dated later is not seen.
        where: a condition on the orders and lines.
        received: where it leads to a few institutions, the condition that leads to their shipments: the search then
            begins there, and not at everybody's lines.

    Returns:
        a CTE with line_id, order_id, order_no, distributor_id, institution_id, item_id, submitted_at, answered_at,
        ordered, confirmed, withdrawn_before, withdrawn (packs, whenever), limit_day.

    """
    seen_before = end_of_day(as_of)
    days, record = limit_days(book, first, as_of), InstitutionRecord
    answered = func.coalesce(Order.answered_at, instant(seen_before)) < seen_before
    begins = case((and_(answered, Order.emergency.is_(False)), Order.answered_at), else_=Order.submitted_at)
    submitted = func.coalesce(Order.submitted_at, instant(seen_before))
    limit_day = limit_day_of(
        days,
        begins=begins,
        answered=answered,
        emergency=Order.emergency == true(),
        remote=func.coalesce(record.remote, False),
        cold_chain=Item.cold_chain,
    )
    return (
        select(
            OrderLine.id.label("line_id"),
            Order.id.label("order_id"),
            Order.order_no,
            Order.distributor_id,
            Order.institution_id,
            OrderLine.item_id,
            Order.submitted_at,
            Order.answered_at,
            OrderLine.packs.label("ordered"),
            OrderLine.confirmed_packs.label("confirmed"),
            OrderLine.withdrawn_before,
            (OrderLine.withdrawn_before + OrderLine.withdrawn_after).label("withdrawn"),
            limit_day.label("limit_day"),
        )
        .select_from(OrderLine)
        # Outer, although each has one: SQLite keeps to this order then, and does not begin at the orders of all years.
        .outerjoin(Order, Order.id == OrderLine.order_id)
        .join(days, days.c.day == china_day(begins))
        .join(Item, Item.id == OrderLine.item_id)
        .outerjoin(
            record,
            and_(
                record.institution_id == Order.institution_id,
                record.valid_from <= days.c.day,
                or_(record.valid_before.is_(None), record.valid_before > days.c.day),
            ),
        )
        .where(
            # Not the column itself: its index would be taken for the best way in, and lead through all orders of a cycle.
            submitted >= start_of_day(first),
            submitted < min(end_of_day(last), seen_before),
            and_(_lacks(last), where) if received is None else _lacks_of_few(last, where, received),
            not_set_aside(Order.id),
        )
        .cte("submitted")
    )


def withdrawn_by_limit(lines: CTE, *, as_of: date) -> ColumnElement[int]:
    """Packs of a line that the buyer took back on or before the day of its limit (R-DEL-4).

    Asked line by line, as the other two: of few lines, of which the index leads to the events and deliveries.
    """
    taken = _summed(
        select(func.sum(OrderEvent.packs)).where(
            OrderEvent.line_id == lines.c.line_id,
            OrderEvent.kind.in_(WITHDRAWALS),
            OrderEvent.at < end_of_day(as_of),
            china_day(OrderEvent.at) <= lines.c.limit_day,
        ),
        lines,
    )
    return case((lines.c.withdrawn > 0, taken), else_=0)


def closed_by(lines: CTE, *, as_of: date) -> ColumnElement[int]:
    """Packs of a line that were closed by a day."""
    return _summed(
        select(func.sum(OrderEvent.packs)).where(
            OrderEvent.line_id == lines.c.line_id,
            OrderEvent.kind == EventKind.CLOSED,
            OrderEvent.at < end_of_day(as_of),
        ),
        lines,
    )


def delivered_by(lines: CTE, *, as_of: date) -> ColumnElement[int]:
    """Packs of a line that were delivered by a day.

    Goods whose delivery nobody noted were delivered at the latest when they were accepted.
    """
    ends = end_of_day(as_of)
    return _summed(
        select(func.sum(ShipmentLine.shipped_packs))
        .join(Shipment, Shipment.id == ShipmentLine.shipment_id)
        .where(
            ShipmentLine.order_line_id == lines.c.line_id,
            func.coalesce(Shipment.delivered_at, Shipment.accepted_at) < ends,
            or_(Shipment.voided_at.is_(None), Shipment.voided_at >= ends),
        ),
        lines,
    )


def _summed(packs: Select[*tuple[Any, ...]], lines: CTE) -> ColumnElement[int]:
    return func.coalesce(packs.correlate(lines).scalar_subquery(), 0)
