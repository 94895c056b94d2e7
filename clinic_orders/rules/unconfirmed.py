"""Which policy parameters a finding rests on; from a bulletin on all of them must be confirmed (R-CASE-2).

>>> rests_on(CheckRule.VOLUME_BEHIND, Grade.SEVERELY_BEHIND, "LY001")
('volume.interview_pp',)
>>> rests_on(CheckRule.VOLUME_BEHIND, Grade.UNFULFILLED, "LY001")
()
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.findings import CheckRule, Grade
from clinic_orders.rules.ladder import Level
from clinic_orders.rules.reporting import ReportKind

CONFIRMED_FROM: Final = Level.BULLETIN
"""From this level on nothing in a letter rests on an unconfirmed parameter."""

_MARKUP: Final = ("markup.cap", "markup.base", "markup.base_days", "markup.rounding")
RESTS_ON: Final[Mapping[CheckRule, tuple[str, ...]]] = {
    CheckRule.OVER_MARKUP: _MARKUP,
    CheckRule.OVER_SHELF_PRICE: _MARKUP,
    CheckRule.PAYMENT_OVERDUE: ("payment.rule", "delivery.accept_days"),
    CheckRule.STOCKING_SHORT: ("stocking.minimum", "stocking.window_days", "stocking.grace_days"),
    CheckRule.VOLUME_BEHIND: ("volume.warn_pp", "volume.interview_pp"),
    CheckRule.NONSELECTED_SHARE: ("volume.nonselected_share",),
    CheckRule.DELIVERY_RATE: (
        "delivery.rate_alert",
        "delivery.rate_alert_months",
        "delivery.hours_normal",
        "delivery.hours_remote",
        "order.confirm_days",
    ),
    CheckRule.LATE_CONFIRMATION: ("order.confirm_days",),
    CheckRule.LATE_ACCEPTANCE: ("delivery.accept_days",),
    CheckRule.SETTLED_NOT_SOLD: (),
    CheckRule.EMERGENCY_SHARE: ("order.emergency_share",),
    CheckRule.TIED_SALE: ("tied.share", "tied.min_receipts"),
    CheckRule.TRACE_REPEAT_SAME: (),
    CheckRule.TRACE_REPEAT_FAR: (),
    CheckRule.TRACE_REPEAT_NEAR: ("trace.near_days",),
    CheckRule.TRACE_NOT_RECEIVED: (),
    CheckRule.TRACE_SOLD_AFTER_RETURN: (),
    CheckRule.TRACE_BEFORE_RECEIPT: (),
    CheckRule.TRACE_WRONG_ITEM: (),
    CheckRule.TRACE_EXPIRED: (),
    CheckRule.TRACE_MISSING: ("trace.full_from",),
    CheckRule.SOLD_BEYOND_STOCK: (),
    CheckRule.REPORT_MISSING: ("report.day", "volume.report_day"),
    CheckRule.MONITORED_RISE: ("monitor.rise",),
    CheckRule.MONITORED_CHANGES: ("monitor.changes",),
    CheckRule.INSPECTION: (),
    CheckRule.COMPLAINT: (),
}
"""The policy parameters by which each check judges, all of them."""


def rests_on(rule: CheckRule, grade: Grade, key: str, *, accepted_late: bool = True) -> tuple[str, ...]:
    """The parameters that a finding needed; one that had no say in it does not stand in its way.

    Args:
        rule: the check that found it.
        grade: how grave it is.
        key: what it is about.
        accepted_late: for overdue money, whether the goods were accepted after the last day to do so: only then
            does that day decide when the money was due (R-DEL-6).

    """
    if rule is CheckRule.VOLUME_BEHIND:
        deciding = {Grade.BEHIND: ("volume.warn_pp",), Grade.SEVERELY_BEHIND: ("volume.interview_pp",)}
        return deciding.get(grade, ())
    if rule is CheckRule.REPORT_MISSING:
        return ("volume.report_day",) if key == ReportKind.PLANNED_VOLUME else ("report.day",)
    if rule is CheckRule.PAYMENT_OVERDUE and not accepted_late:
        return ("payment.rule",)
    return RESTS_ON[rule]


class UnconfirmedParameter(RuleBroken):
    """From a bulletin on nothing rests on a number that nobody vouches for."""

    message = N_(
        "A letter of level %(level)s can't rest on policy that is not confirmed: %(parameters)s. Confirm it on the page Policy with the number of the document it rests on, or take the findings that rest on it out of the case."
    )


def check_confirmed(level: Level, unconfirmed: Collection[str]) -> None:
    """Refuse a letter from a bulletin on whose findings rest on unconfirmed policy (R-CASE-2).

    Args:
        level: of the letter, or of that of which it gives notice.
        unconfirmed: names of the parameters that the letter rests on and that are not confirmed.

    Raises:
        UnconfirmedParameter: there are some.

    """
    if level >= CONFIRMED_FROM and unconfirmed:
        raise UnconfirmedParameter(level=int(level), parameters="、".join(sorted(unconfirmed)))
