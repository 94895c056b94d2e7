"""Who keeps fewer items than the example minimum (R-STOCK-4).

Who counts stock keeps what was counted; of the others it is known from what was accepted.
"""

from __future__ import annotations

from collections.abc import Mapping

from clinic_orders.exchange.demonstration.world import Demonstration, Planted


def plant_stocking_short(
    world: Demonstration, kept: Mapping[str, set[str]], counted: Mapping[str, int]
) -> None:
    """Note the places that keep less than the minimum of their kind and scale.

    Args:
        world: whose places.
        kept: items accepted lately, by place.
        counted: how many items a place has, of those that count their stock.

    """
    minimums = {
        (str(row["kind"]), str(row["scale"])): int(row["value"])
        for row in world.policies
        if row["parameter"] == "stocking.minimum"
    }
    for place in world.places:
        minimum = minimums.get((place.kind.value, place.scale), minimums.get((place.kind.value, "")))
        there = counted.get(place.code, len(kept.get(place.code, ())))
        if minimum is not None and there < minimum:
            figures = (("carried", there), ("minimum", minimum))
            world.planted.append(
                Planted("stocking_short", "violation", place.code, "", "", f"{world.as_of:%Y-%m}", figures)
            )
