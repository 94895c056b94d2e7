from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from clinic_orders.rules import ordering
from clinic_orders.rules.days import SHANGHAI
from clinic_orders.rules.ordering import (
    AcceptedTooMany,
    ConfirmedTooMany,
    LineQuantities,
    LineState,
    QuantityNegative,
    ResponseState,
    ReturnedTooMany,
    ReturnState,
    ShipmentState,
    ShippedTooMany,
    TooEarlyToWithdraw,
    WithdrawnTooMany,
    check_quantities,
    is_open,
    line_state,
    response_state,
)


def shanghai(text: str) -> datetime:
    return datetime.fromisoformat(text + "+08:00")


Q = LineQuantities


@pytest.mark.parametrize(
    ("line", "state"),
    [
        (Q(10), LineState.AWAITING),
        (Q(10, withdrawn_before=4), LineState.AWAITING),
        (Q(10, withdrawn_before=10), LineState.VOID),
        (Q(10, withdrawn_before=10, confirmed=0), LineState.VOID),
        (Q(10, confirmed=10), LineState.AWAITING),
        (Q(10, confirmed=0), LineState.OUT_OF_STOCK),
        (Q(10, confirmed=6, closed=6), LineState.OUT_OF_STOCK),
        (Q(10, confirmed=10, withdrawn_after=10), LineState.VOID),
        (Q(10, confirmed=10, shipped=3), LineState.PART_SHIPPED),
        (Q(10, confirmed=10, shipped=3, closed=7), LineState.SHIPPED),
        (Q(10, confirmed=10, shipped=3, withdrawn_after=7), LineState.SHIPPED),
        (Q(10, confirmed=8, shipped=8), LineState.SHIPPED),
        (Q(10, confirmed=8, shipped=8, accepted=5, rejected=3, returned=5), LineState.SHIPPED),
    ],
)
def test_the_state_of_a_line_comes_from_its_quantities(line, state):
    check_quantities(line)
    assert line_state(line) is state


def test_a_lapse_voids_only_what_is_unanswered():
    assert line_state(Q(10), lapsed=True) is LineState.VOID
    assert line_state(Q(10, confirmed=10), lapsed=True) is LineState.AWAITING


@pytest.mark.parametrize(
    ("lines", "lapsed", "state"),
    [
        ([Q(5)], False, ResponseState.PENDING),
        ([Q(5), Q(3, confirmed=3)], False, ResponseState.PENDING),
        ([Q(5), Q(3, confirmed=3)], True, ResponseState.ANSWERED),
        ([Q(5), Q(3, confirmed=0)], True, ResponseState.REFUSED),
        ([Q(5)], True, ResponseState.LAPSED),
        ([Q(5, withdrawn_before=5)], False, ResponseState.WITHDRAWN),
        ([Q(5, withdrawn_before=5)], True, ResponseState.WITHDRAWN),
        ([Q(5, withdrawn_before=5, confirmed=0), Q(2, confirmed=2)], False, ResponseState.ANSWERED),
        ([Q(5, withdrawn_before=5, confirmed=0)], False, ResponseState.WITHDRAWN),
        ([Q(5, confirmed=0), Q(2, confirmed=0)], False, ResponseState.REFUSED),
        ([Q(5, confirmed=0), Q(2, confirmed=1)], False, ResponseState.ANSWERED),
    ],
)
def test_the_state_of_an_answer_comes_from_the_lines(lines, lapsed, state):
    assert response_state(lines, lapsed=lapsed) is state


def test_a_disowned_order_is_named_so():
    assert response_state([Q(5, withdrawn_before=5)], disowned=True) is ResponseState.DISOWNED


