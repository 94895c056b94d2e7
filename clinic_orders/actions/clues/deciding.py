"""The bureau checks a clue, gives its verdict, takes measures and closes it (R-TRACE-3)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime

from sqlalchemy import func, select

from clinic_orders.actions.clues._common import Hand, keep_files, remark, step, take_as_bureau, write
from clinic_orders.actions.finding_decisions import reopen_with_clue, settle_with_clue
from clinic_orders.actions.loading import NotFound
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.clues import Clue, ClueEvent, ClueMeasure
from clinic_orders.models.supervision import FindingRecord
from clinic_orders.queries.payments import name_of_institution
from clinic_orders.rules.attachments import AttachedFile
from clinic_orders.rules.clues import (
    WITH_AMOUNT,
    AmountMissing,
    CheckNeedsWords,
    CheckWay,
    ClueStep,
    ClueVerdict,
    ExclusionGround,
    Heard,
    Measure,
    VerdictNeedsReason,
    check_amount,
    check_ground,
    check_verdict,
)
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.finding_states import FindingState
from clinic_orders.rules.letter_requests import check_length
from clinic_orders.rules.parties import Actor

_DOCUMENT = 64


@transactional
def record_check(
    number: str,
    way: CheckWay,
    text: str,
    files: Sequence[AttachedFile] = (),
    *,
    seen_version: int | None = None,
    by: Actor,
    at: datetime,
) -> ClueEvent:
    """Write down a check of the bureau with its evidence: what was looked at and what it showed.

    Raises:
        NotFound, ChangedMeanwhile, ClueStepNotAllowed: nothing can be checked now.
        CheckNeedsWords, TextTooLong, TooManyFiles: what is wrong with it.

    """
    hand = take_as_bureau(number, by=by, at=at, seen_version=seen_version)
    hand.clue.state = step(hand, ClueStep.CHECK)
    said = remark(text)
    if not said:
        raise CheckNeedsWords
    event = write(
        hand, ClueStep.CHECK, "record_check", by=by, at=at, note=said,
        facts={"way": way.value, "files": len(files)},
    )  # fmt: skip
    keep_files(hand, files, event_id=event.id)
    return event


def _reason(text: str) -> str:
    said = remark(text)
    if not said:
        raise VerdictNeedsReason
    return said


def _finding_state(clue: Clue) -> FindingState | None:
    if clue.finding_id is None:
        return None
    return db.session.scalar(select(FindingRecord.state).where(FindingRecord.id == clue.finding_id))


@transactional
def exclude_clue(
    number: str,
    ground: ExclusionGround,
    reason: str,
    *,
    seen_version: int | None = None,
    by: Actor,
    at: datetime,
) -> Clue:
    """Exclude a clue: nothing is in it. Its finding is waived with the reason, so that both say the same.

    Raises:
        NotFound, ChangedMeanwhile, ClueStepNotAllowed: it can't be decided now.
        GroundDoesNotFit, VerdictNeedsReason, TextTooLong: what is wrong with the ground.

    """
    hand = take_as_bureau(number, by=by, at=at, seen_version=seen_version)
    clue = hand.clue
    after, said = step(hand, ClueStep.EXCLUDE), _reason(reason)
    stands = _finding_state(clue)
    check_ground(
        ground,
        finding_is_open=None if stands is None else stands is FindingState.OPEN,
        from_above=clue.issued_batch is not None,
    )
    clue.state, clue.verdict, clue.ground = after, ClueVerdict.EXCLUDED, ground
    clue.decided_at = clue.closed_at = at
    write(hand, ClueStep.EXCLUDE, "exclude_clue", by=by, at=at, note=said, facts={"ground": ground.value})
    if clue.finding_id is not None:
        settle_with_clue(clue.finding_id, f"{clue.number}：{said}", waived=True, by=by, at=at)
    return clue


@transactional
def judge_clue(
    number: str,
    verdict: ClueVerdict,
    held: Collection[int],
    reason: str,
    *,
    seen_version: int | None = None,
    by: Actor,
    at: datetime,
) -> Clue:
    """Find a violation or a suspicion of fraud, against one or several of the institutions.

    Args:
        number: of the clue.
        verdict: VIOLATION or SUSPECTED_FRAUD.
        held: row ids of the institutions against which it is given.
        reason: the facts and what they rest on.
        seen_version: of the clue on the page.
        by: an officer.
        at: when.

    Raises:
        NotFound, ChangedMeanwhile, ClueStepNotAllowed: it can't be decided now, or not against these.
        NobodyHeld, VerdictNeedsCheck, VerdictNeedsHearing, VerdictNeedsReason, TextTooLong: see ``rules.clues``.

    """
    hand = take_as_bureau(number, by=by, at=at, seen_version=seen_version)
    clue, today = hand.clue, day_in_china(at)
    taken = ClueStep.FIND_VIOLATION if verdict is ClueVerdict.VIOLATION else ClueStep.SUSPECT_FRAUD
    after, said = step(hand, taken), _reason(reason)
    if not set(held) <= hand.parties.keys():
        raise NotFound(number=number)
    chosen = [hand.parties[one] for one in sorted(set(held))]
    check_verdict(
        verdict,
        [
            Heard(
                name_of_institution(one.institution_id, on=today),
                one.asked_at is not None,
                one.answered_at is not None,
            )
            for one in chosen
        ],
        checks=_checks(clue),
        deadline=clue.deadline,
        today=today,
    )
    clue.state, clue.verdict, clue.decided_at = after, verdict, at
    for one in chosen:
        one.held = True
    write(hand, taken, "judge_clue", by=by, at=at, note=said,
          facts={"verdict": verdict.value, "institutions": len(chosen)})  # fmt: skip
    return clue


def _checks(clue: Clue) -> int:
    event = ClueEvent
    return (
        db.session.scalar(select(func.count()).where(event.clue_id == clue.id, event.step == ClueStep.CHECK))
        or 0
    )


@transactional
def take_back_verdict(
    number: str, reason: str, *, seen_version: int | None = None, by: Actor, at: datetime
) -> Clue:
    """Take a verdict back before anything was done about it; the clue is checked on, its finding stands again.

    Raises:
        NotFound, ChangedMeanwhile, ClueStepNotAllowed: there is nothing to take back.
        VerdictNeedsReason, TextTooLong: what is wrong with the reason.

    """
    hand = take_as_bureau(number, by=by, at=at, seen_version=seen_version)
    clue = hand.clue
    after, said = step(hand, ClueStep.TAKE_BACK), _reason(reason)
    excluded = clue.verdict is ClueVerdict.EXCLUDED
    before = {"verdict": clue.verdict.value if clue.verdict else None}
    clue.state, clue.verdict, clue.ground, clue.decided_at, clue.closed_at = after, None, None, None, None
    for one in hand.parties.values():
        one.held = False
    write(hand, ClueStep.TAKE_BACK, "take_back_verdict", by=by, at=at, note=said, before=before)
    if excluded and clue.finding_id is not None:
        reopen_with_clue(clue.finding_id, by=by, at=at)
    return clue


@transactional
def dispose_clue(
    number: str,
    measure: Measure,
    amount: str,
    document_no: str,
    day: date,
    note: str = "",
    *,
    seen_version: int | None = None,
    by: Actor,
    at: datetime,
) -> Clue:
    """Write down a measure that was taken, such as a recovery, a fine or an interview.

    Raises:
        NotFound, ChangedMeanwhile, ClueStepNotAllowed: nothing can be done about it now.
        AmountMissing, AmountWrong, TextTooLong: what is wrong with it.

    """
    hand = take_as_bureau(number, by=by, at=at, seen_version=seen_version)
    after, said, paper = step(hand, ClueStep.DISPOSE), remark(note), check_length(document_no, _DOCUMENT)
    sum_ = check_amount(amount)
    if measure in WITH_AMOUNT and sum_ is None:
        raise AmountMissing
    hand.clue.state = after
    facts = {"measure": measure.value, "day": day.isoformat()}
    if sum_ is not None:
        facts |= {"amount": str(sum_)}
    if paper:
        facts |= {"document_no": paper}
    event = write(hand, ClueStep.DISPOSE, "dispose_clue", by=by, at=at, note=said, facts=facts)
    put_measure(hand, event, measure, day, amount=sum_, document_no=paper)
    return hand.clue


def put_measure(
    hand: Hand,
    event: ClueEvent,
    measure: Measure,
    day: date,
    *,
    amount: object = None,
    document_no: str = "",
) -> None:
    """Note a measure for the report of numbers. Called inside a deed."""
    db.session.add(
        ClueMeasure(
            clue_id=hand.clue.id,
            event_id=event.id,
            measure=measure,
            amount=amount,
            document_no=document_no,
            day=day,
        )
    )


@transactional
def close_clue(
    number: str, note: str = "", *, seen_version: int | None = None, by: Actor, at: datetime
) -> Clue:
    """Close a clue after its measures; its finding is decided, unless a case goes on with it.

    Raises:
        NotFound, ChangedMeanwhile, ClueStepNotAllowed: it can't be closed now.
        TextTooLong: the remark does not fit.

    """
    hand = take_as_bureau(number, by=by, at=at, seen_version=seen_version)
    clue = hand.clue
    clue.state, said = step(hand, ClueStep.CLOSE), remark(note)
    clue.closed_at = at
    write(hand, ClueStep.CLOSE, "close_clue", by=by, at=at, note=said)
    if clue.finding_id is not None:
        settle_with_clue(clue.finding_id, f"{clue.number}：{said}", waived=False, by=by, at=at)
    return clue
