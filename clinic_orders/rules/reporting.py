"""Which reports are due when, and which are missing (R-VOL-1, rules section 12).

Planned volume of a quarter by day ``volume.report_day`` of the quarter's last month; sales and stock count of a
month by day ``report.day`` of the next. Looked for on the day after. Where policy sets no day for a kind, its
members owe no such report.

>>> report = due_in(Month(2026, 3), volume_day=20, report_day=5)
>>> [(one.kind.value, one.period, one.due_on.isoformat()) for one in report]
[('planned_volume', '2026-Q1', '2026-03-20'), ('sales', '2026-02', '2026-03-05'), ('stock_count', '2026-02', '2026-03-05')]
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from clinic_orders.rules.days import Month
from clinic_orders.rules.findings import CheckRule, Finding, Grade


class ReportKind(StrEnum):
    """What a member reports; the ``key`` of the finding."""

    PLANNED_VOLUME = "planned_volume"
    SALES = "sales"
    STOCK_COUNT = "stock_count"


@dataclass(frozen=True, slots=True)
class DueReport:
    """A report: its kind, the month or quarter it is about, the last day on which it is in time."""

    kind: ReportKind
    period: str
    due_on: date


def _day(month: Month, number: int) -> date:
    """A day of a month by its number, the last one where the month is shorter."""
    return date(month.year, month.number, min(number, month.last_day.day))


def due_in(month: Month, *, volume_day: int | None, report_day: int | None) -> list[DueReport]:
    """The reports whose last day lies in a month, for members of one kind and scale.

    Args:
        month: the month.
        volume_day: policy ``volume.report_day``; None = not owed.
        report_day: policy ``report.day``; None = not owed.

    """
    due = []
    if volume_day is not None and month == month.quarter.months[2]:
        due.append(DueReport(ReportKind.PLANNED_VOLUME, str(month.quarter), _day(month, volume_day)))
    if report_day is not None:
        about = str(month.previous())
        day = _day(month, report_day)
        due += [DueReport(ReportKind.SALES, about, day), DueReport(ReportKind.STOCK_COUNT, about, day)]
    return due


def report_missing(institution: str, report: DueReport, *, received: bool, on: date) -> Finding | None:
    """The warning that a report is missing, from the day after its last day on."""
    if received or on <= report.due_on:
        return None
    return Finding(
        CheckRule.REPORT_MISSING,
        Grade.WARNING,
        institution=institution,
        distributor=None,
        key=report.kind.value,
        period=report.period,
        formula=f"due_on = {report.due_on} < {on}",
        figures={"due_on": report.due_on.isoformat()},
    )
