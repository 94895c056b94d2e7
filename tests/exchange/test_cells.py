"""One cell: what is taken, what is refused, and that writing undoes reading."""
# ruff: noqa: DTZ001 - spreadsheets and Hypothesis take instants without a zone.

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_orders.exchange import cells
from clinic_orders.exchange.cells import Sheet
from clinic_orders.exchange.reading import as_text
from clinic_orders.exchange.tables import INSTITUTION_KINDS
from clinic_orders.rules.errors import RuleBroken
from clinic_orders.rules.reasons import CloseReason, RejectReason


def refusal(cell, typed):
    with pytest.raises(RuleBroken) as caught:
        cell.read(typed)
    assert str(caught.value)
    return caught.value.code


@pytest.mark.parametrize(
    ("typed", "why"),
    [("0", "PacksTooFew"), ("-1", "PacksTooFew"), ("1.5", "PacksNotWhole"), ("1e9", "PacksNotWhole"),
     ("一", "PacksNotWhole"), ("1,000", "PacksNotWhole"), ("10000000", "PacksTooMany"), ("9" * 64, "PacksTooMany"),
     ("9" * 65, "CellTooLong"), ("+1", "PacksNotWhole"), ("½", "PacksNotWhole"), ("٣", "PacksNotWhole")],
)  # fmt: skip
def test_packs_that_are_not_whole_numbers_in_range_are_refused(typed, why):
    assert refusal(cells.whole(1), typed) == why


def test_packs_are_whole_numbers():
    assert cells.whole(1).read(" 12 ") == 12
    assert cells.whole().read("0") == 0
    assert cells.whole().read("  ") is None


@pytest.mark.parametrize(
    ("typed", "why"),
    [("3.36001", "PriceTooFine"), ("3.36000", "PriceTooFine"), ("0", "PriceNotPositive"), ("-1", "PriceNotPositive"),
     ("1e3", "PriceNotUnderstood"), ("1,405.00", "PriceNotUnderstood"), ("¥3", "PriceNotUnderstood"),
     ("NaN", "PriceNotUnderstood"), ("10000000", "NumberTooLarge"), ("9999999999999", "NumberTooLarge")],
)  # fmt: skip
def test_prices_with_five_decimals_or_in_other_forms_are_refused(typed, why):
    assert refusal(cells.price(), typed) == why


@pytest.mark.parametrize(("value", "text"), [("3.3600", "3.36"), ("12", "12.00"), ("0.4375", "0.4375")])
def test_a_price_is_written_with_two_to_four_decimals(value, text):
    assert cells.price().write(Decimal(value)) == text


@pytest.mark.parametrize("typed", ["15%", "15", "-0.1", "1.0001", "一成", "0,15"])
def test_a_rate_is_a_decimal_between_0_and_1(typed):
    assert refusal(cells.rate(), typed) in {"NotARate", "DecimalTooFine"}


def test_a_rate_keeps_four_decimals():
    assert cells.rate().read("0.15") == Decimal("0.15")
    assert refusal(cells.rate(), "0.12345") == "DecimalTooFine"


@pytest.mark.parametrize(
    "typed", ["2026-02-30", "2026-2-3", "2026/02/03", "20260203", "2025-02-29", "昨天", "0026-02-03"]
)
def test_days_that_are_not_in_the_calendar_are_refused(typed):
    assert refusal(cells.day(), typed) == "DayNotUnderstood"


@pytest.mark.parametrize(
    ("typed", "instant"),
    [("2026-01-31T09:30", datetime(2026, 1, 31, 1, 30, tzinfo=UTC)),
     ("2026-01-31 09:30:15", datetime(2026, 1, 31, 1, 30, 15, tzinfo=UTC)),
     ("2026-01-31T09:30+08:00", datetime(2026, 1, 31, 1, 30, tzinfo=UTC)),
     ("2026-01-31T09:30:00Z", datetime(2026, 1, 31, 9, 30, tzinfo=UTC)),
     ("2026-01-31T09:30:00.25", datetime(2026, 1, 31, 1, 30, 0, 250_000, tzinfo=UTC))],
)  # fmt: skip
def test_an_instant_without_a_zone_is_of_shanghai(typed, instant):
    assert cells.instant().read(typed) == instant


@pytest.mark.parametrize("typed", ["2026-02-30T09:00", "2026-01-31", "2026-01-31T24:00", "2026-01-31T09:60", "2026-01-31T9:00",
                                   "2026-01-31T09:30.5", "2026-02-30T09:00:00.5"])  # fmt: skip
def test_instants_that_do_not_exist_are_refused_as_they_were_typed(typed):
    with pytest.raises(RuleBroken, match=typed[:10]):
        cells.instant().read(typed)


@given(st.datetimes(min_value=datetime(1950, 1, 1), max_value=datetime(2150, 1, 1)), st.integers(-12, 14))
def test_an_instant_comes_back_to_the_microsecond_from_any_zone(naive, hours):
    moment = naive.replace(tzinfo=timezone(timedelta(hours=hours)))
    assert cells.instant().read(cells.instant().write(moment)) == moment


@pytest.mark.parametrize(
    ("typed", "value"), [("Y", True), ("n", False), ("是", True), ("否", False), ("", False)]
)
def test_flags_are_y_n_and_the_chinese_words(typed, value):
    assert cells.flag().read(typed) is value


def test_other_flags_are_refused():
    assert refusal(cells.flag(), "maybe") == "NotAFlag"
    assert refusal(cells.flag(), "1") == "NotAFlag"