@pytest.mark.parametrize(
    ("line", "refusal"),
    [
        (Q(5, withdrawn_before=6), WithdrawnTooMany),
        (Q(5, withdrawn_before=2, confirmed=4), ConfirmedTooMany),
        (Q(5, confirmed=5, shipped=3, closed=3), ShippedTooMany),
        (Q(5, confirmed=5, shipped=3, withdrawn_after=3), ShippedTooMany),
        (Q(5, shipped=1), ShippedTooMany),
        (Q(5, closed=1), ShippedTooMany),
        (Q(5, confirmed=5, shipped=3, accepted=2, rejected=2), AcceptedTooMany),
        (Q(5, confirmed=5, shipped=3, accepted=2, returned=3), ReturnedTooMany),
        (Q(5, confirmed=-1), QuantityNegative),
        (Q(5, confirmed=5, shipped=5, accepted=6, rejected=-1), QuantityNegative),
    ],
)
def test_each_inequality_refuses_what_breaks_it(line, refusal):
    with pytest.raises(refusal) as refused:
        check_quantities(line)
    assert str(refused.value)


class OrderLineLife(RuleBasedStateMachine):
    """Random events on one line; only those that check_quantities lets through happen (R-ORD-5)."""

    def __init__(self):
        super().__init__()
        self.line = LineQuantities(ordered=20)
        self.lapsed = False

    def change(self, **changes):
        wanted = replace(self.line, **changes)
        try:
            check_quantities(wanted)
        except ordering.QuantitiesBroken:
            return
        self.line = wanted

    @precondition(lambda self: not self.line.is_answered)
    @rule(packs=st.integers(-2, 25))
    def withdraw_before(self, packs):
        self.change(withdrawn_before=self.line.withdrawn_before + packs)

    @precondition(lambda self: not self.line.is_answered and not self.lapsed)
    @rule(packs=st.integers(-2, 25))
    def answer(self, packs):
        self.change(confirmed=packs)

    @precondition(lambda self: not self.line.is_answered)
    @rule()
    def lapse(self):
        self.lapsed = True

    @rule(packs=st.integers(-2, 25))
    def withdraw_after(self, packs):
        self.change(withdrawn_after=self.line.withdrawn_after + packs)

    @rule(packs=st.integers(-2, 25))
    def close_short(self, packs):
        self.change(closed=self.line.closed + packs)

    @rule(packs=st.integers(-5, 25))
    def ship_or_void_a_shipment(self, packs):
        self.change(shipped=self.line.shipped + packs)

    @rule(accepted=st.integers(-2, 25), rejected=st.integers(-2, 25))
    def accept(self, accepted, rejected):
        self.change(accepted=self.line.accepted + accepted, rejected=self.line.rejected + rejected)

    @rule(packs=st.integers(-2, 25))
    def give_back(self, packs):
        self.change(returned=self.line.returned + packs)

    @invariant()
    def no_pack_is_lost_or_made(self):
        line = self.line
        confirmed = line.confirmed or 0
        assert 0 <= confirmed <= line.ordered - line.withdrawn_before
        assert 0 <= line.shipped <= confirmed - line.closed - line.withdrawn_after
        assert 0 <= line.accepted + line.rejected <= line.shipped
        assert min(line.to_ship, line.under_way, line.kept, line.declined, line.to_answer) >= 0
        if line.is_answered:
            assert line.ordered == (
                line.withdrawn + line.declined + line.closed
                + line.to_ship + line.under_way + line.accepted + line.rejected
            )  # fmt: skip

    @invariant()
    def states_and_quantities_agree(self):
        line, state = self.line, line_state(self.line, lapsed=self.lapsed)
        response = response_state([line], lapsed=self.lapsed)
        if state is LineState.PART_SHIPPED:
            assert 0 < line.shipped < line.promised
        if state is LineState.SHIPPED:
            assert line.shipped == line.promised > 0
        if state in (LineState.VOID, LineState.OUT_OF_STOCK):
            assert line.shipped == 0
            assert not is_open([line], lapsed=self.lapsed)
        if state is LineState.AWAITING:
            assert is_open([line], lapsed=self.lapsed)
        if response in (ResponseState.LAPSED, ResponseState.WITHDRAWN, ResponseState.REFUSED):
            assert line.shipped == 0
        if response is ResponseState.ANSWERED:
            assert line.confirmed


TestOrderLineLife = OrderLineLife.TestCase


