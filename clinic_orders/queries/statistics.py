"""The statistics of a month as anybody reads them: frozen ones where the month is closed, else reckoned (R-STAT-1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import undefer

from clinic_orders.models.audit import AuditEntry
from clinic_orders.models.base import db
from clinic_orders.models.orders import Order
from clinic_orders.models.statistics import ClosedMonth, ReckonedMonth
from clinic_orders.queries.month_figures import MonthFigures, month_figures
from clinic_orders.queries.month_rows import MonthRows, kept, read_rows, rows_of
from clinic_orders.queries.scope_numbers import scope_numbers
from clinic_orders.rules.days import Month, end_of_day, start_of_day

LIVE_ORDERS: Final = 2_500
"""A month of no more orders is reckoned while the page waits; that takes about a second."""


@dataclass(frozen=True, slots=True)
class MonthStatistics:
    """The figures of a month.

    Attributes:
        month: the month.
        blocks: city, counties, kinds, as formats.md section 3 has them.
        cut_off_at: up to when records counted, where the month is closed; None = all that is recorded now.
        sha256: of the frozen figures; empty where the month is not closed.
        further: the indicators beyond the contract in the same form; None = closed before there were any.
        kept: what each institution and distributor brought into them, as it is kept; None = likewise.
        reckoned_at: from what was recorded by then, where the figures of an open month were kept.

    """

    month: Month
    blocks: dict[str, Any]
    cut_off_at: datetime | None
    sha256: str = ""
    further: dict[str, Any] | None = None
    kept: Mapping[str, Any] | None = None
    reckoned_at: datetime | None = None

    @property
    def frozen(self) -> bool:
        """Whether the figures are those of the closing."""
        return self.cut_off_at is not None

    @property
    def rows(self) -> MonthRows | None:
        """What each institution and distributor brought into the figures; read anew each time."""
        return None if self.kept is None else read_rows(self.kept)

    def as_json(self) -> dict[str, Any]:
        """What ``statistics --format json`` prints."""
        return {"month": str(self.month), "frozen": self.frozen, **self.blocks}


_MEANWHILE: Final = timedelta(hours=1)
"""Longer than the closing of a month takes with everything in it."""
_BEFORE: Final = timedelta(days=1)
"""Longer than any deed takes from its instant to its end."""


@dataclass(frozen=True, slots=True)
class Reckoning:
    """A month reckoned to be closed.

    Attributes:
        figures: from one state of the data.
        cut_off_at: not before anything that they have seen was recorded.
        recorded: how many entries of the audit of the time before the cut-off they have seen.

    """

    figures: Figures
    cut_off_at: datetime
    recorded: int


def reckon_to_close(month: Month, *, at: datetime) -> Reckoning:
    """Reckon a month in one piece; to be called under ``reading_one_state`` (R-STAT-1).

    Args:
        month: the month.
        at: the instant of the closing. What others recorded between it and the reading moves the cut-off on.

    """
    entry = AuditEntry
    last = db.session.scalar(select(func.max(entry.at)).where(entry.at > at, entry.at <= at + _MEANWHILE))
    cut_off_at = at if last is None else last
    recorded = recorded_by(cut_off_at)
    return Reckoning(figures_to_keep(month), cut_off_at, recorded)


def recorded_by(cut_off_at: datetime) -> int:
    """How many deeds of the time before a cut-off are in the books."""
    entry = AuditEntry
    statement = select(func.count()).where(entry.at > cut_off_at - _BEFORE, entry.at <= cut_off_at)
    return db.session.scalar(statement) or 0


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything that is kept of a month's figures, see ``models.statistics``."""

    blocks: dict[str, Any]
    by_county: dict[str, Any]
    further: dict[str, Any]
    rows: dict[str, Any]


def figures_to_keep(month: Month) -> Figures:
    """The figures of a month from what is recorded now; takes a minute for a prefecture."""
    return _figures(month_figures(month))


def _figures(figures: MonthFigures) -> Figures:
    blocks = figures.blocks()
    counties = [one["code"] for one in blocks["counties"]]
    scope = scope_numbers(on=figures.month.last_day)
    return Figures(
        blocks=blocks,
        by_county={code: figures.blocks(code) for code in counties},
        further={
            "blocks": figures.further_blocks(scope),
            "by_county": {code: figures.further_blocks(scope, code) for code in counties},
        },
        rows=kept(rows_of(figures)),
    )


