"""Charts of months: the axis is round, what is drawn stands where the axis says, a missing month leaves a gap."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_orders.documents.month_chart import BOTTOM, TOP, Axis, MonthFigure, month_chart

AMOUNTS = st.none() | st.decimals(0, 10_000_000, places=2)
SHARES = st.none() | st.decimals(0, 2, places=4)


def _figures(values: list[Decimal | None]) -> list[MonthFigure]:
    return [MonthFigure(str(number), value, str(value)) for number, value in enumerate(values, 1)]


def _axis_value(text: str) -> Decimal:
    return Decimal(text.replace(",", "").removesuffix("%"))


@given(st.lists(AMOUNTS, min_size=1, max_size=24), st.sampled_from([Axis.NUMBER, Axis.AMOUNT]))
def test_columns_stand_on_nought_and_reach_as_high_as_the_axis_says(
    values: list[Decimal | None], axis: Axis
) -> None:
    chart = month_chart(_figures(values), axis)
    drawn = [value for value in values if value is not None]
    assert len(chart.columns) == len(drawn)
    assert chart.path == ""
    if not drawn:
        return
    assert _axis_value(chart.grid[0].text) == 0
    assert 2 <= len(chart.grid) <= 6
    unit = 10_000 if chart.in_ten_thousands else 1
    top = _axis_value(chart.grid[-1].text) * unit
    assert top >= max(drawn)
    for value, column in zip(drawn, chart.columns, strict=True):
        assert column.y + column.height == pytest.approx(BOTTOM, abs=0.11)
        assert column.height == pytest.approx(float(value / top) * (BOTTOM - TOP) if top else 0, abs=0.2)


@given(st.lists(SHARES, min_size=1, max_size=24))
def test_a_share_is_a_line_within_its_axis_and_breaks_where_a_month_is_missing(
    values: list[Decimal | None],
) -> None:
    chart = month_chart(_figures(values), Axis.SHARE)
    drawn = [value for value in values if value is not None]
    pieces = sum(
        value is not None and (number == 0 or values[number - 1] is None)
        for number, value in enumerate(values)
    )
    assert chart.path.count("M") == pieces
    assert chart.path.count("L") == len(drawn) - pieces
    if drawn:
        low, high = (_axis_value(line.text) / 100 for line in (chart.grid[0], chart.grid[-1]))
        assert low <= min(drawn)
        assert high >= max(drawn)
        for column in chart.columns:
            assert TOP - 0.1 <= column.y <= BOTTOM + 0.1


def test_whole_numbers_have_a_whole_axis_and_many_yuan_are_counted_in_ten_thousands() -> None:
    assert [line.text for line in month_chart(_figures([Decimal(3), Decimal(1)])).grid] == [
        "0",
        "1",
        "2",
        "3",
    ]
    chart = month_chart(_figures([Decimal("6843821.85"), None, Decimal(4_000_000)]), Axis.AMOUNT)
    assert chart.in_ten_thousands
    assert [line.text for line in chart.grid] == ["0", "200", "400", "600", "800"]
    assert [column.word for column in chart.columns] == ["1", "3"]


def test_nothing_to_draw_is_only_the_ground() -> None:
    chart = month_chart(_figures([None, None]), Axis.AMOUNT)
    assert (chart.columns, len(chart.grid)) == ([], 1)
