"""Receipts that were not paid in time (R-PAY-3, R-PAY-4), from how the money of each pair is kept."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from functools import partial

from sqlalchemy import Date, select

from clinic_orders.models.base import db
from clinic_orders.models.roster import Distributor, Institution
from clinic_orders.models.streaming import from_driver
from clinic_orders.queries.checks.scope import Scope
from clinic_orders.queries.payables.overdue import overdue
from clinic_orders.rules.findings import CheckRule, Finding
from clinic_orders.rules.payment_terms import payment_overdue

RULES = (CheckRule.PAYMENT_OVERDUE,)


def find(scope: Scope) -> Iterator[Finding]:
    """The findings as of the day, whoever is still a member (R-ROSTER-3): paying organisation and distributor."""
    connection = db.session.connection()
    institutions = dict(connection.execute(select(Institution.id, Institution.code)).all())
    distributors = dict(connection.execute(select(Distributor.id, Distributor.code)).all())
    day = partial(from_driver, Date(), dialect=connection.dialect)
    for (paying_id, distributor_id), receipt in overdue(scope.as_of, scope.institution_ids):
        found = payment_overdue(
            receipt.receipt_no,
            institutions[paying_id],
            distributors[distributor_id],
            due_on=day(receipt.due),
            outstanding=Decimal(receipt.left).scaleb(-4),
            on=scope.as_of,
        )
        if found is not None:
            yield found