def test_shipments_and_returns_are_seen_as_of_an_instant():
    first, second, third = (shanghai(f"2026-11-0{n}T10:00") for n in (2, 3, 4))
    state = ordering.shipment_state
    assert state(shipped_at=None, accepted_at=None) is ShipmentState.PREPARED
    assert state(shipped_at=second, accepted_at=third, at=first) is ShipmentState.PREPARED
    assert state(shipped_at=second, accepted_at=third, at=second) is ShipmentState.SHIPPED
    assert state(shipped_at=second, accepted_at=third) is ShipmentState.RECEIVED
    assert state(shipped_at=first, accepted_at=None, voided_at=second) is ShipmentState.VOID
    assert state(shipped_at=first, accepted_at=None, voided_at=second, at=first) is ShipmentState.SHIPPED
    goods = ordering.return_state
    assert goods(agreed_at=None) is ReturnState.REQUESTED
    assert goods(agreed_at=None, refused_at=first) is ReturnState.REFUSED
    assert goods(agreed_at=None, withdrawn_at=first) is ReturnState.WITHDRAWN
    assert goods(agreed_at=second, at=first) is ReturnState.REQUESTED
    assert goods(agreed_at=second) is ReturnState.AGREED
    assert goods(agreed_at=second, sent_back_at=third) is ReturnState.RETURNED


@pytest.mark.parametrize(
    ("submitted", "lapses"),
    [
        ("2026-11-20T00:00", "2026-11-25T00:00"),  # Friday: Monday and Tuesday.
        ("2026-11-20T23:59", "2026-11-25T00:00"),
        ("2026-11-21T00:00", "2026-11-25T00:00"),
        ("2026-02-13T12:00", "2026-02-25T00:00"),  # Saturday the 14th is worked, then the Spring Festival.
        ("2026-09-30T12:00", "2026-10-10T00:00"),
    ],
)
def test_an_order_lapses_at_the_end_of_the_second_working_day(submitted, lapses):
    at, deadline = shanghai(submitted), shanghai(lapses)
    assert ordering.lapses_at(at, confirm_days=2) == deadline
    assert ordering.lapsed_at(at, confirm_days=2, answered_at=None, at=deadline) == deadline
    assert (
        ordering.lapsed_at(at, confirm_days=2, answered_at=None, at=deadline - timedelta(seconds=1)) is None
    )
    assert ordering.last_day_to_answer(at, confirm_days=2) == (deadline - timedelta(days=1)).date()


def test_an_answer_of_history_ends_the_lapse_from_then_on():
    submitted, late = shanghai("2026-11-20T10:00"), shanghai("2026-11-26T10:00")
    seen = [
        ordering.lapsed_at(submitted, confirm_days=2, answered_at=late, at=shanghai(f"2026-11-{day}T12:00"))
        for day in (24, 25, 26)
    ]
    assert seen == [None, shanghai("2026-11-25T00:00"), None]


def test_an_emergency_is_to_be_answered_within_hours_day_and_night():
    at = shanghai("2026-11-21T23:00")  # A Saturday.
    due = ordering.answer_due_at(at, confirm_days=2, emergency=True, emergency_hours=2)
    assert due == shanghai("2026-11-22T01:00")
    assert ordering.last_day_to_answer(at, confirm_days=2, emergency=True, emergency_hours=2) == date(
        2026, 11, 22
    )
    assert ordering.answer_due_at(at, confirm_days=2) == shanghai("2026-11-25T00:00")


def test_the_unshipped_rest_can_be_withdrawn_when_the_days_to_ship_are_over():
    answered = shanghai("2026-11-19T10:00")
    ordering.check_may_withdraw_unshipped(answered, ship_days=2, at=shanghai("2026-11-24T00:00"))
    with pytest.raises(TooEarlyToWithdraw) as refused:
        ordering.check_may_withdraw_unshipped(answered, ship_days=2, at=shanghai("2026-11-23T23:59"))
    assert refused.value.facts == {"day": date(2026, 11, 23)}


@given(st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)), st.integers(1, 10))  # noqa: DTZ001 - Hypothesis adds the zone.
def test_the_deadline_is_always_midnight_and_later(submitted, days):
    deadline = ordering.lapses_at(submitted, confirm_days=days)
    local = deadline.astimezone(SHANGHAI)
    assert (local.hour, local.minute) == (0, 0)
    assert deadline > submitted + timedelta(days=days - 1)
