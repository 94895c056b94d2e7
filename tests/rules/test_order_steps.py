from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from clinic_orders.rules.order_steps import (
    SIDE_ROLES,
    TRANSITIONS,
    OrderParties,
    ResendNotPossible,
    Side,
    Step,
    StepNotAllowed,
    StepNotYours,
    StepOutOfTurn,
    Subject,
    check_may_resend,
    check_step,
    sides_of,
    steps_open_to,
)
from clinic_orders.rules.ordering import ResponseState, ReturnState, ShipmentState
from clinic_orders.rules.parties import SYSTEM, Actor, Role

STATES = [None, *ResponseState, *ShipmentState, *ReturnState]
CLASSES = {Subject.ORDER: ResponseState, Subject.SHIPMENT: ShipmentState, Subject.RETURN: ReturnState}


def same(one, other):
    # Members of different enums with the same text are equal; here they must not be.
    return one == other and type(one) is type(other)


def test_every_step_stands_in_the_table_and_speaks_of_its_subject():
    assert {row.step for row in TRANSITIONS} == set(Step)
    for row in TRANSITIONS:
        assert row.sides
        assert row.before is None or type(row.before) is CLASSES[row.subject]
        assert type(row.after) is CLASSES[row.subject]


def test_each_pair_of_step_and_state_and_side_stands_there_once():
    keys = [(row.step, type(row.before), row.before, side) for row in TRANSITIONS for side in row.sides]
    assert len(keys) == len(set(keys))


def test_every_pair_that_is_not_in_the_table_is_refused():
    for step, state, side in product(Step, STATES, Side):
        rows = [
            row for row in TRANSITIONS if row.step is step and same(row.before, state) and side in row.sides
        ]
        offered = steps_open_to({side}, state)
        if rows:
            assert check_step(step, state, {side}) is rows[0]
            assert step in offered
        else:
            with pytest.raises(StepNotAllowed):
                check_step(step, state, {side})
            assert step not in offered


def test_the_wrong_party_and_the_wrong_time_are_told_apart():
    with pytest.raises(StepNotYours):
        check_step(Step.ANSWER, ResponseState.PENDING, {Side.ORDERER})
    with pytest.raises(StepOutOfTurn):
        check_step(Step.ANSWER, ResponseState.LAPSED, {Side.DISTRIBUTOR})
    with pytest.raises(StepNotYours):
        check_step(Step.WITHDRAW, ResponseState.PENDING, ())


def test_states_of_the_same_name_are_not_mixed_up():
    # A refused order and a refused return are equal as text.
    assert steps_open_to({Side.ORDERER}, ResponseState.REFUSED) == [Step.RESEND_EMERGENCY]
    assert steps_open_to({Side.ORDERER}, ReturnState.REFUSED) == []


def test_every_state_but_the_end_can_be_left_and_every_one_can_be_reached():
    reached = {(type(row.after), row.after) for row in TRANSITIONS if not same(row.before, row.after)}
    reached |= {
        (ResponseState, ResponseState.REFUSED),
        (ResponseState, ResponseState.LAPSED),
    }  # By an answer of nothing; by the calendar.
    reached |= {
        (ShipmentState, ShipmentState.PREPARED),
        (ReturnState, ReturnState.REQUESTED),
    }  # These begin there.
    assert reached == {(type(state), state) for state in STATES if state is not None}


def test_roles_follow_from_sides():
    assert set(SIDE_ROLES) == set(Side)
    answer = next(row for row in TRANSITIONS if row.step is Step.ANSWER)
    assert answer.roles == {Role.DISTRIBUTOR}
    deliver = next(row for row in TRANSITIONS if row.step is Step.DELIVER)
    assert deliver.roles == {Role.DISTRIBUTOR, Role.INSTITUTION, Role.HOSPITAL}


def person(role, **where):
    return Actor(name="演示", role=role, user_id=1, **where)


PROXY = OrderParties(ordering_id=1, receiving_id=2, distributor_id=9)
OWN = OrderParties(ordering_id=2, receiving_id=2, distributor_id=9)


@pytest.mark.parametrize(
    ("actor", "parties", "sides"),
    [
        (person(Role.HOSPITAL, institution_id=1), PROXY, {Side.ORDERER}),
        (person(Role.INSTITUTION, institution_id=2), PROXY, {Side.RECEIVER, Side.PRINCIPAL}),
        (person(Role.INSTITUTION, institution_id=2), OWN, {Side.ORDERER, Side.RECEIVER}),
        (person(Role.INSTITUTION, institution_id=3), PROXY, set()),
        (person(Role.DISTRIBUTOR, distributor_id=9), PROXY, {Side.DISTRIBUTOR}),
        (person(Role.DISTRIBUTOR, distributor_id=1), PROXY, set()),
        (person(Role.COUNTY, county_code="410311"), PROXY, set()),
        (person(Role.CITY), PROXY, set()),
        (person(Role.OPERATOR), PROXY, set()),
        (SYSTEM, PROXY, {Side.SYSTEM}),
    ],
)
def test_an_actor_stands_where_the_order_puts_it(actor, parties, sides):
    assert sides_of(actor, parties) == sides


def test_only_somebody_for_whom_another_ordered_can_say_not_mine():
    village = person(Role.INSTITUTION, institution_id=2)
    assert Step.DISOWN in steps_open_to(sides_of(village, PROXY), ResponseState.PENDING)
    assert Step.DISOWN not in steps_open_to(sides_of(village, OWN), ResponseState.PENDING)
    assert Step.DISOWN not in steps_open_to(sides_of(village, PROXY), ResponseState.ANSWERED)


SUBMITTED = datetime(2026, 11, 21, 15, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("emergency", "state", "hours", "possible"),
    [
        (True, ResponseState.PENDING, 2, True),
        (True, ResponseState.PENDING, 1, False),
        (True, ResponseState.REFUSED, 0, True),
        (True, ResponseState.LAPSED, 90, True),
        (False, ResponseState.LAPSED, 90, False),
    ],
)
def test_an_emergency_order_goes_to_another_when_refused_or_out_of_time(emergency, state, hours, possible):
    def ask():
        check_may_resend(
            emergency=emergency,
            state=state,
            submitted_at=SUBMITTED,
            emergency_hours=2,
            at=SUBMITTED + timedelta(hours=hours),
        )

    if possible:
        ask()
    else:
        with pytest.raises(ResendNotPossible):
            ask()
