"""Yuan: prices, line amounts and totals without binary floats (rules section 0).

A price has at most 4 decimals and is never rounded once stored. A line amount is price × packs, rounded
half up to 0.01 *once*. Every total is the sum of line amounts.

>>> line_amount(Decimal("0.1250"), 10)
Decimal('1.25')
>>> line_amount(Decimal("0.1250"), 1)
Decimal('0.13')
>>> total([Decimal("1.25"), Decimal("0.13")])
Decimal('1.38')
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Final

from clinic_orders.rules.errors import N_, RuleBroken

PRICE_DECIMALS: Final = 4
AMOUNT_DECIMALS: Final = 2
ZERO: Final = Decimal("0.00")
_CENT: Final = Decimal("0.01")
# Plain ASCII digits only: "1e9", "1,000", "¥3", ".5" and full-width digits are refused, not guessed at.
_NUMBER_FORM: Final = re.compile(r"(-?)([0-9]+)(?:\.([0-9]+))?")
# Ten-thousandths of a yuan must fit into a 64-bit integer with room for sums.
_MAX_DIGITS: Final = 12


class PriceNotUnderstood(RuleBroken):
    """The text of a price is not a plain number."""

    message = N_("“%(typed)s” is not a price. Write plain digits, like 3.50.")


class PriceTooFine(RuleBroken):
    """A price with more than four decimals."""

    message = N_(
        "The price %(typed)s has %(decimals)s decimals. A price has at most 4: check the number of packs."
    )


class PriceNotPositive(RuleBroken):
    """A price of nothing or less."""

    message = N_("The price must be above 0. You wrote %(typed)s.")


class AmountNotUnderstood(RuleBroken):
    """The text of an amount is not a plain number."""

    message = N_("“%(typed)s” is not an amount. Write plain digits, like 120.50.")


class AmountTooFine(RuleBroken):
    """An amount with more than two decimals."""

    message = N_("The amount %(typed)s has %(decimals)s decimals. An amount has at most 2.")


class AmountNegative(RuleBroken):
    """A negative amount where none is possible."""

    message = N_("The amount can't be negative. You wrote %(typed)s.")


class NumberTooLarge(RuleBroken):
    """A price or amount with more digits than any real one has."""

    message = N_("%(typed)s is too large to be right. Check the number.")


def parse_price(text: str) -> Decimal:
    """Read a price in yuan: above 0, at most 4 decimals, exactly as written.

    Raises:
        PriceNotUnderstood, PriceTooFine, PriceNotPositive, NumberTooLarge: with what was typed.

    >>> parse_price("3.3600")
    Decimal('3.3600')
    >>> parse_price("3.36001")
    Traceback (most recent call last):
    clinic_orders.rules.money.PriceTooFine: The price 3.36001 has 5 decimals. A price has at most 4: check the number of packs.
    >>> parse_price("３.５")
    Traceback (most recent call last):
    clinic_orders.rules.money.PriceNotUnderstood: “３.５” is not a price. Write plain digits, like 3.50.

    """
    typed = text.strip()
    found = _NUMBER_FORM.fullmatch(typed)
    if found is None:
        raise PriceNotUnderstood(typed=text)
    if len(found[2]) > _MAX_DIGITS:
        raise NumberTooLarge(typed=text)
    decimals = len(found[3] or "")
    if decimals > PRICE_DECIMALS:
        raise PriceTooFine(typed=typed, decimals=decimals)
    price = Decimal(typed)
    if price <= 0:
        raise PriceNotPositive(typed=typed)
    return price


def parse_amount(text: str, *, may_be_negative: bool = False) -> Decimal:
    """Read an amount in yuan with at most 2 decimals.

    Raises:
        AmountNotUnderstood, AmountTooFine, AmountNegative, NumberTooLarge: with what was typed.

    >>> parse_amount("120.5")
    Decimal('120.50')
    >>> parse_amount("-3.00", may_be_negative=True)
    Decimal('-3.00')

    """
    typed = text.strip()
    found = _NUMBER_FORM.fullmatch(typed)
    if found is None:
        raise AmountNotUnderstood(typed=text)
    if len(found[2]) > _MAX_DIGITS:
        raise NumberTooLarge(typed=text)
    decimals = len(found[3] or "")
    if decimals > AMOUNT_DECIMALS:
        raise AmountTooFine(typed=typed, decimals=decimals)
    amount = Decimal(typed).quantize(_CENT)
    if amount < 0 and not may_be_negative:
        raise AmountNegative(typed=typed)
    return abs(amount) if amount == 0 else amount


def check_price(price: Decimal) -> Decimal:
    """The same price, refused where it has more than 4 decimals or is not above 0.

    Raises:
        PriceTooFine, PriceNotPositive: see ``parse_price``.
        TypeError: the price is a float, which is a bug of the caller.

    """
    if not isinstance(price, Decimal):
        raise TypeError("a price is a Decimal")
    exponent = price.as_tuple().exponent
    if not isinstance(exponent, int):
        raise PriceNotUnderstood(typed=str(price))
    if -exponent > PRICE_DECIMALS:
        raise PriceTooFine(typed=str(price), decimals=-exponent)
    if price <= 0:
        raise PriceNotPositive(typed=str(price))
    return price


def line_amount(price: Decimal, packs: int) -> Decimal:
    """Price × packs in yuan, rounded half up to 0.01 once.

    Raises:
        TypeError: the price is not a Decimal or the packs are not an int, which is a bug of the caller.

    >>> line_amount(Decimal("3.3650"), 3)
    Decimal('10.10')
    >>> line_amount(Decimal("3.36"), 0)
    Decimal('0.00')

    """
    if not isinstance(price, Decimal) or type(packs) is not int:
        raise TypeError("a line amount needs a Decimal price and a whole number of packs")
    return (price * packs).quantize(_CENT, ROUND_HALF_UP)


def total(amounts: Iterable[Decimal]) -> Decimal:
    """The sum of amounts that are rounded already, in yuan with two decimals.

    Raises:
        ValueError: one of them has parts of a cent, which means that a line was not rounded.

    >>> total([])
    Decimal('0.00')

    """
    result = ZERO
    for amount in amounts:
        if amount != amount.quantize(_CENT):
            raise ValueError(f"{amount} was not rounded to 0.01")
        result += amount
    return result.quantize(_CENT)


def round_half_up(value: Decimal | Fraction | int, places: int) -> Decimal:
    """A number rounded half up (away from 0) to so many decimals, exact for fractions too.

    >>> round_half_up(Fraction(1, 3), 4), round_half_up(Fraction(-1, 8), 2)
    (Decimal('0.3333'), Decimal('-0.13'))
    """
    scaled = Fraction(value) * 10**places
    sign = -1 if scaled < 0 else 1
    whole = sign * int(abs(scaled) + Fraction(1, 2))
    return Decimal(whole).scaleb(-places)
