"""Orders from files, with their answers, closures and withdrawals (R-ORD-5, R-ORD-8)."""

from clinic_orders.actions.history.orders.putting import put_orders

__all__ = ["put_orders"]
