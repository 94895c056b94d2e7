"""The records: tables and the constraints that repeat the rules."""

from clinic_orders.models import (
    accounts,
    audit,
    base,
    catalogue,
    deliveries,
    exchange,
    jobs,
    notices,
    orders,
    payments,
    policy,
    roster,
)

__all__ = [
    "accounts",
    "audit",
    "base",
    "catalogue",
    "deliveries",
    "exchange",
    "jobs",
    "notices",
    "orders",
    "payments",
    "policy",
    "roster",
]
