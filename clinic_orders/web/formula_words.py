"""The formula of a finding in words that people know, with the same numbers; what is stored stays as formats.md has it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Final

from flask_babel import gettext

from clinic_orders.rules.errors import N_
from clinic_orders.rules.findings import CheckRule
from clinic_orders.web.display import day_full, percent

_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_Spoken = tuple[tuple[re.Pattern[str], str], ...]


def _as(form: str, text: str) -> tuple[re.Pattern[str], str]:
    """A form of a stored formula, ``<name>`` standing for a number, day or code, and what is said for it."""
    pattern = re.sub(r"<(\w+)>", r"(?P<\1>\\S+?)", re.sub(r"([.+*?()\[\]^$|])", r"\\\1", form))
    return re.compile(pattern), text


_MORE_SOLD: Final = _as(
    "hours between = <hours> > 24 × <days>",
    N_("the shortest time between two places is %(hours)s hours, more than %(days)s days"),
)
# Shares stand as decimals in a formula; people read per cent.
_SHARES: Final = frozenset({"share", "limit", "rate", "time"})
FORMULAS: Final[Mapping[CheckRule, _Spoken]] = {
    CheckRule.OVER_MARKUP: (
        _as(
            "allowed = <base> × (1 + <rate>) × <units> / <size> → <allowed>; <taken> > <most>; Σ excess = <excess>",
            N_(
                "dearest line: base price %(base)s × (1 + %(rate)s) × %(units)s ÷ %(size)s a pack → at most %(allowed)s yuan, taken %(taken)s; too much in all: %(excess)s yuan"
            ),
        ),
    ),
    CheckRule.OVER_SHELF_PRICE: (
        _as(
            "Σ excess = <one> = <excess>; lines = <lines>",
            N_("too much: %(excess)s yuan, on %(lines)s sales"),
        ),
        (
            re.compile(r"Σ excess = (?P<parts>.+) = (?P<excess>\S+); lines = (?P<lines>\d+)"),
            N_("too much: %(parts)s = %(excess)s yuan, on %(lines)s sales"),
        ),
    ),
    CheckRule.PAYMENT_OVERDUE: (
        _as(
            "outstanding = <amount> > 0; <on> − <due> = <days>",
            N_("%(amount)s yuan unpaid; from %(due)s to %(on)s: %(days)s days"),
        ),
    ),
    CheckRule.STOCKING_SHORT: (
        _as("carried = <carried> < minimum = <minimum>", N_("kept %(carried)s < minimum %(minimum)s")),
    ),
    CheckRule.VOLUME_BEHIND: (
        _as(
            "<counted> / <agreed>; time_progress = <time>; shortfall = <short> = <undelivered> + <rejected> + <not_ordered>",
            N_(
                "counted %(counted)s ÷ agreed %(agreed)s; %(time)s of the time gone; missing %(short)s = not delivered %(undelivered)s + rejected %(rejected)s + not ordered %(not_ordered)s"
            ),
        ),
    ),
    CheckRule.NONSELECTED_SHARE: (
        _as(
            "<other> / (<same> + <selected>) = <share> > <limit>",
            N_(
                "non-selected %(other)s ÷ (non-selected %(same)s + selected %(selected)s) = %(share)s, limit %(limit)s"
            ),
        ),
    ),
    CheckRule.DELIVERY_RATE: (
        _as(
            "rate = <rate> < <limit>; months_below = <months> ≥ <alert>",
            N_(
                "delivery rate %(rate)s < %(limit)s; %(months)s months below in a row, noted from %(alert)s on"
            ),
        ),
    ),
    CheckRule.LATE_CONFIRMATION: (
        _as(
            "<sent> → <answered>: working_days = <days>; last day <last>",
            N_(
                "sent %(sent)s, answered or lapsed %(answered)s: %(days)s working days; last day was %(last)s"
            ),
        ),
    ),
    CheckRule.LATE_ACCEPTANCE: (
        _as(
            "<due> → <until>: working_days = <days>",
            N_("due %(due)s, looked at %(until)s: %(days)s working days late"),
        ),
    ),
    CheckRule.SETTLED_NOT_SOLD: (
        _as("settled = <settled> > sold = <sold>", N_("settled %(settled)s > sold %(sold)s")),
        _as(
            "settled = <settled> > opening + accepted = <opening> + <accepted>",
            N_("settled %(settled)s > in stock before %(opening)s + received %(accepted)s"),
        ),
    ),
    CheckRule.EMERGENCY_SHARE: (
        _as(
            "<urgent> / <lines> = <share> > <limit>",
            N_("emergency lines %(urgent)s ÷ all lines %(lines)s = %(share)s, limit %(limit)s"),
        ),
    ),
    CheckRule.TIED_SALE: (
        _as(
            "<both> / <receipts> = <share> ≥ <limit>",
            N_(
                "receipts with both %(both)s ÷ receipts with the item %(receipts)s = %(share)s, noted from %(limit)s on"
            ),
        ),
    ),
    CheckRule.TRACE_REPEAT_SAME: (
        _as(
            "units sold = <sold> > units held = <held>",
            N_("units sold %(sold)s > units in the pack %(held)s"),
        ),
    ),
    CheckRule.TRACE_REPEAT_FAR: (_MORE_SOLD,),
    CheckRule.TRACE_REPEAT_NEAR: (
        _as(
            "hours between = <hours> ≤ 24 × <days>",
            N_("the shortest time between two places is %(hours)s hours, at most %(days)s days"),
        ),
    ),
    CheckRule.TRACE_BEFORE_RECEIPT: (
        _as("sold before delivered on <day>", N_("sold before it was delivered on %(day)s")),
    ),
    CheckRule.TRACE_EXPIRED: (_as("sold after expiry on <day>", N_("sold after it expired on %(day)s")),),
    CheckRule.TRACE_WRONG_ITEM: (
        _as(
            "item of the code = <item> ≠ item sold",
            N_("the code belongs to item %(item)s, another item was sold"),
        ),
    ),
    CheckRule.TRACE_MISSING: (
        _as("lines without code = <times>", N_("%(times)s sale lines without a code")),
    ),
    CheckRule.SOLD_BEYOND_STOCK: (
        _as(
            "stock = <stock> < 0 on <days> days",
            N_("lowest stock by the books %(stock)s; below 0 on %(days)s days"),
        ),
        _as("stock < 0 on <days> days", N_("stock by the books below 0 on %(days)s days")),
    ),
    CheckRule.MONITORED_RISE: (
        _as(
            "<price> / <before> − 1 = <rate> > <limit>",
            N_("%(price)s ÷ %(before)s − 1 = %(rate)s, alarm above %(limit)s"),
        ),
    ),
    CheckRule.MONITORED_CHANGES: (
        _as("changes = <changes> > <most>", N_("changed %(changes)s times, alarm above %(most)s")),
    ),
    CheckRule.REPORT_MISSING: (_as("due_on = <due> < <on>", N_("due on %(due)s, not there on %(on)s")),),
    CheckRule.INSPECTION: (
        _as("answer = no; visit = <visit>", N_("answered with “not so” in the record of visit %(visit)s")),
    ),
    CheckRule.COMPLAINT: (_as("verified = <day>", N_("looked into by the bureau and verified on %(day)s")),),
}
"""What the stored formula of each check says; a form that is not here is shown as it is stored."""


def _said(name: str, value: str) -> str:
    if _DAY.fullmatch(value):
        return day_full(date.fromisoformat(value))
    if name in _SHARES:
        found = Fraction(value)
        return percent(Decimal(found.numerator) / Decimal(found.denominator))
    return value


def formula_words(rule: CheckRule, formula: str) -> str:
    """The formula of a finding in the reader's words; as it is stored where its form is not known."""
    for pattern, text in FORMULAS.get(rule, ()):
        found = pattern.fullmatch(formula)
        if found is not None:
            return str(gettext(text)) % {
                name: _said(name, value) for name, value in found.groupdict().items()
            }
    return formula
