"""An institution answers after its self-check; an officer sends in what came on paper (R-TRACE-3)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select

from clinic_orders.actions.clues._common import keep_files, step, take, tell_bureau, write
from clinic_orders.actions.loading import NotFound
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.clues import ClueAnswer
from clinic_orders.queries.payments import name_of_institution
from clinic_orders.rules.attachments import AttachedFile
from clinic_orders.rules.clues import (
    ClueSide,
    ClueState,
    ClueStep,
    SelfCheckAnswer,
    SelfCheckEmpty,
    after_answer,
    check_amount,
)
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.letter_requests import MOST_WORDS, check_length
from clinic_orders.rules.parties import Actor, NotAllowed, Permission


@transactional
def answer_clue(
    number: str,
    choice: SelfCheckAnswer,
    text: str,
    repaid: str = "",
    files: Sequence[AttachedFile] = (),
    *,
    institution_id: int | None = None,
    key: str,
    by: Actor,
    at: datetime,
) -> ClueAnswer:
    """Answer after a self-check. After the last day it is still taken, as long as nothing is decided.

    Args:
        number: of the clue.
        choice: what it was, in one of our words.
        text: what was found.
        repaid: yuan that were paid back of the institution's own accord, as typed; "" = none.
        files: checked and stored already.
        institution_id: for whom an officer sends in what came on paper; an institution answers for itself.
        key: made when the form was rendered; the same key always answers with the same answer.
        by: the institution, or an officer.
        at: when.

    Raises:
        NotFound, ClueStepNotAllowed: it was not asked, or all is decided.
        SelfCheckEmpty, AmountWrong, TextTooLong, TooManyFiles: what is wrong with it.

    """
    if not (by.may(Permission.CLUES_ANSWER) or by.may(Permission.CLUES_HANDLE)):
        raise NotAllowed
    hand = take(number, by=by, at=at)
    known = db.session.scalars(
        select(ClueAnswer).where(ClueAnswer.form_key == key, ClueAnswer.clue_id == hand.clue.id)
    ).one_or_none()
    if known is not None:
        return known
    step(hand, ClueStep.ANSWER)
    on_paper = ClueSide.PARTY not in hand.sides
    who = institution_id if on_paper else by.institution_id
    party = hand.parties.get(who or 0)
    if party is None or party.asked_at is None:
        raise NotFound(number=number)
    said, paid = check_length(text, MOST_WORDS), check_amount(repaid)
    if not said:
        raise SelfCheckEmpty
    answer = ClueAnswer(
        clue_id=hand.clue.id,
        institution_id=party.institution_id,
        choice=choice,
        text=said,
        repaid=paid,
        at=at,
        by_id=by.user_id,
        by_name=by.name,
        on_paper=on_paper,
        form_key=key,
    )
    db.session.add(answer)
    db.session.flush()
    keep_files(hand, files, answer_id=answer.id)
    party.answered_at = at
    clue, day = hand.clue, day_in_china(at)
    late = clue.deadline is not None and clue.deadline < day
    if clue.state is ClueState.SELF_CHECK:
        waiting = sum(one.asked_at is not None and one.answered_at is None for one in hand.parties.values())
        clue.state = after_answer(waiting)
    facts = {"self_check": choice.value, "files": len(files), "late": late}
    if paid is not None:
        facts |= {"amount": str(paid)}
    write(
        hand, ClueStep.ANSWER, "answer_clue", by=by, at=at, facts=facts, institution_id=party.institution_id
    )
    tell_bureau(
        "clue_answered", hand,
        {"party": name_of_institution(party.institution_id, on=day), "self_check": choice.value}, at=at,
    )  # fmt: skip
    return answer
