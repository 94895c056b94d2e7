"""Orders that were answered late, or lapsed, in the month of the day (R-ORD-6)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Select, and_, bindparam, exists, func, select, true, union_all

from clinic_orders.models.base import db
from clinic_orders.models.orders import EventKind, Order, OrderEvent, OrderLine
from clinic_orders.models.roster import Distributor
from clinic_orders.queries.checks.scope import Scope
from clinic_orders.queries.checks.stretches import Stretch, Table, as_values, not_before, stretches
from clinic_orders.queries.doubles import counts_once
from clinic_orders.rules.days import day_in_china, end_of_day, start_of_day
from clinic_orders.rules.findings import CheckRule, Finding
from clinic_orders.rules.lateness import late_confirmation
from clinic_orders.rules.ordering import last_day_to_answer

RULES = (CheckRule.LATE_CONFIRMATION,)
_DAYS: Final = "order.confirm_days"

_COLUMNS: Final = (Order.id, Order.order_no, Distributor.code, Order.submitted_at, Order.answered_at)


def _others(due: list[Stretch], as_of: date) -> Iterator[tuple[datetime | None, datetime]]:
    """The times of submission up to a day that no stretch covers; the first is all that lies before them."""
    begins: datetime | None = None
    for one in due:
        if begins is None or start_of_day(one.first) > begins:
            yield begins, start_of_day(one.first)
        begins = end_of_day(one.last)
    if not due:
        yield begins, end_of_day(as_of)


@lru_cache(maxsize=64)
def _due(count: int, dialect: str) -> Select[Any]:
    """Orders not answered in time, by stretches of days; a stretch without any gives a row without an order."""
    due = Table(count, dialect)
    within = and_(Order.submitted_at >= due.begins, Order.submitted_at < due.ends, counts_once(Order.id))
    if dialect == "postgresql":
        # By OR it would fetch all orders of a stretch; each half by itself is a range of the index of both instants.
        halves = (
            select(*_COLUMNS[:2], Order.distributor_id, *_COLUMNS[3:]).where(within, late).correlate(due.rows)
            for late in (Order.answered_at >= due.late, Order.answered_at.is_(None))
        )
        found = union_all(*halves).lateral("late")
        return (
            select(due.last_day.label("last_day"), *found.c[:2], Distributor.code, *found.c[3:])
            .select_from(due.rows)
            .join(found, true())
            .join(Distributor, Distributor.id == found.c.distributor_id)
        )
    return (
        select(due.last_day.label("last_day"), *_COLUMNS)
        .select_from(due.rows)
        .outerjoin(Order, and_(within, not_before(Order.answered_at, due.late, dialect)))
        .outerjoin(Distributor, Distributor.id == Order.distributor_id)
    )


_ANSWERED: Final = (
    select(*_COLUMNS)
    # Outer, although each has one: else the way would begin at the few distributors and read all their orders' rows.
    .outerjoin(Distributor, Distributor.id == Order.distributor_id)
    .where(
        Order.answered_at >= bindparam("begins"),
        Order.answered_at < bindparam("ends"),
        Order.submitted_at < bindparam("submitted_before"),
        counts_once(Order.id),
    )
)


def find(scope: Scope) -> Iterator[Finding]:
    """The warnings of the month of the day; named against the distributor (formats.md section 3)."""
    if scope.institution_ids is not None:
        return
    ends = scope.ends

    def last_day_of(day: date) -> date:
        days = scope.book.whole(_DAYS, on=day)
        return last_day_to_answer(start_of_day(day), confirm_days=days)

    due = stretches(last_day_of, first=scope.month.first_day, last=scope.as_of, turns=scope.book.turns(_DAYS))
    connection = db.session.connection()
    dialect = connection.dialect.name
    rows: list[tuple[list[Any], date]] = []
    if due:
        found = connection.execute(_due(len(due), dialect), as_values(due, dialect)).all()
        rows = [(order, last_day) for last_day, *order in found if order[0] is not None]
    # What was due before the month may have been answered in it: what was submitted before all that, and on days between
    # from which policy gave fewer days than from others.
    for begins, before in _others(due, scope.as_of):
        values = {"begins": scope.month_begins, "ends": ends, "submitted_before": before}
        # A beginning before all orders would have SQLite begin with these, not with the month's answers.
        statement = _ANSWERED if begins is None else _ANSWERED.where(Order.submitted_at >= begins)
        for row in connection.execute(statement, values).all():
            rows.append(([*row], last_day_of(day_in_china(row.submitted_at))))
    wanted = _still_wanted(
        [(order[0], last_day) for order, last_day in rows if order[4] is None or order[4] >= ends]
    )
    for (order_id, order_no, code, submitted_at, answered_at), last_day in rows:
        is_answered = answered_at is not None and answered_at < ends
        if not is_answered and order_id not in wanted:
            continue
        finding = late_confirmation(
            order_no,
            code,
            submitted_on=day_in_china(submitted_at),
            last_day=last_day,
            answered_on=day_in_china(answered_at) if is_answered else None,
            on=scope.as_of,
        )
        if finding is not None:
            yield finding


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
