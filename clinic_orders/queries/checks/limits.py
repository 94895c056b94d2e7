"""Delivery limits of many order lines at once (R-DEL-3), the set-based twin of ``rules.delivery.delivery_limit``.

A limit depends on the day from which it runs, on the time of that day and on what kind of delivery it is. For each
day the calendar is asked once; the database joins that table to the days of the orders.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import CTE, ColumnElement, Date, and_, case, column, or_, select, text
from sqlalchemy.orm import InstrumentedAttribute

from clinic_orders.models.base import UtcDateTime, db
from clinic_orders.queries.checks.stretches import LONGEST
from clinic_orders.rules.days import add_working_days, day_in_china, is_working_day, start_of_day
from clinic_orders.rules.delivery import DeliveryHours
from clinic_orders.rules.ordering import last_day_to_answer
from clinic_orders.rules.policy import PolicyBook

_ONE_DAY = timedelta(days=1)
_ONE_MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Reach:
    """Where a limit falls that runs from one day: what begins up to an instant falls on one day, later on another."""

    until: datetime
    day: date
    later_day: date


@lru_cache(maxsize=65536)
def reach_of(day: date, hours: int, *, working_days_only: bool) -> Reach:
    """Where a limit of so many hours falls that runs from some instant of a day (R-DEL-3).

    A limit at 24:00 belongs to the day that ends with it. With ``working_days_only`` the hours of other days do not
    count, and what begins on such a day begins to count with the next working day.

    >>> reach = reach_of(date(2026, 11, 20), 48, working_days_only=True)  # A Friday.
    >>> reach.until == start_of_day(date(2026, 11, 20)), reach.day, reach.later_day
    (True, datetime.date(2026, 11, 23), datetime.date(2026, 11, 24))
    """

    def after(start: date, days: int) -> date:
        if not days:
            return start
        return add_working_days(start, days) if working_days_only else start + timedelta(days=days)

    # The hours end within the day so many (working) days later, if they begin early enough.
    whole, over = divmod(hours, 24)
    full = whole - 1 if not over and whole else whole
    if working_days_only and not is_working_day(day):
        begins = add_working_days(day, 1)
        falls = after(begins, full)
        return Reach(start_of_day(day + _ONE_DAY), falls, falls)
    until = start_of_day(day) + timedelta(hours=24 * (full + 1) - hours)
    return Reach(until, after(day, full), after(day, full + 1))


_KINDS = ("normal", "remote", "emergency", "emergency_remote")


def _columns() -> list[Any]:
    found: list[Any] = [column("day", Date), column("unanswered_day", Date)]
    for kind in _KINDS:
        found += [
            column(f"{kind}_until", UtcDateTime),
            column(f"{kind}_day", Date),
            column(f"{kind}_later", Date),
        ]
    return found


def _reaches(book: PolicyBook, day: date) -> tuple[date, tuple[Reach, Reach, Reach, Reach]]:
    """Where the limits fall that run from a day: of a line without an answer, and of each kind of delivery."""
    hours = DeliveryHours.of(book, on=day)
    confirm_days = book.whole("order.confirm_days", on=day)
    return (
        last_day_to_answer(start_of_day(day), confirm_days=confirm_days),
        (
            reach_of(day, hours.normal, working_days_only=True),
            reach_of(day, hours.remote, working_days_only=True),
            reach_of(day, hours.emergency, working_days_only=False),
            reach_of(day, hours.emergency_remote, working_days_only=False),
        ),
    )


@dataclass(frozen=True, slots=True)
class Span:
    """The instants from one up to, not including, another."""

    begins: datetime
    ends: datetime


@dataclass(frozen=True, slots=True)
class Beginnings:
    """From when on a limit runs that falls on one of some days, by what it is the limit of; in order, not touching.

    Attributes:
        unanswered: submission of what is not answered.
        normal, remote: the answer; remote also for cold chain.
        emergency, emergency_remote: submission of an emergency.

    """

    unanswered: tuple[Span, ...]
    normal: tuple[Span, ...]
    remote: tuple[Span, ...]
    emergency: tuple[Span, ...]
    emergency_remote: tuple[Span, ...]


def beginnings(book: PolicyBook, *, first: date, last: date) -> Beginnings:
    """From when on limits run that fall between two days, both included (R-DEL-3).

    A month's limits of one kind are one span, or two where policy changed within: rows are found by an index and need no
    limit worked out.

    >>> found = beginnings(PolicyBook(), first=date(2026, 11, 1), last=date(2026, 11, 30))
    >>> [(day_in_china(span.begins), day_in_china(span.ends)) for span in found.unanswered]
    [(datetime.date(2026, 10, 29), datetime.date(2026, 11, 27))]
    """
    spans: list[list[Span]] = [[] for _ in range(len(_KINDS) + 1)]

    def add(place: int, begins: datetime, ends: datetime, falls: date) -> None:
        if not first <= falls <= last or begins >= ends:
            return
        own = spans[place]
        if own and own[-1].ends == begins:
            own[-1] = Span(own[-1].begins, ends)
        else:
            own.append(Span(begins, ends))

    day = first - LONGEST
    while day <= last:
        begins, ends = start_of_day(day), start_of_day(day + _ONE_DAY)
        unanswered, reaches = _reaches(book, day)
        add(0, begins, ends, unanswered)
        for place, reach in enumerate(reaches, 1):
            turns = min(reach.until + _ONE_MOMENT, ends)
            add(place, begins, turns, reach.day)
            add(place, turns, ends, reach.later_day)
        day += _ONE_DAY
    return Beginnings(*(tuple(own) for own in spans))


def both(one: tuple[Span, ...], other: tuple[Span, ...]) -> tuple[Span, ...]:
    """The instants that lie in both."""
    pairs = ((max(a.begins, b.begins), min(a.ends, b.ends)) for a in one for b in other)
    return tuple(Span(begins, ends) for begins, ends in pairs if begins < ends)


def limit_day(book: PolicyBook, begins: datetime, *, answered: bool, emergency: bool, remote: bool) -> date:
    """The day in China on which the limit falls that runs from an instant (R-DEL-3); see ``limit_day_of``.

    Args:
        book: all rows of policy.
        begins: submission for an emergency order or one not answered, else the answer.
        answered: whether the answer is seen.
        emergency: of the order.
        remote: of the receiver on that day; for what is no emergency also where the item needs cold chain.

    """
    unanswered, (normal, far, urgent, urgent_far) = _reaches(book, day_in_china(begins))
    if not emergency and not answered:
        return unanswered
    reach = (urgent_far if remote else urgent) if emergency else (far if remote else normal)
    return reach.day if begins <= reach.until else reach.later_day


def _rows(book: PolicyBook, first: date, last: date) -> Iterator[tuple[Any, ...]]:
    day = first
    while day <= last:
        unanswered, reaches = _reaches(book, day)
        row: list[Any] = [day, unanswered]
        for reach in reaches:
            row += [reach.until, reach.day, reach.later_day]
        yield tuple(row)
        day += _ONE_DAY


def _written(value: date | datetime, dialect: str) -> str:
    """A day or an instant as text in SQL, as the database keeps it."""
    if isinstance(value, datetime):
        kind, plain = "TIMESTAMP ", f"{value.replace(tzinfo=None).isoformat(' ', 'microseconds')}"
    else:
        kind, plain = "DATE ", value.isoformat()
    return f"'{plain}'" if dialect == "sqlite" else f"{kind}'{plain}'"


def limit_days(book: PolicyBook, first: date, last: date) -> CTE:
    """The table of days from which limits run, to be joined by ``day``, the day in China of their beginning.

    Written out as text: a cycle of a year has five thousand values, and to bind them takes longer than the answer.

    Args:
        book: all rows of policy.
        first: the first day.
        last: the last day.

    """
    dialect = db.session.get_bind().dialect.name
    rows = ",".join(
        f"({','.join(_written(value, dialect) for value in row)})" for row in _rows(book, first, last)
    )
    kinds = _columns()
    numbered = (column(f"column{place}", kind.type) for place, kind in enumerate(kinds, 1))
    # Both databases name the columns of a bare list of values so.
    table = text(f"VALUES {rows}").columns(*numbered).cte("limit_values")
    return select(*(own.label(kind.name) for own, kind in zip(table.c, kinds, strict=True))).cte("limit_day")


def limit_day_of(
    days: CTE,
    *,
    begins: ColumnElement[datetime],
    answered: ColumnElement[bool],
    emergency: ColumnElement[bool],
    remote: ColumnElement[bool],
    cold_chain: InstrumentedAttribute[bool],
) -> ColumnElement[date]:
    """The day in China on which the limit of an order line falls, as SQL (R-DEL-3).

    Args:
        days: see ``limit_days``, joined by the day of ``begins``.
        begins: submission for an emergency order or one not answered, else the answer.
        answered: whether the answer is seen.
        emergency: of the order.
        remote: of the receiver on that day.
        cold_chain: of the item.

    """
    c = days.c

    def falls(kind: str) -> ColumnElement[date]:
        return case((begins <= c[f"{kind}_until"], c[f"{kind}_day"]), else_=c[f"{kind}_later"])

    return case(
        (and_(emergency, remote), falls("emergency_remote")),
        (emergency, falls("emergency")),
        (~answered, c.unanswered_day),
        (or_(remote, cold_chain), falls("remote")),
        else_=falls("normal"),
    )
