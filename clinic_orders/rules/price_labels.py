"""Price-risk labels 红黄标 of products that are not selected ones here (policy.md 4.4, Henan, February 2026).

The table is that of one notice, seen in part: how a product "selected elsewhere" divides into yellow and red is not
said, so it gets both colours; red is not applied to reference preparations for now. Whoever shows a label says that it
is unconfirmed. All prices are of the same pack; a line is passed by a price above it, not by one on it.

>>> passed = Anchors(highest_selected=Decimal("10.00"))
>>> [label_of(ProductStatus.PASSED, Decimal(price), passed).value for price in ("18.00", "18.01", "30.00", "30.01")]
['none', 'yellow', 'yellow', 'red']
>>> not_passed = Anchors(highest_selected=Decimal("9.00"))
>>> [label_of(ProductStatus.NOT_PASSED, Decimal(price), not_passed).value for price in ("9.00", "9.01", "15.00", "15.01")]
['none', 'yellow', 'yellow', 'red']
>>> reference = Anchors(highest_selected=Decimal("10.00"), highest_listed=Decimal("20.00"))
>>> [label_of(ProductStatus.REFERENCE, Decimal(price), reference).value for price in ("32.40", "32.41", "99.00")]
['none', 'yellow', 'yellow']
>>> elsewhere = Anchors(own_selected=Decimal("4.00"), highest_selected=Decimal("10.00"))
>>> [label_of(ProductStatus.SELECTED_ELSEWHERE, Decimal(price), elsewhere).value for price in ("6.00", "6.01", "11.00")]
['none', 'yellow_red', 'yellow_red']
>>> label_of(ProductStatus.PASSED, Decimal("5.00"), Anchors()).value
'unknown'
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Final

YELLOW_TIMES: Final = Fraction(18, 10)
RED_TIMES: Final = Fraction(3)
OWN_TIMES: Final = Fraction(15, 10)


class ProductStatus(StrEnum):
    """What a product is that is not a selected one here."""

    SELECTED_ELSEWHERE = "selected_elsewhere"
    REFERENCE = "reference"
    PASSED = "passed"
    NOT_PASSED = "not_passed"


class RiskLabel(StrEnum):
    """The label; UNKNOWN where an anchor of the table is missing, so that nothing can be said."""

    NONE = "none"
    YELLOW = "yellow"
    RED = "red"
    YELLOW_RED = "yellow_red"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Anchors:
    """The prices by which a product is measured, yuan for the same pack; None = not known.

    Attributes:
        own_selected: its own selected price elsewhere.
        highest_selected: the highest selected price of its variety in the country.
        highest_listed: the highest listed price under its generic name.

    """

    own_selected: Decimal | None = None
    highest_selected: Decimal | None = None
    highest_listed: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Lines:
    """Above which price a product gets which colour; None: that colour is not given, or cannot be reckoned."""

    yellow: Fraction | None
    red: Fraction | None


def lines_of(status: ProductStatus, anchors: Anchors) -> Lines:
    """The two lines of the table for a product."""
    highest = None if anchors.highest_selected is None else Fraction(anchors.highest_selected)
    if status is ProductStatus.SELECTED_ELSEWHERE:
        own = None if anchors.own_selected is None else OWN_TIMES * Fraction(anchors.own_selected)
        both = [line for line in (own, highest) if line is not None]
        line = min(both) if both else None
        return Lines(line, line)
    if status is ProductStatus.PASSED:
        return Lines(None, None) if highest is None else Lines(YELLOW_TIMES * highest, RED_TIMES * highest)
    if status is ProductStatus.NOT_PASSED:
        return Lines(None, None) if highest is None else Lines(highest, highest / YELLOW_TIMES * RED_TIMES)
    if anchors.highest_listed is None:
        return Lines(None, None)
    anchor = Fraction(anchors.highest_listed)
    if highest is not None:
        # A listed price that is itself above the yellow line is no measure; the line takes its place.
        anchor = min(anchor, YELLOW_TIMES * highest)
    return Lines(YELLOW_TIMES * anchor, None)


def label_of(status: ProductStatus, price: Decimal, anchors: Anchors) -> RiskLabel:
    """The label of a product at a price.

    Args:
        status: what it is.
        price: its listed price, yuan a pack.
        anchors: what it is measured by.

    """
    lines = lines_of(status, anchors)
    if lines.yellow is None:
        return RiskLabel.UNKNOWN
    if Fraction(price) <= lines.yellow:
        return RiskLabel.NONE
    if status is ProductStatus.SELECTED_ELSEWHERE:
        return RiskLabel.YELLOW_RED
    if lines.red is not None and Fraction(price) > lines.red:
        return RiskLabel.RED
    return RiskLabel.YELLOW
