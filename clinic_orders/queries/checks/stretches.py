"""Stretches of days from which a deadline runs that falls on one and the same day.

Working days make deadlines of neighbouring days fall together; a month has some twenty of these stretches. They are joined
as a small table, so that each leads to its rows by a range of an index, and no day has to be worked out of an instant for
any row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import ARRAY, ColumnElement, Date, FromClause, bindparam, column, func, or_, text
from sqlalchemy.types import TypeEngine

from clinic_orders.models.base import UtcDateTime
from clinic_orders.rules.days import end_of_day, start_of_day

LONGEST: Final = timedelta(days=130)
"""No deadline lies farther from the day it runs from: more working days, or hours, no policy gives."""

_ONE_DAY: Final = timedelta(days=1)
_COLUMNS: Final[Mapping[str, TypeEngine[Any]]] = {
    "begins": UtcDateTime(),
    "ends": UtcDateTime(),
    "late": UtcDateTime(),
    "last_day": Date(),
}


@dataclass(frozen=True, slots=True)
class Stretch:
    """Days from which a deadline runs that falls on one day.

    Attributes:
        first, last: the days, both included.
        last_day: on which the deadline falls, until 24:00.

    """

    first: date
    last: date
    last_day: date

    @property
    def instants(self) -> dict[str, datetime]:
        """For a statement: from ``begins`` up to, not including, ``ends``; late is what came from ``late`` on."""
        return {
            "begins": start_of_day(self.first),
            "ends": end_of_day(self.last),
            "late": end_of_day(self.last_day),
        }


class Table:
    """Stretches as rows to begin a question with; made once for a number of them, so that the question is made once.

    On PostgreSQL they are four lists, whatever their number: its driver reads a statement of eighty values anew each time.
    Join outer what each leads to: SQLite then keeps to this order, and does not look through these for every row.

    Attributes:
        begins, ends, late, last_day: its columns; see ``Stretch.instants``.

    """

    def __init__(self, count: int, dialect: str) -> None:
        """For so many stretches on a database of this kind."""
        if dialect == "postgresql":
            lists = (bindparam(name, type_=ARRAY(kind)) for name, kind in _COLUMNS.items())
            listed = func.unnest(*lists).table_valued(*(column(*one) for one in _COLUMNS.items()))
            self.rows: FromClause = listed.render_derived(name="stretch")
        else:
            rows = ",".join(f"(:begins{n},:ends{n},:late{n},:last_day{n})" for n in range(count))
            binds = [
                bindparam(f"{name}{n}", type_=kind) for n in range(count) for name, kind in _COLUMNS.items()
            ]
            # SQLite names the columns of a bare list of values so. It is text, since SQLAlchemy's own list of values is
            # written anew at every asking.
            columns = (column(f"column{place}", kind) for place, kind in enumerate(_COLUMNS.values(), 1))
            self.rows = text(f"VALUES {rows}").bindparams(*binds).columns(*columns).cte("stretch")
        self.begins, self.ends, self.late, self.last_day = self.rows.c


def not_before(instant: Any, late: Any, dialect: str) -> ColumnElement[bool]:
    """The condition that something came at ``late`` or later, or never, so that an index of both instants answers it.

    PostgreSQL takes each half of an OR into the index; SQLite would go through all answers by it.
    """
    found: ColumnElement[bool] = func.coalesce(instant, late) >= late
    return or_(instant >= late, instant.is_(None)) if dialect == "postgresql" else found


def as_values(found: Sequence[Stretch], dialect: str) -> dict[str, Any]:
    """What to bind for the rows of a ``Table``."""
    if dialect == "postgresql":
        rows = [one.instants | {"last_day": one.last_day} for one in found]
        return {name: [row[name] for row in rows] for name in _COLUMNS}
    return {
        f"{name}{n}": value
        for n, one in enumerate(found)
        for name, value in (*one.instants.items(), ("last_day", one.last_day))
    }


def stretches(
    deadline: Callable[[date], date], *, first: date, last: date, turns: Iterable[date] = ()
) -> list[Stretch]:
    """The days up to ``last`` whose deadlines fall between two days, in order, neighbours of one deadline together.

    Args:
        deadline: the last day in time for what begins on a day.
        first: the first day on which the deadline may fall.
        last: the last one.
        turns: the days on which the time that is given changes; between them a later day has no earlier deadline.

    >>> from clinic_orders.rules.days import add_working_days
    >>> for found in stretches(lambda day: add_working_days(day, 2), first=date(2026, 11, 23), last=date(2026, 11, 24)):
    ...     print(found.first, found.last, found.last_day)
    2026-11-19 2026-11-19 2026-11-23
    2026-11-20 2026-11-22 2026-11-24
    """
    found: list[Stretch] = []
    day = earliest = first - LONGEST
    if not any(earliest < turn <= last for turn in turns):
        # Back to the day whose deadline lies before all that is asked for.
        day = first
        while day > earliest and deadline(day) >= first:
            day -= _ONE_DAY
    while day <= last:
        falls = deadline(day)
        if first <= falls <= last:
            before = found[-1] if found else None
            if before is not None and before.last_day == falls and before.last + _ONE_DAY == day:
                found[-1] = Stretch(before.first, day, falls)
            else:
                found.append(Stretch(day, day, falls))
        day += _ONE_DAY
    return found
