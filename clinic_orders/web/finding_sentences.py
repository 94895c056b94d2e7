"""What a finding says in a sentence with its own figures, and what its rule is in plain words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final, Protocol

from flask_babel import gettext

from clinic_orders.rules.complaints import ComplaintKind
from clinic_orders.rules.errors import N_
from clinic_orders.rules.findings import FIGURES, CheckRule, Figure
from clinic_orders.rules.payment_terms import Ageing
from clinic_orders.rules.reporting import ReportKind
from clinic_orders.web.display import label, percent, period, yuan

_TRACE: Final = N_("code %(key)s on %(times)s sale lines")
SENTENCES: Final[Mapping[CheckRule, str]] = {
    CheckRule.OVER_MARKUP: N_(
        "%(item)s: %(lines)s sales, %(base_units)s units above the promised price, %(excess)s yuan too much; the highest markup was %(worst_rate)s"
    ),
    CheckRule.OVER_SHELF_PRICE: N_(
        "%(item)s: %(lines)s sales above the posted price, %(excess)s yuan too much"
    ),
    CheckRule.PAYMENT_OVERDUE: N_(
        "Receipt %(key)s was due on %(period)s: %(outstanding)s yuan to %(distributor)s are unpaid, %(days_overdue)s days overdue"
    ),
    CheckRule.STOCKING_SHORT: N_(
        "keeps %(carried)s items at the end of %(period)s, the minimum is %(minimum)s"
    ),
    CheckRule.VOLUME_BEHIND: N_(
        "%(item)s: %(counted)s of %(agreed)s packs (%(progress)s) while %(time_progress)s of the time is gone; missing: %(undelivered)s not delivered, %(rejected)s rejected, %(not_ordered)s not ordered"
    ),
    CheckRule.NONSELECTED_SHARE: N_(
        "%(key)s in %(period)s: %(share)s were bought outside of the selected drugs, the limit is %(limit)s"
    ),
    CheckRule.DELIVERY_RATE: N_(
        "delivered %(rate)s of what was due in %(period)s, below the limit for %(months_below)s months"
    ),
    CheckRule.LATE_CONFIRMATION: N_(
        "Order %(key)s was answered or lapsed %(working_days)s working days after it was sent"
    ),
    CheckRule.LATE_ACCEPTANCE: N_(
        "Goods of %(key)s were due to be accepted by %(period)s and are %(working_days)s working days late"
    ),
    CheckRule.SETTLED_NOT_SOLD: N_(
        "%(item)s in %(period)s: %(settled)s units were settled, %(sold)s were sold or in stock"
    ),
    CheckRule.EMERGENCY_SHARE: N_("%(share)s of the lines ordered in %(period)s were emergencies"),
    CheckRule.TIED_SALE: N_(
        "%(key)s: on %(share)s of %(receipts)s receipts the same product outside the catalogue stands beside the item"
    ),
    CheckRule.TRACE_REPEAT_SAME: _TRACE,
    CheckRule.TRACE_REPEAT_FAR: _TRACE,
    CheckRule.TRACE_REPEAT_NEAR: _TRACE,
    CheckRule.TRACE_NOT_RECEIVED: _TRACE,
    CheckRule.TRACE_SOLD_AFTER_RETURN: _TRACE,
    CheckRule.TRACE_BEFORE_RECEIPT: _TRACE,
    CheckRule.TRACE_WRONG_ITEM: _TRACE,
    CheckRule.TRACE_EXPIRED: _TRACE,
    CheckRule.TRACE_MISSING: N_("%(item)s in %(period)s: %(times)s sale lines without a trace code"),
    CheckRule.SOLD_BEYOND_STOCK: N_("%(item)s in %(period)s: on %(times)s days more was sold than was there"),
    CheckRule.REPORT_MISSING: N_("%(report)s of %(period)s was due on %(due_on)s and has not come"),
    CheckRule.INSPECTION: N_("At the inspection of %(period)s: “%(asked)s” is not so. %(remark)s"),
    CheckRule.COMPLAINT: N_("Complaint %(key)s, verified: %(about)s. %(remark)s"),
    CheckRule.MONITORED_RISE: N_(
        "%(item)s: the watched price rose from %(before)s to %(price)s yuan a pack in %(period)s, by %(rise)s"
    ),
    CheckRule.MONITORED_CHANGES: N_("%(item)s: the watched price changed %(changes)s times in %(period)s"),
}
"""One sentence a check; every figure that accuses stands in it."""

NAMES: Final[Mapping[str, str]] = {
    "before": N_("Price before (yuan a pack)"),
    "price": N_("Price (yuan a pack)"),
    "rise": N_("Rise"),
    "changes": N_("Changes of the price"),
    "lines": N_("Lines"),
    "base_units": N_("Base units"),
    "excess": N_("Too much (yuan)"),
    "worst_rate": N_("Highest markup"),
    "outstanding": N_("Unpaid (yuan)"),
    "days_overdue": N_("Days overdue"),
    "ageing": N_("Age"),
    "carried": N_("Items kept"),
    "minimum": N_("Minimum"),
    "agreed": N_("Agreed packs"),
    "counted": N_("Packs that count"),
    "progress": N_("Progress"),
    "time_progress": N_("Time gone"),
    "lag_pp": N_("Behind (percentage points)"),
    "undelivered": N_("Not delivered"),
    "rejected": N_("Rejected"),
    "not_ordered": N_("Not ordered"),
    "share": N_("Share"),
    "limit": N_("Limit"),
    "rate": N_("Delivery rate"),
    "months_below": N_("Months below"),
    "working_days": N_("Working days"),
    "settled": N_("Settled"),
    "sold": N_("Sold or in stock"),
    "receipts": N_("Receipts"),
    "times": N_("Times"),
    "institutions": N_("Institutions"),
    "due_on": N_("Due on"),
    "asked": N_("What was looked at"),
    "about": N_("What the complaint is about"),
    "remark": N_("What was found out"),
}
"""What the figures are called."""


class Told(Protocol):
    """What a sentence needs of a finding."""

    @property
    def rule(self) -> CheckRule: ...  # noqa: D102 - the name says it.
    @property
    def key(self) -> str: ...  # noqa: D102
    @property
    def period(self) -> str: ...  # noqa: D102
    @property
    def figures(self) -> dict[str, Any]: ...  # noqa: D102
    @property
    def item(self) -> str: ...  # noqa: D102
    @property
    def distributor(self) -> str: ...  # noqa: D102


def _ageing(value: Any) -> str:
    return label(Ageing(value))


_SHOWN: Final[Mapping[Figure, Callable[[Any], str]]] = {
    Figure.COUNT: lambda value: f"{int(value):,}",
    Figure.AMOUNT: lambda value: yuan(Decimal(value)),
    Figure.RATE: lambda value: percent(Decimal(value)),
    Figure.POINTS: str,
    Figure.WORD: str,
    Figure.WORDS: " ".join,
}


def shown_figures(rule: CheckRule, figures: Mapping[str, Any]) -> dict[str, str]:
    """The stored figures as people read them, by name."""
    shown = {name: _SHOWN[form](figures[name]) for name, form in FIGURES[rule].items()}
    if "ageing" in shown:
        shown["ageing"] = _ageing(figures["ageing"])
    if "about" in shown:
        shown["about"] = (
            label(ComplaintKind(shown["about"])) if shown["about"] in set(ComplaintKind) else shown["about"]
        )
    if "due_on" in shown:
        shown["due_on"] = period(shown["due_on"])
    return shown


def sentence(found: Told) -> str:
    """What was found, with its figures."""
    filled = shown_figures(found.rule, found.figures) | {
        "key": found.key,
        "period": period(found.period),
        "item": found.item or found.key,
        "distributor": found.distributor,
        "report": label(ReportKind(found.key)) if found.rule is CheckRule.REPORT_MISSING else "",
    }
    return str(gettext(SENTENCES[found.rule])) % filled
