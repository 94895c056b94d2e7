"""Reports made, stocking minimums kept and findings of a month, by institution (R-STAT-2)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, or_, select, union

from clinic_orders.models.base import db
from clinic_orders.models.reports import NothingSold, PlannedVolume
from clinic_orders.models.sales import SaleLine
from clinic_orders.models.stock import StockCount
from clinic_orders.models.supervision import FindingHistory, FindingRecord
from clinic_orders.queries.checks import Scope
from clinic_orders.queries.checks.report_missing import due_days, due_of, received
from clinic_orders.queries.checks.stocking import members
from clinic_orders.rules.days import Month, end_of_day
from clinic_orders.rules.finding_states import FindingState, FindingStep
from clinic_orders.rules.findings import CheckRule, Finding
from clinic_orders.rules.reporting import DueReport, ReportKind


@dataclass(slots=True)
class Reported:
    """Reports that fell due in the month: all, those that came, those that came by the due day."""

    due: int = 0
    received: int = 0
    in_time: int = 0


def reported(scope: Scope, month: Month) -> dict[int, Reported]:
    """The reports of each member of the due day, by row id."""
    found: dict[int, Reported] = defaultdict(Reported)
    came: dict[DueReport, tuple[set[int], set[int]]] = {}
    connection = db.session.connection()
    for day in due_days(scope.book, month):
        for member in members(day):
            for report in due_of(scope.book, month, member.kind, member.scale or None):
                if report.due_on != day:
                    continue
                if report not in came:
                    came[report] = (
                        set(connection.scalars(received(report).distinct())),
                        set(connection.scalars(_recorded_by(report, end_of_day(report.due_on)))),
                    )
                one = found[member.institution_id]
                one.due += 1
                one.received += member.institution_id in came[report][0]
                # What was put right later was in time all the same, if it had come in time.
                one.in_time += (
                    member.institution_id in came[report][0] and member.institution_id in came[report][1]
                )
    return found


def _recorded_by(report: DueReport, before: datetime) -> Select[Any]:
    """The ids of the institutions whose report was here before an instant, put right since or not."""
    if report.kind is ReportKind.PLANNED_VOLUME:
        plan = PlannedVolume
        return (
            select(plan.institution_id)
            .where(plan.quarter == report.period, plan.recorded_at < before)
            .distinct()
        )
    month = Month.parse(report.period)
    if report.kind is ReportKind.STOCK_COUNT:
        count = StockCount
        return (
            select(count.institution_id)
            .where(
                count.counted_on >= month.first_day,
                count.counted_on <= report.due_on,
                count.recorded_at < before,
            )
            .distinct()
        )
    line, nothing = SaleLine, NothingSold
    sold = select(line.institution_id).where(
        line.sold_on >= month.first_day, line.sold_on <= month.last_day, line.recorded_at < before
    )
    said = select(nothing.institution_id).where(nothing.month == report.period, nothing.recorded_at < before)
    both = union(sold, said).subquery()
    return select(both.c.institution_id)


def minimum_judged(scope: Scope) -> set[int]:
    """Row ids of the members whose number of items kept is judged on the day (R-STOCK-4)."""
    on, book = scope.as_of, scope.book
    grace_days = book.whole("stocking.grace_days", on=on)
    return {
        one.institution_id
        for one in members(on)
        if book.whole_or_none("stocking.minimum", kind=one.kind, scale=one.scale, on=on) is not None
        and not one.suspended
        and (on - one.since).days >= grace_days
    }


def short_codes(findings: Collection[Finding]) -> set[str]:
    """Codes of the institutions found to keep too few items."""
    return {one.institution or "" for one in findings if one.rule is CheckRule.STOCKING_SHORT}


@dataclass(slots=True)
class Found:
    """Stored findings: first seen in the month, ended in it, open at its end."""

    raised: int = 0
    cured: int = 0
    open: int = 0


Subject = tuple[int | None, int | None]
"""Row ids of the institution and the distributor that a finding names."""


def stored_findings(month: Month) -> Mapping[Subject, Found]:
    """The stored findings of a month by whom they name; one statement (R-CASE-1)."""
    record = FindingRecord
    ends = end_of_day(month.last_day)
    decided_by_then = exists().where(
        FindingHistory.finding_id == record.id,
        FindingHistory.step == FindingStep.DECIDED,
        FindingHistory.as_of <= month.last_day,
    )
    over: ColumnElement[bool] = or_(
        and_(record.state == FindingState.ENDED, record.ended_on <= month.last_day),
        and_(record.state == FindingState.WAIVED, record.waived_at < ends),
        and_(record.state == FindingState.DECIDED, decided_by_then),
    )
    seen = record.first_seen <= month.last_day
    cured = and_(
        record.state == FindingState.ENDED,
        record.ended_on >= month.first_day,
        record.ended_on <= month.last_day,
    )
    statement = (
        select(
            record.institution_id,
            record.distributor_id,
            func.sum(case((and_(seen, record.first_seen >= month.first_day), 1), else_=0)),
            func.sum(case((cured, 1), else_=0)),
            func.sum(case((and_(seen, ~over), 1), else_=0)),
        )
        .where(seen)
        .group_by(record.institution_id, record.distributor_id)
    )
    return {
        (institution_id, distributor_id): Found(int(raised), int(ended), int(still))
        for institution_id, distributor_id, raised, ended, still in db.session.connection().execute(statement)
    }
