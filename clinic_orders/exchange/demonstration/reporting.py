"""Who owes a report in the judged month and never made it (rules section 12)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from clinic_orders.exchange.demonstration.world import Demonstration, Planted
from clinic_orders.rules.days import Month
from clinic_orders.rules.policy import value_in_force


def plant_report_missing(world: Demonstration, sold: Collection[str], counted: Collection[str]) -> None:
    """Note the places that had to report by a day of the judged month and did not.

    Args:
        world: whose places.
        sold: codes of those with sales in the month before.
        counted: codes of those with a stock count at its end.

    """
    month = Month.of(world.as_of)
    before = str(month.previous())
    owed: list[tuple[str, str, int, Collection[str]]] = [
        ("sales", before, _default("report.day", month), sold),
        ("stock_count", before, _default("report.day", month), counted),
    ]
    if month == month.quarter.months[2]:
        # No file brings planned volumes, so nobody has reported any.
        day = _default("volume.report_day", month)
        owed.append(("planned_volume", str(month.quarter), day, frozenset()))
    for kind, period, day, made in owed:
        due_on = date(month.year, month.number, day).isoformat()
        world.planted += [
            Planted("report_missing", "warning", place.code, "", kind, period, (("due_on", due_on),))
            for place in world.places
            if place.code not in made
        ]


def _default(name: str, month: Month) -> int:
    """A day of the month that the example policies leave as it is."""
    return int(str(value_in_force((), name, on=month.first_day).value))
