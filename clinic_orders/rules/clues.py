"""A clue on trace codes from its assignment to its end, as one table of steps (R-TRACE-3).

Assign → self-check by the institutions → data, system and on-site check with evidence → excluded, violation or
suspected fraud → disposal → closed. What R-TRACE-3 leaves open is read in decision 0041.

>>> clue_steps_open_to({ClueSide.PARTY}, ClueState.SELF_CHECK)
[<ClueStep.ANSWER: 'answer'>]
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final

from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.findings import CheckRule


class ClueState(StrEnum):
    """Where a clue stands.

    ASSIGNED: somebody is in charge, nobody was asked. SELF_CHECK: institutions were asked and answer. CHECKING: the
    bureau compares data and looks at systems and shelves. EXCLUDED: nothing is in it. VIOLATION, SUSPECTED: the
    verdict is given. DISPOSAL: measures were taken. CLOSED: all is done.
    """

    ASSIGNED = "assigned"
    SELF_CHECK = "self_check"
    CHECKING = "checking"
    EXCLUDED = "excluded"
    VIOLATION = "violation"
    SUSPECTED = "suspected"
    DISPOSAL = "disposal"
    CLOSED = "closed"


CLUE_OVER: Final = frozenset({ClueState.EXCLUDED, ClueState.CLOSED})
"""The states in which nothing more is to be done."""


class ClueStep(StrEnum):
    """One deed in the life of a clue."""

    ASSIGN = "assign"
    REASSIGN = "reassign"
    ASK = "ask"
    ANSWER = "answer"
    CHECK = "check"
    EXCLUDE = "exclude"
    FIND_VIOLATION = "find_violation"
    SUSPECT_FRAUD = "suspect_fraud"
    TAKE_BACK = "take_back"
    DISPOSE = "dispose"
    TRANSFER = "transfer"
    CLOSE = "close"
    REMIND = "remind"


class ClueSide(StrEnum):
    """What somebody is to a clue.

    OFFICER: decides it for the bureau. HELPER: a county with one of several institutions; it checks there and sends
    in what came on paper. PARTY: an institution that was asked. SYSTEM: the clock.
    """

    OFFICER = "officer"
    HELPER = "helper"
    PARTY = "party"
    SYSTEM = "system"


class CheckWay(StrEnum):
    """How the bureau looked into a clue; the third comes without being announced."""

    DATA = "data"
    SYSTEM = "system"
    ON_SITE = "on_site"


class ClueVerdict(StrEnum):
    """What came of a clue."""

    EXCLUDED = "excluded"
    VIOLATION = "violation"
    SUSPECTED_FRAUD = "suspected_fraud"


class ExclusionGround(StrEnum):
    """Why nothing is in a clue.

    The first three are those of R-TRACE-3. GONE: the check does not find it any more, its data were put right.
    NOT_HERE: a clue from above names a pack or an institution that this prefecture does not know.
    """

    CODING_ERROR = "coding_error"
    SCAN_ERROR = "scan_error"
    LAWFUL_RETURN = "lawful_return"
    GONE = "gone"
    NOT_HERE = "not_here"


class SelfCheckAnswer(StrEnum):
    """What an institution says of a clue after its self-check."""

    SCANNED_WRONG = "scanned_wrong"
    CAME_BACK = "came_back"
    IN_PIECES = "in_pieces"
    CODE_WRONG = "code_wrong"
    PAPERS_THERE = "papers_there"
    NOT_OURS = "not_ours"
    OUR_FAULT = "our_fault"
    SOMETHING_ELSE = "something_else"


class Measure(StrEnum):
    """What is done about a violation or a suspicion (policy section 8.3, step 7)."""

    RECOVER = "recover"
    PENALTY = "penalty"
    FINE = "fine"
    INTERVIEW = "interview"
    SUSPEND = "suspend"
    TERMINATE = "terminate"
    POINTS = "points"
    PUBLISH = "publish"
    TRANSFER = "transfer"
    OTHER = "other"


WITH_AMOUNT: Final = frozenset({Measure.RECOVER, Measure.PENALTY, Measure.FINE})
"""Measures that name an amount of money."""

CLUE_RULES: Final = frozenset(
    {
        CheckRule.TRACE_REPEAT_SAME,
        CheckRule.TRACE_REPEAT_FAR,
        CheckRule.TRACE_REPEAT_NEAR,
        CheckRule.TRACE_NOT_RECEIVED,
        CheckRule.TRACE_SOLD_AFTER_RETURN,
        CheckRule.TRACE_BEFORE_RECEIPT,
        CheckRule.TRACE_WRONG_ITEM,
        CheckRule.TRACE_EXPIRED,
        CheckRule.TRACE_MISSING,
        CheckRule.SOLD_BEYOND_STOCK,
    }
)
"""The checks whose findings are clues of R-TRACE-2 (T1 to T10)."""
OF_A_PACK: Final = CLUE_RULES - {CheckRule.TRACE_MISSING, CheckRule.SOLD_BEYOND_STOCK}
"""Those of them that are about one code; the others are about an item of a month."""


@dataclass(frozen=True, slots=True)
class ClueRow:
    """One row of the table: a step, the state it needs (None: there is no clue yet), where it leads, who takes it."""

    step: ClueStep
    before: ClueState | None
    after: ClueState
    sides: frozenset[ClueSide]


_S, _C = ClueState, ClueStep
_OFFICER = frozenset({ClueSide.OFFICER})
_BUREAU = _OFFICER | {ClueSide.HELPER}
_ANSWERING = _BUREAU | {ClueSide.PARTY}
_OPEN = (_S.ASSIGNED, _S.SELF_CHECK, _S.CHECKING)
_JUDGED = (_S.VIOLATION, _S.SUSPECTED)

CLUE_STEPS: Final = (
    ClueRow(_C.ASSIGN, None, _S.ASSIGNED, _OFFICER),
    *(ClueRow(_C.REASSIGN, state, state, _OFFICER) for state in (*_OPEN, *_JUDGED, _S.DISPOSAL)),
    *(ClueRow(_C.ASK, state, _S.SELF_CHECK, _OFFICER) for state in _OPEN),
    # The last one who was asked leads on; until then it stays.
    ClueRow(_C.ANSWER, _S.SELF_CHECK, _S.CHECKING, _ANSWERING),
    ClueRow(_C.ANSWER, _S.CHECKING, _S.CHECKING, _ANSWERING),
    *(ClueRow(_C.CHECK, state, _S.CHECKING, _BUREAU) for state in _OPEN),
    ClueRow(_C.REMIND, _S.SELF_CHECK, _S.SELF_CHECK, frozenset({ClueSide.SYSTEM})),
    ClueRow(_C.EXCLUDE, _S.CHECKING, _S.EXCLUDED, _OFFICER),
    ClueRow(_C.FIND_VIOLATION, _S.CHECKING, _S.VIOLATION, _OFFICER),
    ClueRow(_C.SUSPECT_FRAUD, _S.CHECKING, _S.SUSPECTED, _OFFICER),
    *(ClueRow(_C.TAKE_BACK, state, _S.CHECKING, _OFFICER) for state in (_S.EXCLUDED, *_JUDGED)),
    *(ClueRow(_C.DISPOSE, state, _S.DISPOSAL, _OFFICER) for state in (*_JUDGED, _S.DISPOSAL)),
    *(ClueRow(_C.TRANSFER, state, _S.DISPOSAL, _OFFICER) for state in (*_JUDGED, _S.DISPOSAL)),
    ClueRow(_C.CLOSE, _S.DISPOSAL, _S.CLOSED, _OFFICER),
)
"""Every step with the state it needs, the state after it, and who may take it."""


class ClueStepNotAllowed(RuleBroken):
    """The step can't be taken now, or not by this actor."""