def closed_month(month: Month) -> ClosedMonth | None:
    """The closing of a month; None if it is open."""
    return db.session.scalar(select(ClosedMonth).where(ClosedMonth.month == str(month)))


def closed_months() -> list[Month]:
    """All closed months, the latest first."""
    return [
        Month.parse(text)
        for text in db.session.scalars(select(ClosedMonth.month).order_by(ClosedMonth.month.desc()))
    ]


def statistics(month: Month, county: str | None = None) -> MonthStatistics:
    """The figures of a month: frozen ones where it is closed, else from what is recorded now.

    Args:
        month: the month.
        county: only this county and the kinds in it.

    """
    return frozen(month, county) or restated(month, county)


def frozen(month: Month, county: str | None = None) -> MonthStatistics | None:
    """The figures of a closed month; None where it is open."""
    closed = db.session.scalar(
        select(ClosedMonth)
        .where(ClosedMonth.month == str(month))
        .options(undefer(ClosedMonth.further), undefer(ClosedMonth.rows))
    )
    return None if closed is None else _statistics(month, closed, county, closed.cut_off_at, closed.sha256)


def restated(month: Month, county: str | None = None) -> MonthStatistics:
    """The figures of a month from what is recorded now, closed or not."""
    figures = figures_to_keep(month)
    return _statistics(month, figures, county, None)


def last_reckoned(
    month: Month, county: str | None = None, *, since: datetime | None = None
) -> MonthStatistics | None:
    """The figures of a month, closed or not, as they were last reckoned; reckoned now where that is quick.

    Args:
        month: the month.
        county: only this county and the kinds in it.
        since: what was reckoned before this instant is of no use.

    Returns:
        None where nobody has reckoned the month since and it is too large for a page.

    """
    reckoned = db.session.scalar(
        select(ReckonedMonth)
        .where(ReckonedMonth.month == str(month), ReckonedMonth.reckoned_at.is_not(None))
        .options(undefer(ReckonedMonth.further), undefer(ReckonedMonth.rows))
    )
    at = None if reckoned is None else reckoned.reckoned_at
    if reckoned is not None and at is not None and (since is None or at >= since):
        return _statistics(month, reckoned, county, None, reckoned_at=at)
    orders = select(func.count()).where(
        Order.submitted_at >= start_of_day(month.first_day), Order.submitted_at < end_of_day(month.last_day)
    )
    return None if (db.session.scalar(orders) or 0) > LIVE_ORDERS else restated(month, county)


def shown_statistics(month: Month, county: str | None = None) -> MonthStatistics | None:
    """The figures of a month for a page: frozen ones, else the last reckoned ones; None = none yet."""
    return frozen(month, county) or last_reckoned(month, county)


def reckoning_wanted(month: Month) -> datetime | None:
    """Since when somebody waits for a new reckoning of a month; None = nobody does."""
    return db.session.scalar(select(ReckonedMonth.wanted_at).where(ReckonedMonth.month == str(month)))


def months_wanted() -> list[Month]:
    """The months that somebody waits for, those asked for first."""
    statement = (
        select(ReckonedMonth.month)
        .where(ReckonedMonth.wanted_at.is_not(None))
        .order_by(ReckonedMonth.wanted_at)
    )
    return [Month.parse(text) for text in db.session.scalars(statement)]


def _statistics(
    month: Month,
    found: ClosedMonth | ReckonedMonth | Figures,
    county: str | None,
    cut_off_at: datetime | None,
    sha256: str = "",
    reckoned_at: datetime | None = None,
) -> MonthStatistics:
    further = found.further
    return MonthStatistics(
        month,
        found.blocks if county is None else found.by_county.get(county, _nothing()),
        cut_off_at,
        sha256,
        further
        if further is None
        else (further["blocks"] if county is None else further["by_county"].get(county, _nothing())),
        found.rows,
        reckoned_at,
    )


def _nothing() -> dict[str, Any]:
    return {"city": None, "counties": [], "kinds": []}
