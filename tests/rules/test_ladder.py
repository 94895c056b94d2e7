"""The ladder as a table: every state, step and side; levels, days and persons; and walks at random over all of it."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import product

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from clinic_orders.rules import ladder
from clinic_orders.rules.errors import RuleBroken
from clinic_orders.rules.findings import CheckRule, Grade
from clinic_orders.rules.ladder import (
    OVER,
    SEVERE,
    STEPS,
    CaseSide,
    CaseState,
    CaseStep,
    Level,
    case_steps_open_to,
    check_case_step,
    ladder_of,
)
from clinic_orders.rules.parties import PUBLIC_KINDS, InstitutionKind
from clinic_orders.rules.policy_parameters import PARAMETERS
from clinic_orders.rules.unconfirmed import RESTS_ON, UnconfirmedParameter, check_confirmed, rests_on

PARTIES = [*InstitutionKind, None]
OFFICER = {CaseSide.OFFICER}
DECIDER = {CaseSide.DECIDER}
SECOND = {CaseSide.DECIDER, CaseSide.SECOND}
PARTY = {CaseSide.PARTY}


@pytest.mark.parametrize(
    ("state", "step", "side"), list(product([None, *CaseState], CaseStep, CaseSide)), ids=str
)
def test_a_step_is_possible_exactly_where_the_table_says_so(state, step, side):
    allowed = any(row.before is state and row.step is step and side in row.sides for row in STEPS)
    assert (step in case_steps_open_to({side}, state)) is allowed
    if allowed:
        check_case_step(step, state, {side})
    else:
        with pytest.raises(ladder.CaseStepNotAllowed):
            check_case_step(step, state, {side})


def test_what_is_over_stays_over():
    assert not [row for row in STEPS if row.before in OVER]


def test_every_state_is_reached_and_can_end():
    ends = {state: {row.after for row in STEPS if row.before is state} for state in CaseState}
    reached = {CaseState.DRAFT}
    while more := {after for state in reached for after in ends[state]} - reached:
        reached |= more
    assert reached == set(CaseState)
    for state in set(CaseState) - OVER:
        found = {state}
        while more := {after for one in found for after in ends[one]} - found:
            found |= more
        assert found & OVER


def test_the_party_signs_and_answers_and_does_nothing_else():
    steps = {step for state in CaseState for step in case_steps_open_to(PARTY, state)}
    assert steps == {CaseStep.RECEIVE, CaseStep.ANSWER}


def test_the_clock_only_collects_drafts():
    assert {row.step for row in STEPS if CaseSide.SYSTEM in row.sides} == {
        CaseStep.OPEN,
        CaseStep.ADD_FINDINGS,
    }
    assert {row.after for row in STEPS if CaseSide.SYSTEM in row.sides} == {CaseState.DRAFT}


def test_only_the_second_officer_signs_a_severe_letter():
    assert {row.sides for row in STEPS if row.step in {CaseStep.COUNTERSIGN, CaseStep.SEND_BACK}} == {
        frozenset({CaseSide.SECOND})
    }
    with pytest.raises(ladder.SecondOfficerMissing):
        check_case_step(CaseStep.COUNTERSIGN, CaseState.PROPOSED, DECIDER)
    assert check_case_step(CaseStep.COUNTERSIGN, CaseState.PROPOSED, SECOND) is CaseState.ISSUED


def test_a_letter_that_nobody_signed_for_leads_to_no_higher_one():
    steps = case_steps_open_to(SECOND | OFFICER, CaseState.ISSUED)
    assert not {CaseStep.ISSUE, CaseStep.GIVE_NOTICE, CaseStep.PROPOSE} & set(steps)


@pytest.mark.parametrize("kind", PARTIES, ids=str)
def test_public_institutions_are_never_cancelled_and_distributors_end_at_rectification(kind):
    levels = ladder_of(kind)
    assert levels == tuple(sorted(levels))
    assert Level.REMINDER in levels
    assert Level.RECTIFICATION in levels
    assert (Level.CANCELLATION in levels) == (kind is not None and kind not in PUBLIC_KINDS)
    assert bool(SEVERE & set(levels)) == (kind is not None)


@pytest.mark.parametrize(("kind", "current", "level"), list(product(PARTIES, [None, *Level], Level)), ids=str)
def test_a_level_left_out_needs_a_reason_and_no_level_is_taken_twice(kind, current, level):
    levels = ladder_of(kind)
    above = [one for one in levels if current is None or one > current]
    if level not in levels:
        refusal = ladder.LevelNotOnLadder
    elif level not in above:
        refusal = ladder.LevelNotHigher
    elif level is above[0]:
        assert ladder.check_level(level, current, kind, reason="") == ""
        return
    else:
        refusal = ladder.JumpNeedsReason
        assert ladder.check_level(level, current, kind, reason=" grave ") == "grave"
    with pytest.raises(refusal):
        ladder.check_level(level, current, kind, reason="  ")


@pytest.mark.parametrize("level", Level)
def test_a_severe_level_needs_the_notice_of_itself(level):
    if level in SEVERE:
        ladder.check_prior_notice(level, noticed=level)
        ladder.check_notice_level(level)
        with pytest.raises(ladder.LevelIsSevere):
            ladder.check_issue_level(level)
        for other in [None, *(SEVERE - {level})]:
            with pytest.raises(ladder.PriorNoticeMissing):
                ladder.check_prior_notice(level, noticed=other)
    else:
        ladder.check_issue_level(level)
        with pytest.raises(ladder.LevelIsNotSevere):
            ladder.check_notice_level(level)
        with pytest.raises(ladder.LevelIsNotSevere):
            ladder.check_prior_notice(level, noticed=level)


@pytest.mark.parametrize("level", Level)
def test_from_a_bulletin_on_a_letter_names_what_is_not_confirmed(level):
    check_confirmed(level, [])
    if level < Level.BULLETIN:
        check_confirmed(level, ["stocking.minimum"])
        return
    with pytest.raises(UnconfirmedParameter) as refused:
        check_confirmed(level, ["stocking.window_days", "stocking.minimum"])
    assert refused.value.facts["parameters"] == "stocking.minimum、stocking.window_days"


def test_every_check_says_which_parameters_it_rests_on_and_all_of_them_exist():
    assert RESTS_ON.keys() == set(CheckRule)
    assert {name for names in RESTS_ON.values() for name in names} <= PARAMETERS.keys()
    for check, grade in product(CheckRule, Grade):
        assert set(rests_on(check, grade, "sales")) <= set(RESTS_ON[check])


def test_money_overdue_for_goods_accepted_in_time_rests_on_the_payment_rule_alone():
    wanted = (CheckRule.PAYMENT_OVERDUE, Grade.VIOLATION, "PS1")
    assert rests_on(*wanted, accepted_late=False) == ("payment.rule",)
    assert "delivery.accept_days" in rests_on(*wanted)


def test_a_missing_report_rests_on_the_day_of_that_report():
    assert rests_on(CheckRule.REPORT_MISSING, Grade.WARNING, "planned_volume") == ("volume.report_day",)
    assert rests_on(CheckRule.REPORT_MISSING, Grade.WARNING, "stock_count") == ("report.day",)


def test_the_last_day_counts_from_receipt_and_is_never_sooner_than_the_letter_says():
    letter = date(2026, 11, 29)
    assert ladder.deadline_after_receipt(letter, received_on=date(2026, 11, 20), answer_days=9) == letter
    assert ladder.deadline_after_receipt(letter, received_on=date(2026, 12, 10), answer_days=9) == date(
        2026, 12, 19
    )
    with pytest.raises(ladder.DeadlineTooEarly):
        ladder.check_deadline(date(2026, 11, 28), issued_on=date(2026, 11, 20), answer_days=9)
    ladder.check_deadline(letter, issued_on=date(2026, 11, 20), answer_days=9)


def test_an_answer_is_taken_through_the_whole_last_day():
    last = date(2026, 11, 29)
    assert ladder.check_answer(" 已改价。 ", deadline=last, today=last) == "已改价。"
    with pytest.raises(ladder.AnswerTooLate):
        ladder.check_answer("已改价", deadline=last, today=last + timedelta(days=1))
    with pytest.raises(ladder.AnswerEmpty):
        ladder.check_answer(" \n", deadline=last, today=last)


def test_the_case_goes_up_only_when_the_party_has_spoken_or_its_days_are_over():
    last = date(2026, 11, 29)
    with pytest.raises(ladder.StillTimeToAnswer):
        ladder.check_may_go_up(CaseState.RECEIVED, deadline=last, today=last)
    ladder.check_may_go_up(CaseState.RECEIVED, deadline=last, today=last + timedelta(days=1))
    ladder.check_may_go_up(CaseState.ANSWERED, deadline=last, today=last)
    ladder.check_may_go_up(CaseState.DRAFT, deadline=None, today=last)


def test_more_time_is_a_later_day_with_a_reason():
    last = date(2026, 11, 29)
    with pytest.raises(ladder.ExtensionNotLater):
        ladder.check_extension(last, deadline=last, reason="x")
    with pytest.raises(ladder.ExtensionNeedsReason):
        ladder.check_extension(last + timedelta(days=1), deadline=last, reason=" ")
    assert ladder.check_extension(last + timedelta(days=1), deadline=last, reason=" 住院 ") == "住院"


def test_a_suspension_has_a_first_and_a_last_day_that_lie_ahead():
    today = date(2026, 11, 20)
    assert ladder.check_suspension_days(today, today, today=today) == (today, today)
    for first, last, refusal in (
        (None, today, ladder.SuspensionDaysMissing),
        (today, None, ladder.SuspensionDaysMissing),
        (today - timedelta(days=1), today, ladder.SuspensionInThePast),
        (today + timedelta(days=1), today, ladder.LastDayBeforeFirst),
    ):
        with pytest.raises(refusal):
            ladder.check_suspension_days(first, last, today=today)


def test_a_decision_is_not_taken_without_words():
    assert ladder.decision_reason(" 已付清 ") == "已付清"
    with pytest.raises(ladder.DecisionNeedsReason):
        ladder.decision_reason("  ")


class Ladder(RuleBasedStateMachine):
    """Officers, a decider, a second one and the party do whatever comes to their mind, day after day.

    Whatever is not refused must be just: this machine keeps its own account of it.
    """

    def __init__(self):
        super().__init__()
        self.kind = InstitutionKind.RETAIL_PHARMACY
        self.state = CaseState.DRAFT
        self.level = self.noticed = self.proposed = None
        self.deadline = None
        self.received = self.answered = False
        self.today = date(2026, 1, 1)

    @rule(kind=st.sampled_from(PARTIES))
    @precondition(lambda self: self.state is CaseState.DRAFT)
    def another_party(self, kind):
        self.kind = kind

    @rule(days=st.integers(1, 12))
    def days_pass(self, days):
        self.today += timedelta(days=days)

    def _sent(self, level, noticed):
        assert level in ladder_of(self.kind)
        # Nobody meets the next letter before the last one was signed for and could be answered.
        if self.deadline is not None:
            assert self.received
            assert self.answered or self.today > self.deadline or self.state is CaseState.UNRESOLVED
        self.level, self.noticed = (self.level, level) if noticed else (level, None)
        self.deadline = ladder.earliest_deadline(self.today, 9)
        self.received = self.answered = False

    @rule(level=st.sampled_from(Level), reason=st.sampled_from(["", "grave"]), notice=st.booleans())
    def letter(self, level, reason, notice):
        step = CaseStep.GIVE_NOTICE if notice else CaseStep.ISSUE
        try:
            after = check_case_step(step, self.state, DECIDER)
            (ladder.check_notice_level if notice else ladder.check_issue_level)(level)
            said = ladder.check_level(level, self.level, self.kind, reason=reason)
            ladder.check_may_go_up(self.state, deadline=self.deadline, today=self.today)
        except RuleBroken:
            return
        assert self.level is None or level > self.level
        assert said or level is ladder.next_level(self.level, self.kind)
        self._sent(level, notice)
        self.state = after

    @rule(level=st.sampled_from(sorted(SEVERE)))
    def propose(self, level):
        try:
            after = check_case_step(CaseStep.PROPOSE, self.state, DECIDER)
            ladder.check_prior_notice(level, noticed=self.noticed)
            ladder.check_may_go_up(self.state, deadline=self.deadline, today=self.today)
        except RuleBroken:
            return
        self.state, self.proposed = after, level

    @rule(second=st.booleans())
    def countersign(self, second):
        try:
            after = check_case_step(CaseStep.COUNTERSIGN, self.state, SECOND if second else DECIDER)
        except RuleBroken:
            return
        assert second
        assert self.noticed is self.proposed
        self._sent(self.proposed, noticed=False)
        self.state, self.proposed = after, None

    @rule()
    def send_back(self):
        try:
            check_case_step(CaseStep.SEND_BACK, self.state, SECOND)
        except RuleBroken:
            return
        self.state = CaseState.ANSWERED if self.answered else CaseState.RECEIVED
        self.proposed = None

    @rule()
    def receive(self):
        try:
            self.state = check_case_step(CaseStep.RECEIVE, self.state, PARTY)
        except RuleBroken:
            return
        self.received = True
        self.deadline = ladder.deadline_after_receipt(self.deadline, received_on=self.today, answer_days=9)
        assert self.deadline >= self.today + timedelta(days=9)

    @rule()
    def answer(self):
        try:
            after = check_case_step(CaseStep.ANSWER, self.state, PARTY)
            ladder.check_answer("已改", deadline=self.deadline, today=self.today)
        except RuleBroken:
            return
        assert self.received
        assert self.today <= self.deadline
        self.state, self.answered = after, True

    @rule(
        step=st.sampled_from(
            [
                CaseStep.ACCEPT,
                CaseStep.UPHOLD,
                CaseStep.RECHECK_PASSED,
                CaseStep.RECHECK_FAILED,
                CaseStep.WITHDRAW,
            ]
        )
    )
    def decide(self, step):
        try:
            after = check_case_step(step, self.state, OFFICER)
        except RuleBroken:
            return
        if step is CaseStep.WITHDRAW:
            assert self.deadline is None, "what was sent is not withdrawn as if it had never been"
        if step is CaseStep.UPHOLD:
            assert self.answered
        self.state = after

    @invariant()
    def a_severe_level_was_noticed_and_proposed(self):
        if self.level in SEVERE:
            assert self.kind is not None
            assert self.level is not Level.CANCELLATION or self.kind not in PUBLIC_KINDS

    @invariant()
    def a_state_tells_what_happened(self):
        if self.state is CaseState.ANSWERED:
            assert self.answered
        if self.state in {CaseState.RECEIVED, CaseState.ANSWERED, CaseState.PROPOSED}:
            assert self.received
            assert self.deadline is not None
        if self.state is CaseState.PROPOSED:
            assert self.proposed in SEVERE


TestLadderWalks = Ladder.TestCase
TestLadderWalks.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
