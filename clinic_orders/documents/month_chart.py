"""Figures of months as columns or as a line with an axis: only places in a drawing, the words stand in the template.

>>> chart = month_chart([MonthFigure("9", Decimal(50), "50"), MonthFigure("10", None, "—"), MonthFigure("11", Decimal(90), "90")])
>>> [(one.word, one.height) for one in chart.columns], [line.text for line in chart.grid]
([('9', 79.0), ('11', 142.2)], ['0', '25', '50', '75', '100'])
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from math import ceil, floor, log10
from typing import Final, NamedTuple

from clinic_orders.documents.statistics_words import Form

LEFT, RIGHT, TOP, BOTTOM = 44.0, 356.0, 22.0, 180.0
_WIDEST = 44.0
_STEPS: Final = 4
# Yuan in six figures and more are read in units of ten thousand (万元).
_MANY_YUAN: Final = Decimal(100_000)
_TEN_THOUSAND: Final = Decimal(10_000)


class Axis(StrEnum):
    """What the figures are: numbers from nought, yuan from nought, shares as a line between round percentages."""

    NUMBER = "number"
    AMOUNT = "amount"
    SHARE = "share"


_AXES: Final = {Form.RATE: Axis.SHARE, Form.AMOUNT: Axis.AMOUNT}


def axis_of(form: Form) -> Axis:
    """On which axis figures written in a form belong."""
    return _AXES.get(form, Axis.NUMBER)


class MonthFigure(NamedTuple):
    """A month's word, its figure (None: there is none), the figure as it is read, and whether it may still change."""

    word: str
    value: Decimal | None
    text: str
    pale: bool = False


@dataclass(frozen=True, slots=True)
class GridLine:
    """A line across at a height, and what it stands for."""

    y: float
    text: str


@dataclass(frozen=True, slots=True)
class Column:
    """One month: its box, the middle of it, its word, its figure as text, whether it may still change."""

    x: float
    y: float
    width: float
    height: float
    middle: float
    word: str
    text: str
    pale: bool


@dataclass(frozen=True, slots=True)
class MonthChart:
    """Months on an axis.

    Attributes:
        months: where the word of each month stands, and the word.
        columns: the months that have figures.
        grid: the lines across, the lowest first.
        path: joins the months that follow each other; empty for columns.
        is_line: whether it is a line.
        in_ten_thousands: whether the axis counts units of ten thousand yuan.

    """

    months: list[tuple[float, str]]
    columns: list[Column]
    grid: list[GridLine]
    path: str = ""
    is_line: bool = False
    in_ten_thousands: bool = False


def _step(room: Decimal, *, whole: bool) -> Decimal:
    """The roundest step of which at most four reach across."""
    if not room:
        return Decimal(1)
    power = Decimal(10) ** floor(log10(room / _STEPS))
    for factor in ("1", "2", "2.5", "5", "10"):
        step = Decimal(factor) * power
        if step * _STEPS >= room and not (whole and step % 1):
            return max(step, Decimal(1)) if whole else step
    return 10 * power


def _number(value: Decimal, step: Decimal) -> str:
    """A figure of the axis with as many places as its step has."""
    exponent = step.normalize().as_tuple().exponent
    places = max(0, -exponent) if isinstance(exponent, int) else 0
    return f"{value:,.{places}f}"


def _range(values: Sequence[Decimal], axis: Axis) -> tuple[Decimal, Decimal, Decimal]:
    """From where, to where and by which steps the axis goes."""
    low, high = min(values, default=Decimal(0)), max(values, default=Decimal(0))
    if axis is not Axis.SHARE:
        step = _step(high, whole=axis is Axis.NUMBER and not any(value % 1 for value in values))
        return Decimal(0), max(step, step * ceil(high / step)), step
    # A share that stays alike is drawn in the middle of two steps of a percent.
    room = max(high - low, Decimal("0.02"))
    step = _step(room, whole=False)
    bottom = max(Decimal(0), step * floor(low / step))
    top = step * ceil(high / step)
    return bottom, top if top > bottom else bottom + step, step


def month_chart(figures: Sequence[MonthFigure], axis: Axis = Axis.NUMBER) -> MonthChart:
    """Lay out months; one without a figure leaves its place empty and breaks the line."""
    highest = max((one.value for one in figures if one.value is not None), default=Decimal(0))
    many = axis is Axis.AMOUNT and highest >= _MANY_YUAN
    unit = _TEN_THOUSAND if many else Decimal(1)
    values = [None if one.value is None else one.value / unit for one in figures]
    bottom, top, step = _range([value for value in values if value is not None], axis)

    def height(value: Decimal) -> float:
        return round((BOTTOM - TOP) * float((value - bottom) / (top - bottom)), 1)

    room = (RIGHT - LEFT) / max(1, len(figures))
    width = round(min(_WIDEST, room * 0.64), 1)
    middles = [round(LEFT + room * (number + 0.5), 1) for number in range(len(figures))]
    columns, path, follows = [], "", False
    for middle, one, value in zip(middles, figures, values, strict=True):
        if value is None:
            follows = False
            continue
        tall = height(value)
        y = round(BOTTOM - tall, 1)
        columns.append(
            Column(round(middle - width / 2, 1), y, width, tall, middle, one.word, one.text, one.pale)
        )
        path += f"{'L' if follows else 'M'}{middle} {y}"
        follows = True
    grid, level = [], bottom
    while level <= top:
        text = f"{_number(level * 100, step * 100)}%" if axis is Axis.SHARE else _number(level, step)
        grid.append(GridLine(round(BOTTOM - height(level), 1), text))
        level += step
    is_line = axis is Axis.SHARE
    months = [(middle, one.word) for middle, one in zip(middles, figures, strict=True)]
    return MonthChart(months, columns, grid if columns else grid[:1], path if is_line else "", is_line, many)
