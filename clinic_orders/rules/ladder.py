"""The ladder: which letters a case may lead to, who takes which step, and when (R-CASE-2, R-CASE-3, R-CASE-4).

One table, ``STEPS``, says from which state a step is taken, by whom, and where it leads; what depends on days, levels
and persons stands in the ``check_…`` functions beside it. How doubtful words of the rules are read is in the decision
on the ladder; where they leave room they are read for the accused.

>>> ladder_of(InstitutionKind.VILLAGE_CLINIC)[-2:]
(<Level.SUSPENSION: 6>, <Level.PROPOSAL: 8>)
>>> next_level(Level.SUSPENSION, InstitutionKind.VILLAGE_CLINIC)
<Level.PROPOSAL: 8>
>>> next_level(None, None)
<Level.REMINDER: 1>
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import IntEnum, StrEnum
from typing import Final

from clinic_orders.rules.days import add_months
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.parties import PUBLIC_KINDS, InstitutionKind

# Levels ------------------------------------------------------------------------------------------------


class Level(IntEnum):
    """The eight steps of R-CASE-2, the mildest first."""

    REMINDER = 1
    INQUIRY = 2
    BULLETIN = 3
    INTERVIEW = 4
    RECTIFICATION = 5
    SUSPENSION = 6
    CANCELLATION = 7
    PROPOSAL = 8


SEVERE: Final = frozenset({Level.SUSPENSION, Level.CANCELLATION, Level.PROPOSAL})
"""The levels that need a prior notice and a second officer."""

RECHECK_DAYS: Final = 30
"""After how many days a re-check is proposed; a habit, no rule: the officer sets the day."""


def ladder_of(kind: InstitutionKind | None) -> tuple[Level, ...]:
    """The levels that there are for a party, in their order (R-CASE-2, R-CASE-4).

    Public institutions are not cancelled: they are rectified. A distributor takes no part in procurement as a buyer
    and has no designated status, so its ladder ends with rectification.

    Args:
        kind: of the institution; None for a distributor.

    """
    if kind is None:
        return tuple(level for level in Level if level not in SEVERE)
    if kind in PUBLIC_KINDS:
        return tuple(level for level in Level if level is not Level.CANCELLATION)
    return tuple(Level)


def next_level(current: Level | None, kind: InstitutionKind | None) -> Level | None:
    """The next level of a party's ladder above the one reached; None at its end."""
    return next((level for level in ladder_of(kind) if current is None or level > current), None)


def levels_above(current: Level | None, kind: InstitutionKind | None) -> tuple[Level, ...]:
    """Every level that a letter could still have."""
    return tuple(level for level in ladder_of(kind) if current is None or level > current)


class LevelNotOnLadder(RuleBroken):
    """Public institutions are rectified instead of cancelled; distributors have no right to lose here."""

    message = N_(
        "This level is not for this party: public institutions are rectified and never cancelled, and the ladder of a distributor ends with rectification. Choose rectification."
    )


class LevelNotHigher(RuleBroken):
    """A case goes up, never down and never the same way twice."""

    message = N_("The case has reached level %(current)s already. Choose a higher one, or accept the answer.")


class JumpNeedsReason(RuleBroken):
    """A level that is left out is left out for a reason (R-CASE-2)."""

    message = N_("Level %(next)s would come first. Say why it is left out; the letter gives this reason.")


def is_jump(level: Level, current: Level | None, kind: InstitutionKind | None) -> bool:
    """Whether a level leaves out one that comes before it on the party's ladder."""
    return level is not next_level(current, kind)


def check_level(level: Level, current: Level | None, kind: InstitutionKind | None, *, reason: str) -> str:
    """The reason for a jump without blanks around it, or "" where nothing is left out (R-CASE-2).

    Raises:
        LevelNotOnLadder, LevelNotHigher, JumpNeedsReason: a letter of this level can't be written.

    >>> check_level(Level.CANCELLATION, Level.RECTIFICATION, InstitutionKind.TOWNSHIP_HOSPITAL, reason="x")
    Traceback (most recent call last):
    ...
    clinic_orders.rules.ladder.LevelNotOnLadder: This level is not for this party: public institutions are rectified and never cancelled, and the ladder of a distributor ends with rectification. Choose rectification.

    """
    if level not in ladder_of(kind):
        raise LevelNotOnLadder
    if current is not None and level <= current:
        raise LevelNotHigher(current=int(current))
    said = reason.strip()
    expected = next_level(current, kind)
    if level is expected:
        return ""
    if not said:
        raise JumpNeedsReason(next=int(expected or level))
    return said


