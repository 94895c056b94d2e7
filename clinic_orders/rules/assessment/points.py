"""Points of the annual assessment: 100 over the weights in policy (R-STAT-3, decision 0052).

Every indicator is a share: what was done of what was asked. Its points are its weight × that share, rounded half up to
0.01. An indicator of which nothing was asked does not apply, and its weight counts nowhere. The total is the points
÷ the weights that apply × 100, rounded half up to 0.01 once, and its grade is that of the rounded total: what is
printed decides.

>>> weights = {Indicator.PAYMENT: 20, Indicator.REPORTING: 10, Indicator.TRACING: 10}
>>> measured = {Indicator.PAYMENT: Measured(Decimal(2), Decimal(3)), Indicator.REPORTING: Measured(Decimal(24), Decimal(24)),
...             Indicator.TRACING: Measured(Decimal(0), Decimal(0))}
>>> found = {one: points_of(weights[one], measured[one]) for one in weights}
>>> [str(points) for points in found.values()]
['13.33', '10.00', 'None']
>>> total = total_of((weights[one], points) for one, points in found.items())
>>> str(total), grade_of(total, Bands(90, 80, 60))
('77.77', <Grade.PASSED: 'passed'>)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Final

from clinic_orders.rules.findings import rounded

HUNDREDTH: Final = Decimal("0.01")
_SHARE: Final = Decimal("0.0001")


class Indicator(StrEnum):
    """What is assessed, in the order of the sheet. SITE is scored on the spot, all others are computed."""

    FULFILMENT = "fulfilment"
    PAYMENT = "payment"
    STOCKING = "stocking"
    PRICE = "price"
    REPORTING = "reporting"
    TRACING = "tracing"
    TRAINING = "training"
    CONDUCT = "conduct"
    SITE = "site"


class Grade(StrEnum):
    """The grade of a year."""

    EXCELLENT = "excellent"
    GOOD = "good"
    PASSED = "passed"
    FAILED = "failed"


class Use(StrEnum):
    """What the result is used for: the fund's settlement of the year, the deposit, the renewal of the agreement."""

    SETTLEMENT = "settlement"
    DEPOSIT = "deposit"
    RENEWAL = "renewal"


def weight_name(indicator: Indicator) -> str:
    """The policy parameter that holds the weight of an indicator."""
    return f"assessment.{indicator.value}"


@dataclass(frozen=True, slots=True)
class Measured:
    """What was done of what was asked, in the unit of the indicator (packs, yuan, months, lines, hours, levels).

    >>> Measured(Decimal(30), Decimal(20)).share, Measured(Decimal(0), Decimal(0)).share
    (Fraction(1, 1), None)

    """

    done: Decimal
    asked: Decimal

    @property
    def share(self) -> Fraction | None:
        """Done ÷ asked, at most 1 and at least 0; None where nothing was asked."""
        if self.asked <= 0:
            return None
        return max(Fraction(0), min(Fraction(1), Fraction(self.done) / Fraction(self.asked)))


def points_of(weight: int, measured: Measured) -> Decimal | None:
    """The points of an indicator; None where it does not apply."""
    share = measured.share
    return None if share is None else rounded(weight * share, HUNDREDTH)


def total_of(lines: Iterable[tuple[int, Decimal | None]]) -> Decimal | None:
    """The total from weight and points of every indicator; None while none applies.

    >>> str(total_of([(20, Decimal("13.33")), (10, Decimal("10.00")), (10, None)]))
    '77.77'
    >>> total_of([(20, None)]) is None
    True

    """
    applying = [(weight, points) for weight, points in lines if points is not None and weight]
    weights = sum(weight for weight, _ in applying)
    if not weights:
        return None
    return rounded(Fraction(sum((points for _, points in applying), Decimal(0))) / weights * 100, HUNDREDTH)


@dataclass(frozen=True, slots=True)
class Bands:
    """The least total of each grade, in points."""

    excellent: int
    good: int
    passed: int


def grade_of(total: Decimal | None, bands: Bands) -> Grade | None:
    """The grade of a total; None while there is none.

    >>> [grade_of(Decimal(text), Bands(90, 80, 60)).value for text in ("90.00", "89.99", "60.00", "59.99")]
    ['excellent', 'good', 'passed', 'failed']

    """
    if total is None:
        return None
    if total >= bands.excellent:
        return Grade.EXCELLENT
    if total >= bands.good:
        return Grade.GOOD
    return Grade.PASSED if total >= bands.passed else Grade.FAILED


def share_used(use: Use, total: Decimal | None, whole_from: int | None) -> Decimal | None:
    """What a result leads to, as a share: 1 = settled or returned in full, or renewed; None = not set, or no total.

    From ``whole_from`` points on it is 1. Below it money is settled or returned in the ratio of the total to it;
    a renewal is not recommended.

    >>> [str(share_used(Use.DEPOSIT, Decimal(text), 80)) for text in ("85.00", "60.00")]
    ['1.0000', '0.7500']
    >>> str(share_used(Use.RENEWAL, Decimal("79.99"), 80)), share_used(Use.RENEWAL, Decimal(99), None)
    ('0.0000', None)

    """
    if total is None or whole_from is None:
        return None
    if total >= whole_from:
        return rounded(1, _SHARE)
    return rounded(0, _SHARE) if use is Use.RENEWAL else rounded(Fraction(total) / whole_from, _SHARE)
