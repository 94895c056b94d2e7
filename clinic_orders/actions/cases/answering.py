"""A party signs for its letters and answers them; an officer records what came on paper and gives more time (R-CASE-3)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import select

from clinic_orders.actions.cases._common import Hand, remark, step, take, tell_bureau, tell_party, write
from clinic_orders.actions.cases.issuing import answer_days
from clinic_orders.actions.loading import NotFound
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.attachments import of_file
from clinic_orders.models.base import db
from clinic_orders.models.cases import CaseAnswer, CaseAttachment, CaseFile, CaseLetter
from clinic_orders.queries.cases import letters_visible_to
from clinic_orders.rules.attachments import MOST_FILES, AttachedFile, TooManyFiles
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.ladder import (
    AnswerKind,
    CaseSide,
    CaseStep,
    check_answer,
    check_extension,
    deadline_after_receipt,
)
from clinic_orders.rules.letter_requests import MOST_WORDS, check_length
from clinic_orders.rules.parties import Actor, NotAllowed, Permission

_NAME = 64


class ReceiverMissing(RuleBroken):
    """A receipt on paper names who took the letter."""

    message = N_("Say who took the letter.")


class ReceiptDayWrong(RuleBroken):
    """Nobody takes a letter before it was issued, or tomorrow."""

    message = N_("The letter was handed over on a day from %(first)s to %(last)s.")


class NotTheLastLetter(RuleBroken):
    """What is answered is the last letter of a case."""

    message = N_("The case has gone on since this letter. Answer the newest letter of the case.")


def _of_letter(letter_id: int, *, by: Actor, at: datetime) -> Hand:
    """The case of a letter, locked.

    Raises:
        NotFound: no such letter for this actor.

    """
    number = db.session.scalars(
        select(CaseFile.number)
        .join(CaseLetter, CaseLetter.case_id == CaseFile.id)
        .where(CaseLetter.id == letter_id, letters_visible_to(by, day_in_china(at)))
    ).one_or_none()
    if number is None:
        raise NotFound(number=str(letter_id))
    return take(number, by=by, at=at)


def _may(by: Actor) -> None:
    """The party's people answer, officers record what came on paper."""
    if not (by.may(Permission.LETTERS_ANSWER) or by.may(Permission.CASES_HANDLE)):
        raise NotAllowed


def _is_last(hand: Hand, letter_id: int) -> bool:
    return hand.last is not None and hand.last.id == letter_id


@transactional
def receive_letter(letter_id: int, *, by: Actor, at: datetime) -> CaseLetter:
    """Sign for a letter (签收): the days to answer run from now, at least as many as the policy gives.

    Signing says that it has come, not that it is right. Pressing twice signs once; the first person counts.

    Raises:
        NotFound, CaseStepNotAllowed: it can't be signed for by this actor.

    """
    _may(by)
    hand = _of_letter(letter_id, by=by, at=at)
    letter = db.session.get_one(CaseLetter, letter_id, populate_existing=True)
    if letter.received_at is not None and CaseSide.PARTY in hand.sides:
        return letter
    if CaseSide.PARTY not in hand.sides:
        raise NotAllowed
    _receive(hand, letter_id, by.name, day_in_china(at), on_paper=False, by=by, at=at)
    return letter


@transactional
def record_receipt(
    number: str, receiver: str, day: date, *, seen_version: int | None = None, by: Actor, at: datetime
) -> CaseFile:
    """Record as an officer that the last letter was handed over on paper, to whom and when.

    Raises:
        NotFound, ChangedMeanwhile, CaseStepNotAllowed: there is nothing to be received.
        ReceiverMissing, ReceiptDayWrong, TextTooLong: what is wrong with what was typed.

    """
    by.need(Permission.CASES_HANDLE)
    hand = take(number, by=by, at=at, seen_version=seen_version)
    step(hand, CaseStep.RECEIVE)
    name, letter, today = check_length(receiver, _NAME), hand.letter, day_in_china(at)
    if not name:
        raise ReceiverMissing
    first = letter.issued_on or today
    if not first <= day <= today:
        raise ReceiptDayWrong(first=first, last=today)
    _receive(hand, letter.id, name, day, on_paper=True, by=by, at=at)
    return hand.case