# Steps -------------------------------------------------------------------------------------------------


class CaseState(StrEnum):
    """Where a case stands.

    DRAFT: nothing has been sent. ISSUED: a letter is out and not signed for. RECEIVED: signed for, the days to answer
    run. ANSWERED: the party has spoken. PROPOSED: a severe letter waits for the second officer. ACCEPTED: what the
    party said was accepted, the re-check is to come. UNRESOLVED: the re-check found that nothing is better. CLOSED,
    WITHDRAWN: over.
    """

    DRAFT = "draft"
    ISSUED = "issued"
    RECEIVED = "received"
    ANSWERED = "answered"
    PROPOSED = "proposed"
    ACCEPTED = "accepted"
    UNRESOLVED = "unresolved"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"


OVER: Final = frozenset({CaseState.CLOSED, CaseState.WITHDRAWN})
"""The states in which nothing more happens."""


class CaseStep(StrEnum):
    """One deed in the life of a case."""

    OPEN = "open"
    ADD_FINDINGS = "add_findings"
    REMOVE_FINDING = "remove_finding"
    WITHDRAW = "withdraw"
    ISSUE = "issue"
    GIVE_NOTICE = "give_notice"
    PROPOSE = "propose"
    COUNTERSIGN = "countersign"
    SEND_BACK = "send_back"
    RECEIVE = "receive"
    ANSWER = "answer"
    EXTEND = "extend"
    ACCEPT = "accept"
    UPHOLD = "uphold"
    RECHECK_PASSED = "recheck_passed"
    RECHECK_FAILED = "recheck_failed"


class CaseSide(StrEnum):
    """What somebody is to a case.

    OFFICER: handles it for the bureau. DECIDER: an officer of the city, who may also take rights away. SECOND: a
    decider who did not propose. PARTY: the accused. SYSTEM: the clock.
    """

    OFFICER = "officer"
    DECIDER = "decider"
    SECOND = "second"
    PARTY = "party"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class CaseRow:
    """One row of the table: a step, the state it needs (None: there is no case yet), where it leads, who takes it."""

    step: CaseStep
    before: CaseState | None
    after: CaseState
    sides: frozenset[CaseSide]


_S, _C = CaseState, CaseStep
_OFFICERS = frozenset({CaseSide.OFFICER, CaseSide.DECIDER})
_DECIDER = frozenset({CaseSide.DECIDER})
_SECOND = frozenset({CaseSide.SECOND})
# Whoever has no account gets the letter on paper and answers on paper; an officer then records it.
_BOTH = _OFFICERS | {CaseSide.PARTY}
_LIVE = (_S.ISSUED, _S.RECEIVED, _S.ANSWERED, _S.UNRESOLVED)
# A letter that nobody has signed for accuses nobody yet: the case goes up only after it has arrived.
_MAY_GO_UP = (_S.DRAFT, _S.RECEIVED, _S.ANSWERED, _S.UNRESOLVED)

