from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_orders.rules import money
from clinic_orders.rules.money import (
    AmountNegative,
    AmountNotUnderstood,
    AmountTooFine,
    NumberTooLarge,
    PriceNotPositive,
    PriceNotUnderstood,
    PriceTooFine,
)

PRICES = st.integers(1, 10**9).map(lambda n: Decimal(n).scaleb(-4))


@pytest.mark.parametrize(
    "text", ["", "-", "1e2", "1,000", "¥3", ".5", "3.", "３.５", "一", "NaN", "inf", "1 2", "--1", "0x1"]
)
def test_what_is_no_plain_number_is_no_price(text):
    with pytest.raises(PriceNotUnderstood) as refusal:
        money.parse_price(text)
    assert refusal.value.facts["typed"] == text
    with pytest.raises(AmountNotUnderstood):
        money.parse_amount(text)


@pytest.mark.parametrize("text", ["3.36001", "0.00001", "3.00000"])
def test_a_fifth_decimal_is_refused(text):
    with pytest.raises(PriceTooFine, match="5 decimals"):
        money.parse_price(text)
    with pytest.raises(PriceTooFine):
        money.check_price(Decimal(text))


@pytest.mark.parametrize("text", ["0", "0.0000", "-3.5"])
def test_a_price_is_above_zero(text):
    with pytest.raises(PriceNotPositive):
        money.parse_price(text)
    with pytest.raises(PriceNotPositive):
        money.check_price(Decimal(text))


def test_a_price_keeps_what_was_written():
    assert str(money.parse_price(" 3.3600 ")) == "3.3600"
    assert money.check_price(Decimal("12")) == 12


def test_numbers_beyond_reason_are_refused():
    with pytest.raises(NumberTooLarge):
        money.parse_price("9" * 13)
    with pytest.raises(NumberTooLarge):
        money.parse_amount("9" * 5000)


def test_a_price_is_never_a_float():
    with pytest.raises(TypeError):
        money.check_price(3.5)
    with pytest.raises(TypeError):
        money.line_amount(3.5, 1)
    with pytest.raises(TypeError):
        money.line_amount(Decimal("3.5"), 1.0)
    with pytest.raises(PriceNotUnderstood):
        money.check_price(Decimal("NaN"))


def test_amounts_have_two_decimals_and_a_sign_only_where_it_makes_sense():
    assert str(money.parse_amount("5")) == "5.00"
    assert str(money.parse_amount("-0.00", may_be_negative=True)) == "0.00"
    assert money.parse_amount("-1.5", may_be_negative=True) == Decimal("-1.50")
    with pytest.raises(AmountNegative):
        money.parse_amount("-1.5")
    with pytest.raises(AmountTooFine):
        money.parse_amount("1.500")


@given(PRICES, st.integers(0, 9999))
def test_a_line_is_rounded_half_up_once(price, packs):
    amount = money.line_amount(price, packs)
    exact = Fraction(price) * packs
    assert -amount.as_tuple().exponent == 2
    assert -Fraction(1, 200) < Fraction(amount) - exact <= Fraction(1, 200)


@given(st.lists(st.integers(0, 10**8).map(lambda n: Decimal(n).scaleb(-2))))
def test_a_total_is_the_sum_of_its_lines(amounts):
    assert money.total(amounts) == sum(amounts)


def test_a_total_of_unrounded_lines_is_a_bug():
    with pytest.raises(ValueError, match="not rounded"):
        money.total([Decimal("1.005")])


@given(st.fractions(-1000, 1000), st.integers(0, 6))
def test_rounding_half_up_goes_away_from_zero(value, places):
    rounded = money.round_half_up(value, places)
    assert abs(Fraction(rounded) - value) <= Fraction(1, 2 * 10**places)
    if abs(Fraction(rounded) - value) == Fraction(1, 2 * 10**places):
        assert abs(Fraction(rounded)) > abs(value)
