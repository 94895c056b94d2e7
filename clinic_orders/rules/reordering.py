"""When to order again, how much, and what is near its expiry: helps for whoever keeps a stock; nothing here is a duty.

Quantities are base units unless they are called packs. The numbers are the institution's own (``Keeping``): they
judge nobody, so they are no policy of the bureau.

>>> suggest(Use(270, 90, UseSource.SALES), on_hand=40, under_way=0, pack_size=24, keeping=Keeping())
Suggested(needed=71, packs=3)
>>> reorder_point(Use(270, 90, UseSource.SALES), Keeping())
21
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from fractions import Fraction
from typing import Final

from clinic_orders.rules.errors import N_, RuleBroken

LEAST_DAYS_BETWEEN_COUNTS: Final = 7
"""Two counts nearer to each other say too little of a day's use."""


class StockNews(StrEnum):
    """What an institution is told of an item."""

    OUT = "out"
    NEAR_EXPIRY = "near_expiry"


class KeepingRefused(RuleBroken):
    """A number of days that makes no sense."""

    message = N_("Write a whole number of days between %(least)s and %(most)s. You wrote “%(typed)s”.")


@dataclass(frozen=True, slots=True)
class Keeping:
    """An institution's own numbers, in days.

    Attributes:
        use_days: over how many days the daily use is counted.
        lead_days: from the order until the goods are there.
        cover_days: for how long an order should last.
        expiry_days: so many days before its expiry a batch is near it.
        tells: whether the night tells of items that are out or near expiry.

    """

    use_days: int = 90
    lead_days: int = 7
    cover_days: int = 30
    expiry_days: int = 180
    tells: bool = True


LIMITS: Final = {
    "use_days": (7, 365),
    "lead_days": (0, 60),
    "cover_days": (1, 180),
    "expiry_days": (0, 730),
}
"""Least and most of each number."""


def parse_days(name: str, typed: str) -> int:
    """Read one of the numbers.

    Raises:
        KeepingRefused: with the limits.

    >>> parse_days("lead_days", " 7 ")
    7

    """
    least, most = LIMITS[name]
    text = typed.strip()
    if not (text.isascii() and text.isdigit() and len(text) < 5 and least <= int(text) <= most):
        raise KeepingRefused(least=least, most=most, typed=text[:20])
    return int(text)


class UseSource(StrEnum):
    """From what the daily use is known."""

    SALES = "sales"
    COUNTS = "counts"
    ACCEPTED = "accepted"


@dataclass(frozen=True, slots=True)
class Use:
    """So many base units were used in so many days; not below 0."""

    base_units: int
    days: int
    source: UseSource

    @property
    def daily(self) -> Fraction:
        """Base units a day, exactly."""
        return Fraction(self.base_units, self.days)


def known_use(
    *,
    sold: int,
    lost: int,
    has_sales: bool,
    between_counts: tuple[int, int] | None,
    accepted: int,
    days: int,
) -> Use | None:
    """What is used of an item: its sales; of who reports none, what went between two counts, else what was accepted.

    Args:
        sold: base units sold in the days looked back, less customer returns.
        lost: base units lost between the two counts, which nobody used.
        has_sales: whether the institution recorded any sale in the days.
        between_counts: base units gone between the first and the last count of the days, and the days between them.
        accepted: base units accepted in the days, less returns.
        days: ``Keeping.use_days``.

    >>> known_use(sold=30, lost=0, has_sales=True, between_counts=(90, 60), accepted=100, days=90)
    Use(base_units=30, days=90, source=<UseSource.SALES: 'sales'>)
    >>> known_use(sold=0, lost=0, has_sales=False, between_counts=(90, 60), accepted=100, days=90).source.value
    'counts'
    >>> known_use(sold=0, lost=0, has_sales=True, between_counts=None, accepted=100, days=90).base_units
    0

    """
    if has_sales:
        return Use(max(0, sold), days, UseSource.SALES)
    if between_counts is not None and between_counts[1] >= LEAST_DAYS_BETWEEN_COUNTS:
        return Use(max(0, between_counts[0] - lost), between_counts[1], UseSource.COUNTS)
    if accepted > 0:
        return Use(accepted, days, UseSource.ACCEPTED)
    return None


def _up(value: Fraction) -> int:
    return -(-value.numerator // value.denominator)


def days_of_stock(on_hand: int, use: Use | None) -> int | None:
    """For how many whole days what is there lasts; None where nothing is used.

    >>> days_of_stock(40, Use(270, 90, UseSource.SALES)), days_of_stock(-3, Use(270, 90, UseSource.SALES))
    (13, 0)
    """
    if use is None or use.base_units <= 0:
        return None
    return max(0, on_hand) * use.days // use.base_units


def reorder_point(use: Use, keeping: Keeping) -> int:
    """At so many base units or less it is time to order: the use until the goods are there, rounded up."""
    return _up(use.daily * keeping.lead_days)


def used_since_count(use: Use, *, counted_on: date | None, on: date) -> int:
    """What went since the last count, estimated from the daily use; 0 where sales are known one by one.

    >>> used_since_count(Use(90, 90, UseSource.COUNTS), counted_on=date(2026, 11, 1), on=date(2026, 11, 20))
    19
    """
    if use.source is not UseSource.COUNTS or counted_on is None:
        return 0
    return int(use.daily * (on - counted_on).days)


@dataclass(frozen=True, slots=True)
class Suggested:
    """How much to order: base units that will be needed, and that in whole packs; 0 where enough is there."""

    needed: int
    packs: int


def suggest(use: Use, *, on_hand: int, under_way: int, pack_size: int, keeping: Keeping) -> Suggested:
    """Daily use × (days until delivery + days to cover) − on hand − under way, rounded up to packs.

    What is below 0 by the books is taken as nothing: it is a gap of the books, not a need.

    >>> suggest(Use(0, 90, UseSource.SALES), on_hand=0, under_way=0, pack_size=24, keeping=Keeping())
    Suggested(needed=0, packs=0)
    >>> suggest(Use(90, 90, UseSource.SALES), on_hand=20, under_way=24, pack_size=24, keeping=Keeping()).packs
    0
    """
    needed = _up(use.daily * (keeping.lead_days + keeping.cover_days)) - max(0, on_hand) - under_way
    return Suggested(max(0, needed), -(-max(0, needed) // pack_size))


# Batches ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch that was received: base units accepted less those returned."""

    batch_no: str
    expires_on: date
    base_units: int


def left_of_batches(batches: Iterable[Batch], *, on_hand: int) -> list[Batch]:
    """What should be left of each batch if the one that expires first always went first, the earliest first.

    So what is there is of the batches that expire last. Of what was there before the first batch nothing is known.

    >>> early, late = Batch("A", date(2026, 12, 31), 48), Batch("B", date(2027, 6, 30), 24)
    >>> [(one.batch_no, one.base_units) for one in left_of_batches([early, late], on_hand=30)]
    [('A', 6), ('B', 24)]
    >>> left_of_batches([early], on_hand=-5)
    []
    """
    rest, left = max(0, on_hand), []
    for batch in sorted(batches, key=lambda one: (one.expires_on, one.batch_no), reverse=True):
        units = min(rest, batch.base_units)
        if units > 0:
            left.append(Batch(batch.batch_no, batch.expires_on, units))
            rest -= units
    return left[::-1]


def is_near_expiry(expires_on: date, *, on: date, expiry_days: int) -> bool:
    """Whether a batch expires within so many days, or has expired."""
    return expires_on <= on + timedelta(days=expiry_days)
