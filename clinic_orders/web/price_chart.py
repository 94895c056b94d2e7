"""The prices of an item as steps over time: only places in a drawing, the words stand in the template.

>>> chart = price_chart([(date(2026, 1, 1), Decimal(4)), (date(2026, 7, 1), Decimal(3))], date(2026, 10, 1))
>>> [(mark.price, mark.coming) for mark in chart.marks], chart.path[:12]
([(Decimal('4'), False), (Decimal('3'), False)], 'M20.0 64.0 H')
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

WIDTH, HEIGHT = 400, 210
_LEFT, _RIGHT, _TOP, _BOTTOM = 20.0, 384.0, 64.0, 150.0


@dataclass(frozen=True, slots=True)
class Mark:
    """One price: where its step begins, where its figure stands, whether it is still to come.

    ``day_y`` alternates between two lines where days would stand on one another.
    """

    x: float
    y: float
    price: Decimal
    day: date
    coming: bool
    day_y: float


@dataclass(frozen=True, slots=True)
class Chart:
    """The drawing: the steps so far, those to come (may be empty), the marks, where today is."""

    path: str
    coming: str
    marks: list[Mark]
    today_x: float


def price_chart(prices: Sequence[tuple[date, Decimal]], today: date) -> Chart:
    """Lay out the prices, oldest first; at least one is needed."""
    first = prices[0][0]
    last = max(today, prices[-1][0])
    last += timedelta(days=max(30, (last - first).days // 8))
    span = (last - first).days
    low, high = min(price for _, price in prices), max(price for _, price in prices)

    def across(day: date) -> float:
        return round(_LEFT + (_RIGHT - _LEFT) * max(0, (day - first).days) / span, 1)

    def down(price: Decimal) -> float:
        share = float((price - low) / (high - low)) if high > low else 0.5
        return round(_BOTTOM - (_BOTTOM - _TOP) * share, 1)

    marks: list[Mark] = []
    for day, price in prices:
        near = bool(marks) and across(day) - marks[-1].x < 115 and marks[-1].day_y == HEIGHT - 30
        marks.append(
            Mark(across(day), down(price), price, day, day > today, HEIGHT - 12 if near else HEIGHT - 30)
        )
    today_x = across(today)
    path, coming = "", ""
    for place, mark in enumerate(marks):
        end = marks[place + 1].x if place + 1 < len(marks) else _RIGHT
        if mark.coming:
            before = f"M{mark.x} {marks[place - 1].y} V{mark.y}" if place else f"M{mark.x} {mark.y}"
            coming += f"{before} H{end} "
            continue
        path += f"{f'V{mark.y}' if path else f'M{mark.x} {mark.y}'} H{min(end, today_x)} "
        if end > today_x:
            coming += f"M{today_x} {mark.y} H{end} "
    return Chart(path.strip(), coming.strip(), marks, today_x)
