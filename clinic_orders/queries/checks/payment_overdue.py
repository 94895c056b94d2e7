"""Receipts that were not paid in time (R-PAY-3, R-PAY-4), from how the money of each pair is kept."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import Date, select

from clinic_orders.models.base import db
from clinic_orders.models.roster import Distributor, Institution
from clinic_orders.models.streaming import from_driver
from clinic_orders.queries.checks.scope import Scope
from clinic_orders.queries.payables.kept import FEW
from clinic_orders.queries.payables.overdue import overdue
from clinic_orders.rules.findings import CheckRule, Finding
from clinic_orders.rules.payment_terms import payment_overdue

RULES = (CheckRule.PAYMENT_OVERDUE,)


def find(scope: Scope) -> Iterator[Finding]:
    """The findings as of the day, whoever is still a member (R-ROSTER-3): paying organisation and distributor."""
    connection = db.session.connection()
    owed = list(overdue(scope.as_of, scope.institution_ids))
    payers, days = {paying_id for (paying_id, _), _ in owed}, {receipt.due for _, receipt in owed}
    asked = select(Institution.id, Institution.code)
    if len(payers) <= FEW:
        asked = asked.where(Institution.id.in_(payers))
    institutions = dict(connection.execute(asked).all())
    distributors = dict(connection.execute(select(Distributor.id, Distributor.code)).all())
    # Receipts are many, the days on which they are due few.
    due_on: dict[Any, date] = {day: from_driver(Date(), day, connection.dialect) for day in days}
    for (paying_id, distributor_id), receipt in owed:
        found = payment_overdue(
            receipt.receipt_no,
            institutions[paying_id],
            distributors[distributor_id],
            due_on=due_on[receipt.due],
            outstanding=Decimal(receipt.left).scaleb(-4),
            on=scope.as_of,
        )
        if found is not None:
            yield found
