"""Cycles of agreed volume 约定采购量 (R-VOL-1).

A cycle belongs to an item: its first and last day are the same for every institution, and two cycles of one item
never share a day.

>>> first_half = Cycle(date(2026, 1, 1), date(2026, 6, 30))
>>> check_cycle(Cycle(date(2026, 7, 1), date(2026, 12, 31)), [first_half])
>>> check_cycle(Cycle(date(2026, 6, 1), date(2026, 12, 31)), [first_half])
Traceback (most recent call last):
clinic_orders.rules.volume.CyclesOverlap: This item has a cycle from 2026-01-01 to 2026-06-30. Cycles of one item can't overlap: choose other days.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

from clinic_orders.rules.errors import N_, RuleBroken


class CycleEndsBeforeStart(RuleBroken):
    """The last day of a cycle lies before its first."""

    message = N_("The cycle ends on %(last)s, before it begins on %(first)s. Correct one of the days.")


class CycleEndsElsewhere(RuleBroken):
    """The cycle is known with another last day."""

    message = N_(
        "This item's cycle from %(first)s ends on %(last)s for every institution. Write that day; to move the end of"
        " a cycle, put all its institutions into one file."
    )


class CyclesOverlap(RuleBroken):
    """Another cycle of the item has some of these days."""

    message = N_(
        "This item has a cycle from %(first)s to %(last)s. Cycles of one item can't overlap: choose other days."
    )


class Cycle(NamedTuple):
    """First and last day of a cycle, both included."""

    first: date
    last: date


def share_days(one: Cycle, other: Cycle) -> bool:
    """Whether two cycles have a day in common.

    >>> share_days(Cycle(date(2026, 1, 1), date(2026, 6, 30)), Cycle(date(2026, 6, 30), date(2026, 7, 1)))
    True
    """
    return one.first <= other.last and other.first <= one.last


def clashes(one: Cycle, other: Cycle) -> bool:
    """Whether two cycles can't both be an item's: they differ and have a day in common (R-VOL-1)."""
    return one != other and share_days(one, other)


def check_cycle(cycle: Cycle, known: Iterable[Cycle]) -> None:
    """Refuse a cycle that can't stand beside the known ones of its item (R-VOL-1).

    Raises:
        CycleEndsElsewhere: one begins on the same day and ends on another.
        CyclesOverlap: one has some of its days.

    """
    for other in sorted(known):
        if other.first == cycle.first and other.last != cycle.last:
            raise CycleEndsElsewhere(first=other.first, last=other.last)
        if clashes(cycle, other):
            raise CyclesOverlap(first=other.first, last=other.last)
