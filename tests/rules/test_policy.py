from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_orders.rules import policy_parameters as table
from clinic_orders.rules.parties import PUBLIC_KINDS, InstitutionKind
from clinic_orders.rules.policy import (
    PolicyBook,
    PolicyRow,
    PolicyScaleWithoutKind,
    check_row,
    value_in_force,
)
from clinic_orders.rules.policy_parameters import (
    CHOICE_LABELS,
    PARAMETERS,
    UNITS,
    Form,
    PolicyParameterUnknown,
    PolicyValueMissing,
    PolicyValueNotAmount,
    PolicyValueNotChoice,
    PolicyValueNotDay,
    PolicyValueNotRate,
    PolicyValueNotWhole,
    PolicyValueOutOfRange,
    PolicyValueRefused,
    parse_value,
)

CLINIC = InstitutionKind.VILLAGE_CLINIC
PHARMACY = InstitutionKind.RETAIL_PHARMACY
DAY = date(2026, 6, 1)

# The table of section 13, written out once more: a slip in either place shows.
DEFAULTS = {
    "payment.rule": "end_of_next_month",
    "payment.hold_after_days": None,
    "payment.hold_min_amount": Decimal("100.00"),
    "payment.hold_scope": "distributor",
    "markup.cap": None,
    "markup.base": "higher_of",
    "markup.base_days": 90,
    "markup.rounding": "half_up",
    "stocking.minimum": None,
    "stocking.window_days": 90,
    "stocking.grace_days": 90,
    "volume.warn_pp": 10,
    "volume.interview_pp": 25,
    "volume.lagging_items": 15,
    "volume.report_day": 20,
    "report.day": 5,
    "volume.nonselected_share": None,
    "order.confirm_days": 2,
    "order.ship_days": 2,
    "order.emergency_hours": 2,
    "order.emergency_share": Decimal("0.20"),
    "order.max_packs": 9999,
    "order.duplicate_days": 7,
    "delivery.hours_normal": 48,
    "delivery.hours_remote": 72,
    "delivery.hours_emergency": 12,
    "delivery.hours_emergency_remote": 24,
    "delivery.accept_days": 2,
    "delivery.auto_accept_days": None,
    "delivery.rate_alert": Decimal("0.90"),
    "delivery.rate_alert_months": 3,
    "delivery.min_shelf_months": 6,
    "trace.near_days": 30,
    "trace.full_from": date(2026, 1, 1),
    "tied.share": Decimal("0.80"),
    "tied.min_receipts": 20,
    "monitor.rise": Decimal("0.20"),
    "monitor.changes": 2,
    "case.answer_days": 9,
    "case.reentry_months": 24,
    "inspection.grave": 10,
    "inspection.reminder": 3,
    "inspection.clue": 2,
    "inspection.complaint": 8,
    "inspection.month": 1,
    "complaint.answer_days": None,
    "roster.pharmacy_distance_m": 300,
    "roster.pharmacy_people": 2000,
    "roster.window": None,
    "roster.lookback_months": 24,
    "roster.notice_days": 7,
    "incentive.completion": None,
    "incentive.purchase": None,
    "incentive.missed_reports": 2,
    "privacy.account_months": 36,
    "privacy.application_months": 24,
    "privacy.training_months": 60,
    "assessment.appeal_days": 7,
    "assessment.conduct": 5,
    "assessment.conduct_levels": 8,
    "assessment.deposit_from": None,
    "assessment.excellent": 90,
    "assessment.fulfilment": 20,
    "assessment.good": 80,
    "assessment.passed": 60,
    "assessment.payment": 20,
    "assessment.price": 10,
    "assessment.renewal_from": None,
    "assessment.reporting": 10,
    "assessment.self_days": 15,
    "assessment.settlement_from": None,
    "assessment.site": 10,
    "assessment.stocking": 10,
    "assessment.tracing": 10,
    "assessment.training": 5,
    "assessment.training_hours": 4,
}


def test_without_a_row_the_default_of_the_table_holds():
    book = PolicyBook()
    assert {name: book.find(name, on=DAY).value for name in PARAMETERS} == DEFAULTS
    assert all(book.find(name, on=DAY).row is None for name in PARAMETERS)


def test_public_kinds_may_add_nothing_and_pharmacies_an_unconfirmed_share():
    book = PolicyBook()
    for kind in PUBLIC_KINDS:
        found = book.find("markup.cap", kind=kind, on=DAY)
        assert (found.value, found.confirmed) == (Decimal(0), True)
    assert book.find("markup.cap", kind=PHARMACY, on=DAY).value == Decimal("0.15")
    assert not book.find("markup.cap", kind=PHARMACY, on=DAY).confirmed
    assert book.decimal_or_none("markup.cap", kind=InstitutionKind.PRIVATE_INSTITUTION, on=DAY) is None
    assert not book.find("markup.cap", kind=InstitutionKind.PRIVATE_INSTITUTION, on=DAY).confirmed


def test_what_the_table_calls_unconfirmed_is_not_confirmed():
    for about in PARAMETERS.values():
        if "unconfirmed" in about.rests_on and about.name != "markup.cap":
            assert not about.confirmed, about.name


