"""How far two places are from each other: along the earth's surface, exact to the metre (R-ROSTER-2).

The figure of the earth is that of WGS 84, which differs from China's CGCS2000 by a tenth of a millimetre. The distance
is that of T. Vincenty (Survey Review XXIII, 1975), good to half a millimetre wherever two places of one country lie.
Both places have to be written in one system; where both carry the same shift (the maps sold in China move every
place by some hundred metres, neighbours alike), their distance stays right.

>>> flinders_peak = Place(Decimal("144.424867889"), Decimal("-37.951033417"))
>>> buninyong = Place(Decimal("143.926495528"), Decimal("-37.652821139"))
>>> round(distance(flinders_peak, buninyong), 2)
54972.27
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from math import atan, atan2, cos, degrees, radians, sin, sqrt, tan
from typing import Final

# WGS 84: the half axis at the equator in metres, and the flattening.
EQUATOR: Final = 6_378_137.0
FLATTENING: Final = 1 / 298.257223563
_POLE: Final = EQUATOR * (1 - FLATTENING)
_MOST_ROUNDS: Final = 200


@dataclass(frozen=True, slots=True)
class Place:
    """A place in degrees, east and north positive."""

    lng: Decimal
    lat: Decimal


def distance(one: Place, other: Place) -> float:
    """Metres between two places along the ellipsoid.

    Raises:
        ValueError: they lie at opposite ends of the earth, where the formula finds no end.

    >>> equator = [Place(Decimal(lng), Decimal(0)) for lng in ("112", "113")]
    >>> round(distance(*equator), 3)  # The equator is a circle: 6,378,137 · π / 180.
    111319.491
    >>> meridian = [Place(Decimal("112"), Decimal(lat)) for lat in ("0", "1")]
    >>> round(distance(*meridian), 3)
    110574.389
    >>> distance(equator[0], equator[0])
    0.0

    """
    if one == other:
        return 0.0
    turn = radians(float(other.lng - one.lng))
    first = atan((1 - FLATTENING) * tan(radians(float(one.lat))))
    second = atan((1 - FLATTENING) * tan(radians(float(other.lat))))
    sin_1, cos_1, sin_2, cos_2 = sin(first), cos(first), sin(second), cos(second)
    turned = turn
    for _ in range(_MOST_ROUNDS):
        sin_t, cos_t = sin(turned), cos(turned)
        sin_arc = sqrt((cos_2 * sin_t) ** 2 + (cos_1 * sin_2 - sin_1 * cos_2 * cos_t) ** 2)
        if sin_arc == 0:
            return 0.0
        cos_arc = sin_1 * sin_2 + cos_1 * cos_2 * cos_t
        arc = atan2(sin_arc, cos_arc)
        sin_course = cos_1 * cos_2 * sin_t / sin_arc
        cos_course_2 = 1 - sin_course**2
        # On the equator the middle is anywhere; the term then has no weight.
        cos_middle = cos_arc - 2 * sin_1 * sin_2 / cos_course_2 if cos_course_2 else 0.0
        share = FLATTENING / 16 * cos_course_2 * (4 + FLATTENING * (4 - 3 * cos_course_2))
        before = turned
        turned = turn + (1 - share) * FLATTENING * sin_course * (
            arc + share * sin_arc * (cos_middle + share * cos_arc * (2 * cos_middle**2 - 1))
        )
        if abs(turned - before) < 1e-12:
            break
    else:
        raise ValueError("the two places lie at opposite ends of the earth")
    square = cos_course_2 * (EQUATOR**2 - _POLE**2) / _POLE**2
    a = 1 + square / 16384 * (4096 + square * (-768 + square * (320 - 175 * square)))
    b = square / 1024 * (256 + square * (-128 + square * (74 - 47 * square)))
    more = cos_arc * (2 * cos_middle**2 - 1) - b / 6 * cos_middle * (4 * sin_arc**2 - 3) * (
        4 * cos_middle**2 - 3
    )
    return _POLE * a * (arc - b * sin_arc * (cos_middle + b / 4 * more))


def whole_metres(one: Place, other: Place) -> int:
    """The distance in whole metres, rounded down: what is shown is what is compared with a least distance.

    >>> whole_metres(Place(Decimal("112.434468"), Decimal("34.663041")), Place(Decimal("112.437700"), Decimal("34.663041")))
    296

    """
    return int(distance(one, other))


def around(place: Place, metres: float) -> tuple[Place, Place]:
    """The south-western and north-eastern corner of a box that holds everything within so many metres.

    A degree is nowhere shorter than at the equator's latitude along the meridian and, eastwards, than the circle of
    the latitude farther from the equator; a hundredth is added so that rounding leaves nothing out.
    """
    up = metres / 110_574 * 1.01
    lat = float(place.lat)
    widest = min(89.0, abs(lat) + up)
    aside = min(180.0, degrees(metres / (EQUATOR * cos(radians(widest)))) * 1.01)
    return (
        Place(_degrees(float(place.lng) - aside), _degrees(lat - up)),
        Place(_degrees(float(place.lng) + aside), _degrees(lat + up)),
    )


def _degrees(value: float) -> Decimal:
    """Degrees with six decimals, as places are stored."""
    return Decimal(f"{value:.6f}")
