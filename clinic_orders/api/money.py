"""Payments: what was entered by either side, and a new one of one's own side."""

from __future__ import annotations

from typing import Any

from clinic_orders.actions.loading import NotFound
from clinic_orders.actions.payments import may_enter, record_payment
from clinic_orders.api.cursors import cursor, place_of
from clinic_orders.api.door import Asked, Reply, reads, stores
from clinic_orders.exchange.api_shapes import NEW_PAYMENT, PAGE_QUERY, PAYMENT, PAYMENTS
from clinic_orders.exchange.schemas import filled
from clinic_orders.queries.changes import (
    distributor_of_code,
    institution_of_code,
    payment_of_id,
    payments_after,
)
from clinic_orders.rules.api import FieldsWrong
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.parties import Permission


def payment_body(row: dict[str, Any]) -> dict[str, Any]:
    """A payment."""
    return filled(PAYMENT, row)


@reads(
    "/payments",
    Permission.PAYMENTS_READ,
    N_("Payments in the order in which they were entered"),
    answer=PAYMENTS,
    query=PAGE_QUERY,
)
def list_payments(asked: Asked) -> Reply:
    """The payments that the account may see, a page of them."""
    values = asked.values
    after = place_of(values["cursor"], int)[0] if values["cursor"] else 0
    rows = payments_after(asked.actor, at=asked.at, after=after, limit=values["limit"] + 1)
    page = rows[: values["limit"]]
    return Reply(
        {
            "data": [payment_body(row) for row in page],
            "next": cursor(page[-1]["id"]) if len(rows) > len(page) else None,
        }
    )


@stores(
    "/payments",
    Permission.PAYMENTS_RECORD,
    N_("Enter a payment for one's own side"),
    body=NEW_PAYMENT,
    answer=PAYMENT,
)
def enter_payment(asked: Asked) -> Reply:
    """A payment of the account's institution or to its distributor; the other side is told."""
    values, actor = asked.values, asked.actor
    payer, distributor = values["institution_code"], values["distributor_code"]
    paying_id = institution_of_code(payer) if payer else actor.institution_id
    distributor_id = distributor_of_code(distributor) if distributor else actor.distributor_id
    problems: dict[str, RuleBroken] = {}
    if paying_id is None:
        problems["/institution_code"] = NotFound(number=payer)
    elif distributor_id is None:
        problems["/distributor_code"] = NotFound(number=distributor)
    elif not may_enter(actor, paying_id, distributor_id, on=asked.on):
        # Somebody with whom the account has nothing to do looks like nobody.
        other = "institution_code" if actor.distributor_id == distributor_id else "distributor_code"
        problems[f"/{other}"] = NotFound(number=values[other])
    if problems or paying_id is None or distributor_id is None:
        raise FieldsWrong(problems)
    payment = record_payment(
        paying_id,
        distributor_id,
        values["amount"],
        values["paid_on"],
        key=asked.key,
        receipt_no=values["receipt_no"],
        method=values["method"] or "",
        reference=values["reference"],
        by=actor,
        at=asked.at,
    )
    return Reply(payment_body(payment_of_id(payment.id)), 201)
