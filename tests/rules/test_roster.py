from dataclasses import dataclass
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_orders.rules.parties import OrderMode
from clinic_orders.rules.roster import (
    CommitmentLetter,
    Days,
    MayNotOrderFor,
    Suspended,
    Ties,
    covers,
    is_in_force,
    letter_in_force,
    may_order_for,
    member_days,
    order_mode,
    spell_in_force,
    state_on,
    suspension_in_force,
)

DAYS = st.dates(date(2025, 1, 1), date(2026, 12, 31))
SPELLS = st.lists(
    st.builds(
        lambda first, length: Days(first, None if length is None else first + timedelta(days=length)),
        DAYS,
        st.none() | st.integers(0, 200),
    ),
    max_size=4,
)


def test_first_and_last_day_belong_to_a_spell():
    spell = Days(date(2026, 1, 10), date(2026, 1, 20))
    days = [date(2026, 1, day) for day in (9, 10, 20, 21)]
    assert [day in spell for day in days] == [False, True, True, False]
    assert [covers(spell.first, spell.last, day) for day in days] == [False, True, True, False]
    assert date(2099, 1, 1) in Days(date(2026, 1, 1))


def test_membership_may_begin_again():
    first, second = Days(date(2025, 1, 1), date(2025, 6, 30)), Days(date(2026, 1, 1))
    assert not is_in_force([first, second], on=date(2025, 12, 31))
    assert spell_in_force([first, second], on=date(2026, 1, 1)) is second
    assert spell_in_force([first, second], on=date(2025, 7, 1)) is None


@given(SPELLS, DAYS, st.integers(0, 400))
def test_member_days_are_counted_once_each(spells, first, length):
    last = first + timedelta(days=length)
    days = (first + timedelta(days=n) for n in range(length + 1))
    assert member_days(spells, first=first, last=last) == sum(is_in_force(spells, on=day) for day in days)


def test_a_lifted_suspension_stops_acting_on_the_day_it_is_lifted():
    row = Suspended(date(2026, 1, 1), date(2026, 3, 31), lifted_on=date(2026, 2, 1))
    assert suspension_in_force([row], on=date(2026, 1, 31)) is row
    assert suspension_in_force([row], on=date(2026, 2, 1)) is None
    longer = Suspended(date(2026, 1, 5), date(2026, 6, 30))
    endless = Suspended(date(2026, 1, 5))
    assert suspension_in_force([row, longer], on=date(2026, 1, 10)) is longer
    assert suspension_in_force([row, endless, longer], on=date(2026, 1, 10)) is endless
    assert suspension_in_force([longer], on=date(2026, 7, 1)) is None


@dataclass(frozen=True)
class Row:
    valid_from: date


@given(st.lists(DAYS, unique=True, max_size=6), DAYS)
def test_the_latest_record_on_or_before_a_day_holds_on_it(firsts, day):
    found = state_on([Row(first) for first in firsts], day)
    earlier = [first for first in firsts if first <= day]
    assert (found.valid_from if found else None) == (max(earlier) if earlier else None)


def test_of_several_letters_the_latest_signed_holds():
    old = CommitmentLetter(date(2025, 1, 1), ends_on=date(2026, 12, 31))
    new = CommitmentLetter(date(2026, 1, 1), ends_on=date(2026, 6, 30))
    letters = [new, old]
    assert letter_in_force(letters, on=date(2024, 12, 31)) is None
    assert letter_in_force(letters, on=date(2025, 1, 1)) is old
    assert letter_in_force(letters, on=date(2025, 12, 31)) is old
    assert letter_in_force(letters, on=date(2026, 1, 1)) is new
    assert letter_in_force(letters, on=date(2026, 6, 30)) is new
    # The older letter ended on the day before the newer one was signed and does not come back.
    assert letter_in_force(letters, on=date(2026, 7, 1)) is None


TIES = Ties("V", headquarters="Q", lead_hospital="L", mandate_holders=frozenset({"H", "L2"}))


@pytest.mark.parametrize(
    ("ordering", "mode"),
    [
        ("V", OrderMode.DIRECT),
        ("Q", OrderMode.DIRECT),
        ("H", OrderMode.PROXY),
        ("L", OrderMode.MEDICAL_COMMUNITY),
    ],
)
def test_the_ties_of_the_day_say_in_which_mode_somebody_orders(ordering, mode):
    assert order_mode(ordering, TIES) is mode
    assert may_order_for(ordering, TIES)


def test_without_a_tie_nobody_orders_for_another():
    with pytest.raises(MayNotOrderFor):
        order_mode("X", TIES)
    assert not may_order_for("X", TIES)
    assert not may_order_for("H", Ties("V"))


def test_a_mandate_comes_before_the_medical_community():
    assert (
        order_mode("L2", Ties("V", lead_hospital="L2", mandate_holders=frozenset({"L2"}))) is OrderMode.PROXY
    )
