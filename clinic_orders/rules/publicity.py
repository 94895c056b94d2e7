"""What the bureau shows the public, and what a page says of a shelf without telling its stock (decision 0043).

Everything is closed until the bureau opens it, matter by matter.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from enum import StrEnum
from typing import Final, NamedTuple

from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.geodesy import Place, distance


class Matter(StrEnum):
    """What can be opened to the public, each for itself."""

    OFFERS = "offers"
    COMPARISON = "comparison"
    ROSTER = "roster"
    BULLETINS = "bulletins"
    MONITORING = "monitoring"
    GRADES = "grades"


class MatterUnchanged(RuleBroken):
    """The matter is already as it is wanted."""

    message = N_("This is already so. Nothing was changed.")


class OnShelf(StrEnum):
    """What the public learns of a shelf."""

    HAS = "has"
    FEW = "few"
    UNKNOWN = "unknown"
    OUT = "out"


FEW_PACKS: Final = 3
"""Below so many packs a page says how many are left, so that nobody goes there in vain."""


class Shelf(NamedTuple):
    """What a page says of a shelf; ``packs`` only where few are left."""

    state: OnShelf
    packs: int | None = None


def on_shelf(base_units: int, pack_size: int, *, reports: bool) -> Shelf:
    """What the public learns of an item on a shelf.

    Args:
        base_units: what should lie there by R-STOCK-3; may be below 0.
        pack_size: base units of a pack.
        reports: whether the institution reports stock (R-STOCK-3); else nobody knows what it has sold.

    >>> on_shelf(280, 28, reports=True), on_shelf(56, 28, reports=True)
    (Shelf(state=<OnShelf.HAS: 'has'>, packs=None), Shelf(state=<OnShelf.FEW: 'few'>, packs=2))
    >>> on_shelf(27, 28, reports=True).state.value, on_shelf(280, 28, reports=False).state.value
    ('out', 'unknown')

    """
    if not reports:
        return Shelf(OnShelf.UNKNOWN)
    packs = max(base_units, 0) // pack_size
    if packs == 0:
        return Shelf(OnShelf.OUT)
    return Shelf(OnShelf.FEW, packs) if packs < FEW_PACKS else Shelf(OnShelf.HAS)


LARGEST_PAGE: Final = 50 * 1024
"""Bytes of a public page at most."""

Point = tuple[float, float]
"""Longitude and latitude in degrees."""


def kilometres(first: Point, second: Point) -> float:
    """The distance of two places as the crow flies.

    >>> round(kilometres((112.0, 34.0), (112.0, 35.0)), 1), kilometres((112.0, 34.0), (112.0, 34.0))
    (110.9, 0.0)

    """
    return distance(*(Place(Decimal(str(lng)), Decimal(str(lat))) for lng, lat in (first, second))) / 1000


def middle(points: Iterable[Point]) -> Point | None:
    """The middle of some places; None of none. A township's own coordinates are published nowhere.

    >>> middle([(112.0, 34.0), (113.0, 34.5)]), middle([])
    ((112.5, 34.25), None)

    """
    known = list(points)
    if not known:
        return None
    return sum(x for x, _ in known) / len(known), sum(y for _, y in known) / len(known)