class ClueStepOutOfTurn(ClueStepNotAllowed):
    """The clue is not in a state for this step."""

    message = N_(
        "This is not possible at this point of the clue. Look at it again: it may have moved on. Nothing was changed."
    )


class ClueStepNotYours(ClueStepNotAllowed):
    """Somebody else takes this step."""

    message = N_(
        "This step is taken by somebody else: the bureau in charge, or the institution that was asked."
    )


class NobodyToAsk(RuleBroken):
    """There is nobody who could check itself, or everybody has answered."""

    message = N_("No institution is left to be asked. Go on with your own check.")


class SelfCheckEmpty(RuleBroken):
    """A self-check says what was found."""

    message = N_("Write a sentence about what you found. A photo alone does not say what it shows.")


class AmountWrong(RuleBroken):
    """What was paid back, recovered or fined is an amount of money."""

    message = N_("Write the amount in yuan as a number above 0 with at most two decimals.")


class AmountMissing(RuleBroken):
    """Recovery, penalty and fine name their amount."""

    message = N_("This measure needs an amount in yuan.")


class CheckNeedsWords(RuleBroken):
    """A check says what was looked at and what it showed."""

    message = N_("Write what was looked at and what it showed.")


class VerdictNeedsReason(RuleBroken):
    """A verdict is given for a reason."""

    message = N_("Write why. The reason stays in the history of the clue.")


