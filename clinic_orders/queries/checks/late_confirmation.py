"""Orders that were answered late, or lapsed, in the month of the day (R-ORD-6)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from sqlalchemy import CTE, Date, and_, case, column, exists, func, or_, select, values

from clinic_orders.models.base import china_day, db
from clinic_orders.models.orders import EventKind, Order, OrderEvent, OrderLine
from clinic_orders.models.roster import Distributor
from clinic_orders.queries.checks.limits import LONGEST
from clinic_orders.queries.checks.scope import Scope
from clinic_orders.queries.doubles import counts_once
from clinic_orders.rules.days import day_in_china, end_of_day, start_of_day
from clinic_orders.rules.findings import CheckRule, Finding
from clinic_orders.rules.lateness import late_confirmation
from clinic_orders.rules.ordering import last_day_to_answer

RULES = (CheckRule.LATE_CONFIRMATION,)


def last_days(scope: Scope, first: date, last: date) -> CTE:
    """For each day of submission the last day to answer, and the end of it as an instant (R-ORD-6)."""
    rows = []
    for number in range((last - first).days + 1):
        day = date.fromordinal(first.toordinal() + number)
        days = scope.book.whole("order.confirm_days", on=day)
        rows.append((day, last_day_to_answer(start_of_day(day), confirm_days=days)))
    return (
        values(column("day", Date), column("last_day", Date), name="answer_day").data(rows).cte("answer_day")
    )


def find(scope: Scope) -> Iterator[Finding]:
    """The warnings of the month of the day; named against the distributor (formats.md section 3)."""
    if scope.institution_ids is not None:
        return
    month, ends = scope.month, scope.ends
    days = last_days(scope, month.first_day - LONGEST, scope.as_of)
    answered_seen = and_(Order.answered_at.is_not(None), Order.answered_at < ends)
    answered_on: Any = case((answered_seen, china_day(Order.answered_at)))
    happened_on = func.coalesce(answered_on, days.c.last_day)
    statement = (
        select(
            Order.id,
            Order.order_no,
            Distributor.code,
            Order.submitted_at,
            days.c.last_day,
            answered_on.label("answered_on"),
        )
        .join(days, days.c.day == china_day(Order.submitted_at))
        .join(Distributor, Distributor.id == Order.distributor_id)
        .where(
            Order.submitted_at >= start_of_day(month.first_day - LONGEST),
            Order.submitted_at < ends,
            happened_on >= month.first_day,
            happened_on <= scope.as_of,
            or_(answered_on.is_(None), answered_on > days.c.last_day),
            counts_once(Order.id),
        )
        .order_by(Order.id)
    )
    rows = db.session.connection().execute(statement).all()
    wanted = _still_wanted([(row.id, row.last_day) for row in rows if row.answered_on is None])
    for row in rows:
        if row.answered_on is None and row.id not in wanted:
            continue
        found = late_confirmation(
            row.order_no,
            row.code,
            submitted_on=day_in_china(row.submitted_at),
            last_day=row.last_day,
            answered_on=row.answered_on,
            on=scope.as_of,
        )
        if found is not None:
            yield found


def _still_wanted(orders: list[tuple[int, date]]) -> set[int]:
    """Of orders without an answer, those of which the buyer still wanted something when they lapsed."""
    found: set[int] = set()
    by_day: dict[date, list[int]] = {}
    for order_id, last_day in orders:
        by_day.setdefault(last_day, []).append(order_id)
    taken_kinds = (EventKind.WITHDRAWN_BEFORE, EventKind.WITHDRAWN_AFTER)
    for last_day, ids in by_day.items():
        taken = (
            select(func.coalesce(func.sum(OrderEvent.packs), 0))
            .where(
                OrderEvent.line_id == OrderLine.id,
                OrderEvent.kind.in_(taken_kinds),
                OrderEvent.at < end_of_day(last_day),
            )
            .scalar_subquery()
        )
        wants = exists().where(OrderLine.order_id == Order.id, OrderLine.packs > taken)
        found.update(db.session.connection().scalars(select(Order.id).where(Order.id.in_(ids), wants)))
    return found
