"""Where the invented institutions lie: points inside the outline of their county, those of a township near each other.

The coordinates of townships are published nowhere, so these are invented like the institutions themselves.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from decimal import Decimal

from clinic_orders.exchange.demonstration.world import Row
from clinic_orders.exchange.divisions import county_rings

Ring = Sequence[Sequence[float]]
_TRIES = 200
_NEAR = 0.02


def _inside(ring: Ring, x: float, y: float) -> bool:
    """Whether a point lies in a ring: a ray from it crosses the ring an odd number of times."""
    crossed = False
    before = ring[-1]
    for point in ring:
        (x1, y1), (x2, y2) = before, point
        if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
            crossed = not crossed
        before = point
    return crossed


def place_institutions(rows: Sequence[Row], dice: random.Random) -> None:
    """Give every institution a longitude and a latitude, to six decimals."""
    outlines = county_rings()
    middles: dict[tuple[str, str], tuple[float, float]] = {}
    for row in rows:
        county = str(row["county_code"])
        rings = outlines.get(county)
        if not rings:
            continue
        ring = max(rings, key=len)
        town = (county, str(row["township"]))
        if town not in middles:
            middles[town] = _anywhere(ring, dice)
        x, y = middles[town]
        for _ in range(_TRIES):
            lng, lat = x + dice.uniform(-_NEAR, _NEAR), y + dice.uniform(-_NEAR, _NEAR)
            if _inside(ring, lng, lat):
                break
        else:
            lng, lat = x, y
        row["lng"], row["lat"] = Decimal(f"{lng:.6f}"), Decimal(f"{lat:.6f}")


def _anywhere(ring: Ring, dice: random.Random) -> tuple[float, float]:
    xs, ys = [point[0] for point in ring], [point[1] for point in ring]
    while True:
        x, y = dice.uniform(min(xs), max(xs)), dice.uniform(min(ys), max(ys))
        if _inside(ring, x, y):
            return x, y
