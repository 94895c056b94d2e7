"""The distributor's pages: the day's work, orders, shipments and returns, what is owed to it."""

from clinic_orders.web.distribution import orders, receivables, ship, shipments, work
from clinic_orders.web.distribution.base import blueprint

__all__ = ["blueprint", "orders", "receivables", "ship", "shipments", "work"]
