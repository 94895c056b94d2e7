"""What checks, grades and missing reports are called on screen and in letters."""

from __future__ import annotations

from clinic_orders.rules.errors import N_
from clinic_orders.rules.finding_states import FindingState, FindingStep, Severity
from clinic_orders.rules.findings import CheckRule, Grade
from clinic_orders.rules.payment_terms import Ageing, DueRule
from clinic_orders.rules.reporting import ReportKind
from clinic_orders.web.display import register_labels

register_labels(
    {
        CheckRule.OVER_MARKUP: N_("Price above the allowed markup"),
        CheckRule.OVER_SHELF_PRICE: N_("Price above the posted one"),
        CheckRule.PAYMENT_OVERDUE: N_("Payment overdue"),
        CheckRule.STOCKING_SHORT: N_("Fewer items kept than the minimum"),
        CheckRule.VOLUME_BEHIND: N_("Agreed volume behind"),
        CheckRule.NONSELECTED_SHARE: N_("Too much bought outside of the selected drugs"),
        CheckRule.DELIVERY_RATE: N_("Delivery rate too low"),
        CheckRule.LATE_CONFIRMATION: N_("Order answered late or lapsed"),
        CheckRule.LATE_ACCEPTANCE: N_("Goods accepted late"),
        CheckRule.SETTLED_NOT_SOLD: N_("More settled than sold or in stock"),
        CheckRule.EMERGENCY_SHARE: N_("Too many emergency orders"),
        CheckRule.TIED_SALE: N_("Sold together with another product"),
        CheckRule.TRACE_REPEAT_SAME: N_("Trace code sold more than once at one place"),
        CheckRule.TRACE_REPEAT_FAR: N_("Trace code sold at several places"),
        CheckRule.TRACE_REPEAT_NEAR: N_("Trace code sold at several places within days"),
        CheckRule.TRACE_NOT_RECEIVED: N_("Trace code sold but never received"),
        CheckRule.TRACE_SOLD_AFTER_RETURN: N_("Trace code sold after its return"),
        CheckRule.TRACE_BEFORE_RECEIPT: N_("Trace code sold before it arrived"),
        CheckRule.TRACE_WRONG_ITEM: N_("Trace code belongs to another item"),
        CheckRule.TRACE_EXPIRED: N_("Trace code sold after its expiry date"),
        CheckRule.TRACE_MISSING: N_("Sold without trace code"),
        CheckRule.SOLD_BEYOND_STOCK: N_("More sold than was in stock"),
        CheckRule.REPORT_MISSING: N_("Report missing"),
        CheckRule.MONITORED_RISE: N_("Watched price risen fast"),
        CheckRule.MONITORED_CHANGES: N_("Watched price changed often"),
        CheckRule.INSPECTION: N_("Found at an inspection"),
        CheckRule.COMPLAINT: N_("Verified complaint"),
    }
)
register_labels(
    {
        Grade.VIOLATION: N_("Violation"),
        Grade.WARNING: N_("Warning"),
        Grade.CLUE: N_("Clue"),
        Grade.HIGH: N_("Grave clue"),
        Grade.BEHIND: N_("Behind"),
        Grade.SEVERELY_BEHIND: N_("Severely behind"),
        Grade.UNFULFILLED: N_("Not fulfilled"),
    }
)
register_labels(
    {
        ReportKind.PLANNED_VOLUME: N_("Planned volume"),
        ReportKind.SALES: N_("Sales of the month"),
        ReportKind.STOCK_COUNT: N_("Stock count of the month"),
    }
)
register_labels(
    {
        Ageing.UP_TO_30: N_("1 to 30 days overdue"),
        Ageing.UP_TO_60: N_("31 to 60 days overdue"),
        Ageing.UP_TO_90: N_("61 to 90 days overdue"),
        Ageing.OVER_90: N_("More than 90 days overdue"),
    }
)
register_labels(
    {
        DueRule.END_OF_NEXT_MONTH: N_("Due by the end of the month after acceptance"),
        DueRule.DAYS_30: N_("Due 30 days after acceptance"),
    }
)
register_labels(
    {
        FindingState.OPEN: N_("Open finding"),
        FindingState.ENDED: N_("Cured"),
        FindingState.WAIVED: N_("Waived"),
        FindingState.DECIDED: N_("Decided in a case"),
    }
)
register_labels(
    {
        FindingStep.RAISED: N_("Found for the first time"),
        FindingStep.CHANGED: N_("Figures changed"),
        FindingStep.ENDED: N_("Cured"),
        FindingStep.REOPENED: N_("Found again"),
        FindingStep.WAIVED: N_("Waived"),
        FindingStep.UNWAIVED: N_("Waiver taken back"),
        FindingStep.DECIDED: N_("Decided in a case"),
    }
)
register_labels(
    {Severity.GRAVE: N_("Grave"), Severity.REMINDER: N_("To remind of"), Severity.CLUE: N_("Clues")}
)
