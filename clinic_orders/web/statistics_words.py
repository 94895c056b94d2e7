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

FURTHER: dict[str, str] = {
    "in_scope": N_("In scope of the scheme (institutions)"),
    "in_scope_members": N_("Members of those in scope (institutions)"),
    "scheme_coverage": N_("Coverage of the scheme"),
    "minimum_compliance": N_("Stocking minimum kept"),
    "confirmation_rate": N_("Confirmation rate"),
    "on_time_rate": N_("On-time delivery rate"),
    "overdue_1_30": N_("Overdue 1 to 30 days (yuan)"),
    "overdue_31_60": N_("Overdue 31 to 60 days (yuan)"),
    "overdue_61_90": N_("Overdue 61 to 90 days (yuan)"),
    "overdue_over_90": N_("Overdue over 90 days (yuan)"),
    "savings": N_("Saved against ceiling prices (yuan)"),
    "reports_due": N_("Reports due (number)"),
    "reporting_rate": N_("Reporting rate"),
    "on_time_reporting_rate": N_("Reporting rate, on time"),
    "findings_raised": N_("Findings raised in the month"),
    "findings_cured": N_("Findings cured in the month"),
    "findings_open": N_("Findings open at the end of the month"),
}
"""The indicators beyond the contract (R-STAT-2)."""

COLUMNS: dict[str, str] = {
    **{name: word for name, word in (INDICATORS | FURTHER).items() if not name.endswith("_rate")},
    "institutions": N_("Member"),
    "participating": N_("Has ordered"),
    "items_carried": N_("Items carried"),
    "asked": N_("To be delivered (packs)"),
    "delivered": N_("Delivered (packs)"),
    "delivered_in_time": N_("Delivered in time (packs)"),
    "counted": N_("Counted (packs)"),
    "agreed": N_("Agreed (packs)"),
    "codable_lines": N_("Sale lines that need a code"),
    "coded_lines": N_("Sale lines with a code"),
    "findings": N_("Findings"),
    "minimum_due": N_("Judged by a minimum"),
    "minimum_met": N_("Keeps the minimum"),
    "lines_to_answer": N_("Order lines to answer"),
    "lines_answered": N_("Order lines answered in time"),
    "savings_of": N_("Paid for them (yuan)"),
    "reports_received": N_("Reports received"),
    "reports_in_time": N_("Reports received in time"),
}
"""What the columns of the rows behind a figure are called."""
