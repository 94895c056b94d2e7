from calendar import monthrange
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_orders.rules.days import Month
from clinic_orders.rules.money import line_amount
from clinic_orders.rules.payment_terms import (
    Ageing,
    DueRule,
    OwedLine,
    ageing,
    amount_owed,
    days_left,
    days_overdue,
    due_date,
    is_overdue,
    return_amount,
)
from clinic_orders.rules.policy_parameters import PARAMETERS

FIRST, LAST = date(2023, 1, 1), date(2030, 12, 31)
EIGHT_YEARS = [FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1)]


def test_over_every_day_of_eight_years_payment_is_due_on_the_last_day_of_the_next_month():
    for day in EIGHT_YEARS:
        due = due_date(day, DueRule.END_OF_NEXT_MONTH)
        year, month = (day.year + 1, 1) if day.month == 12 else (day.year, day.month + 1)
        assert (due.year, due.month, due.day) == (year, month, monthrange(year, month)[1])
        assert 28 <= (due - day).days <= 61


def test_over_every_day_of_eight_years_thirty_days_are_thirty_days():
    for day in EIGHT_YEARS:
        assert due_date(day, DueRule.DAYS_30).toordinal() == day.toordinal() + 30


def test_a_later_acceptance_is_never_due_earlier():
    for rule in DueRule:
        dues = [due_date(day, rule) for day in EIGHT_YEARS]
        assert dues == sorted(dues)


@pytest.mark.parametrize(
    ("accepted", "due"),
    [
        (date(2026, 1, 31), date(2026, 2, 28)),
        (date(2028, 1, 31), date(2028, 2, 29)),
        (date(2026, 12, 5), date(2027, 1, 31)),
        (date(2026, 12, 31), date(2027, 1, 31)),
        (date(2026, 2, 1), date(2026, 3, 31)),
        (date(2026, 4, 15), date(2026, 5, 31)),  # A Sunday: a due date on a day off does not move.
    ],
)
def test_worked_examples_of_the_end_of_the_next_month(accepted, due):
    assert due_date(accepted, DueRule.END_OF_NEXT_MONTH) == due
    assert Month.of(due) == Month.of(accepted).next()


def test_the_rules_are_the_choices_of_policy():
    assert tuple(rule.value for rule in DueRule) == PARAMETERS["payment.rule"].choices


def test_money_is_overdue_from_the_day_after_the_due_date_while_something_is_outstanding():
    due = date(2026, 10, 31)
    assert not is_overdue(due, Decimal("5.00"), on=due)
    assert is_overdue(due, Decimal("0.01"), on=due + timedelta(days=1))
    assert not is_overdue(due, Decimal("0.00"), on=due + timedelta(days=1))
    assert [days_left(due, on=due + timedelta(days=n)) for n in (-7, 0, 3)] == [7, 0, -3]
    assert [days_overdue(due, on=due + timedelta(days=n)) for n in (-7, 0, 3)] == [0, 0, 3]


def test_every_overdue_day_has_one_bucket():
    expected = {Ageing.UP_TO_30: range(1, 31), Ageing.UP_TO_60: range(31, 61), Ageing.UP_TO_90: range(61, 91)}
    for bucket, days in expected.items():
        assert {ageing(day) for day in days} == {bucket}
    assert {ageing(day) for day in range(91, 1000)} == {Ageing.OVER_90}
    assert ageing(0) is ageing(-5) is None


PRICES = st.integers(1, 10**7).map(lambda n: Decimal(n).scaleb(-4))


@given(PRICES, st.integers(1, 500), st.data())
def test_returns_take_off_what_they_make_and_a_full_return_leaves_nothing(price, accepted, data):
    owed, returned = amount_owed([OwedLine(price, accepted)]), 0
    while returned < accepted:
        packs = data.draw(st.integers(1, accepted - returned))
        owed -= return_amount(OwedLine(price, accepted, returned), packs)
        returned += packs
        assert owed == amount_owed([OwedLine(price, accepted, returned)])
        assert owed >= 0
    assert str(owed) == "0.00"


@given(st.lists(st.tuples(PRICES, st.integers(0, 500)), max_size=8))
def test_a_receipt_owes_the_sum_of_its_lines_each_rounded_once(lines):
    owed = amount_owed(OwedLine(price, packs) for price, packs in lines)
    assert owed == sum((line_amount(price, packs) for price, packs in lines), Decimal(0))