def test_kinds_are_taken_by_code_and_by_label():
    kind = cells.choice(INSTITUTION_KINDS)
    assert kind.read("village_clinic") == kind.read("村卫生室") == "village_clinic"
    assert refusal(kind, "hospital") == "NotAChoice"


def test_several_kinds_come_in_one_order_whatever_the_separator():
    suits = cells.choices(INSTITUTION_KINDS)
    assert suits.read("村卫生室；township_hospital; village_clinic;") == (
        "township_hospital",
        "village_clinic",
    )
    assert suits.read("") == ()
    assert suits.write(("township_hospital", "village_clinic")) == "township_hospital;village_clinic"
    assert refusal(suits, "村卫生室;诊所") == "NotAChoice"


@pytest.mark.parametrize(
    ("typed", "value"),
    [("stock_out", "stock_out"), ("停产", "discontinued"), ("other", "other"), ("other:厂家:停产", "other:厂家:停产"),
     ("其他：见附件", "other:见附件"), ("other: ", "other")],
)  # fmt: skip
def test_reasons_are_codes_labels_or_other_with_words(typed, value):
    cell = cells.reason(CloseReason)
    assert cell.read(typed) == value
    assert cell.read(cell.write(value)) == value


@pytest.mark.parametrize("typed", ["damaged:box", "坏了", ":", "other" + "长" * 100])
def test_reasons_that_are_not_coded_are_refused(typed):
    assert refusal(cells.reason(RejectReason), typed) in {
        "ReasonUnknown",
        "ReasonTextNotAllowed",
        "CellTooLong",
    }


def test_codes_keep_leading_zeros_and_refuse_what_can_not_be_seen():
    assert cells.code().read("　0012 ") == "0012"
    for unseen in ("00\u200b12", "00\u202e12", "00\n12", "00\ufeff12"):
        assert refusal(cells.code(), unseen) == "UnseenCharacter"
    assert refusal(cells.code(8), "123456789") == "CellTooLong"


def test_words_keep_their_lines_and_refuse_control_characters():
    assert cells.text().read("洛阳市\r\n嵩县") == "洛阳市\n嵩县"
    assert refusal(cells.text(), "a\x07b") == "UnseenCharacter"


def test_trace_codes_are_a_tuple_in_their_order_and_each_once():
    first, second = "81234567890123456789", "81234567890123456788"
    cell = cells.trace_codes(100)
    assert cell.read(f"{first};；{second} ;{first}") == (first, second)
    assert cell.read(cell.write((first, second))) == (first, second)
    assert refusal(cell, f"{first};8123") == "TraceCodeNotUnderstood"
    assert refusal(cell, "1" * 101) == "CellTooLong"


def test_coordinates_have_a_range_and_seven_decimals():
    assert cells.degrees(180).read("112.42859") == Decimal("112.42859")
    assert cells.degrees(180).write(112.42859) == "112.42859"
    assert refusal(cells.degrees(90), "112.4") == "OutOfRange"
    assert refusal(cells.degrees(90), "34.12345678") == "DecimalTooFine"
    assert refusal(cells.degrees(90), "北纬34") == "NotADecimal"


def test_credit_and_insurance_codes_are_checked_for_form():
    assert cells.uscc().read("91110000600037341L") == "91110000600037341L"
    assert refusal(cells.uscc(), "91110000600037342L") == "CreditCodeRefused"
    assert cells.nhsa_item().read("XA02AXX095A001010103357")
    assert refusal(cells.nhsa_item(), "XA02AXX095A0010101033") == "DrugCodeRefused"
    assert cells.nhsa_institution().read("H41030200001")
    assert refusal(cells.nhsa_institution(), "410302") == "InstitutionCodeRefused"


@pytest.mark.parametrize(
    ("cell", "sheet", "text"),
    [(28.0, Sheet.WHOLE, "28"), (3.36, Sheet.DECIMAL, "3.36"), (0.1 + 0.2, Sheet.DECIMAL, "0.3"), (1e9, Sheet.WHOLE, "1000000000"),
     (0.00001, Sheet.DECIMAL, "0.00001"), (410302.0, Sheet.TEXT, "410302"), (1.5, Sheet.WHOLE, "1.5"), (True, Sheet.TEXT, "Y"),
     (date(2026, 1, 31), Sheet.DAY, "2026-01-31"), (date(2026, 1, 31), Sheet.INSTANT, "2026-01-31T00:00"),
     (datetime(2026, 1, 31), Sheet.DAY, "2026-01-31"), (datetime(2026, 1, 31, 8, 5), Sheet.DAY, "2026-01-31T08:05:00"),
     (datetime(2026, 1, 31, 8, 4, 59, 999_900), Sheet.INSTANT, "2026-01-31T08:05:00"), ("0012", Sheet.TEXT, "0012"),
     ("'=1", Sheet.TEXT, "=1"), ("''=1", Sheet.TEXT, "'=1"), ("'1", Sheet.TEXT, "'1"), ("", Sheet.DAY, "")],
)  # fmt: skip
def test_a_cell_of_a_spreadsheet_is_read_as_what_it_shows(cell, sheet, text):
    assert as_text(cell, sheet) == text


def test_a_long_code_typed_as_a_number_is_refused_and_not_invented():
    with pytest.raises(cells.NumberLostDigits):
        as_text(81234567890123456789.0, Sheet.TEXT)
