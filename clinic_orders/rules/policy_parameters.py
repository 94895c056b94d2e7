"""The table of policy parameters and the form of their values (rules section 13).

Every number that a bureau may change stands here with its default and what the default rests on.

>>> PARAMETERS["order.confirm_days"].default, PARAMETERS["order.confirm_days"].rests_on
('2', 'Shandong')
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from clinic_orders.rules.days import DayNotUnderstood, parse_day
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.money import parse_amount
from clinic_orders.rules.parties import PUBLIC_KINDS, InstitutionKind

Value = int | Decimal | date | str | None


class Form(StrEnum):
    """How the value of a parameter is written."""

    RATE = "rate"
    SHARE = "share"
    POINTS = "points"
    DAYS = "days"
    WORKING_DAYS = "working_days"
    HOURS = "hours"
    MONTHS = "months"
    PACKS = "packs"
    NUMBER = "number"
    METRES = "metres"
    DAY_OF_MONTH = "day_of_month"
    AMOUNT = "amount"
    DAY = "day"
    CHOICE = "choice"


_WHOLE: Final = re.compile(r"[0-9]{1,7}")
_DECIMAL: Final = re.compile(r"[0-9]{1,4}(\.[0-9]{1,4})?")


class PolicyParameterUnknown(RuleBroken):
    """No parameter of this name exists."""

    message = N_("There is no policy parameter “%(parameter)s”. Choose one from the list.")


class PolicyValueRefused(RuleBroken):
    """The text is not a value of the parameter's form."""


class PolicyValueMissing(PolicyValueRefused):
    """Empty, where "not set" has no meaning."""

    message = N_("“%(parameter)s” needs a value.")


class PolicyValueNotWhole(PolicyValueRefused):
    """Not a whole number."""

    message = N_("“%(parameter)s” is a whole number. You wrote “%(typed)s”.")


class PolicyValueNotRate(PolicyValueRefused):
    """Not a decimal with at most four decimals."""

    message = N_("“%(parameter)s” is a decimal like 0.15, with at most 4 decimals. You wrote “%(typed)s”.")


class PolicyValueOutOfRange(PolicyValueRefused):
    """Below the least or above the greatest value that makes sense."""

    message = N_("“%(parameter)s” lies between %(lowest)s and %(highest)s. You wrote “%(typed)s”.")


class PolicyValueNotAmount(PolicyValueRefused):
    """Not an amount of yuan."""

    message = N_("“%(parameter)s” is an amount like 100.00. You wrote “%(typed)s”.")


class PolicyValueNotDay(PolicyValueRefused):
    """Not a day."""

    message = N_("“%(parameter)s” is a day like 2026-01-01. You wrote “%(typed)s”.")


