"""The table of steps of a clue, and what a verdict needs (R-TRACE-3)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from clinic_orders.rules.clues import (
    CLUE_OVER,
    CLUE_STEPS,
    AmountWrong,
    ClueSide,
    ClueState,
    ClueStep,
    ClueStepNotYours,
    ClueStepOutOfTurn,
    ClueVerdict,
    ExclusionGround,
    GroundDoesNotFit,
    Heard,
    NobodyHeld,
    VerdictNeedsCheck,
    VerdictNeedsHearing,
    check_amount,
    check_clue_step,
    check_ground,
    check_verdict,
    clue_steps_open_to,
)

TODAY = date(2026, 11, 20)


def test_every_state_is_reached_and_only_the_ends_lead_nowhere():
    reached = {row.after for row in CLUE_STEPS}
    left = {row.before for row in CLUE_STEPS}
    assert reached == set(ClueState)
    assert set(ClueState) - left == {ClueState.CLOSED}
    assert {ClueState.EXCLUDED, ClueState.CLOSED} == CLUE_OVER


def test_the_way_of_the_rule_can_be_gone_from_end_to_end():
    officer, party = {ClueSide.OFFICER}, {ClueSide.PARTY}
    state = check_clue_step(ClueStep.ASSIGN, None, officer)
    state = check_clue_step(ClueStep.ASK, state, officer)
    assert state is ClueState.SELF_CHECK
    state = check_clue_step(ClueStep.ANSWER, state, party)
    state = check_clue_step(ClueStep.CHECK, state, officer)
    assert state is ClueState.CHECKING
    assert check_clue_step(ClueStep.EXCLUDE, state, officer) is ClueState.EXCLUDED
    state = check_clue_step(ClueStep.SUSPECT_FRAUD, state, officer)
    state = check_clue_step(ClueStep.DISPOSE, state, officer)
    assert check_clue_step(ClueStep.CLOSE, state, officer) is ClueState.CLOSED


@pytest.mark.parametrize("step", [ClueStep.EXCLUDE, ClueStep.FIND_VIOLATION, ClueStep.SUSPECT_FRAUD])
def test_no_verdict_is_given_before_anybody_looked(step):
    for state in (ClueState.ASSIGNED, ClueState.SELF_CHECK):
        with pytest.raises(ClueStepOutOfTurn):
            check_clue_step(step, state, {ClueSide.OFFICER})


def test_an_institution_only_answers_and_a_helping_county_only_checks():
    assert {step for state in ClueState for step in clue_steps_open_to({ClueSide.PARTY}, state)} == {
        ClueStep.ANSWER
    }
    helps = {step for state in ClueState for step in clue_steps_open_to({ClueSide.HELPER}, state)}
    assert helps == {ClueStep.ANSWER, ClueStep.CHECK}
    with pytest.raises(ClueStepNotYours):
        check_clue_step(ClueStep.EXCLUDE, ClueState.CHECKING, {ClueSide.PARTY})


def verdict(held, checks=1, deadline=None, kind=ClueVerdict.VIOLATION):
    check_verdict(kind, held, checks=checks, deadline=deadline, today=TODAY)


def test_a_violation_needs_a_check_and_a_hearing():
    silent, heard = Heard("明白川", True, False), Heard("明白川", True, True)
    with pytest.raises(NobodyHeld):
        verdict([])
    with pytest.raises(VerdictNeedsCheck):
        verdict([heard], checks=0)
    with pytest.raises(VerdictNeedsHearing):
        verdict([silent], deadline=TODAY)
    with pytest.raises(VerdictNeedsHearing):
        verdict([Heard("明白川", False, False)], deadline=date(2026, 11, 1))
    verdict([heard])
    verdict([silent], deadline=date(2026, 11, 19))
    # Whoever is suspected of a crime is not warned first.
    verdict([Heard("明白川", False, False)], kind=ClueVerdict.SUSPECTED_FRAUD)


def test_grounds_of_exclusion_fit_the_clue():
    for ground in (
        ExclusionGround.CODING_ERROR,
        ExclusionGround.SCAN_ERROR,
        ExclusionGround.LAWFUL_RETURN,
    ):
        check_ground(ground, finding_is_open=True, from_above=False)
    check_ground(ExclusionGround.GONE, finding_is_open=False, from_above=False)
    check_ground(ExclusionGround.NOT_HERE, finding_is_open=None, from_above=True)
    for ground, stands, above in (
        (ExclusionGround.GONE, True, True),
        (ExclusionGround.GONE, None, True),
        (ExclusionGround.NOT_HERE, True, False),
    ):
        with pytest.raises(GroundDoesNotFit):
            check_ground(ground, finding_is_open=stands, from_above=above)


@pytest.mark.parametrize("text", ["0", "0.00", "-1", "1.234", "一百", "1.2.3", "１００", "1e3", "12.x"])
def test_what_is_no_amount_of_money_is_refused(text):
    with pytest.raises(AmountWrong):
        check_amount(text)


def test_an_amount_has_two_decimals():
    assert check_amount("1,234.5") == Decimal("1234.50")
