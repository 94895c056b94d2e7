"""Goods that were not accepted by the last day on which they were due, in the month of the day (R-DEL-6)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import BindParameter, Select, and_, bindparam, or_, select

from clinic_orders.models.base import UtcDateTime, db
from clinic_orders.models.deliveries import Shipment
from clinic_orders.models.roster import Institution
from clinic_orders.queries.checks.membership import was_member
from clinic_orders.queries.checks.scope import Scope
from clinic_orders.queries.checks.stretches import Table, as_values, not_before, stretches
from clinic_orders.queries.doubles import counts_once
from clinic_orders.queries.roster import standing
from clinic_orders.rules.days import day_in_china, start_of_day
from clinic_orders.rules.delivery import acceptance_due_day, auto_acceptance_day
from clinic_orders.rules.findings import CheckRule, Finding
from clinic_orders.rules.lateness import late_acceptance
from clinic_orders.rules.parties import InstitutionKind

RULES = (CheckRule.LATE_ACCEPTANCE,)
_DAYS: Final = "delivery.accept_days"


@lru_cache(maxsize=64)
def _delivered(count: int, dialect: str) -> Select[Any]:
    """What was not accepted in time, by stretches of days; a stretch without any gives a row without a receipt."""
    due = Table(count, dialect)
    ends: BindParameter[datetime] = bindparam("as_of_ends", type_=UtcDateTime())
    was_due = and_(
        Shipment.delivered_at >= due.begins,
        Shipment.delivered_at < due.ends,
        not_before(Shipment.accepted_at, due.late, dialect),
        or_(Shipment.voided_at.is_(None), Shipment.voided_at >= ends),
        counts_once(Shipment.order_id),
        was_member(Shipment.institution_id, due.last_day),
    )
    return (
        select(
            due.last_day.label("last_day"),
            Shipment.receipt_no,
            Shipment.institution_id,
            Institution.code,
            Shipment.delivered_at,
            Shipment.accepted_at,
        )
        .select_from(due.rows)
        .outerjoin(Shipment, was_due)
        .outerjoin(Institution, Institution.id == Shipment.institution_id)
    )


def find(scope: Scope) -> Iterator[Finding]:
    """The warnings on goods whose last day to be accepted lies in the month of the day (formats.md section 3)."""
    book, seen = scope.book, set()
    scopes = book.scopes(_DAYS)
    for kind, scale in scopes:
        for row in _late(scope, kind, scale):
            delivered_on = day_in_china(row.delivered_at)
            if len(scopes) > 1:
                # Each is judged by the days of its own kind, once; few rows have come so far.
                who = standing(row.institution_id, on=delivered_on)
                days = book.whole(_DAYS, kind=who.kind, scale=who.scale, on=delivered_on)
                own = acceptance_due_day(row.delivered_at, accept_days=days)
                if own != row.last_day or row.receipt_no in seen:
                    continue
                seen.add(row.receipt_no)
            accepted_on = None if row.accepted_at is None else day_in_china(row.accepted_at)
            # Where policy says so, goods stand as accepted after some days, whoever says nothing (R-DEL-6).
            silent = auto_acceptance_day(
                row.delivered_at,
                auto_accept_days=book.whole_or_none("delivery.auto_accept_days", on=delivered_on),
            )
            given = [day for day in (accepted_on, silent) if day is not None]
            found = late_acceptance(
                row.receipt_no,
                row.code,
                due_day=row.last_day,
                accepted_on=min(given) if given else None,
                on=scope.as_of,
            )
            if found is not None:
                yield found


def _late(scope: Scope, kind: InstitutionKind | None, scale: str | None) -> Iterator[Any]:
    """What was not accepted in time by the days of a kind and scale, with the last day for it."""

    def due_day(day: date) -> date:
        days = scope.book.whole(_DAYS, kind=kind, scale=scale, on=day)
        return acceptance_due_day(start_of_day(day), accept_days=days)

    # What is due on the day itself is not late on it.
    due = stretches(
        due_day,
        first=scope.month.first_day,
        last=scope.as_of - timedelta(days=1),
        turns=scope.book.turns(_DAYS),
    )
    if due:
        connection = db.session.connection()
        dialect = connection.dialect.name
        statement = _delivered(len(due), dialect)
        if scope.institution_ids is not None:
            statement = statement.where(scope.only(Shipment.institution_id))
        values = as_values(due, dialect) | {"as_of_ends": scope.ends}
        for row in connection.execute(statement, values).all():
            if row.receipt_no is not None:
                yield row
