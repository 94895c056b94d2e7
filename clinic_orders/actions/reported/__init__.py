"""What institutions and offices report, from files: volumes, problems, sales, stock, prices, trace products.

A row that comes again with other values replaces the one before, which stays readable (``models.recorded``). Imported
rows are never refused for being a violation or for lying in the future.
"""

from clinic_orders.actions.reported.facts import (
    put_designated_pharmacies,
    put_listed_products,
    put_monitored_prices,
    put_other_purchases,
    put_product_codes,
    put_settlements,
    put_shelf_prices,
    put_stock_counts,
    put_trace_products,
)
from clinic_orders.actions.reported.issued_clues import put_issued_clues
from clinic_orders.actions.reported.sales import put_sales, report_sales
from clinic_orders.actions.reported.volume import put_agreed_volumes, put_supply_problems

__all__ = [
    "put_agreed_volumes",
    "put_designated_pharmacies",
    "put_issued_clues",
    "put_listed_products",
    "put_monitored_prices",
    "put_other_purchases",
    "put_product_codes",
    "put_sales",
    "put_settlements",
    "put_shelf_prices",
    "put_stock_counts",
    "put_supply_problems",
    "put_trace_products",
    "report_sales",
]
