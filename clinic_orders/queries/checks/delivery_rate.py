"""Distributors that deliver too little of what was ordered, several months in a row (R-DEL-4)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import date
from fractions import Fraction

from sqlalchemy import func, select, true

from clinic_orders.models.base import db
from clinic_orders.models.orders import Order
from clinic_orders.models.roster import Distributor
from clinic_orders.queries.checks.due_in_month import due_in_month
from clinic_orders.queries.checks.scope import Scope
from clinic_orders.rules.days import Month, day_in_china
from clinic_orders.rules.delivery_rate import low_delivery_rate
from clinic_orders.rules.findings import CheckRule, Finding
from clinic_orders.rules.policy import PolicyBook

RULES = (CheckRule.DELIVERY_RATE,)


def rates(
    book: PolicyBook, month: Month, *, as_of: date, only: Collection[str] | None = None
) -> dict[str, Fraction]:
    """The delivery rate of a month of every distributor of which something was due, by its code (R-DEL-4).

    Args:
        book: all rows of policy.
        month: in which the limits fall.
        as_of: the day D, by which something was delivered, rejected or taken back.
        only: the codes of those that are asked about; None = all.

    """
    wanted = true() if only is None else Distributor.code.in_(only)
    codes = {
        row.id: row.code
        for row in db.session.connection().execute(select(Distributor.id, Distributor.code).where(wanted))
    }
    # Not the column itself: its index would lead through all that these ever delivered.
    whose = true() if only is None else (Order.distributor_id + 0).in_(codes)
    due = due_in_month(book, month, as_of=as_of, by=Order.distributor_id, where=whose)
    return {codes[number]: Fraction(one.came, one.asked) for number, one in due.items() if one.asked}


def find(scope: Scope) -> Iterator[Finding]:
    """The findings of the month that the day ends; on other days there are none (formats.md section 3)."""
    if not scope.ends_month or scope.institution_ids is not None:
        return
    alert_months = scope.book.whole("delivery.rate_alert_months", on=scope.as_of)
    by_month: list[Mapping[str, Fraction]] = [rates(scope.book, scope.month, as_of=scope.as_of)]
    limits = [scope.book.decimal("delivery.rate_alert", on=scope.as_of)]
    # Only who is below in every month so far needs an earlier one; most need none.
    running = {code for code, rate in by_month[0].items() if rate < limits[0]}
    begins = db.session.connection().scalar(select(func.min(Order.submitted_at))) if running else None
    month = scope.month
    while running and begins is not None and month.first_day > day_in_china(begins):
        month = month.previous()
        limit = scope.book.decimal("delivery.rate_alert", on=month.last_day)
        earlier = rates(scope.book, month, as_of=scope.as_of, only=running)
        by_month.insert(0, earlier)
        limits.insert(0, limit)
        running = {code for code in running if code not in earlier or earlier[code] < limit}
    for code in by_month[-1]:
        found = low_delivery_rate(
            code, scope.month, [one.get(code) for one in by_month], limits, alert_months=alert_months
        )
        if found is not None:
            yield found