STEPS: Final = (
    CaseRow(_C.OPEN, None, _S.DRAFT, _OFFICERS | {CaseSide.SYSTEM}),
    CaseRow(_C.ADD_FINDINGS, _S.DRAFT, _S.DRAFT, _OFFICERS | {CaseSide.SYSTEM}),
    *(CaseRow(_C.ADD_FINDINGS, state, state, _OFFICERS) for state in (*_LIVE, _S.ACCEPTED)),
    CaseRow(_C.REMOVE_FINDING, _S.DRAFT, _S.DRAFT, _OFFICERS),
    CaseRow(_C.WITHDRAW, _S.DRAFT, _S.WITHDRAWN, _OFFICERS),
    *(CaseRow(_C.ISSUE, state, _S.ISSUED, _OFFICERS) for state in _MAY_GO_UP),
    *(CaseRow(_C.GIVE_NOTICE, state, _S.ISSUED, _DECIDER) for state in _MAY_GO_UP),
    *(CaseRow(_C.PROPOSE, state, _S.PROPOSED, _DECIDER) for state in (_S.RECEIVED, _S.ANSWERED)),
    CaseRow(_C.COUNTERSIGN, _S.PROPOSED, _S.ISSUED, _SECOND),
    # Back to where it was: the party's answer still stands, or its days still ran out.
    CaseRow(_C.SEND_BACK, _S.PROPOSED, _S.ANSWERED, _SECOND),
    CaseRow(_C.SEND_BACK, _S.PROPOSED, _S.RECEIVED, _SECOND),
    CaseRow(_C.RECEIVE, _S.ISSUED, _S.RECEIVED, _BOTH),
    CaseRow(_C.ANSWER, _S.RECEIVED, _S.ANSWERED, _BOTH),
    CaseRow(_C.ANSWER, _S.ANSWERED, _S.ANSWERED, _BOTH),
    *(CaseRow(_C.EXTEND, state, state, _OFFICERS) for state in (_S.ISSUED, _S.RECEIVED, _S.ANSWERED)),
    # A case that is accepted may go up after a failed re-check, so its letter has to have arrived before.
    *(
        CaseRow(_C.ACCEPT, state, _S.ACCEPTED, _OFFICERS)
        for state in (_S.RECEIVED, _S.ANSWERED, _S.UNRESOLVED)
    ),
    CaseRow(_C.UPHOLD, _S.ANSWERED, _S.CLOSED, _OFFICERS),
    CaseRow(_C.RECHECK_PASSED, _S.ACCEPTED, _S.CLOSED, _OFFICERS),
    CaseRow(_C.RECHECK_FAILED, _S.ACCEPTED, _S.UNRESOLVED, _OFFICERS),
)
"""Every step with the state it needs, the state after it, and who may take it."""


class CaseStepNotAllowed(RuleBroken):
    """The step can't be taken now, or not by this actor."""


class CaseStepOutOfTurn(CaseStepNotAllowed):
    """The case is not in a state for this step."""

    message = N_(
        "This is not possible at this point of the case. Look at it again: it may have moved on. Nothing was changed."
    )


class CaseStepNotYours(CaseStepNotAllowed):
    """Somebody else takes this step."""

    message = N_("This step is taken by somebody else: the party, the city bureau, or the second officer.")


class SecondOfficerMissing(CaseStepNotAllowed):
    """Whoever proposed a severe letter does not sign it a second time (R-CASE-2)."""

    message = N_("You proposed this letter yourself. Another officer of the city bureau has to sign it.")


def case_steps_open_to(sides: Iterable[CaseSide], state: CaseState | None) -> list[CaseStep]:
    """The steps that somebody on these sides may take from a state, each once, in the order of the table.

    >>> case_steps_open_to({CaseSide.PARTY}, CaseState.ISSUED)
    [<CaseStep.RECEIVE: 'receive'>]

    """
    mine = frozenset(sides)
    return list(dict.fromkeys(row.step for row in STEPS if row.before is state and row.sides & mine))


def check_case_step(step: CaseStep, state: CaseState | None, sides: Iterable[CaseSide]) -> CaseState:
    """The state to which a step leads; the first of the table where there are several.

    Raises:
        SecondOfficerMissing: only the second officer may, and the actor is the first.
        CaseStepNotYours: no side of the actor ever takes this step.
        CaseStepOutOfTurn: the state does not allow it (any more).

    """
    mine = frozenset(sides)
    rows = [row for row in STEPS if row.step is step]
    own = [row for row in rows if row.sides & mine]
    if not own:
        if CaseSide.DECIDER in mine and any(row.sides == _SECOND and row.before is state for row in rows):
            raise SecondOfficerMissing
        raise CaseStepNotYours(step=step.value)
    for row in own:
        if row.before is state:
            return row.after
    raise CaseStepOutOfTurn(step=step.value, state=None if state is None else state.value)


