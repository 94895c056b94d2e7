"""What becomes of a finding: raised once, kept up to date, ended when cured, waived with a reason (R-CASE-1).

A check that no longer finds something has only cured it where the check looked at all: a check as of a day in
March says nothing about a finding of February. ``COVERAGE`` says per check which periods one look covers.

>>> covers(CheckRule.STOCKING_SHORT, "2026-02", as_of=date(2026, 2, 28))
True
>>> covers(CheckRule.STOCKING_SHORT, "2026-02", as_of=date(2026, 3, 31))
False
>>> covers(CheckRule.PAYMENT_OVERDUE, "2026-01-31", as_of=date(2026, 3, 1))
True
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, Final

from clinic_orders.rules.days import Month, Quarter
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.findings import CheckRule, Grade


class FindingState(StrEnum):
    """Where a finding stands. ENDED: a later look found it cured. DECIDED: a case has closed it."""

    OPEN = "open"
    ENDED = "ended"
    WAIVED = "waived"
    DECIDED = "decided"


class FindingStep(StrEnum):
    """What happened to a finding, for its history."""

    RAISED = "raised"
    CHANGED = "changed"
    ENDED = "ended"
    REOPENED = "reopened"
    WAIVED = "waived"
    UNWAIVED = "unwaived"
    DECIDED = "decided"


class Severity(StrEnum):
    """In which order a desk looks at findings."""

    GRAVE = "grave"
    REMINDER = "reminder"
    CLUE = "clue"


SEVERITY: Final[Mapping[Grade, Severity]] = {
    Grade.VIOLATION: Severity.GRAVE,
    Grade.SEVERELY_BEHIND: Severity.GRAVE,
    Grade.UNFULFILLED: Severity.GRAVE,
    Grade.WARNING: Severity.REMINDER,
    Grade.BEHIND: Severity.REMINDER,
    Grade.HIGH: Severity.CLUE,
    Grade.CLUE: Severity.CLUE,
}
"""A clue accuses nobody: it is looked into first, so it never stands above what is proven."""


class Coverage(StrEnum):
    """Which periods one look as of a day D covers.

    MONTH: the month of D. MONTH_END, QUARTER_END: the month or quarter of which D is the last day. DAY_IN_MONTH:
    the days of D's month up to D. PAST_DAYS: every day before D. CYCLE: cycles that hold D or ended on D - 1.
    REPORTS: months and quarters whose reports fall due in D's month. NEVER: what people found, which no look can see.
    """

    MONTH = "month"
    MONTH_END = "month_end"
    QUARTER_END = "quarter_end"
    DAY_IN_MONTH = "day_in_month"
    PAST_DAYS = "past_days"
    CYCLE = "cycle"
    REPORTS = "reports"
    NEVER = "never"


COVERAGE: Final[Mapping[CheckRule, Coverage]] = {
    CheckRule.OVER_MARKUP: Coverage.MONTH,
    CheckRule.OVER_SHELF_PRICE: Coverage.MONTH,
    CheckRule.PAYMENT_OVERDUE: Coverage.PAST_DAYS,
    CheckRule.STOCKING_SHORT: Coverage.MONTH_END,
    CheckRule.VOLUME_BEHIND: Coverage.CYCLE,
    CheckRule.NONSELECTED_SHARE: Coverage.QUARTER_END,
    CheckRule.DELIVERY_RATE: Coverage.MONTH_END,
    CheckRule.LATE_CONFIRMATION: Coverage.DAY_IN_MONTH,
    CheckRule.LATE_ACCEPTANCE: Coverage.DAY_IN_MONTH,
    CheckRule.SETTLED_NOT_SOLD: Coverage.MONTH_END,
    CheckRule.EMERGENCY_SHARE: Coverage.MONTH_END,
    CheckRule.TIED_SALE: Coverage.MONTH,
    CheckRule.TRACE_REPEAT_SAME: Coverage.MONTH,
    CheckRule.TRACE_REPEAT_FAR: Coverage.MONTH,
    CheckRule.TRACE_REPEAT_NEAR: Coverage.MONTH,
    CheckRule.TRACE_NOT_RECEIVED: Coverage.MONTH,
    CheckRule.TRACE_SOLD_AFTER_RETURN: Coverage.MONTH,
    CheckRule.TRACE_BEFORE_RECEIPT: Coverage.MONTH,
    CheckRule.TRACE_WRONG_ITEM: Coverage.MONTH,
    CheckRule.TRACE_EXPIRED: Coverage.MONTH,
    CheckRule.TRACE_MISSING: Coverage.MONTH,
    CheckRule.SOLD_BEYOND_STOCK: Coverage.MONTH,
    CheckRule.REPORT_MISSING: Coverage.REPORTS,
    CheckRule.MONITORED_RISE: Coverage.MONTH,
    CheckRule.MONITORED_CHANGES: Coverage.MONTH,
    CheckRule.INSPECTION: Coverage.NEVER,
    CheckRule.COMPLAINT: Coverage.NEVER,
}
"""What one look of each check covers, as formats.md section 3 words it."""

CLOCKWORK: Final = frozenset({"days_overdue", "time_progress", "lag_pp", "working_days"})
"""Figures that change by the mere passing of days: they are kept up to date, but make no line of history."""

# Clues are for the bureau to look into: whoever may be under suspicion is not told before somebody has looked.
BUREAU_ONLY: Final = frozenset({Grade.CLUE, Grade.HIGH})


class FindingNotOpen(RuleBroken):
    """Only what is open can be waived."""

    message = N_("This finding is no longer open. Look at its page again.")


class FindingNotWaived(RuleBroken):
    """Only a waiver can be taken back."""

    message = N_("This finding is not waived, so there is nothing to take back.")


class WaiverNeedsReason(RuleBroken):
    """Whoever lets something go says why."""

    message = N_("Say why nothing more is to be done about it. The reason stays in the history.")


def covers(rule: CheckRule, period: str, *, as_of: date, cycle_end: date | None = None) -> bool:
    """Whether a look as of a day D would have found a finding of this period, if it still stood (R-CASE-1).

    Args:
        rule: the check.
        period: of the finding.
        as_of: the day D.
        cycle_end: the last day of the cycle that begins on the period, for agreed volume; None where no
            agreement stands any more, so that nothing can be behind.

    >>> covers(CheckRule.REPORT_MISSING, "2026-10", as_of=date(2026, 11, 6))
    True
    >>> covers(CheckRule.VOLUME_BEHIND, "2025-01-01", as_of=date(2026, 1, 2), cycle_end=date(2025, 12, 31))
    False

    """
    kind, month = COVERAGE[rule], Month.of(as_of)
    if kind is Coverage.NEVER:
        return False
    if kind is Coverage.MONTH:
        return period == str(month)
    if kind is Coverage.MONTH_END:
        return as_of == month.last_day and period == str(month)
    if kind is Coverage.QUARTER_END:
        return as_of == month.quarter.last_day and period == str(month.quarter)
    if kind is Coverage.REPORTS:
        return period in {str(month.previous()), str(Quarter.of(as_of))}
    day = date.fromisoformat(period)
    if kind is Coverage.DAY_IN_MONTH:
        return month.first_day <= day <= as_of
    if kind is Coverage.PAST_DAYS:
        return day < as_of
    return day <= as_of and (cycle_end is None or cycle_end >= as_of - timedelta(days=1))


_KEYED_BY_ITEM: Final = frozenset(
    {
        CheckRule.OVER_MARKUP,
        CheckRule.OVER_SHELF_PRICE,
        CheckRule.VOLUME_BEHIND,
        CheckRule.SETTLED_NOT_SOLD,
        CheckRule.TIED_SALE,
        CheckRule.TRACE_MISSING,
        CheckRule.SOLD_BEYOND_STOCK,
        CheckRule.MONITORED_RISE,
        CheckRule.MONITORED_CHANGES,
    }
)


def item_code_of(rule: CheckRule, key: str | None) -> str:
    """The item code that the key of a finding names, or "".

    >>> item_code_of(CheckRule.VOLUME_BEHIND, "LY001@V01"), item_code_of(CheckRule.TIED_SALE, "LY001+维生素")
    ('LY001', 'LY001')
    >>> item_code_of(CheckRule.PAYMENT_OVERDUE, "PS1")
    ''

    """
    if rule not in _KEYED_BY_ITEM or key is None:
        return ""
    end = {CheckRule.VOLUME_BEHIND: "@", CheckRule.TIED_SALE: "+"}.get(rule)
    return key if end is None else key.partition(end)[0]


def has_news(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether figures differ in more than what the days change by themselves.

    >>> has_news({"outstanding": "5.00", "days_overdue": 3}, {"outstanding": "5.00", "days_overdue": 4})
    False
    """
    return {k: v for k, v in before.items() if k not in CLOCKWORK} != {
        k: v for k, v in after.items() if k not in CLOCKWORK
    }


def check_waiver(reason: str) -> str:
    """The reason of a waiver without blanks around it.

    Raises:
        WaiverNeedsReason: nothing is said.

    """
    said = reason.strip()
    if not said:
        raise WaiverNeedsReason
    return said
