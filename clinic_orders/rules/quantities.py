"""Numbers of packs as people type them (rules section 0, R-ORD-3).

Ordering, delivery and agreed volume count packs (盒), always whole.

>>> parse_packs("12", maximum=9999)
12
>>> parse_packs("2.5", maximum=9999)
Traceback (most recent call last):
clinic_orders.rules.quantities.PacksNotWhole: Write a whole number of packs. You wrote “2.5”.
"""

from __future__ import annotations

import re
from typing import Final

from clinic_orders.rules.errors import N_, RuleBroken

_DIGITS: Final = re.compile(r"[0-9]+")
_NEGATIVE: Final = re.compile(r"-[0-9]+")
# A Chinese keyboard types full-width digits unnoticed; they mean the same and nothing else.
_NARROW: Final = {0xFF10 + digit: ord("0") + digit for digit in range(10)}


class PacksRefused(RuleBroken):
    """The number of packs is not one that can be ordered, shipped or accepted."""


class PacksMissing(PacksRefused):
    """The box was left empty."""

    message = N_("Write the number of packs.")


class PacksNotWhole(PacksRefused):
    """Not a whole number in plain digits: 1.5, 1e9, 一."""

    message = N_("Write a whole number of packs. You wrote “%(typed)s”.")


class PacksTooFew(PacksRefused):
    """Below the least number that makes sense here."""

    message = N_("Write at least %(minimum)s. You wrote %(typed)s.")


class PacksTooMany(PacksRefused):
    """Above the limit."""

    message = N_("At most %(maximum)s packs are possible here. You wrote %(typed)s.")


def parse_packs(text: str, *, maximum: int, minimum: int = 1) -> int:
    """Read a number of packs between the minimum and the maximum, both included.

    Raises:
        PacksMissing, PacksNotWhole, PacksTooFew, PacksTooMany: naming what was typed.

    >>> parse_packs("0", maximum=9999)
    Traceback (most recent call last):
    clinic_orders.rules.quantities.PacksTooFew: Write at least 1. You wrote 0.
    >>> parse_packs("0", minimum=0, maximum=9999)
    0

    """
    typed = text.strip()
    if not typed:
        raise PacksMissing
    narrow = typed.translate(_NARROW)
    if _NEGATIVE.fullmatch(narrow):
        raise PacksTooFew(typed=typed, minimum=minimum)
    if _DIGITS.fullmatch(narrow) is None:
        raise PacksNotWhole(typed=typed)
    significant = narrow.lstrip("0")
    if len(significant) > len(str(maximum)):
        raise PacksTooMany(typed=typed, maximum=maximum)
    packs = int(significant or "0")
    if packs < minimum:
        raise PacksTooFew(typed=typed, minimum=minimum)
    if packs > maximum:
        raise PacksTooMany(typed=typed, maximum=maximum)
    return packs


def parse_cart_packs(text: str, *, maximum: int) -> int:
    """Read a box of the order form, where empty and 0 mean "not ordered" and give 0.

    Raises:
        PacksNotWhole, PacksTooFew, PacksTooMany: naming what was typed.

    >>> parse_cart_packs("", maximum=9999), parse_cart_packs("0", maximum=9999), parse_cart_packs("3", maximum=9999)
    (0, 0, 3)

    """
    if not text.strip():
        return 0
    return parse_packs(text, minimum=0, maximum=maximum)


class UnitsNotWhole(PacksRefused):
    """Base units that are not a whole number in plain digits."""

    message = N_("Write a whole number in plain digits. You wrote “%(typed)s”.")


class UnitsTooFew(PacksRefused):
    """Fewer base units than make sense here."""

    message = N_("Write at least %(minimum)s. You wrote %(typed)s.")


class UnitsTooMany(PacksRefused):
    """More base units than any real number has."""

    message = N_("%(typed)s is more than %(maximum)s. Check the number.")


class UnitsZero(PacksRefused):
    """Nothing was sold and nothing came back."""

    message = N_("0 base units are neither a sale nor a return. Write what was sold, or leave the line out.")


def parse_units(text: str, *, maximum: int, minimum: int) -> int:
    """Read a number of base units between the minimum, which may be below 0, and the maximum, both included.

    Raises:
        UnitsNotWhole, UnitsTooFew, UnitsTooMany: naming what was typed.

    >>> parse_units("-10", minimum=-99, maximum=99)
    -10
    >>> parse_units("1e9", minimum=0, maximum=99)
    Traceback (most recent call last):
    clinic_orders.rules.quantities.UnitsNotWhole: Write a whole number in plain digits. You wrote “1e9”.

    """
    typed = text.strip()
    narrow = typed.translate(_NARROW)
    sign, digits = (-1, narrow[1:]) if narrow.startswith("-") else (1, narrow)
    if _DIGITS.fullmatch(digits) is None:
        raise UnitsNotWhole(typed=typed)
    significant = digits.lstrip("0")
    limit = max(abs(minimum), abs(maximum))
    # A longer number is not even made: Python takes its time over ten thousand digits.
    units = sign * (int(significant or "0") if len(significant) <= len(str(limit)) else limit + 1)
    if units < minimum:
        raise UnitsTooFew(typed=typed, minimum=minimum)
    if units > maximum:
        raise UnitsTooMany(typed=typed, maximum=maximum)
    return units
