"""The steps of a case as one table: from which state, by whom, and where to (R-CASE-2, R-CASE-3)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from clinic_orders.rules.errors import N_, RuleBroken


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
