"""The bureau decides: it accepts, upholds an appeal, checks again (回头看) and closes (R-CASE-3)."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlalchemy import select

from clinic_orders.actions.cases._common import Hand, remark, step, take, tell_party, write
from clinic_orders.actions.finding_decisions import settle_in_case
from clinic_orders.actions.roster.institutions import reopen_institution
from clinic_orders.actions.roster.suspensions import lift_suspension
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.cases import CaseAnswer, CaseFile, CaseFinding
from clinic_orders.models.roster import Institution, Membership, Suspension
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.ladder import (
    AnswerKind,
    CaseOutcome,
    CaseStep,
    LetterState,
    decision_reason,
)
from clinic_orders.rules.letters import LetterKind
from clinic_orders.rules.parties import Actor, Permission


class RecheckInThePast(RuleBroken):
    """A re-check is still to come."""

    message = N_("The day of the re-check is %(today)s at the earliest.")


class NoAppeal(RuleBroken):
    """What nobody appealed against is not upheld."""

    message = N_("The party has filed no appeal against the last letter. Accept the answer instead.")


def _begin(number: str, seen_version: int | None, by: Actor, at: datetime) -> Hand:
    by.need(Permission.CASES_HANDLE)
    return take(number, by=by, at=at, seen_version=seen_version)


def _inside(case: CaseFile) -> list[int]:
    return list(db.session.scalars(select(CaseFinding.finding_id).where(CaseFinding.case_id == case.id)))


@transactional
def accept_answer(
    number: str,
    reason: str,
    recheck_on: date,
    *,
    seen_version: int | None = None,
    by: Actor,
    at: datetime,
) -> CaseFile:
    """Accept what the party answered or put right, and set the day of the re-check; the party is told.

    Raises:
        NotFound, ChangedMeanwhile, CaseStepNotAllowed: there is nothing to accept.
        DecisionNeedsReason, TextTooLong, RecheckInThePast: what is wrong with it.

    """
    hand = _begin(number, seen_version, by, at)
    after = step(hand, CaseStep.ACCEPT)
    said, today = decision_reason(remark(reason)), day_in_china(at)
    if recheck_on < today:
        raise RecheckInThePast(today=today)
    case = hand.case
    before = case.state
    case.state, case.recheck_on, case.deadline, case.reminded_of = after, recheck_on, None, None
    facts = {"recheck_on": recheck_on.isoformat()}
    write(hand, CaseStep.ACCEPT, "accept_answer", by=by, at=at, note=said, letter_id=hand.letter.id,
          facts=facts, before={"case_state": before.value},
          after={"case_state": after.value, "reason": said, **facts})  # fmt: skip
    tell_party("answer_accepted", hand, {"number": hand.letter.number, "reason": said, **facts}, at=at)
    return case


@transactional
def close_after_recheck(
    number: str, found: str, *, seen_version: int | None = None, by: Actor, at: datetime
) -> CaseFile:
    """Close a case: the re-check found it in order; its findings are decided and the party is told.

    Args:
        number: of the case.
        found: what the re-check found.
        seen_version: of the case on the page.
        by: an officer.
        at: when.

    Raises:
        NotFound, ChangedMeanwhile, CaseStepNotAllowed: no re-check is to be made.
        DecisionNeedsReason, TextTooLong: what is wrong with what was found.

    """
    hand = _begin(number, seen_version, by, at)
    after = step(hand, CaseStep.RECHECK_PASSED)
    said, case = decision_reason(remark(found)), hand.case
    settled = settle_in_case(_inside(case), f"{case.number}: {said}", by=by, at=at)
    case.state, case.closed_at, case.outcome = after, at, CaseOutcome.RESOLVED
    write(hand, CaseStep.RECHECK_PASSED, "close_after_recheck", by=by, at=at, note=said,
          letter_id=hand.letter.id, after={"reason": said, "findings": settled})  # fmt: skip
    tell_party("case_closed", hand, {"number": hand.letter.number, "reason": said}, at=at)
    return case


@transactional
def fail_recheck(
    number: str, found: str, *, seen_version: int | None = None, by: Actor, at: datetime
) -> CaseFile:
    """Write down that the re-check found nothing better; the case can go up a level or be accepted again.

    Raises:
        NotFound, ChangedMeanwhile, CaseStepNotAllowed, DecisionNeedsReason, TextTooLong: as ``close_after_recheck``.

    """
    hand = _begin(number, seen_version, by, at)
    after = step(hand, CaseStep.RECHECK_FAILED)
    said, case = decision_reason(remark(found)), hand.case
    case.state, case.recheck_on = after, None
    write(hand, CaseStep.RECHECK_FAILED, "fail_recheck", by=by, at=at, note=said,
          letter_id=hand.letter.id, after={"reason": said})  # fmt: skip
    tell_party("recheck_failed", hand, {"number": hand.letter.number, "reason": said}, at=at)
    return case


@transactional
def uphold_appeal(
    number: str, reason: str, *, seen_version: int | None = None, by: Actor, at: datetime
) -> CaseFile:
    """Uphold an appeal: the last letter is revoked and the case closed, its findings are waived with the reason.

    A suspension that rests on the letter ends today, a cancelled institution is a member again from today on.

    Raises:
        NotFound, ChangedMeanwhile, CaseStepNotAllowed, NoAppeal: there is no appeal to uphold.
        DecisionNeedsReason, TextTooLong: what is wrong with the reason.

    """
    hand = _begin(number, seen_version, by, at)
    after = step(hand, CaseStep.UPHOLD)
    said, case, letter = decision_reason(remark(reason)), hand.case, hand.letter
    appealed = db.session.scalar(
        select(CaseAnswer.id)
        .where(CaseAnswer.letter_id == letter.id, CaseAnswer.kind == AnswerKind.APPEAL)
        .limit(1)
    )
    if appealed is None:
        raise NoAppeal
    letter.state = LetterState.REVOKED
    settled = settle_in_case(_inside(case), f"{case.number}: {said}", waived=True, by=by, at=at)
    case.state, case.closed_at, case.outcome = after, at, CaseOutcome.UNFOUNDED
    case.deadline = None
    _give_back(hand, said, by=by, at=at)
    write(hand, CaseStep.UPHOLD, "uphold_appeal", by=by, at=at, note=said, letter_id=letter.id,
          facts={"number": letter.number},
          after={"reason": said, "number": letter.number, "findings": settled})  # fmt: skip
    tell_party("appeal_upheld", hand, {"number": letter.number, "reason": said}, at=at)
    return case


def _give_back(hand: Hand, reason: str, *, by: Actor, at: datetime) -> None:
    """What the revoked letter had taken away."""
    letter, today = hand.letter, day_in_china(at)
    if letter.suspension_id is not None:
        held = db.session.get_one(Suspension, letter.suspension_id, populate_existing=True)
        if held.lifted_on is None and today <= held.last_day:
            lift_suspension(held.id, lifted_on=max(today, held.first_day), reason=reason, by=by, at=at)
    if letter.kind is LetterKind.CANCELLATION and hand.case.institution_id is not None:
        letter.reentry_from = None
        db.session.flush()
        member = db.session.scalar(
            select(Membership.id)
            .where(
                Membership.institution_id == hand.case.institution_id,
                Membership.left_on.is_(None) | (Membership.left_on >= today),
            )
            .limit(1)
        )
        if member is None:
            code = db.session.get_one(Institution, hand.case.institution_id).code
            left = db.session.scalar(
                select(Membership.left_on)
                .where(Membership.institution_id == hand.case.institution_id)
                .order_by(Membership.joined_on.desc())
                .limit(1)
            )
            first = today if left is None else max(today, left + timedelta(days=1))
            reopen_institution(code, first, by=by, at=at)
