"""Values look the way people write them."""

import enum
from datetime import UTC, date, datetime
from decimal import Decimal

import flask
import pytest
from flask_babel import Babel, force_locale

from clinic_orders.rules.days import Month, Quarter
from clinic_orders.rules.ordering import LineState, ShipmentState
from clinic_orders.web import display
from clinic_orders.web.text import compile_texts


class Mood(enum.Enum):
    CALM = "calm"
    NAMELESS = "nameless"


@pytest.fixture(autouse=True)
def in_chinese():
    compile_texts()
    app = flask.Flask("clinic_orders")
    app.config["BABEL_DEFAULT_LOCALE"] = "zh_CN"
    Babel(app)
    with app.test_request_context():
        yield


@pytest.mark.parametrize(
    ("amount", "shown"), [("1904.715", "1,904.72"), ("0", "0.00"), ("-3.005", "-3.01"), (None, "—")]
)
def test_an_amount_has_two_decimals_rounded_half_up(amount, shown):
    assert display.yuan(amount and Decimal(amount)) == shown


@pytest.mark.parametrize(
    ("value", "shown"), [("1.7300", "1.73"), ("12", "12.00"), ("0.1235", "0.1235"), ("1.5", "1.50")]
)
def test_a_price_shows_the_decimals_it_has(value, shown):
    assert display.price(Decimal(value)) == shown


def test_a_day_leaves_out_only_the_year_that_goes_without_saying():
    assert display.day(date(2026, 11, 30), 2026) == "11 月 30 日"
    assert display.day(date(2026, 11, 30), 2027) == "2026 年 11 月 30 日"
    assert display.day_full(date(2026, 11, 30)) == "2026 年 11 月 30 日"
    assert display.month(date(2026, 11, 30)) == "2026 年 11 月"


def test_a_period_is_told_in_words_and_months_in_a_row_by_their_ends():
    assert display.period("2026-10") == display.period(Month(2026, 10)) == "2026 年 10 月"
    assert display.period("2026-Q3") == display.period(Quarter(2026, 3)) == "2026 年第 3 季度"
    assert display.period("2026-10-09") == "2026 年 10 月 9 日"
    assert display.period("豫医保线索") == "豫医保线索"
    assert display.period(None) == "—"
    assert display.periods(["2025-12", "2026-01", "2026-02"]) == "2025 年 12 月 至 2026 年 2 月"
    assert display.periods(["2025-12", "2026-02"]) == "2025 年 12 月、2026 年 2 月"
    assert display.periods([]) == "—"


def test_an_instant_is_told_in_shanghai_time():
    assert display.moment(datetime(2026, 11, 30, 17, 5, tzinfo=UTC), 2026) == "12 月 1 日 1:05"


def test_packs_have_a_unit_in_both_languages():
    assert display.packs(1200) == "1,200 盒"
    with force_locale("en"):
        assert display.packs(1) == "1 pack"
        assert display.day(date(2026, 11, 30)) == "30 November 2026"


def test_a_member_has_one_name_and_a_nameless_one_is_a_bug():
    display.register_labels({Mood.CALM: "Help"})
    display.register_labels({Mood.CALM: "Help"})
    assert display.label(Mood.CALM) == "帮助"
    assert display.has_label(Mood.CALM)
    with pytest.raises(ValueError, match="named twice"):
        display.register_labels({Mood.CALM: "Calm"})
    with pytest.raises(KeyError):
        display.label(Mood.NAMELESS)


def test_lists_are_named_one_a_call_since_equal_values_would_be_lost():
    with pytest.raises(ValueError, match="one list a call"):
        display.register_labels({ShipmentState.PREPARED: "Prepared", LineState.SHIPPED: "Shipped"})
