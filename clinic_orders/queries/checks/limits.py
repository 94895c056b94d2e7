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

from sqlalchemy import CTE, ColumnElement, Date, and_, case, column, or_, values
from sqlalchemy.orm import InstrumentedAttribute

from clinic_orders.models.base import UtcDateTime
from clinic_orders.rules.days import add_working_days, is_working_day, start_of_day
from clinic_orders.rules.delivery import DeliveryHours
from clinic_orders.rules.ordering import last_day_to_answer
from clinic_orders.rules.policy import PolicyBook

_ONE_DAY = timedelta(days=1)
# No limit lies farther from the day it runs from: more working days to answer, or hours, no policy gives.
LONGEST = timedelta(days=130)


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


def _reaches(book: PolicyBook, day: date) -> tuple[date, tuple[Reach, ...]]:
    """Where the limits fall that run from a day: of a line without an answer, and of each kind of delivery."""
    hours = DeliveryHours.of(book, on=day)
    confirm_days = book.whole("order.confirm_days", on=day)
    kinds = (
        (hours.normal, True),
        (hours.remote, True),
        (hours.emergency, False),
        (hours.emergency_remote, False),
    )
    return (
        last_day_to_answer(start_of_day(day), confirm_days=confirm_days),
        tuple(reach_of(day, count, working_days_only=working) for count, working in kinds),
    )


def first_beginning(book: PolicyBook, first: date) -> date:
    """The first day from which a limit may run that falls on a given day or later."""
    day = first - LONGEST
    while day < first:
        unanswered, reaches = _reaches(book, day)
        if max(unanswered, *(reach.later_day for reach in reaches)) >= first:
            break
        day += _ONE_DAY
    return day


def _rows(book: PolicyBook, first: date, last: date) -> Iterator[tuple[Any, ...]]:
    day = first
    while day <= last:
        unanswered, reaches = _reaches(book, day)
        row: list[Any] = [day, unanswered]
        for reach in reaches:
            row += [reach.until, reach.day, reach.later_day]
        yield tuple(row)
        day += _ONE_DAY


def limit_days(book: PolicyBook, first: date, last: date) -> CTE:
    """The table of days from which limits run, to be joined by ``day``, the day in China of their beginning.

    Args:
        book: all rows of policy.
        first: the first day.
        last: the last day.

    """
    return values(*_columns(), name="limit_day").data(list(_rows(book, first, last))).cte("limit_day")


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
