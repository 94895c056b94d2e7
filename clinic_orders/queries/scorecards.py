"""What each distributor did for each institution in a month (R-STAT-3), the set-based side of ``rules.scorecard``.

The database finds the lines that were due and what was delivered of them; each line is then judged by the plain rule,
for whether goods came in time on the very day of a limit depends on the hour.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime, timedelta

from sqlalchemy import and_, case, func, select

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

    def last_day_of(day: date) -> date:
        days = scope.book.whole("order.confirm_days", on=day)
        return last_day_to_answer(start_of_day(day), confirm_days=days)

    for one in stretches(last_day_of, first=month.first_day, last=month.last_day):
        _add_answers(found, scope, one)
    _add_deliveries(found, scope, month)
    return found


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
    limits, connection = _Limits(scope.book), db.session.connection()
    for lines, came in lines_due(scope.book, month, as_of=scope.as_of):
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
            line = DueLine(
                limit_day,
                one.packs,
                sum(packs for day, packs in withdrawn.get(one.line_id, ()) if day <= limit_day),
                tuple(
                    Arrival(day_in_china(at), packs, at <= limit)
                    for at, packs in arrivals.get(one.line_id, ())
                ),
            )
            found[one.institution_id, one.distributor_id].take_line(line, on=scope.as_of)


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


def distributor_code(distributor_id: int | None) -> str:
    """The code of a distributor; "" where there is none."""
    return db.session.scalar(select(Distributor.code).where(Distributor.id == distributor_id)) or ""
