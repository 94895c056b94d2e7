"""Which reports are due when, and which are missing (R-VOL-1, rules section 12).

Planned volume of a quarter by day ``volume.report_day`` of the quarter's last month; sales and stock count of a
month by day ``report.day`` of the next. Looked for on the day after. Where policy sets no day for a kind, its
members owe no such report. The days in force on the first day of a month hold for what falls due in it, so that
nobody's report comes due by a rule that began after it.

>>> report = due_in(Month(2026, 3), volume_day=20, report_day=5)
>>> [(one.kind.value, one.period, one.due_on.isoformat()) for one in report]
[('planned_volume', '2026-Q1', '2026-03-20'), ('sales', '2026-02', '2026-03-05'), ('stock_count', '2026-02', '2026-03-05')]
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from clinic_orders.rules.days import Month, Quarter
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.findings import CheckRule, Finding, Grade


class ReportKind(StrEnum):
    """What a member reports; the ``key`` of the finding."""

    PLANNED_VOLUME = "planned_volume"
    SALES = "sales"
    STOCK_COUNT = "stock_count"


class PlanningClosed(RuleBroken):
    """The day until which a planned volume could be changed is over (R-VOL-1)."""

    message = N_(
        "The planned volume of %(quarter)s could be changed until %(day)s. Ask your county bureau if it must still be"
        " put right."
    )


class PlanningNotOpen(RuleBroken):
    """A quarter for which nothing is planned now."""

    message = N_("%(quarter)s can't be reported now. Choose the quarter that runs, or the one before it.")


class NothingTyped(RuleBroken):
    """A report without any number."""

    message = N_("Write at least one number; what you did not count may stay empty.")


class CountInFuture(RuleBroken):
    """A stock count dated after today."""

    message = N_("%(day)s has not come yet. Write the day on which you counted.")


class MonthNotOver(RuleBroken):
    """Nothing can be said about a month that still runs."""

    message = N_("%(month)s is not over. Say on the first day after it that nothing was sold.")


class SalesAreThere(RuleBroken):
    """There are sales in a month of which it is said that nothing was sold."""

    message = N_(
        "There are sales of %(month)s already, so the month is reported. Correct the sales if they are wrong."
    )


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


def planning_due(quarter: Quarter, *, volume_day: int | None) -> date | None:
    """Until when the planned volume of a quarter is in time; None where policy sets no day (R-VOL-1).

    >>> planning_due(Quarter(2026, 1), volume_day=20)
    datetime.date(2026, 3, 20)

    """
    return None if volume_day is None else _day(quarter.months[2], volume_day)


def planning_open_until(quarter: Quarter, *, volume_day: int | None) -> date:
    """Until when a planned volume that was reported may be changed: its due day, the quarter's last where none is set."""
    return planning_due(quarter, volume_day=volume_day) or quarter.last_day


def plannable(on: date) -> tuple[Quarter, Quarter]:
    """The quarters that may be reported on a day: the one that runs, and late the one before it.

    >>> [str(one) for one in plannable(date(2026, 1, 5))]
    ['2026-Q1', '2025-Q4']
    """
    now = Quarter.of(on)
    return now, Quarter.of(now.first_day - timedelta(days=1))


def check_planning(quarter: Quarter, *, volume_day: int | None, reported: bool, on: date) -> None:
    """Refuse a planned volume for another quarter, or a change after the due day; a first one may come late (R-VOL-1).

    Raises:
        PlanningNotOpen, PlanningClosed: with the quarter and the day.

    >>> check_planning(Quarter(2026, 1), volume_day=20, reported=False, on=date(2026, 3, 21))
    >>> check_planning(Quarter(2026, 1), volume_day=20, reported=True, on=date(2026, 3, 20))

    """
    if quarter not in plannable(on):
        raise PlanningNotOpen(quarter=quarter)
    until = planning_open_until(quarter, volume_day=volume_day)
    if reported and on > until:
        raise PlanningClosed(quarter=quarter, day=until)


def check_nothing_sold(month: Month, *, sold: bool, on: date) -> None:
    """Refuse the word that nothing was sold while the month runs, or where sales are known.

    Raises:
        MonthNotOver, SalesAreThere: with the month.

    >>> check_nothing_sold(Month(2026, 1), sold=False, on=date(2026, 2, 1))

    """
    if on <= month.last_day:
        raise MonthNotOver(month=month)
    if sold:
        raise SalesAreThere(month=month)


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
