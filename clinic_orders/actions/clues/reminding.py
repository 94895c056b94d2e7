"""Hints about self-checks: the last day is near, or over. Nothing is decided by the clock."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select

from clinic_orders.actions.clues._common import in_hand, tell_bureau, tell_party, write
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.clues import Clue
from clinic_orders.rules.clues import ClueState, ClueStep
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.parties import Actor, Permission


@transactional
def remind_of_clue(clue_id: int, *, by: Actor, at: datetime) -> bool:
    """Remind those who have not answered the day before the last, and tell the bureau once when it is over.

    Returns:
        whether anybody was told; False on a repeated call, or when the clue has moved on.

    """
    by.need(Permission.JOBS_RUN)
    clue = db.session.execute(
        select(Clue).where(Clue.id == clue_id).with_for_update().execution_options(populate_existing=True)
    ).scalar_one()
    today, last = day_in_china(at), clue.deadline
    if clue.state is not ClueState.SELF_CHECK or last is None or today < last - timedelta(days=1):
        return False
    over = last < today
    told = last if over else last - timedelta(days=1)
    if clue.reminded_of is not None and clue.reminded_of >= told:
        return False
    clue.reminded_of = told
    hand = in_hand(clue, by=by)
    facts = {"deadline": last.isoformat()}
    late = [one for one in hand.parties.values() if one.asked_at is not None and one.answered_at is None]
    write(hand, ClueStep.REMIND, "remind_of_clue", by=by, at=at, facts=facts | {"institutions": len(late)})
    if over:
        tell_bureau("clue_unanswered", hand, facts | {"number": len(late)}, at=at)
        return True
    for one in late:
        tell_party("clue_due", hand, one.institution_id, facts, at=at)
    return True
