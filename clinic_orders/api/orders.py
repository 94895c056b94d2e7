"""Orders: what has changed since, one with its shipments."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from clinic_orders.actions.loading import NotFound
from clinic_orders.api.cursors import cursor, place_of
from clinic_orders.api.door import Asked, Reply, number, reads
from clinic_orders.exchange.api_shapes import (
    BATCH,
    ORDER,
    ORDER_HEAD,
    ORDER_LINE,
    ORDERS,
    ORDERS_QUERY,
    SHIPMENT,
)
from clinic_orders.exchange.schemas import filled
from clinic_orders.queries.changes import changed_orders, one_order
from clinic_orders.queries.orders import OrderFilter
from clinic_orders.rules.errors import N_
from clinic_orders.rules.parties import Permission


def order_head(row: dict[str, Any]) -> dict[str, Any]:
    """An order with its lines."""
    return filled(ORDER_HEAD, row | {"lines": [filled(ORDER_LINE, line) for line in row["lines"]]})


def shipment_body(row: dict[str, Any]) -> dict[str, Any]:
    """A shipment with its batches."""
    return filled(SHIPMENT, row | {"lines": [filled(BATCH, line) for line in row["lines"]]})


def whole_order(row: dict[str, Any]) -> dict[str, Any]:
    """An order with its lines and shipments."""
    return filled(
        ORDER,
        row | order_head(row) | {"shipments": [shipment_body(one) for one in row["shipments"]]},
    )


@reads(
    "/orders",
    Permission.ORDERS_READ,
    N_("Orders, those first that have not changed for longest"),
    answer=ORDERS,
    query=ORDERS_QUERY,
)
def list_orders(asked: Asked) -> Reply:
    """The orders that the account may see, a page of them."""
    values = asked.values
    after = place_of(values["cursor"], datetime, int) if values["cursor"] else None
    rows = changed_orders(
        asked.actor,
        at=asked.at,
        since=values["updated_since"],
        status=OrderFilter(values["status"]) if values["status"] else None,
        after=None if after is None else (after[0], after[1]),
        limit=values["limit"] + 1,
    )
    page = rows[: values["limit"]]
    more = len(rows) > len(page)
    return Reply(
        {
            "data": [order_head(row) for row in page],
            "next": cursor(page[-1]["updated_at"], page[-1]["id"]) if more else None,
        }
    )


@reads(
    "/orders/{no}",
    Permission.ORDERS_READ,
    N_("One order with its shipments, batches and trace codes"),
    answer=ORDER,
    gives_version=True,
    refusals=frozenset({404}),
)
def show_order(asked: Asked, no: str) -> Reply:
    """One order."""
    row = one_order(number(no), asked.actor, at=asked.at)
    if row is None:
        raise NotFound(number=no)
    return Reply(whole_order(row), version=row["version"])
