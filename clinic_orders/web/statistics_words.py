"""What the indicators of the monthly statistics are called on screen (R-STAT-2); papers have the same words."""

from __future__ import annotations

from clinic_orders.rules.errors import N_

INDICATORS: dict[str, str] = {
    "institutions": N_("Members (institutions)"),
    "participating": N_("Members with an order (institutions)"),
    "coverage": N_("Participation"),
    "items_carried_average": N_("Items carried, average"),
    "orders": N_("Orders (number)"),
    "order_packs": N_("Ordered (packs)"),
    "order_amount": N_("Ordered (yuan)"),
    "accepted_amount": N_("Accepted (yuan)"),
    "delivery_rate": N_("Delivery rate"),
    "amount_due": N_("Due in the month (yuan)"),
    "amount_paid_on_time": N_("Paid on time (yuan)"),
    "on_time_payment_rate": N_("On-time payment rate"),
    "overdue_amount": N_("Overdue at the end of the month (yuan)"),
    "over_markup_lines": N_("Sales above the allowed markup (lines)"),
    "over_markup_excess": N_("Taken above the allowed markup (yuan)"),
    "fulfilment": N_("Agreed volume fulfilled"),
    "trace_rate": N_("Trace codes uploaded"),
}
"""The msgid of each indicator by its name, in the order of the statement."""
