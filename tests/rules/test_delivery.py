from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_orders.rules import delivery
from clinic_orders.rules.delivery import (
    AcceptanceDoesNotAddUp,
    AcceptanceNegative,
    AcceptedLine,
    DeliveryHours,
    GoodsExpired,
    RejectionNeedsReason,
    ReturnNothing,
    ReturnTooMany,
    ShortShelfLifeNeedsReason,
    acceptance_refusals,
    check_acceptance,
    check_return,
    delivery_limit,
)
from clinic_orders.rules.policy import PolicyBook, PolicyRow
from clinic_orders.rules.reasons import Reason, RejectReason


def shanghai(text: str) -> datetime:
    return datetime.fromisoformat(text + "+08:00")


HOURS = DeliveryHours.of(PolicyBook(), on=date(2026, 11, 20))


def test_the_hours_are_those_of_policy_on_the_day():
    assert DeliveryHours(normal=48, remote=72, emergency=12, emergency_remote=24) == HOURS
    book = PolicyBook([PolicyRow("delivery.hours_normal", date(2026, 11, 21), "36")])
    assert DeliveryHours.of(book, on=date(2026, 11, 21)).normal == 36


@pytest.mark.parametrize(
    ("flags", "answered", "limit"),
    [
        ({}, "2026-11-20T10:00", "2026-11-24T10:00"),  # Friday: the weekend does not count.
        ({}, "2026-11-18T10:00", "2026-11-20T10:00"),
        ({"remote": True}, "2026-11-18T10:00", "2026-11-23T10:00"),
        ({"cold_chain": True}, "2026-11-18T10:00", "2026-11-23T10:00"),
        ({"remote": True, "cold_chain": True}, "2026-11-18T10:00", "2026-11-23T10:00"),
        ({}, "2026-09-30T12:00", "2026-10-09T12:00"),
        ({}, None, "2026-11-20T00:00"),  # Submitted on Tuesday the 17th.
        ({"remote": True}, None, "2026-11-20T00:00"),
        ({"emergency": True}, "2026-11-18T10:00", "2026-11-17T21:00"),
        ({"emergency": True}, None, "2026-11-17T21:00"),
        ({"emergency": True, "cold_chain": True}, None, "2026-11-17T21:00"),
        ({"emergency": True, "remote": True}, None, "2026-11-18T09:00"),
    ],
)
def test_the_delivery_limit_runs_from_the_answer_or_the_submission(flags, answered, limit):
    found = delivery_limit(
        submitted_at=shanghai("2026-11-17T09:00"),
        answered_at=None if answered is None else shanghai(answered),
        hours=HOURS,
        confirm_days=2,
        **flags,
    )
    assert found == shanghai(limit)


DAY = date(2026, 11, 22)
FRESH = date(2028, 1, 1)
DAMAGED = Reason(RejectReason.DAMAGED)


def line(shipped, accepted, rejected, *, expiry=FRESH, **more):
    return AcceptedLine(shipped=shipped, accepted=accepted, rejected=rejected, expiry=expiry, **more)


@pytest.mark.parametrize(
    ("typed", "refusals"),
    [
        (line(10, 10, 0), []),
        (line(10, 7, 3, reject_reason=DAMAGED), []),
        (line(10, 0, 10, reject_reason=DAMAGED), []),
        (line(10, 7, 3), [RejectionNeedsReason]),
        (line(10, 7, 2), [AcceptanceDoesNotAddUp, RejectionNeedsReason]),
        (line(10, 11, 0), [AcceptanceDoesNotAddUp]),
        (line(10, 11, -1), [AcceptanceNegative]),
        (line(10, 10, 0, expiry=DAY), [ShortShelfLifeNeedsReason]),
        (line(10, 10, 0, expiry=DAY, short_expiry_reason="急用"), []),
        (line(10, 10, 0, expiry=DAY, short_expiry_reason="  "), [ShortShelfLifeNeedsReason]),
        (line(10, 10, 0, expiry=DAY - timedelta(days=1), short_expiry_reason="急用"), [GoodsExpired]),
        (line(10, 0, 10, expiry=DAY - timedelta(days=1), reject_reason=DAMAGED), []),
        (line(10, 10, 0, expiry=date(2027, 5, 21)), [ShortShelfLifeNeedsReason]),
        (line(10, 10, 0, expiry=date(2027, 5, 22)), []),
    ],
)
def test_acceptance_keeps_to_the_letter(typed, refusals):
    found = acceptance_refusals(typed, on=DAY, min_shelf_months=6)
    assert [type(refusal) for refusal in found] == refusals
    assert all(str(refusal) for refusal in found)
    if refusals:
        with pytest.raises(refusals[0]):
            check_acceptance(typed, on=DAY, min_shelf_months=6)
    else:
        check_acceptance(typed, on=DAY, min_shelf_months=6)


def test_imported_history_is_not_asked_about_short_shelf_life():
    near = line(10, 10, 0, expiry=DAY)
    check_acceptance(near, on=DAY, min_shelf_months=6, ask_for_short_expiry=False)
    assert delivery.is_short_dated(DAY, on=DAY, min_shelf_months=6)
    with pytest.raises(GoodsExpired):
        check_acceptance(
            line(1, 1, 0, expiry=DAY - timedelta(days=1)),
            on=DAY,
            min_shelf_months=6,
            ask_for_short_expiry=False,
        )


@given(st.integers(0, 50), st.integers(-5, 60), st.integers(-5, 60))
def test_only_the_equation_passes(shipped, accepted, rejected):
    found = acceptance_refusals(
        line(shipped, accepted, rejected, reject_reason=DAMAGED), on=DAY, min_shelf_months=6
    )
    assert (found == []) == (accepted >= 0 and rejected >= 0 and accepted + rejected == shipped)


def test_acceptance_is_due_some_working_days_after_delivery():
    delivered = shanghai("2026-11-20T23:30")
    due = delivery.acceptance_due_day(delivered, accept_days=2)
    assert due == date(2026, 11, 24)
    assert [delivery.working_days_late(due, on=date(2026, 11, day)) for day in (23, 24, 25, 30)] == [
        0,
        0,
        1,
        4,
    ]


def test_for_payment_the_acceptance_day_is_never_later_than_the_last_day_due():
    delivered = shanghai("2026-11-26T10:00")

    def day(accepted: str) -> date:
        return delivery.acceptance_day_for_payment(shanghai(accepted), delivered_at=delivered, accept_days=2)

    assert day("2026-11-27T10:00") == date(2026, 11, 27)
    assert day("2026-11-30T23:59") == date(2026, 11, 30)
    assert day("2026-12-01T00:00") == date(2026, 11, 30)
    assert day("2027-03-01T00:00") == date(2026, 11, 30)
    accepted = shanghai("2026-12-01T10:00")
    assert delivery.acceptance_day_for_payment(accepted, delivered_at=None, accept_days=2) == date(
        2026, 12, 1
    )


def test_goods_stand_as_accepted_only_where_policy_says_so():
    delivered = shanghai("2026-11-20T10:00")
    assert delivery.auto_acceptance_day(delivered, auto_accept_days=None) is None
    assert delivery.auto_acceptance_day(delivered, auto_accept_days=15) == date(2026, 12, 5)


def test_no_more_goes_back_than_was_kept():
    check_return(2, accepted=10, returned=8)
    with pytest.raises(ReturnTooMany) as refused:
        check_return(3, accepted=10, returned=8)
    assert refused.value.facts["left"] == 2
    for nothing in (0, -1):
        with pytest.raises(ReturnNothing):
            check_return(nothing, accepted=10, returned=0)
