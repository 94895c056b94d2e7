"""Institutions with too many emergency orders in a month (R-ORD-9)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from sqlalchemy import case, func, select, true

from clinic_orders.models.base import db
from clinic_orders.models.expressions import china_day
from clinic_orders.models.orders import Order, OrderLine
from clinic_orders.models.roster import Institution, InstitutionRecord
from clinic_orders.queries.checks.membership import was_member
from clinic_orders.queries.checks.scope import Scope
from clinic_orders.queries.doubles import counts_once
from clinic_orders.queries.roster import current
from clinic_orders.rules.findings import CheckRule, Finding
from clinic_orders.rules.shares import emergency_share

RULES = (CheckRule.EMERGENCY_SHARE,)


def find(scope: Scope) -> Iterator[Finding]:
    """The clues of the month that the day ends; on other days there are none (formats.md section 3)."""
    if not scope.ends_month:
        return
    # Whoever had no emergency in the month has no share of them: most institutions, whose lines nobody need count.
    urgent = select(Order.institution_id).where(
        Order.emergency == true(), Order.submitted_at >= scope.month_begins, Order.submitted_at < scope.ends
    )
    statement = (
        select(
            Institution.code,
            InstitutionRecord.kind,
            InstitutionRecord.scale,
            func.sum(case((Order.emergency.is_(True), 1), else_=0)),
            func.count(),
        )
        .select_from(Order)
        .join(OrderLine, OrderLine.order_id == Order.id)
        .join(Institution, Institution.id == Order.institution_id)
        .join(InstitutionRecord, InstitutionRecord.institution_id == Order.institution_id)
        .where(
            Order.submitted_at >= scope.month_begins,
            Order.submitted_at < scope.ends,
            current(InstitutionRecord, scope.as_of),
            counts_once(Order.id),
            was_member(Order.institution_id, china_day(Order.submitted_at)),
            Order.institution_id.in_(urgent),
            scope.only(Order.institution_id),
        )
        .group_by(Institution.code, InstitutionRecord.kind, InstitutionRecord.scale)
    )
    shares = []
    for code, kind, scale, emergencies, lines in db.session.connection().execute(statement).all():
        limit = scope.book.decimal_or_none("order.emergency_share", kind=kind, scale=scale, on=scope.as_of)
        found = emergency_share(code, scope.month, emergency_lines=emergencies, lines=lines, limit=limit)
        if found is not None:
            shares.append(found)
    orders = _emergencies(scope, [found.institution for found in shares if found.institution])
    for found in shares:
        yield replace(found, rows=tuple(("order", number) for number in orders[found.institution or ""]))


def _emergencies(scope: Scope, codes: Sequence[str]) -> dict[str, list[str]]:
    """The emergency orders of some institutions in the month, by their code."""
    found: dict[str, list[str]] = defaultdict(list)
    statement = (
        select(Institution.code, Order.order_no)
        .join(Institution, Institution.id == Order.institution_id)
        .where(
            Institution.code.in_(codes),
            Order.emergency.is_(True),
            Order.submitted_at >= scope.month_begins,
            Order.submitted_at < scope.ends,
            counts_once(Order.id),
            was_member(Order.institution_id, china_day(Order.submitted_at)),
        )
        .order_by(Order.order_no)
    )
    if codes:
        for code, number in db.session.connection().execute(statement):
            found[code].append(number)
    return found