# Days --------------------------------------------------------------------------------------------------


class AnswerKind(StrEnum):
    """What a party files: an answer, an appeal against the facts or the step, a rectification report."""

    ANSWER = "answer"
    APPEAL = "appeal"
    RECTIFICATION_REPORT = "rectification_report"


class LetterState(StrEnum):
    """What a letter is: waiting for the second officer, out, not signed by the second officer, or void.

    REVOKED: an appeal was upheld; its number stays used, and whoever verifies it is told.
    """

    PROPOSED = "proposed"
    ISSUED = "issued"
    SENT_BACK = "sent_back"
    REVOKED = "revoked"


class CaseOutcome(StrEnum):
    """How a case ended.

    RESOLVED: a re-check found it in order. UNFOUNDED: an appeal was upheld. DROPPED: a draft from which nothing came.
    """

    RESOLVED = "resolved"
    UNFOUNDED = "unfounded"
    DROPPED = "dropped"


class DeadlineTooEarly(RuleBroken):
    """A letter never gives less time than the policy does."""

    message = N_("The last day to answer is %(least)s at the earliest: %(days)s days from today.")


class AnswerTooLate(RuleBroken):
    """The last day to answer is over."""

    message = N_(
        "The last day to answer was %(deadline)s. Call the bureau: it can give you more time, and then you can send this."
    )


class AnswerEmpty(RuleBroken):
    """An answer says something."""

    message = N_("Write at least a sentence. A photo alone does not say what it shows.")


class StillTimeToAnswer(RuleBroken):
    """Nobody is judged before they could speak (R-CASE-3)."""

    message = N_(
        "The party may answer until %(deadline)s. The case can go up a level once it has answered or that day is over."
    )


class ExtensionNotLater(RuleBroken):
    """More time means a later day."""

    message = N_("The last day to answer is %(deadline)s already. Give a later day.")


class ExtensionNeedsReason(RuleBroken):
    """More time for one is given for a reason that all can read."""

    message = N_("Say why more time is given. It stands in the case.")


def earliest_deadline(day: date, answer_days: int) -> date:
    """The first day that may be the last to answer a letter of a day.

    >>> earliest_deadline(date(2026, 11, 20), 9)
    datetime.date(2026, 11, 29)

    """
    return day + timedelta(days=answer_days)


def check_deadline(deadline: date, *, issued_on: date, answer_days: int) -> None:
    """Refuse a last day to answer that gives less time than ``case.answer_days``.

    Raises:
        DeadlineTooEarly: it does.

    """
    least = earliest_deadline(issued_on, answer_days)
    if deadline < least:
        raise DeadlineTooEarly(least=least, days=answer_days)


def deadline_after_receipt(deadline: date, *, received_on: date, answer_days: int) -> date:
    """The last day to answer once a letter is signed for: never less than ``case.answer_days`` from that day.

    >>> deadline_after_receipt(date(2026, 11, 29), received_on=date(2026, 11, 27), answer_days=9)
    datetime.date(2026, 12, 6)

    """
    return max(deadline, earliest_deadline(received_on, answer_days))


def check_answer(text: str, *, deadline: date, today: date) -> str:
    """The words of an answer without blanks around them (R-CASE-3).

    Raises:
        AnswerTooLate, AnswerEmpty: it can't be taken.

    """
    if today > deadline:
        raise AnswerTooLate(deadline=deadline)
    said = text.strip()
    if not said:
        raise AnswerEmpty
    return said


def check_may_go_up(state: CaseState, *, deadline: date | None, today: date) -> None:
    """Refuse a further letter while the party still has time to answer the last one.

    Raises:
        StillTimeToAnswer: it has.

    """
    if state is CaseState.RECEIVED and deadline is not None and today <= deadline:
        raise StillTimeToAnswer(deadline=deadline)