def test_every_parameter_has_words_and_a_readable_default():
    for about in PARAMETERS.values():
        assert about.label
        assert about.rests_on
        for kind in (None, *InstitutionKind):
            parse_value(about.name, about.default_text(kind))
        assert (about.form is Form.CHOICE) == bool(about.choices)
        assert set(about.choices) <= set(CHOICE_LABELS)
    assert set(UNITS) == set(Form)


ROWS = [
    PolicyRow("stocking.minimum", date(2026, 1, 1), "60"),
    PolicyRow("stocking.minimum", date(2025, 1, 1), "30", kind=CLINIC),
    PolicyRow("stocking.minimum", date(2025, 6, 1), "35", kind=CLINIC, confirmed=True),
    PolicyRow("stocking.minimum", date(2025, 1, 1), "20", kind=CLINIC, scale="小"),
    PolicyRow("stocking.minimum", date(2027, 1, 1), "99", kind=CLINIC, scale="小"),
    PolicyRow("order.max_packs", date(2025, 1, 1), "1"),
]


@pytest.mark.parametrize(
    ("kind", "scale", "on", "value", "confirmed"),
    [
        (CLINIC, "小", DAY, 20, False),
        (CLINIC, "大", DAY, 35, True),
        (CLINIC, None, date(2025, 5, 31), 30, False),
        (CLINIC, None, date(2025, 6, 1), 35, True),
        (PHARMACY, "小", DAY, 60, False),
        (None, None, DAY, 60, False),
        (PHARMACY, None, date(2025, 12, 31), None, False),
        (CLINIC, "小", date(2027, 1, 1), 99, False),
        (CLINIC, "小", date(2024, 12, 31), None, False),
    ],
)
def test_the_most_specific_row_wins_then_the_latest(kind, scale, on, value, confirmed):
    found = value_in_force(ROWS, "stocking.minimum", kind=kind, scale=scale, on=on)
    assert (found.value, found.confirmed) == (value, confirmed)
    assert PolicyBook(ROWS).find("stocking.minimum", kind=kind, scale=scale, on=on) == found
    assert value_in_force(reversed(ROWS), "stocking.minimum", kind=kind, scale=scale, on=on) == found


def test_rows_of_a_database_write_all_as_the_empty_text():
    rows = [PolicyRow("order.max_packs", date(2025, 1, 1), "500", kind="", scale="")]
    assert value_in_force(rows, "order.max_packs", kind=CLINIC, scale="小", on=DAY).value == 500


def test_an_empty_row_says_not_set_before_the_default():
    rows = [PolicyRow("markup.cap", date(2026, 1, 1), "", kind=PHARMACY)]
    assert value_in_force(rows, "markup.cap", kind=PHARMACY, on=DAY).value is None


@pytest.mark.parametrize(
    ("name", "text", "refusal"),
    [
        ("order.confirm_days", "", PolicyValueMissing),
        ("order.confirm_days", "1.5", PolicyValueNotWhole),
        ("order.confirm_days", "0", PolicyValueOutOfRange),
        ("order.confirm_days", "-1", PolicyValueNotWhole),
        ("order.confirm_days", "二", PolicyValueNotWhole),
        ("report.day", "31", PolicyValueOutOfRange),
        ("markup.cap", "15%", PolicyValueNotRate),
        ("markup.cap", "0.12345", PolicyValueNotRate),
        ("delivery.rate_alert", "1.1", PolicyValueOutOfRange),
        ("payment.hold_min_amount", "1.005", PolicyValueNotAmount),
        ("trace.full_from", "2026-02-30", PolicyValueNotDay),
        ("payment.rule", "days_60", PolicyValueNotChoice),
    ],
)
def test_values_that_do_not_fit_their_form_are_refused(name, text, refusal):
    with pytest.raises(refusal) as refused:
        check_row(PolicyRow(name, DAY, text))
    assert refused.value.facts["parameter"] == name
    assert isinstance(refused.value, PolicyValueRefused)
    assert str(refused.value)


def test_unknown_parameters_and_scales_without_kind_are_refused():
    with pytest.raises(PolicyParameterUnknown):
        check_row(PolicyRow("order.max", DAY, "1"))
    with pytest.raises(PolicyScaleWithoutKind):
        check_row(PolicyRow("stocking.minimum", DAY, "1", scale="小"))
    check_row(PolicyRow("stocking.minimum", DAY, "1", kind=CLINIC, scale="小"))


def test_asking_for_the_wrong_sort_of_value_is_a_bug():
    book = PolicyBook()
    for ask, name in (
        (book.whole, "payment.rule"),
        (book.whole, "stocking.minimum"),
        (book.decimal_or_none, "order.max_packs"),
        (book.choice, "order.max_packs"),
    ):
        with pytest.raises(TypeError):
            ask(name, on=DAY)
    assert book.choice("payment.rule", on=DAY) == "end_of_next_month"
    assert book.decimal_or_none("order.emergency_share", on=DAY) == Decimal("0.20")
    assert book.whole_or_none("payment.hold_after_days", on=DAY) is None


@given(st.sampled_from(sorted(PARAMETERS)), st.text(max_size=12))
def test_any_text_is_either_a_value_or_refused(name, text):
    try:
        table.parse_value(name, text)
    except PolicyValueRefused:
        return
