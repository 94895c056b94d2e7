"""Reading the value text of a parameter, and the refusals of what is no value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from clinic_orders.rules.days import DayNotUnderstood, parse_day
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.money import parse_amount
from clinic_orders.rules.policy_parameters.forms import Form, Parameter, Value
from clinic_orders.rules.policy_parameters.table import PARAMETERS

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
    clinic_orders.rules.policy_parameters.values.PolicyValueNotWhole: “order.confirm_days” is a whole number. You wrote “1.5”.

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