class VerdictNeedsCheck(RuleBroken):
    """Nobody is held guilty on a list of data alone (R-TRACE-3)."""

    message = N_("Record at least one check of your own before the verdict: data, system or on site.")


class VerdictNeedsHearing(RuleBroken):
    """A violation is found only after the institution could speak."""

    message = N_(
        "%(name)s has not been asked, or may still answer. Ask for its self-check, or wait for the answer or the last day."
    )


class NobodyHeld(RuleBroken):
    """A verdict names the institutions against which it is given."""

    message = N_("Choose the institutions against which the verdict is given.")


class GroundDoesNotFit(RuleBroken):
    """Some grounds belong to some clues only."""

    message = N_(
        "This ground does not fit the clue: “no longer found” needs a finding that has ended, “not here” a clue from above."
    )


def clue_steps_open_to(sides: Iterable[ClueSide], state: ClueState | None) -> list[ClueStep]:
    """The steps that somebody on these sides may take from a state, each once, in the order of the table."""
    mine = frozenset(sides)
    return list(dict.fromkeys(row.step for row in CLUE_STEPS if row.before is state and row.sides & mine))


def check_clue_step(step: ClueStep, state: ClueState | None, sides: Iterable[ClueSide]) -> ClueState:
    """The state to which a step leads.

    Raises:
        ClueStepNotYours: no side of the actor ever takes this step.
        ClueStepOutOfTurn: the state does not allow it (any more).

    """
    mine = frozenset(sides)
    own = [row for row in CLUE_STEPS if row.step is step and row.sides & mine]
    if not own:
        raise ClueStepNotYours(step=step.value)
    for row in own:
        if row.before is state:
            return row.after
    raise ClueStepOutOfTurn(step=step.value, state=None if state is None else state.value)


def after_answer(unanswered: int) -> ClueState:
    """Where a clue stands after an answer: it waits for the others that were asked.

    >>> after_answer(1), after_answer(0)
    (<ClueState.SELF_CHECK: 'self_check'>, <ClueState.CHECKING: 'checking'>)

    """
    return ClueState.SELF_CHECK if unanswered else ClueState.CHECKING


def check_amount(text: str) -> Decimal | None:
    """An amount in yuan as somebody typed it; None where nothing was typed.

    Raises:
        AmountWrong: it is none.

    >>> check_amount("12.5"), check_amount(" ")
    (Decimal('12.50'), None)

    """
    said = text.strip().replace(",", "").replace("，", "")
    if not said:
        return None
    whole, _, cents = said.partition(".")
    if not (whole.isascii() and whole.isdigit() and len(whole) <= 12 and len(cents) <= 2):
        raise AmountWrong
    if cents and not (cents.isascii() and cents.isdigit()):
        raise AmountWrong
    amount = Decimal(said).quantize(Decimal("0.01"))
    if amount <= 0:
        raise AmountWrong
    return amount


@dataclass(frozen=True, slots=True)
class Heard:
    """Whether an institution of a clue could speak: its name, whether it was asked, and whether it answered."""

    name: str
    asked: bool
    answered: bool


def check_verdict(
    verdict: ClueVerdict,
    held: Collection[Heard],
    *,
    checks: int,
    deadline: date | None,
    today: date,
) -> None:
    """Refuse a verdict for which too little was done.

    A violation needs a check of the bureau, and that everybody against whom it is given has answered or had its
    days. Suspected fraud needs the check only: whoever is suspected of a crime is not warned first.

    Args:
        verdict: violation or suspected fraud.
        held: the institutions against which it is given.
        checks: how many checks of the bureau are on record.
        deadline: the last day to answer; None where nobody was asked.
        today: the day of the verdict.

    Raises:
        NobodyHeld, VerdictNeedsCheck, VerdictNeedsHearing: too little was done.

    """
    if not held:
        raise NobodyHeld
    if not checks:
        raise VerdictNeedsCheck
    if verdict is not ClueVerdict.VIOLATION:
        return
    for one in held:
        over = one.asked and deadline is not None and deadline < today
        if not (one.answered or over):
            raise VerdictNeedsHearing(name=one.name)


def check_ground(ground: ExclusionGround, *, finding_is_open: bool | None, from_above: bool) -> None:
    """Refuse a ground of exclusion that does not fit the clue.

    Args:
        ground: why nothing is in it.
        finding_is_open: whether the check still finds it; None where no finding is behind the clue.
        from_above: whether it was issued by an office above.

    Raises:
        GroundDoesNotFit: it does not.

    """
    if ground is ExclusionGround.GONE and finding_is_open is not False:
        raise GroundDoesNotFit
    if ground is ExclusionGround.NOT_HERE and not from_above:
        raise GroundDoesNotFit
