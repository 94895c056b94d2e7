import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_orders.rules.quantities import (
    PacksMissing,
    PacksNotWhole,
    PacksRefused,
    PacksTooFew,
    PacksTooMany,
    parse_cart_packs,
    parse_packs,
)


@pytest.mark.parametrize(
    ("typed", "refusal"),
    [
        ("0", PacksTooFew),
        ("-1", PacksTooFew),
        ("1.5", PacksNotWhole),
        ("1e9", PacksNotWhole),
        ("一", PacksNotWhole),
        ("", PacksMissing),
        ("  ", PacksMissing),
        ("+5", PacksNotWhole),
        ("5盒", PacksNotWhole),
        ("²", PacksNotWhole),
        ("٣", PacksNotWhole),
        ("10000", PacksTooMany),
        ("9" * 6000, PacksTooMany),
    ],
)
def test_bad_quantities_are_refused_naming_what_was_typed(typed, refusal):
    with pytest.raises(refusal) as refused:
        parse_packs(typed, maximum=9999)
    assert refused.value.facts.get("typed", "") == typed.strip()
    assert str(refused.value)


@given(st.integers(1, 9999))
def test_whole_numbers_up_to_the_limit_are_taken(packs):
    wide = "".join(chr(ord(digit) + 0xFEE0) for digit in str(packs))
    assert parse_packs(str(packs), maximum=9999) == parse_packs(f" 0{packs} ", maximum=9999) == packs
    assert parse_packs(wide, maximum=9999) == packs


@given(st.text(max_size=8))
def test_any_text_is_either_a_number_in_range_or_refused(typed):
    try:
        packs = parse_packs(typed, maximum=50)
    except PacksRefused:
        return
    assert 1 <= packs <= 50


@pytest.mark.parametrize("typed", ["", " ", "0", "00"])
def test_in_the_cart_nothing_and_zero_mean_not_ordered(typed):
    assert parse_cart_packs(typed, maximum=9999) == 0


@pytest.mark.parametrize("typed", ["-1", "1.5", "一", "10000"])
def test_in_the_cart_other_bad_quantities_are_refused_all_the_same(typed):
    with pytest.raises(PacksRefused):
        parse_cart_packs(typed, maximum=9999)


def test_the_limit_itself_can_be_ordered_and_one_more_can_not():
    assert parse_packs("50", maximum=50) == 50
    with pytest.raises(PacksTooMany):
        parse_packs("51", maximum=50)
