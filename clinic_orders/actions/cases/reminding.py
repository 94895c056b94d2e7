"""Hints to the bureau: days that are over without an answer, re-checks that are due. Nothing goes up by itself."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from clinic_orders.actions import audit
from clinic_orders.actions.cases._common import Hand, tell_bureau
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.cases import CaseFile
from clinic_orders.queries.cases import last_letter, sides_of
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.ladder import CaseState
from clinic_orders.rules.parties import Actor, Permission


@transactional
def remind_of_case(case_id: int, *, by: Actor, at: datetime) -> bool:
    """Tell the bureau once that the last day to answer is over, or that a re-check is due.

    Returns:
        whether it was told; False on a repeated call, or when the case has moved on.

    """
    by.need(Permission.JOBS_RUN)
    case = db.session.execute(
        select(CaseFile)
        .where(CaseFile.id == case_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).scalar_one()
    today, last = day_in_china(at), last_letter(case.id)
    if case.state is CaseState.ACCEPTED:
        day, kind = case.recheck_on, "recheck_due"
        due = day is not None and day <= today
    else:
        day, kind = case.deadline, "answer_missing"
        due = case.state in {CaseState.ISSUED, CaseState.RECEIVED} and day is not None and day < today
    if not due or day is None or case.reminded_of == day or last is None:
        return False
    case.reminded_of = day
    db.session.flush()
    hand = Hand(case, last, sides_of(by, case, last))
    facts = {"number": last.number, "day": day.isoformat(), "signed": last.received_at is not None}
    tell_bureau(kind, hand, facts, at=at)
    audit.record("remind_of_case", by=by, at=at, subject_type="case", subject_id=case.id, subject=case.number,
                 institution_id=case.institution_id, distributor_id=case.distributor_id, after=facts)  # fmt: skip
    return True