def _receive(
    hand: Hand, letter_id: int, name: str, day: date, *, on_paper: bool, by: Actor, at: datetime
) -> None:
    after = step(hand, CaseStep.RECEIVE)
    if not _is_last(hand, letter_id):
        raise NotTheLastLetter
    case, letter = hand.case, hand.letter
    letter.received_at, letter.received_by_id = at, by.user_id
    letter.received_by_name, letter.received_on_paper = name, on_paper
    before = case.deadline or letter.deadline
    case.deadline = deadline_after_receipt(before, received_on=day, answer_days=answer_days(at=at))
    case.state = after
    facts = {
        "number": letter.number,
        "receiver": name,
        "day": day.isoformat(),
        "on_paper": on_paper,
        "deadline": case.deadline.isoformat(),
    }
    write(hand, CaseStep.RECEIVE, "receive_letter", by=by, at=at, letter_id=letter.id, facts=facts,
          before={"deadline": before}, after=facts)  # fmt: skip


@transactional
def answer_letter(
    letter_id: int,
    kind: AnswerKind,
    text: str,
    files: Sequence[AttachedFile] = (),
    *,
    key: str,
    by: Actor,
    at: datetime,
) -> CaseAnswer:
    """File an answer, an appeal or a rectification report about the last letter, with files (R-CASE-3).

    Args:
        letter_id: the last letter of the case.
        kind: what it is.
        text: what it says.
        files: checked and stored already.
        key: made when the form was rendered; the same key always answers with the same answer.
        by: the party; an officer records what came on paper.
        at: when.

    Raises:
        NotFound, CaseStepNotAllowed, NotTheLastLetter: it can't be answered.
        AnswerTooLate, AnswerEmpty, TextTooLong, TooManyFiles: what is wrong with it.

    """
    _may(by)
    hand = _of_letter(letter_id, by=by, at=at)
    known = db.session.scalars(
        select(CaseAnswer).where(CaseAnswer.form_key == key, CaseAnswer.case_id == hand.case.id)
    ).one_or_none()
    if known is not None:
        return known
    after = step(hand, CaseStep.ANSWER)
    if not _is_last(hand, letter_id):
        raise NotTheLastLetter
    case = hand.case
    said = check_answer(
        check_length(text, 10 * MOST_WORDS),
        deadline=case.deadline or hand.letter.deadline,
        today=day_in_china(at),
    )
    if len(files) > MOST_FILES:
        raise TooManyFiles(limit=MOST_FILES)
    answer = CaseAnswer(
        case_id=case.id,
        letter_id=letter_id,
        kind=kind,
        text=said,
        at=at,
        by_id=by.user_id,
        by_name=by.name,
        on_paper=CaseSide.PARTY not in hand.sides,
        form_key=key,
    )
    db.session.add(answer)
    db.session.flush()
    db.session.add_all(CaseAttachment(answer_id=answer.id, **of_file(one)) for one in files)
    case.state = after
    facts = {"answer": kind.value, "number": hand.letter.number, "files": len(files)}
    write(
        hand, CaseStep.ANSWER, "answer_letter", by=by, at=at, letter_id=letter_id, answer_id=answer.id,
        facts=facts | {"on_paper": answer.on_paper}, after=facts,
    )  # fmt: skip
    if not answer.on_paper:
        tell_bureau("letter_answered", hand, {"number": hand.letter.number, "answer": kind.value}, at=at)
    return answer


@transactional
def extend_deadline(
    number: str,
    day: date,
    reason: str,
    *,
    seen_version: int | None = None,
    by: Actor,
    at: datetime,
) -> CaseFile:
    """Give a party more time to answer the last letter; it is told.

    Raises:
        NotFound, ChangedMeanwhile, CaseStepNotAllowed: nothing is to be answered.
        ExtensionNotLater, ExtensionNeedsReason, TextTooLong: what is wrong with it.

    """
    by.need(Permission.CASES_HANDLE)
    hand = take(number, by=by, at=at, seen_version=seen_version)
    hand.case.state = step(hand, CaseStep.EXTEND)
    before = hand.case.deadline or hand.letter.deadline
    said = check_extension(day, deadline=max(before, day_in_china(at)), reason=remark(reason))
    hand.case.deadline = day
    facts = {"deadline": day.isoformat()}
    write(hand, CaseStep.EXTEND, "extend_deadline", by=by, at=at, note=said, letter_id=hand.letter.id,
          facts=facts, before={"deadline": before}, after={"deadline": day, "reason": said})  # fmt: skip
    tell_party(
        "letter_extended",
        hand,
        {"number": hand.letter.number, "deadline": day.isoformat(), "reason": said},
        at=at,
    )
    return hand.case
