"""Figures of months as columns: only places in a drawing, the words stand in the template.

>>> chart = bar_chart([("9", Decimal(50)), ("10", None), ("11", Decimal(100))])
>>> [(bar.word, bar.height) for bar in chart.bars], chart.top
([('9', 79.0), ('11', 158.0)], Decimal('100'))
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

_LEFT, _RIGHT, _TOP, _BOTTOM = 12.0, 352.0, 22.0, 180.0
_WIDEST = 44.0


@dataclass(frozen=True, slots=True)
class Bar:
    """One column: its box, the middle of it, its word and its figure."""

    x: float
    y: float
    width: float
    height: float
    middle: float
    word: str
    value: Decimal


@dataclass(frozen=True, slots=True)
class BarChart:
    """The columns; ``top`` is the figure of the highest."""

    bars: list[Bar]
    top: Decimal


def bar_chart(values: Sequence[tuple[str, Decimal | None]]) -> BarChart:
    """Lay out columns from nought; a figure that is missing leaves its place empty."""
    top = max((value for _, value in values if value is not None), default=Decimal(0))
    room = (_RIGHT - _LEFT) / max(1, len(values))
    width = round(min(_WIDEST, room * 0.64), 1)
    bars = []
    for number, (word, value) in enumerate(values):
        if value is None:
            continue
        height = round((_BOTTOM - _TOP) * float(value / top), 1) if top else 0.0
        middle = round(_LEFT + room * (number + 0.5), 1)
        bars.append(
            Bar(round(middle - width / 2, 1), round(_BOTTOM - height, 1), width, height, middle, word, value)
        )
    return BarChart(bars, top)
