"""Entries made on screen that move stock: a sale, a customer's return, a loss; taken back by an event of its own (R-ORD-8).

>>> check_day(date(2026, 11, 20), today=date(2026, 11, 20))
>>> units_of(2, 10, pack_size=24)
58
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from clinic_orders.rules.errors import N_, RuleBroken

MOST_LINES: Final = 60
"""More lines than any receipt of a small institution has."""
MOST_UNITS: Final = 9_999_999
MOST_PACKS: Final = 9_999


class EntryKind(StrEnum):
    """What an entry says."""

    SALE = "sale"
    CUSTOMER_RETURN = "customer_return"
    LOSS = "loss"


class MovementKind(StrEnum):
    """What moved an item's stock, in the order in which the movements of one day stand."""

    ACCEPTED = "accepted"
    RETURNED = "returned"
    SOLD = "sold"
    CUSTOMER_RETURN = "customer_return"
    LOST = "lost"
    TAKEN_BACK = "taken_back"
    COUNT = "count"


@dataclass(frozen=True, slots=True)
class Moved:
    """A movement of a day: base units that came (above 0) or went; of a count, what was there."""

    day: date
    kind: MovementKind
    base_units: int


def balances(opening: int, movements: Iterable[Moved]) -> list[int]:
    """What is there after each movement; a count, taken at the end of its day, says it anew (R-STOCK-3).

    Args:
        opening: base units before the first of them.
        movements: by day, the count of a day last.

    >>> day = date(2026, 11, 20)
    >>> balances(5, [Moved(day, MovementKind.SOLD, -7), Moved(day, MovementKind.COUNT, 3)])
    [-2, 3]

    """
    found, there = [], opening
    for one in movements:
        there = one.base_units if one.kind is MovementKind.COUNT else there + one.base_units
        found.append(there)
    return found


class NothingEntered(RuleBroken):
    """An entry without a single line."""

    message = N_("Write a number beside at least one medicine.")


class TooManyLines(RuleBroken):
    """An entry with more lines than one paper can have."""

    message = N_("One entry holds %(most)s medicines at most. Make it two.")


class EntryInFuture(RuleBroken):
    """An entry dated after today."""

    message = N_("%(day)s has not come yet. Write the day on which it happened.")


class EntryTakenBack(RuleBroken):
    """The entry was taken back already."""

    message = N_("%(number)s was taken back already. Nothing more is to be done.")


class HasReturns(RuleBroken):
    """A sale of which something came back can't be taken back before that return is."""

    message = N_("Of %(number)s something came back with %(other)s. Take that return back first.")


class ReturnedTooMuch(RuleBroken):
    """More came back than was sold on the receipt."""

    message = N_(
        "%(name)s: at most %(left)s %(unit)s can come back; that is what was sold and has not come back."
    )


class RefundTooHigh(RuleBroken):
    """More money is given back than was taken."""

    message = N_("%(name)s: at most %(left)s yuan were taken for it and not given back yet.")


class ReceiptNotThere(RuleBroken):
    """No receipt of that number stands."""

    message = N_("There is no sale %(number)s that something could come back of.")


def units_of(packs: int, pieces: int, *, pack_size: int) -> int:
    """Base units of whole packs and loose pieces 拆零."""
    return packs * pack_size + pieces


def check_day(day: date, *, today: date) -> None:
    """Refuse an entry dated after today.

    Raises:
        EntryInFuture: with the day.

    """
    if day > today:
        raise EntryInFuture(day=day)
