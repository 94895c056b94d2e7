"""The list of months with their statistics: closed ones with their main figures, open ones without (R-STAT-1)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select

from clinic_orders.models.base import db
from clinic_orders.models.orders import Order
from clinic_orders.models.statistics import ClosedMonth
from clinic_orders.rules.days import Month, day_in_china

SORTS = ("month", "closed")


@dataclass(frozen=True, slots=True)
class MonthRow:
    """A month of the list.

    Attributes:
        month: the month.
        over: whether it has ended.
        cut_off_at, closed_by: of the closing; None and "" where it is open.
        block: the frozen figures of the city or the one county; None where it is open or had no members.

    """

    month: Month
    over: bool
    cut_off_at: datetime | None
    closed_by: str
    block: dict[str, Any] | None

    @property
    def closed(self) -> bool:
        """Whether its figures are frozen."""
        return self.cut_off_at is not None


@dataclass(frozen=True, slots=True)
class MonthsWanted:
    """Which months a list shows; empty = all. ``state`` is "closed", "open" or ""."""

    words: str = ""
    state: str = ""


def months(wanted: MonthsWanted, *, on: date, county: str | None, sort: str = "-month") -> list[MonthRow]:
    """The months from the first order, or the first closed one, up to that of a day; two statements.

    Args:
        wanted: which of them.
        on: today.
        county: whose figures stand in the rows; None = the city's.
        sort: one of SORTS, with - in front from the last to the first.

    """
    first_order = db.session.scalar(select(func.min(Order.submitted_at)))
    closed = {Month.parse(one.month): one for one in db.session.scalars(select(ClosedMonth))}
    known = [*closed, *([Month.of(day_in_china(first_order))] if first_order else [])]
    rows: list[MonthRow] = []
    month = min(known, key=lambda one: one.first_day) if known else None
    while month is not None and month.first_day <= on:
        rows.append(_row(month, closed.get(month), on, county))
        month = month.next()
    rows = [row for row in rows if _fits(row, wanted)]
    if sort.removeprefix("-") == "closed":
        rows.sort(key=lambda row: (row.cut_off_at is not None, row.cut_off_at and row.cut_off_at.timestamp()))
    return rows[::-1] if sort.startswith("-") else rows


def _row(month: Month, closed: ClosedMonth | None, on: date, county: str | None) -> MonthRow:
    over = month.last_day < on
    if closed is None:
        return MonthRow(month, over, None, "", None)
    blocks = closed.blocks if county is None else closed.by_county.get(county, {"counties": []})
    block = blocks["city"] if county is None else next(iter(blocks["counties"]), None)
    return MonthRow(month, over, closed.cut_off_at, closed.closed_by_name, block)


def _fits(row: MonthRow, wanted: MonthsWanted) -> bool:
    if wanted.words and wanted.words not in f"{row.month} {row.month.year}年{row.month.number}月":
        return False
    return not wanted.state or row.closed == (wanted.state == "closed")
