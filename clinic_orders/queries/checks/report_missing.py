"""Reports that members owed and did not make in the month of the day (R-VOL-1, rules section 12).

A month's sales are reported by any sale of the month, or by the word that nothing was sold; its stock count by any
count from its first day to the day on which the report is due; a quarter's planned volume by any figure for it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date, timedelta
from functools import cache, partial
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, or_, select

from clinic_orders.models.base import db
from clinic_orders.models.reports import NothingSold, PlannedVolume
from clinic_orders.models.roster import Institution, Membership
from clinic_orders.models.sales import SaleLine
from clinic_orders.models.stock import StockCount
from clinic_orders.queries.checks.scope import Scope
from clinic_orders.queries.checks.stocking import members
from clinic_orders.rules.days import Month
from clinic_orders.rules.findings import CheckRule, Finding
from clinic_orders.rules.parties import InstitutionKind
from clinic_orders.rules.policy import PolicyBook
from clinic_orders.rules.reporting import DueReport, ReportKind, due_in, report_missing

RULES = (CheckRule.REPORT_MISSING,)


def due_of(
    book: PolicyBook, month: Month, kind: InstitutionKind | None, scale: str | None
) -> list[DueReport]:
    """The reports that come due in a month for members of a kind and scale, by the policy of its first day."""
    return due_in(
        month,
        volume_day=book.whole_or_none("volume.report_day", kind=kind, scale=scale, on=month.first_day),
        report_day=book.whole_or_none("report.day", kind=kind, scale=scale, on=month.first_day),
    )


def due_days(book: PolicyBook, month: Month) -> list[date]:
    """Every day of a month on which a report comes due for anybody."""
    scales = {None, *book.scales("volume.report_day"), *book.scales("report.day")}
    return sorted(
        {
            report.due_on
            for kind in InstitutionKind
            for scale in scales
            for report in due_of(book, month, kind, scale)
        }
    )


def received(report: DueReport, only: ColumnElement[bool] | None = None) -> Select[Any]:
    """The ids of the institutions that made a report; what was replaced does not count.

    Args:
        report: which one.
        only: of these memberships; None = all.

    """

    def narrowed(statement: Select[Any], column: Any) -> Select[Any]:
        if only is None:
            return statement
        return statement.where(column.in_(select(Membership.institution_id).where(only)))

    if report.kind is ReportKind.PLANNED_VOLUME:
        plan = PlannedVolume
        statement = select(plan.institution_id).where(
            plan.replaced_at.is_(None), plan.quarter == report.period
        )
        return narrowed(statement, plan.institution_id)
    month = Month.parse(report.period)
    if report.kind is ReportKind.STOCK_COUNT:
        count = StockCount
        statement = select(count.institution_id).where(
            count.replaced_at.is_(None),
            count.counted_on >= month.first_day,
            count.counted_on <= report.due_on,
        )
        return narrowed(statement, count.institution_id)
    line, nothing = SaleLine, NothingSold
    days = [month.first_day + timedelta(days=number) for number in range(month.last_day.day)]
    # The first sale is enough: a few steps in the index of days for each institution, instead of all sales of the month.
    sold = (
        select(line.id)
        .where(line.institution_id == Institution.id, line.replaced_at.is_(None), line.sold_on.in_(days))
        .limit(1)
        .scalar_subquery()
    )
    said = exists().where(
        nothing.institution_id == Institution.id,
        nothing.replaced_at.is_(None),
        nothing.month == report.period,
    )
    return narrowed(select(Institution.id).where(or_(sold.is_not(None), said)), Institution.id)


def arrived(kind: ReportKind, period: str, institution_ids: Collection[int], *, on: date) -> set[int]:
    """Those of some institutions whose missing report has come by now; one statement.

    A count of the month can't be taken afterwards, so any later one is taken in its place: it says what is there.
    """
    due = on if kind is ReportKind.STOCK_COUNT else date.max
    ids = received(DueReport(kind, period, due)).subquery()
    column = next(iter(ids.c))
    statement = select(column).where(column.in_(institution_ids)).distinct()
    return set(db.session.connection().scalars(statement))


def find(scope: Scope) -> Iterator[Finding]:
    """What was due in the month and before the day, from its members of the due day (formats.md section 3)."""
    only = None if scope.institution_ids is None else scope.only(Membership.institution_id)
    made: dict[DueReport, set[int]] = {}
    # Members are many, kinds and scales few.
    due = cache(partial(due_of, scope.book, scope.month))
    for day in due_days(scope.book, scope.month):
        if day >= scope.as_of:
            continue
        for member in members(day, *(() if only is None else (only,))):
            for report in due(member.kind, member.scale or None):
                if report.due_on != day:
                    continue
                if report not in made:
                    statement = received(report, only).distinct()
                    made[report] = set(db.session.connection().scalars(statement))
                found = report_missing(
                    member.code,
                    report,
                    received=member.institution_id in made[report],
                    on=scope.as_of,
                )
                if found is not None:
                    yield found