def check_extension(new: date, *, deadline: date, reason: str) -> str:
    """The reason for more time without blanks around it.

    Raises:
        ExtensionNotLater, ExtensionNeedsReason: it can't be given so.

    """
    if new <= deadline:
        raise ExtensionNotLater(deadline=deadline)
    said = reason.strip()
    if not said:
        raise ExtensionNeedsReason
    return said


# Severe letters ----------------------------------------------------------------------------------------


class PriorNoticeMissing(RuleBroken):
    """Rights are taken away only after the party was told and could speak (R-CASE-2)."""

    message = N_(
        "Suspension, cancellation and proposals about designated status need a prior notice of this very step first. Give the notice, let it be signed for, and wait for the answer or the last day."
    )


class LevelIsSevere(RuleBroken):
    """A severe letter is proposed and countersigned, never issued by one person."""

    message = N_("This level needs a prior notice and a second officer. Give the prior notice first.")


class LevelIsNotSevere(RuleBroken):
    """Prior notice is given of what takes rights away."""

    message = N_(
        "A prior notice is given only of suspension, cancellation or a proposal about designated status."
    )


class SuspensionDaysMissing(RuleBroken):
    """A suspension has a first and a last day (R-CASE-4)."""

    message = N_("Give the first and the last day of the suspension.")


class SuspensionInThePast(RuleBroken):
    """Nobody is suspended for days that are gone."""

    message = N_("The suspension can begin on %(today)s at the earliest.")


class LastDayBeforeFirst(RuleBroken):
    """A suspension ends before it begins."""

    message = N_("The last day (%(last)s) is before the first day (%(first)s). Correct one of them.")


class SentBackNeedsReason(RuleBroken):
    """Whoever does not sign says why."""

    message = N_("Say why you do not sign. The first officer reads it.")


class DecisionNeedsReason(RuleBroken):
    """A decision says what it rests on."""

    message = N_("Say why. The party reads it, and it stays in the case.")


def check_issue_level(level: Level) -> None:
    """Refuse to issue a severe letter without its own way (R-CASE-2).

    Raises:
        LevelIsSevere: it is one.

    """
    if level in SEVERE:
        raise LevelIsSevere


def check_notice_level(level: Level) -> None:
    """Refuse a prior notice of what needs none.

    Raises:
        LevelIsNotSevere: it needs none.

    """
    if level not in SEVERE:
        raise LevelIsNotSevere


def check_prior_notice(level: Level, *, noticed: Level | None) -> None:
    """Refuse to propose a level other than the one of which the last letter gave notice.

    Args:
        level: proposed.
        noticed: of which the last letter, signed for, gave prior notice; None if it was no prior notice.

    Raises:
        PriorNoticeMissing: there was none of this level.

    """
    check_notice_level(level)
    if noticed is not level:
        raise PriorNoticeMissing


def check_suspension_days(first: date | None, last: date | None, *, today: date) -> tuple[date, date]:
    """The days of a suspension (R-CASE-4).

    Raises:
        SuspensionDaysMissing, SuspensionInThePast, LastDayBeforeFirst: they do not go.

    """
    if first is None or last is None:
        raise SuspensionDaysMissing
    if first < today:
        raise SuspensionInThePast(today=today)
    if last < first:
        raise LastDayBeforeFirst(first=first, last=last)
    return first, last


def decision_reason(reason: str) -> str:
    """The reason of a decision without blanks around it.

    Raises:
        DecisionNeedsReason: nothing is said.

    """
    said = reason.strip()
    if not said:
        raise DecisionNeedsReason
    return said


# Re-entry (R-CASE-4) -----------------------------------------------------------------------------------


class ReentryTooEarly(RuleBroken):
    """A cancelled institution can't come back before its time."""

    message = N_(
        "%(code)s was cancelled by %(document)s and can take part again from %(day)s on. Choose that day or a later one."
    )


def reentry_day(cancelled_on: date, months: int) -> date:
    """The first day on which a cancelled institution may be a member again (R-CASE-4).

    The same day so many months later; where that month is too short, its last day.

    >>> reentry_day(date(2026, 8, 31), 6)
    datetime.date(2027, 2, 28)

    """
    return add_months(cancelled_on, months)
