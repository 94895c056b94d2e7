"""Who keeps fewer items than the example minimum (R-STOCK-4): known from what was accepted, since nobody counts stock."""

from __future__ import annotations

from collections.abc import Mapping

from clinic_orders.exchange.demonstration.world import Demonstration, Planted


def plant_stocking_short(world: Demonstration, kept: Mapping[str, set[str]]) -> None:
    """Note the places whose items of the last days stay below the minimum of their kind and scale."""
    minimums = {
        (str(row["kind"]), str(row["scale"])): int(row["value"])
        for row in world.policies
        if row["parameter"] == "stocking.minimum"
    }
    for place in world.places:
        minimum = minimums.get((place.kind.value, place.scale), minimums.get((place.kind.value, "")))
        if minimum is not None and len(kept.get(place.code, ())) < minimum:
            world.planted.append(
                Planted("stocking_short", "violation", place.code, "", "", f"{world.as_of:%Y-%m}")
            )
