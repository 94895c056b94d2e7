"""To which day stock was carried forward, and whose balances do not hold there (decision 0048)."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, and_, exists, not_, select

from clinic_orders.models.base import db
from clinic_orders.models.roster import Institution
from clinic_orders.models.statistics import ClosedMonth
from clinic_orders.models.stock_balances import StockCarried, StockDisturbed
from clinic_orders.rules.days import Month

KEPT: Final = 3
"""To the ends of so many closed months stock is carried: checks of a month begin with what was there before it."""

MOST_REST: Final = 1000
"""Of so many institutions at most the history is added up beside balances; where more do not hold, of all."""


class Carried(NamedTuple):
    """Balances that a question may begin with.

    Attributes:
        day: at whose end they stand.
        rest: institutions of which they do not: their history is added up.

    """

    day: date
    rest: list[int]


def days_to_carry() -> list[date]:
    """The last days of the last closed months, earliest first."""
    statement = select(ClosedMonth.month).order_by(ClosedMonth.month.desc()).limit(KEPT)
    return sorted(Month.parse(month).last_day for month in db.session.connection().scalars(statement))


def holds(institution: Any, day: date) -> ColumnElement[bool]:
    """Whether the stock of an institution, a column of ids, was carried to a day and nothing has disturbed it since."""
    carried, disturbed = StockCarried, StockDisturbed
    return and_(
        exists().where(carried.institution_id == institution, carried.carried_on == day),
        ~exists().where(disturbed.institution_id == institution, disturbed.day <= day),
    )


def not_holding(day: date, ids: Collection[int] | None = None) -> list[int]:
    """Ids of the institutions, of some or all, whose balances of a day do not hold."""
    statement = select(Institution.id).where(not_(holds(Institution.id, day))).order_by(Institution.id)
    if ids is not None:
        statement = statement.where(Institution.id.in_(ids))
    return list(db.session.connection().scalars(statement).all())


def _days_before(on: date) -> Iterator[date]:
    days = select(StockCarried.carried_on).where(StockCarried.carried_on <= on).distinct()
    yield from sorted(db.session.connection().scalars(days).all(), reverse=True)


def carried_to(on: date, ids: Collection[int] | None = None) -> Carried | None:
    """The latest balances at or before a day that hold for nearly all; two statements, or one where there are none.

    What disturbs them is read before they are: what is carried anew between the two is newer, never older.

    Args:
        on: the day.
        ids: only these institutions are asked about; None = all.

    """
    for day in _days_before(on):
        rest = not_holding(day, ids)
        if len(rest) <= MOST_REST and (ids is None or len(rest) < len(ids)):
            return Carried(day, rest)
    return None
