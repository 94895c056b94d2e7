"""Goods that were not accepted by the last day on which they were due, in the month of the day (R-DEL-6)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from sqlalchemy import Date, and_, column, or_, select, values

from clinic_orders.models.base import china_day, db
from clinic_orders.models.deliveries import Shipment
from clinic_orders.models.roster import Institution
from clinic_orders.queries.checks.limits import LONGEST
from clinic_orders.queries.checks.membership import was_member
from clinic_orders.queries.checks.scope import Scope
from clinic_orders.queries.doubles import counts_once
from clinic_orders.rules.days import day_in_china, start_of_day
from clinic_orders.rules.delivery import acceptance_due_day, auto_acceptance_day
from clinic_orders.rules.findings import CheckRule, Finding
from clinic_orders.rules.lateness import late_acceptance

RULES = (CheckRule.LATE_ACCEPTANCE,)


def find(scope: Scope) -> Iterator[Finding]:
    """The warnings on goods whose last day to be accepted lies in the month of the day (formats.md section 3)."""
    month, ends = scope.month, scope.ends
    due_days: dict[date, date] = {}
    for number in range((scope.as_of - month.first_day).days + LONGEST.days + 1):
        day = date.fromordinal(month.first_day.toordinal() - LONGEST.days + number)
        due = acceptance_due_day(
            start_of_day(day), accept_days=scope.book.whole("delivery.accept_days", on=day)
        )
        if month.first_day <= due < scope.as_of:
            due_days[day] = due
    if not due_days:
        return
    days = (
        values(column("day", Date), column("due_day", Date), name="accept_day")
        .data(list(due_days.items()))
        .cte("accept_day")
    )
    first, last = min(due_days), max(due_days)
    statement = (
        select(
            Shipment.receipt_no, Institution.code, Shipment.delivered_at, days.c.due_day, Shipment.accepted_at
        )
        .join(days, days.c.day == china_day(Shipment.delivered_at))
        .join(Institution, Institution.id == Shipment.institution_id)
        .where(
            Shipment.delivered_at >= start_of_day(first),
            Shipment.delivered_at < start_of_day(date.fromordinal(last.toordinal() + 1)),
            or_(Shipment.voided_at.is_(None), Shipment.voided_at >= ends),
            counts_once(Shipment.order_id),
            or_(
                Shipment.accepted_at.is_(None),
                Shipment.accepted_at >= ends,
                and_(Shipment.accepted_at < ends, china_day(Shipment.accepted_at) > days.c.due_day),
            ),
            was_member(Shipment.institution_id, days.c.due_day),
            scope.only(Shipment.institution_id),
        )
    )
    for row in db.session.connection().execute(statement):
        delivered_on = day_in_china(row.delivered_at)
        accepted_on = None if row.accepted_at is None else day_in_china(row.accepted_at)
        # Where policy says so, goods stand as accepted after some days, whoever says nothing (R-DEL-6).
        silent = auto_acceptance_day(
            row.delivered_at,
            auto_accept_days=scope.book.whole_or_none("delivery.auto_accept_days", on=delivered_on),
        )
        given = [day for day in (accepted_on, silent) if day is not None]
        found = late_acceptance(
            row.receipt_no,
            row.code,
            due_day=row.due_day,
            accepted_on=min(given) if given else None,
            on=scope.as_of,
        )
        if found is not None:
            yield found
