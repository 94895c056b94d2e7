import pytest

from clinic_orders.rules.reasons import (
    LABELS,
    CloseReason,
    Reason,
    ReasonMissing,
    ReasonTextNotAllowed,
    ReasonTextTooLong,
    ReasonUnknown,
    RejectReason,
    ReturnReason,
    parse_reason,
    reason_label,
)

LISTS = (CloseReason, RejectReason, ReturnReason)


@pytest.mark.parametrize("reasons", LISTS)
def test_every_reason_is_read_by_code_and_by_chinese_label(reasons):
    for code in reasons:
        assert parse_reason(reasons, code.value).code is code
        assert parse_reason(reasons, f" {code.value.upper()} ").code is code
        assert parse_reason(reasons, LABELS[reasons][code][1]).code is code
        assert reason_label(code)
        assert Reason(code).label == reason_label(code)
    assert len({labels[1] for labels in LABELS[reasons].values()}) == len(reasons)


def test_the_lists_are_those_of_the_files():
    assert {code.value for code in CloseReason} == {
        "stock_out",
        "expired",
        "pack_changed",
        "discontinued",
        "other",
    }
    assert {code.value for code in RejectReason if not code.is_justified} == {"not_ordered", "other"}
    assert {code.value for code in ReturnReason if code.is_justified} == {
        "quality",
        "recall",
        "wrong_delivery",
    }


@pytest.mark.parametrize("typed", ["other:厂家停供", "other：厂家停供", "其他: 厂家停供 ", "OTHER:厂家停供"])
def test_other_takes_a_text(typed):
    for reasons in LISTS:
        reason = parse_reason(reasons, typed)
        assert (reason.code.value, reason.text, reason.stored) == ("other", "厂家停供", "other:厂家停供")
    assert parse_reason(RejectReason, "other", "外箱湿").stored == "other:外箱湿"
    assert parse_reason(RejectReason, "other").stored == "other"
    assert parse_reason(RejectReason, "other:a:b").text == "a:b"


def test_what_is_written_can_be_read_again():
    for reasons in LISTS:
        for code in reasons:
            reason = Reason(code, "说明" if code.value == "other" else "")
            assert parse_reason(reasons, reason.stored) == reason


@pytest.mark.parametrize(
    ("typed", "refusal"),
    [
        ("", ReasonMissing),
        ("  ", ReasonMissing),
        ("recall", ReasonUnknown),
        ("damaged:x", ReasonTextNotAllowed),
        ("other:" + "长" * 201, ReasonTextTooLong),
    ],
)
def test_other_writings_are_refused(typed, refusal):
    with pytest.raises(refusal) as refused:
        parse_reason(RejectReason, typed)
    assert str(refused.value)
