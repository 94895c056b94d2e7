from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from clinic_orders.rules.order_refusals import (
    DuplicateNotConfirmed,
    EarlierOrder,
    EmergencyReasonMissing,
    Hold,
    LineRequest,
    NoDistributor,
    NoLetter,
    NoPrice,
    NotForThisKind,
    NotInEdition,
    NotOnRoster,
    PaymentHold,
    Suspended,
    SuspendedWithoutEnd,
    duplicate_of,
    refusals,
)
from clinic_orders.rules.quantities import PacksNotWhole, PacksTooFew, PacksTooMany

AT = datetime(2026, 11, 8, 2, 0, tzinfo=UTC)
GOOD = LineRequest(packs_text="5", max_packs=9999)
EARLIER = EarlierOrder("CG1", datetime(2026, 11, 1, 2, 0, tzinfo=UTC), 3)

PASSED_BY_EMERGENCY = [
    ({"has_letter": False}, NoLetter),
    ({"is_suspended": True, "suspended_until": date(2026, 12, 31)}, Suspended),
    ({"is_suspended": True}, SuspendedWithoutEnd),
    ({"hold": Hold(Decimal("350.00"), 30, "甲公司", date(2026, 8, 31))}, PaymentHold),
    ({"in_edition": False}, NotInEdition),
    ({"suits_kind": False}, NotForThisKind),
    ({"duplicate": EARLIER}, DuplicateNotConfirmed),
]
ALWAYS = [
    ({"is_member": False}, NotOnRoster),
    ({"has_price": False}, NoPrice),
    ({"has_distributor": False}, NoDistributor),
    ({"packs_text": "0"}, PacksTooFew),
    ({"packs_text": "-1"}, PacksTooFew),
    ({"packs_text": "1.5"}, PacksNotWhole),
    ({"packs_text": "1e9"}, PacksNotWhole),
    ({"packs_text": "一"}, PacksNotWhole),
    ({"packs_text": "10000"}, PacksTooMany),
]


def kinds(facts):
    found = refusals(facts)
    assert all(str(refusal) for refusal in found)
    return [type(refusal) for refusal in found]


def test_a_line_without_an_obstacle_can_go():
    assert kinds(GOOD) == []


@pytest.mark.parametrize(("facts", "refusal"), PASSED_BY_EMERGENCY + ALWAYS)
def test_each_obstacle_is_named(facts, refusal):
    assert kinds(replace(GOOD, **facts)) == [refusal]


@pytest.mark.parametrize(("facts", "refusal"), PASSED_BY_EMERGENCY)
def test_an_emergency_passes_over_what_the_rules_say(facts, refusal):
    assert kinds(replace(GOOD, **facts, emergency_reason="蛇咬伤")) == []
    assert kinds(replace(GOOD, **facts, emergency_reason=" ")) == [EmergencyReasonMissing]


@pytest.mark.parametrize(("facts", "refusal"), ALWAYS)
def test_an_emergency_passes_over_nothing_else(facts, refusal):
    assert kinds(replace(GOOD, **facts, emergency_reason="蛇咬伤")) == [refusal]


def test_without_a_relation_an_emergency_goes_to_the_distributor_that_was_picked():
    picked = replace(GOOD, has_distributor=False, picked_distributor=True)
    assert kinds(replace(picked, emergency_reason="蛇咬伤")) == []
    assert kinds(picked) == [NoDistributor]


def test_everything_is_said_at_once_the_institution_first():
    bad = replace(
        GOOD, packs_text="x", has_letter=False, in_edition=False, suits_kind=False, duplicate=EARLIER
    )
    assert kinds(bad) == [NoLetter, NotInEdition, PacksNotWhole, DuplicateNotConfirmed]


def test_a_stranger_is_told_about_the_roster_and_not_about_letters():
    assert kinds(replace(GOOD, is_member=False, has_letter=False)) == [NotOnRoster]


def test_a_confirmed_duplicate_can_go():
    assert kinds(replace(GOOD, duplicate=EARLIER, duplicate_confirmed=True)) == []


def test_the_refusal_names_what_was_ordered():
    [refusal] = refusals(replace(GOOD, duplicate=EARLIER))
    assert refusal.facts == {"order_no": "CG1", "day": date(2026, 11, 1), "packs": 3}


def order(number, at, packs=3):
    return EarlierOrder(number, at, packs)


def test_duplicates_are_looked_for_in_the_days_of_the_policy():
    assert duplicate_of([EARLIER], at=AT, duplicate_days=7) is EARLIER
    assert duplicate_of([EARLIER], at=AT, duplicate_days=6) is None
    late_evening = order("CG2", datetime(2026, 10, 31, 15, 59, tzinfo=UTC))
    assert duplicate_of([late_evening], at=AT, duplicate_days=7) is None
    assert duplicate_of([order("CG3", AT)], at=AT, duplicate_days=0) is not None


def test_the_latest_duplicate_is_shown_and_withdrawn_or_later_ones_are_not():
    newer = order("CG4", AT - timedelta(days=1))
    withdrawn = order("CG5", AT - timedelta(hours=1), packs=0)
    future = order("CG6", AT + timedelta(days=1))
    assert duplicate_of([EARLIER, newer, withdrawn, future], at=AT, duplicate_days=7) is newer
    assert duplicate_of([], at=AT, duplicate_days=7) is None
