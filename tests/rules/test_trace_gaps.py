"""T9 and T10d of R-TRACE-2 at their edges."""

from __future__ import annotations

from datetime import date

import pytest

from clinic_orders.rules.days import Month
from clinic_orders.rules.stocking import Count, Movement
from clinic_orders.rules.trace_gaps import days_below_zero, sold_beyond_stock, trace_missing, wants_code

FROM = date(2026, 1, 1)
MARCH = Month(2026, 3)


def day(number: int) -> date:
    return date(2026, 3, number)


@pytest.mark.parametrize(
    ("units", "on", "full_from", "wanted"),
    [
        (28, FROM, FROM, True),
        (28, date(2025, 12, 31), FROM, False),
        (56, FROM, FROM, True),
        (27, FROM, FROM, False),
        (-28, FROM, FROM, False),
        (28, FROM, None, False),
    ],
)
def test_whole_packs_from_the_day_on_want_a_code(units, on, full_from, wanted):
    assert wants_code(units, pack_size=28, day=on, full_from=full_from) is wanted


def test_no_line_without_code_is_no_clue():
    assert trace_missing("C1", "X1", MARCH, 0) is None
    assert trace_missing("C1", "X1", MARCH, [("S1", "2")]).rows == (("sale", "C1 S1 2"),)


def test_before_the_first_count_nobody_knows_and_on_its_day_it_holds():
    sold = [Movement(day(1), -5), Movement(day(4), -5)]
    counts = [Count(day(2), 4)]
    assert days_below_zero(counts, sold, first=day(1), last=day(5)) == [day(4), day(5)]
    assert days_below_zero([], sold, first=day(1), last=day(5)) == []
    assert days_below_zero([Count(day(6), 0)], sold, first=day(1), last=day(5)) == []


def test_a_later_count_ends_it_and_an_earlier_month_goes_on():
    counts = [Count(date(2026, 1, 31), 4), Count(day(3), 0)]
    sold = [Movement(date(2026, 2, 10), -5)]
    assert days_below_zero(counts, sold, first=day(1), last=day(5)) == [day(1), day(2)]


def test_days_are_counted_and_none_is_no_clue():
    assert sold_beyond_stock("C1", "X1", MARCH, []) is None
    found = sold_beyond_stock("C1", "X1", MARCH, [day(4), day(3)], lowest=-2)
    assert (found.figures, found.formula) == ({"times": 2}, "stock = -2 < 0 on 2 days")
    assert found.rows == (("day", "2026-03-03"), ("day", "2026-03-04"))
