"""Payments: what was entered by either side."""

from __future__ import annotations

from typing import Any

from clinic_orders.api.cursors import cursor, place_of
from clinic_orders.api.door import Asked, Reply, reads
from clinic_orders.exchange.api_shapes import PAGE_QUERY, PAYMENT, PAYMENTS
from clinic_orders.exchange.schemas import filled
from clinic_orders.queries.changes import payments_after
from clinic_orders.rules.errors import N_
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
