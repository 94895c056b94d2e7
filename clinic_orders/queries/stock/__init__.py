"""The stock of an institution: what is there, how it moves, what to order again, what is near its expiry (R-STOCK-3)."""

from __future__ import annotations

from clinic_orders.queries.stock.keeping import Own, Reorder, own_numbers, who_keeps_stock
from clinic_orders.queries.stock.listing import SORTS, Show, Stock, StockRow, in_order, stock_of
from clinic_orders.queries.stock.movements import Movement, Movements, movements_of
from clinic_orders.queries.stock.reordering import suggestions
from clinic_orders.queries.stock.shelf import Shelf, shelf_of

__all__ = [
    "SORTS",
    "Movement",
    "Movements",
    "Own",
    "Reorder",
    "Shelf",
    "Show",
    "Stock",
    "StockRow",
    "in_order",
    "movements_of",
    "own_numbers",
    "shelf_of",
    "stock_of",
    "suggestions",
    "who_keeps_stock",
]
