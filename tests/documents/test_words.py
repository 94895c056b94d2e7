from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_orders.documents.words import in_capitals, price, reason, yuan
from clinic_orders.rules.reasons import CloseReason

DIGITS = {character: number for number, character in enumerate("零壹贰叁肆伍陆柒捌玖")}


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        ("0", "零元整"),
        ("0.05", "伍分"),
        ("0.50", "伍角整"),
        ("1.05", "壹元零伍分"),
        ("10", "壹拾元整"),
        ("166.01", "壹佰陆拾陆元零壹分"),
        ("1904.72", "壹仟玖佰零肆元柒角贰分"),
        ("100000", "壹拾万元整"),
        ("100005", "壹拾万零伍元整"),
        ("6000007.14", "陆佰万零柒元壹角肆分"),
        ("200000000.10", "贰亿元壹角整"),
        ("200000301.00", "贰亿零叁佰零壹元整"),
        ("-3.20", "负叁元贰角整"),
    ],
)
def test_amounts_are_written_in_capitals_as_accounts_want_them(amount: str, words: str) -> None:
    assert in_capitals(Decimal(amount)) == words


def read(words: str) -> Decimal:
    """The amount that capitals say, read by place."""
    whole, cents, group, digit = 0, 0, 0, 0
    for character in words:
        if character in DIGITS:
            digit = DIGITS[character]
        elif character in "拾佰仟":
            group += digit * {"拾": 10, "佰": 100, "仟": 1000}[character]
            digit = 0
        elif character in "万亿":
            whole = (whole + group + digit) * (10**4 if character == "万" else 10**8)
            group = digit = 0
        elif character == "元":
            whole += group + digit
            group = digit = 0
        elif character in "角分":
            cents += digit * (10 if character == "角" else 1)
            digit = 0
    return Decimal(whole) + Decimal(cents) / 100


@given(st.integers(min_value=0, max_value=99_999_999_99))
def test_capitals_say_the_same_amount_as_the_figures(cents: int) -> None:
    assert read(in_capitals(Decimal(cents) / 100)) == Decimal(cents) / 100


def test_parts_of_a_cent_are_never_written() -> None:
    with pytest.raises(ValueError, match="not an amount"):
        in_capitals(Decimal("1.005"))


def test_figures_keep_what_they_have() -> None:
    assert (yuan(Decimal("1904.7")), price(Decimal("3.3650")), price(Decimal("12"))) == (
        "1,904.70",
        "3.365",
        "12.00",
    )


def test_reasons_are_said_in_chinese_with_their_own_words() -> None:
    assert reason("other:厂家停供", CloseReason) == "其他：厂家停供"
    assert reason("stock_out", CloseReason) == "缺货"
    assert reason("旧系统原因", CloseReason) == "旧系统原因"
