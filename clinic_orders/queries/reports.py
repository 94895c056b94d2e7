"""What an institution has reported by hand, and what stands beside the boxes while it types (R-VOL-1, R-STOCK-3)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import exists, func, literal, select

from clinic_orders.models.base import db
from clinic_orders.models.reports import NothingSold, PlannedVolume
from clinic_orders.models.sales import SaleLine
from clinic_orders.models.stock import StockCount
from clinic_orders.queries.ledger import ledger
from clinic_orders.rules.days import Month, Quarter
from clinic_orders.rules.parties import InstitutionKind
from clinic_orders.rules.policy import PolicyBook


@dataclass(frozen=True, slots=True)
class Figures:
    """A report as it stands.

    Attributes:
        figures: by row id of the item: packs or base units.
        seen: changes whenever the report does; 0 where there is none.
        first_at: when the oldest figure that stands came in.

    """

    figures: dict[int, int]
    seen: int
    first_at: datetime | None


def _figures(rows: list[Any]) -> Figures:
    return Figures(
        {row[0]: row[1] for row in rows},
        max((row[2] for row in rows), default=0),
        min((row[3] for row in rows), default=None),
    )


def counts_of(institution_id: int, counted_on: date) -> Figures:
    """The counts of a day in base units."""
    count = StockCount
    return _figures(
        list(
            db.session.execute(
                select(count.item_id, count.base_units, count.id, count.recorded_at).where(
                    count.institution_id == institution_id,
                    count.counted_on == counted_on,
                    count.replaced_at.is_(None),
                )
            )
        )
    )


def plan_of(institution_id: int, quarter: Quarter) -> Figures:
    """The planned volume of a quarter in packs."""
    plan = PlannedVolume
    return _figures(
        list(
            db.session.execute(
                select(plan.item_id, plan.packs, plan.id, plan.recorded_at).where(
                    plan.institution_id == institution_id,
                    plan.quarter == str(quarter),
                    plan.replaced_at.is_(None),
                )
            )
        )
    )


def volume_day(book: PolicyBook, quarter: Quarter, kind: InstitutionKind, scale: str) -> int | None:
    """The day of the quarter's last month until which planned volume is in time, by the policy of that month's first."""
    return book.whole_or_none(
        "volume.report_day", kind=kind, scale=scale or None, on=quarter.months[2].first_day
    )


def report_day(book: PolicyBook, month: Month, kind: InstitutionKind, scale: str) -> int | None:
    """The day of the next month until which a month's sales and count are in time."""
    return book.whole_or_none("report.day", kind=kind, scale=scale or None, on=month.next().first_day)


def ledger_of(institution_id: int, on: date) -> dict[int, int]:
    """What should be there of each item at the end of a day, in base units (R-STOCK-3)."""
    rows = db.session.execute(ledger(on, select(literal(institution_id))))
    return {row.item_id: int(row.base_units) for row in rows}


@dataclass(frozen=True, slots=True)
class MonthReported:
    """What is there of a month: the last day of a count until its due day, sale lines, the word that nothing was sold."""

    month: Month
    counted_on: date | None
    sale_lines: bool
    nothing_sold: bool


def month_reported(institution_id: int, month: Month, *, until: date) -> MonthReported:
    """What an institution has reported of a month; one statement."""
    count, line, nothing = StockCount, SaleLine, NothingSold
    counted = (
        select(func.max(count.counted_on))
        .where(
            count.institution_id == institution_id,
            count.replaced_at.is_(None),
            count.counted_on >= month.first_day,
            count.counted_on <= until,
        )
        .scalar_subquery()
    )
    sold = exists().where(
        line.institution_id == institution_id,
        line.replaced_at.is_(None),
        line.sold_on >= month.first_day,
        line.sold_on <= month.last_day,
    )
    said = exists().where(
        nothing.institution_id == institution_id,
        nothing.replaced_at.is_(None),
        nothing.month == str(month),
    )
    row = db.session.execute(select(counted, sold, said)).one()
    return MonthReported(month, row[0], bool(row[1]), bool(row[2]))
