"""The list of months with their statistics: closed ones with their main figures, open ones without (R-STAT-1)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import bindparam, func, select

from clinic_orders.models.base import db
from clinic_orders.models.orders import Order
from clinic_orders.models.statistics import ClosedMonth
from clinic_orders.rules.days import Month, day_in_china

SORTS = ("month", "closed")
_Block = dict[str, Any] | None
_FIRST_ORDER = select(func.min(Order.submitted_at))
_CLOSED = select(
    ClosedMonth.month, ClosedMonth.cut_off_at, ClosedMonth.closed_by_name, ClosedMonth.sha256
).order_by(ClosedMonth.month)
_FIGURES = select(ClosedMonth.sha256, ClosedMonth.blocks, ClosedMonth.by_county).where(
    ClosedMonth.sha256.in_(bindparam("digests", expanding=True))
)
_known: dict[tuple[str, str | None], _Block] = {}
_MOST_KNOWN: Final = 2000
"""Blocks of a county and month that a process remembers; each is some kilobytes."""


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
    connection = db.session.connection()
    first_order = connection.execute(_FIRST_ORDER).scalar_one()
    closed = {Month.parse(row.month): row for row in connection.execute(_CLOSED).all()}
    known = [*closed, *([Month.of(day_in_china(first_order))] if first_order else [])]
    rows: list[MonthRow] = []
    month = min(known, key=lambda one: one.first_day) if known else None
    blocks = _blocks([row.sha256 for row in closed.values()], county)
    while month is not None and month.first_day <= on:
        rows.append(_row(month, closed.get(month), on, blocks))
        month = month.next()
    rows = [row for row in rows if _fits(row, wanted)]
    if sort.removeprefix("-") == "closed":
        rows.sort(key=lambda row: (row.cut_off_at is not None, row.cut_off_at and row.cut_off_at.timestamp()))
    return rows[::-1] if sort.startswith("-") else rows


def _row(month: Month, closed: Any, on: date, blocks: dict[str, _Block]) -> MonthRow:
    over = month.last_day < on
    if closed is None:
        return MonthRow(month, over, None, "", None)
    return MonthRow(month, over, closed.cut_off_at, closed.closed_by_name, blocks[closed.sha256])


def _blocks(digests: Collection[str], county: str | None) -> dict[str, _Block]:
    """The frozen figures by the digest of their month; at most one statement.

    What a month was closed with never changes, so each process takes it apart once.
    """
    blocks = {digest: _known[digest, county] for digest in digests if (digest, county) in _known}
    wanting = [digest for digest in digests if digest not in blocks]
    if wanting:
        for row in db.session.connection().execute(_FIGURES, {"digests": wanting}).all():
            found = row.blocks if county is None else row.by_county.get(county, {"counties": []})
            blocks[row.sha256] = found["city"] if county is None else next(iter(found["counties"]), None)
        if len(_known) > _MOST_KNOWN:
            _known.clear()
        _known.update(((digest, county), blocks[digest]) for digest in wanting)
    return blocks


def _fits(row: MonthRow, wanted: MonthsWanted) -> bool:
    if wanted.words and wanted.words not in f"{row.month} {row.month.year}年{row.month.number}月":
        return False
    return not wanted.state or row.closed == (wanted.state == "closed")
