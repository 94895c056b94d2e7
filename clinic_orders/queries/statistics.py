"""The statistics of a month as anybody reads them: frozen ones where the month is closed, else computed (R-STAT-1)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from clinic_orders.models.base import db
from clinic_orders.models.statistics import ClosedMonth
from clinic_orders.queries.month_figures import month_figures
from clinic_orders.rules.days import Month


@dataclass(frozen=True, slots=True)
class MonthStatistics:
    """The figures of a month.

    Attributes:
        month: the month.
        blocks: city, counties, kinds, as formats.md section 3 has them.
        cut_off_at: up to when records counted, where the month is closed; None = all that is recorded now.
        sha256: of the frozen figures; empty where the month is not closed.

    """

    month: Month
    blocks: dict[str, Any]
    cut_off_at: datetime | None
    sha256: str = ""

    @property
    def frozen(self) -> bool:
        """Whether the figures are those of the closing."""
        return self.cut_off_at is not None

    def as_json(self) -> dict[str, Any]:
        """What ``statistics --format json`` prints."""
        return {"month": str(self.month), "frozen": self.frozen, **self.blocks}


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
    closed = closed_month(month)
    if closed is None:
        return restated(month, county)
    blocks = closed.blocks if county is None else closed.by_county.get(county, _nothing())
    return MonthStatistics(month, blocks, closed.cut_off_at, closed.sha256)


def restated(month: Month, county: str | None = None) -> MonthStatistics:
    """The figures of a month from what is recorded now, closed or not."""
    return MonthStatistics(month, month_figures(month).blocks(county), None)


def _nothing() -> dict[str, Any]:
    return {"city": None, "counties": [], "kinds": []}