class PolicyValueNotChoice(PolicyValueRefused):
    """Not one of the known choices."""

    message = N_("“%(parameter)s” is one of %(choices)s. You wrote “%(typed)s”.")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One line of the table of section 13.

    Attributes:
        name: the key in files and code.
        form: how a value is written.
        label: what people call it (msgid).
        default: the value text that holds where no row does; empty = not set.
        rests_on: where the default comes from (msgid).
        confirmed: whether that source settles the value; the screen marks what is not (待确认).
        by_kind: defaults that differ from ``default`` for a kind.
        unconfirmed_kinds: kinds whose default is not confirmed although the others are.
        may_be_unset: whether an empty value has a meaning.
        choices: the values of a CHOICE.
        depends_on_kind: whether the bureau is expected to set it by kind.

    """

    name: str
    form: Form
    label: str
    default: str
    rests_on: str
    confirmed: bool
    by_kind: Mapping[InstitutionKind, str] = field(default_factory=lambda: MappingProxyType({}))
    unconfirmed_kinds: frozenset[InstitutionKind] = frozenset()
    may_be_unset: bool = False
    choices: tuple[str, ...] = ()
    depends_on_kind: bool = False

    def default_text(self, kind: InstitutionKind | None) -> str:
        """The default for a kind as text; empty = not set."""
        return self.default if kind is None else self.by_kind.get(kind, self.default)

    def default_confirmed(self, kind: InstitutionKind | None) -> bool:
        """Whether the source of the default for a kind settles it."""
        return self.confirmed and kind not in self.unconfirmed_kinds


_LOCAL: Final = N_("Local policy, unconfirmed")
_NO_FIGURE: Final = N_("No figure has been published")

_TABLE: Final = (
    Parameter(
        "payment.rule",
        Form.CHOICE,
        N_("Rule for the due date of a payment"),
        "end_of_next_month",
        N_("The scheme (Luoyang)"),
        confirmed=True,
        choices=("end_of_next_month", "days_30"),
    ),
    Parameter(
        "payment.hold_after_days",
        Form.DAYS,
        N_("Payment hold: days overdue"),
        "",
        N_("The scheme has the bureau suspend; a number is local policy"),
        confirmed=False,
        may_be_unset=True,
    ),
    Parameter(
        "payment.hold_min_amount",
        Form.AMOUNT,
        N_("Payment hold: least amount overdue"),
        "100.00",
        N_("The scheme has the bureau suspend; a number is local policy"),
        confirmed=False,
    ),
    Parameter(
        "payment.hold_scope",
        Form.CHOICE,
        N_("Payment hold: which orders"),
        "distributor",
        N_("The scheme has the bureau suspend; a number is local policy"),
        confirmed=False,
        choices=("distributor", "all"),
    ),
    Parameter(
        "markup.cap",
        Form.RATE,
        N_("Highest markup rate"),
        "",
        N_("Public kinds: the scheme. Pharmacies: one press report (Henan pilot), unconfirmed"),
        confirmed=True,
        by_kind=MappingProxyType(
            dict.fromkeys(sorted(PUBLIC_KINDS), "0") | {InstitutionKind.RETAIL_PHARMACY: "0.15"}
        ),
        unconfirmed_kinds=frozenset({InstitutionKind.RETAIL_PHARMACY, InstitutionKind.PRIVATE_INSTITUTION}),
        may_be_unset=True,
        depends_on_kind=True,
    ),
    Parameter(
        "markup.base",
        Form.CHOICE,
        N_("Base price of the markup"),
        "higher_of",
        _LOCAL,
        confirmed=False,
        choices=("higher_of", "purchase_price", "selected_price"),
    ),
    Parameter(
        "markup.base_days", Form.DAYS, N_("Base price: days looked back"), "90", _LOCAL, confirmed=False
    ),
    Parameter(
        "markup.rounding",
        Form.CHOICE,
        N_("Rounding of the allowed amount"),
        "half_up",
        _LOCAL,
        confirmed=False,
        choices=("half_up", "down"),
    ),
    Parameter(
        "stocking.minimum",
        Form.NUMBER,
        N_("Minimum number of items to stock"),
        "",
        _NO_FIGURE,
        confirmed=False,
        may_be_unset=True,
        depends_on_kind=True,
    ),
    Parameter(
        "stocking.window_days", Form.DAYS, N_("Stocking: days looked back"), "90", _LOCAL, confirmed=False
    ),
    Parameter("stocking.grace_days", Form.DAYS, N_("Stocking: days of grace"), "90", _LOCAL, confirmed=False),
    Parameter(
        "volume.warn_pp", Form.POINTS, N_("Agreed volume: lag that warns"), "10", _LOCAL, confirmed=False
    ),
    Parameter(
        "volume.interview_pp",
        Form.POINTS,
        N_("Agreed volume: lag that leads to an interview"),
        "25",
        N_("Huojia county (Henan)"),
        confirmed=True,
    ),
    Parameter(
        "volume.lagging_items",
        Form.NUMBER,
        N_("Agreed volume: lagging items that lead to an interview"),
        "15",
        N_("Huojia county (Henan)"),
        confirmed=True,
    ),
    Parameter(
        "volume.report_day",
        Form.DAY_OF_MONTH,
        N_("Planned volume: last day to report"),
        "20",
        N_("Jiangsu"),
        confirmed=True,
    ),
    Parameter(
        "report.day",
        Form.DAY_OF_MONTH,
        N_("Sales and stock: last day to report"),
        "5",
        _LOCAL,
        confirmed=False,
    ),
    Parameter(
        "volume.nonselected_share",
        Form.SHARE,
        N_("Highest share of non-selected drugs"),
        "",
        N_("Provinces differ"),
        confirmed=False,
        may_be_unset=True,
    ),
    Parameter(
        "order.confirm_days",
        Form.WORKING_DAYS,
        N_("Order: working days to answer"),
        "2",
        N_("Shandong"),
        confirmed=True,
    ),
    Parameter(
        "order.ship_days",
        Form.WORKING_DAYS,
        N_("Order: working days to ship after the answer"),
        "2",
        N_("Shandong"),
        confirmed=True,
    ),
    Parameter(
        "order.emergency_hours",
        Form.HOURS,
        N_("Emergency order: hours to answer"),
        "2",
        _LOCAL,
        confirmed=False,
    ),
    Parameter(
        "order.emergency_share",
        Form.SHARE,
        N_("Emergency orders: share of lines that is looked at"),
        "0.20",
        _LOCAL,
        confirmed=False,
    ),
    Parameter(
        "order.max_packs", Form.PACKS, N_("Order: most packs of a line"), "9999", _LOCAL, confirmed=False
    ),
    Parameter(
        "order.duplicate_days",
        Form.DAYS,
        N_("Order: days in which the same item is asked about"),
        "7",
        _LOCAL,
        confirmed=False,
    ),
    Parameter("delivery.hours_normal", Form.HOURS, N_("Delivery: hours"), "48", N_("Hunan"), confirmed=True),
    Parameter(
        "delivery.hours_remote",
        Form.HOURS,
        N_("Delivery: hours to a remote place or for cold chain"),
        "72",
        N_("Hunan"),
        confirmed=True,
    ),
    Parameter(
        "delivery.hours_emergency",
        Form.HOURS,
        N_("Delivery: hours in an emergency"),
        "12",
        N_("Hunan"),
        confirmed=True,
    ),
    Parameter(
        "delivery.hours_emergency_remote",
        Form.HOURS,
        N_("Delivery: hours in an emergency to a remote place"),
        "24",
        N_("Hunan"),
        confirmed=True,
    ),
    Parameter(
        "delivery.accept_days",
        Form.WORKING_DAYS,
        N_("Acceptance: working days after delivery"),
        "2",
        N_("Local policy, unconfirmed; Shandong has 15 for consumables"),
        confirmed=False,
    ),
    Parameter(
        "delivery.auto_accept_days",
        Form.DAYS,
        N_("Acceptance: days after which goods stand as accepted"),
        "",
        N_("Local policy, unconfirmed; Shandong has 15 for consumables"),
        confirmed=False,
        may_be_unset=True,
    ),
    Parameter(
        "delivery.rate_alert",
        Form.SHARE,
        N_("Delivery rate: alarm below"),
        "0.90",
        N_("Qinghai"),
        confirmed=True,
    ),
    Parameter(
        "delivery.rate_alert_months",
        Form.MONTHS,
        N_("Delivery rate: consecutive months"),
        "3",
        N_("Qinghai"),
        confirmed=True,
    ),
    Parameter(
        "delivery.min_shelf_months",
        Form.MONTHS,
        N_("Acceptance: months of shelf life that must be left"),
        "6",
        _LOCAL,
        confirmed=False,
    ),
    Parameter(
        "trace.near_days",
        Form.DAYS,
        N_("Trace codes: days between near sales"),
        "30",
        _LOCAL,
        confirmed=False,
    ),
    Parameter(
        "trace.full_from",
        Form.DAY,
        N_("Trace codes: first day on which all are required"),
        "2026-01-01",
        N_("National notice"),
        confirmed=True,
    ),
    Parameter("tied.share", Form.SHARE, N_("Tied sale: share of receipts"), "0.80", _LOCAL, confirmed=False),
    Parameter(
        "tied.min_receipts",
        Form.NUMBER,
        N_("Tied sale: least number of receipts"),
        "20",
        _LOCAL,
        confirmed=False,
    ),
    Parameter(
        "monitor.rise", Form.RATE, N_("Price monitoring: rise that alarms"), "0.20", _LOCAL, confirmed=False
    ),
    Parameter(
        "monitor.changes",
        Form.NUMBER,
        N_("Price monitoring: changes in a month that alarm"),
        "2",
        _LOCAL,
        confirmed=False,
    ),
    Parameter(
        "case.answer_days",
        Form.DAYS,
        N_("Case: days to answer"),
        "9",
        N_("Seen once elsewhere, unconfirmed"),
        confirmed=False,
    ),
    Parameter(
        "case.reentry_months",
        Form.MONTHS,
        N_("Case: months before a new application"),
        "24",
        N_("Seen once elsewhere, unconfirmed"),
        confirmed=False,
    ),
    Parameter(
        "roster.pharmacy_distance_m",
        Form.METRES,
        N_("Pharmacy: least distance to the next designated pharmacy"),
        "300",
        N_("Shiyan"),
        confirmed=True,
    ),
    Parameter(
        "roster.pharmacy_people",
        Form.NUMBER,
        N_("Pharmacy: least number of people served"),
        "2000",
        N_("Shiyan"),
        confirmed=True,
    ),
)

PARAMETERS: Final[Mapping[str, Parameter]] = MappingProxyType({row.name: row for row in _TABLE})
"""Every parameter by name, in the order of the policy screen."""


CHOICE_LABELS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "end_of_next_month": N_("End of the next month"),
        "days_30": N_("30 days after acceptance"),
        "distributor": N_("Orders to that distributor"),
        "all": N_("All orders that the institution pays"),
        "higher_of": N_("The higher of purchase and selected price"),
        "purchase_price": N_("Purchase price"),
        "selected_price": N_("Selected price"),
        "half_up": N_("Half up"),
        "down": N_("Always down"),
    }
)
"""What people call the values of the choices (msgids)."""

UNITS: Final[Mapping[Form, str]] = MappingProxyType(
    {
        Form.RATE: N_("as a decimal, 0.15 = 15 percent"),
        Form.SHARE: N_("as a decimal, 0.15 = 15 percent"),
        Form.POINTS: N_("in percentage points"),
        Form.DAYS: N_("in days"),
        Form.WORKING_DAYS: N_("in working days"),
        Form.HOURS: N_("in hours"),
        Form.MONTHS: N_("in months"),
        Form.PACKS: N_("in packs"),
        Form.NUMBER: N_("as a whole number"),
        Form.METRES: N_("in metres"),
        Form.DAY_OF_MONTH: N_("as a day of the month"),
        Form.AMOUNT: N_("in yuan"),
        Form.DAY: N_("as a day, 2026-01-01"),
        Form.CHOICE: N_("one of the list"),
    }
)
"""The unit of each form, to stand beside the box (msgids)."""


def parameter(name: str) -> Parameter:
    """The parameter of a name.

    Raises:
        PolicyParameterUnknown: there is none.

    """
    found = PARAMETERS.get(name)
    if found is None:
        raise PolicyParameterUnknown(parameter=name)
    return found


def _whole(name: str, text: str, lowest: int, highest: int) -> int:
    if _WHOLE.fullmatch(text) is None:
        raise PolicyValueNotWhole(parameter=name, typed=text)
    value = int(text)
    if not lowest <= value <= highest:
        raise PolicyValueOutOfRange(parameter=name, typed=text, lowest=lowest, highest=highest)
    return value


def _rate(name: str, text: str, highest: Decimal) -> Decimal:
    if _DECIMAL.fullmatch(text) is None:
        raise PolicyValueNotRate(parameter=name, typed=text)
    value = Decimal(text)
    if value > highest:
        raise PolicyValueOutOfRange(parameter=name, typed=text, lowest=0, highest=highest)
    return value


_WHOLE_RANGES: Final[Mapping[Form, tuple[int, int]]] = {
    Form.POINTS: (0, 100),
    Form.DAYS: (0, 3650),
    Form.WORKING_DAYS: (1, 60),
    Form.HOURS: (1, 8784),
    Form.MONTHS: (0, 600),
    Form.PACKS: (1, 999_999),
    Form.NUMBER: (0, 9_999_999),
    Form.METRES: (0, 9_999_999),
    Form.DAY_OF_MONTH: (1, 28),
}


def parse_value(name: str, text: str) -> Value:
    """Read the value text of a parameter; None means "not set".

    Whole numbers give int; rates, shares and amounts Decimal; days a date; choices a str.

    Raises:
        PolicyParameterUnknown: no such parameter.
        PolicyValueRefused: one of its subclasses says which form the value has.

    >>> parse_value("markup.cap", "0.15"), parse_value("markup.cap", ""), parse_value("trace.full_from", "2026-07-01")
    (Decimal('0.15'), None, datetime.date(2026, 7, 1))
    >>> parse_value("order.confirm_days", "1.5")
    Traceback (most recent call last):
    clinic_orders.rules.policy_parameters.PolicyValueNotWhole: “order.confirm_days” is a whole number. You wrote “1.5”.

    """
    about = parameter(name)
    typed = text.strip()
    if not typed:
        if about.may_be_unset:
            return None
        raise PolicyValueMissing(parameter=name)
    match about.form:
        case Form.RATE:
            return _rate(name, typed, Decimal(10))
        case Form.SHARE:
            return _rate(name, typed, Decimal(1))
        case Form.AMOUNT:
            try:
                return parse_amount(typed)
            except RuleBroken:
                raise PolicyValueNotAmount(parameter=name, typed=typed) from None
        case Form.DAY:
            try:
                return parse_day(typed)
            except DayNotUnderstood:
                raise PolicyValueNotDay(parameter=name, typed=typed) from None
        case Form.CHOICE:
            if typed not in about.choices:
                raise PolicyValueNotChoice(parameter=name, typed=typed, choices=", ".join(about.choices))
            return typed
        case _:
            return _whole(name, typed, *_WHOLE_RANGES[about.form])
