"""Receipts that were not paid in time (R-PAY-3, R-PAY-4): one ordered pass over what is owed and what was paid."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from functools import partial

from sqlalchemy import Date, and_, select

from clinic_orders.models.base import db
from clinic_orders.models.deliveries import Shipment
from clinic_orders.models.payments import Payment
from clinic_orders.models.roster import Distributor, Institution
from clinic_orders.models.streaming import from_driver
from clinic_orders.queries.checks.scope import Scope
from clinic_orders.queries.doubles import counts_once
from clinic_orders.queries.payables.laying import Which, lay_out_all
from clinic_orders.rules.findings import CheckRule, Finding
from clinic_orders.rules.payment_terms import payment_overdue

RULES = (CheckRule.PAYMENT_OVERDUE,)


def find(scope: Scope) -> Iterator[Finding]:
    """The findings as of the day, whoever is still a member (R-ROSTER-3): paying organisation and distributor."""
    connection = db.session.connection()
    institutions = dict(connection.execute(select(Institution.id, Institution.code)).all())
    distributors = dict(connection.execute(select(Distributor.id, Distributor.code)).all())
    day = partial(from_driver, Date(), dialect=connection.dialect)
    which = Which(
        and_(scope.only(Shipment.paying_id), counts_once(Shipment.order_id)), scope.only(Payment.paying_id)
    )
    for (paying_id, distributor_id), _, laid in lay_out_all(connection, scope.as_of, which):
        for receipt in laid.open:
            due_on: date = day(receipt.due)
            found = payment_overdue(
                receipt.receipt_no,
                institutions[paying_id],
                distributors[distributor_id],
                due_on=due_on,
                outstanding=Decimal(receipt.left).scaleb(-4),
                on=scope.as_of,
            )
            if found is not None:
                yield found
