"""What a distributor has to do and what became of its orders: work list, order list, one order.

Lists read their rows in a fixed number of statements. Deadlines are worked out by the rules, in Python, over
the open orders only; a partial index finds those.
"""

from __future__ import annotations

from clinic_orders.queries.distribution.lists import (
    SORTS,
    OrderFilter,
    count_orders,
    counties_of,
    orders_listed,
    orders_page,
)
from clinic_orders.queries.distribution.rows import PARAMETERS, OrderRow, OrderStatus
from clinic_orders.queries.distribution.sheets import (
    OrderSheet,
    Place,
    order_sheet,
    orders_with_lines,
    places_of,
)
from clinic_orders.queries.distribution.work import (
    ReturnSums,
    count_open,
    lapsed_since,
    open_orders,
    returns_to_agree,
)

__all__ = [
    "PARAMETERS",
    "SORTS",
    "OrderFilter",
    "OrderRow",
    "OrderSheet",
    "OrderStatus",
    "Place",
    "ReturnSums",
    "count_open",
    "count_orders",
    "counties_of",
    "lapsed_since",
    "open_orders",
    "order_sheet",
    "orders_listed",
    "orders_page",
    "orders_with_lines",
    "places_of",
    "returns_to_agree",
]
