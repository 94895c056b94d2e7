"""What each distributor did for each institution in a month (R-STAT-3), the set-based side of ``rules.scorecard``.

The database finds the lines that were due and what was delivered of them; each line is then judged by the plain rule,
for whether goods came in time on the very day of a limit depends on the hour.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, case, func, select
from sqlalchemy.orm import InstrumentedAttribute

from clinic_orders.models.base import db
from clinic_orders.models.orders import EventKind, Order, OrderEvent, OrderLine
from clinic_orders.models.roster import Distributor
from clinic_orders.queries.checks.due_in_month import LineDue, lines_due, taken_back
from clinic_orders.queries.checks.scope import Scope
from clinic_orders.queries.checks.stretches import Stretch, stretches
from clinic_orders.queries.doubles import counts_once
from clinic_orders.rules.days import Month, day_in_china, end_of_day, start_of_day
from clinic_orders.rules.delivery import DeliveryHours, delivery_limit
from clinic_orders.rules.ordering import last_day_to_answer
from clinic_orders.rules.policy import PolicyBook
from clinic_orders.rules.scorecard import Arrival, DueLine, Score

Pair = tuple[int, int]
"""Row ids of the receiving institution and the distributor."""
_MOMENT = timedelta(microseconds=1)


def scores(scope: Scope, month: Month) -> dict[Pair, Score]:
    """The sums of a month as of the day of the scope, by receiving institution and distributor.

    Here stand only the order lines that were to be answered or delivered; orders and acceptances are counted with
    the other figures of the month.
    """
    found: dict[Pair, Score] = defaultdict(Score)
    for one in answers_due(scope, month):
        _add_answers(found, scope, one)
    _add_deliveries(found, scope, month)
    return found


def answers_due(scope: Scope, month: Month) -> list[Stretch]:
    """The days of submission whose last day to answer falls in a month."""

    def last_day_of(day: date) -> date:
        days = scope.book.whole("order.confirm_days", on=day)
        return last_day_to_answer(start_of_day(day), confirm_days=days)

    return list(stretches(last_day_of, first=month.first_day, last=month.last_day))


def _add_answers(found: dict[Pair, Score], scope: Scope, due: Stretch) -> None:
    """Order lines whose last day to answer is that of a stretch, and those answered by it (R-ORD-6, R-STAT-2).

    What the buyer took back in whole by that day, before there was an answer, is nobody's delay and left out.
    """
    over = end_of_day(due.last_day)
    begun = (
        Order.submitted_at >= start_of_day(due.first),
        Order.submitted_at < min(end_of_day(due.last), scope.ends),
        counts_once(Order.id),
    )
    in_time = Order.answered_at < min(over, scope.ends)
    gone = and_(Order.answered_at.is_(None), OrderLine.withdrawn_before == OrderLine.packs)
    pair = (Order.institution_id, Order.distributor_id)
    connection = db.session.connection()
    statement = (
        select(*pair, func.count(), func.sum(case((in_time, 1), else_=0)))
        .join(OrderLine, OrderLine.order_id == Order.id)
        .where(*begun, ~gone)
        .group_by(*pair)
    )
    for institution_id, distributor_id, lines, answered in connection.execute(statement):
        one = found[institution_id, distributor_id]
        one.lines_to_answer += lines
        one.lines_answered += int(answered)
    # Taken back in whole, but only after the day was over: nobody had answered it in time.
    too_late = (
        select(*pair)
        .join(OrderLine, OrderLine.order_id == Order.id)
        .join(OrderEvent, OrderEvent.line_id == OrderLine.id)
        .where(*begun, gone, OrderEvent.kind == EventKind.WITHDRAWN_BEFORE)
        .group_by(OrderLine.id, *pair)
        .having(func.max(OrderEvent.at) >= over)
    )
    for institution_id, distributor_id in connection.execute(too_late):
        found[institution_id, distributor_id].lines_to_answer += 1


def _add_deliveries(found: dict[Pair, Score], scope: Scope, month: Month) -> None:
    """Order lines whose delivery limit falls in the month, and what came of them (R-DEL-4)."""
    for one in judged_lines(scope, month):
        found[one.line.institution_id, one.line.distributor_id].take_line(one.due, on=scope.as_of)


class JudgedLine(NamedTuple):
    """An order line whose limit falls in the month: its row, the instant of its limit, what the rule needs of it."""

    line: LineDue
    limit: datetime
    due: DueLine


def judged_lines(
    scope: Scope,
    month: Month,
    *,
    only: Sequence[ColumnElement[bool]] = (),
    more: Sequence[InstrumentedAttribute[Any]] = (),
) -> Iterator[JudgedLine]:
    """The order lines whose delivery limit falls in a month, and what came of them by the day of the scope (R-DEL-4).

    Args:
        scope: the day and the policy.
        month: in which the limits fall.
        only: which orders; see ``lines_due``.
        more: further columns; see ``lines_due``.

    """
    limits, connection = _Limits(scope.book), db.session.connection()
    for lines, came in lines_due(scope.book, month, as_of=scope.as_of, only=only, more=more):
        arrivals: dict[int, list[tuple[datetime, int]]] = defaultdict(list)
        for line_id, at, packs in connection.execute(came):
            arrivals[line_id].append((at, int(packs)))
        withdrawn: dict[int, list[tuple[date, int]]] = defaultdict(list)
        for line_id, at, packs in taken_back([one.line_id for one in lines if one.withdrawn], scope.ends):
            withdrawn[line_id].append((day_in_china(at), packs))
        for one in lines:
            limit = limits.of(one)
            # A limit at 24:00 belongs to the day that ends with it.
            limit_day = day_in_china(limit - _MOMENT)
            due = DueLine(
                limit_day,
                one.packs,
                sum(packs for day, packs in withdrawn.get(one.line_id, ()) if day <= limit_day),
                tuple(
                    Arrival(day_in_china(at), packs, at <= limit)
                    for at, packs in arrivals.get(one.line_id, ())
                ),
            )
            yield JudgedLine(one, limit, due)


class _Limits:
    """The instants of delivery limits; what policy says of a day is looked up once."""

    def __init__(self, book: PolicyBook) -> None:
        self._book = book
        self._days: dict[date, tuple[DeliveryHours, int]] = {}

    def of(self, line: LineDue) -> datetime:
        """By when the line was to be there (R-DEL-3)."""
        day = day_in_china(line.begins)
        if day not in self._days:
            confirm_days = self._book.whole("order.confirm_days", on=day)
            self._days[day] = DeliveryHours.of(self._book, on=day), confirm_days
        hours, confirm_days = self._days[day]
        return delivery_limit(
            submitted_at=line.begins,
            answered_at=line.begins if line.answered else None,
            hours=hours,
            confirm_days=confirm_days,
            remote=line.far,
            emergency=line.emergency,
        )


class Scored(NamedTuple):
    """A distributor that has a scorecard."""

    id: int
    code: str
    name: str


def distributor_of(*, row_id: int | None = None, code: str = "") -> Scored | None:
    """A distributor by its row id or its code; None where there is none."""
    wanted = Distributor.id == row_id if row_id is not None else Distributor.code == code
    row = db.session.execute(
        select(Distributor.id, Distributor.code, Distributor.name).where(wanted)
    ).one_or_none()
    return None if row is None else Scored(*row)
