"""What people found: findings of inspections and of verified complaints (R-CASE-5). Called inside other deeds.

They enter cases as the findings of checks do. No look ends them: a re-inspection that finds it in order does, or the
deed that takes the record back.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime

from sqlalchemy import exists, select

from clinic_orders.actions.findings import Raised, insert_new, remember
from clinic_orders.models.base import db
from clinic_orders.models.cases import CaseFinding
from clinic_orders.models.supervision import FindingRecord
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.finding_states import FindingState, FindingStep
from clinic_orders.rules.findings import CheckRule, Finding
from clinic_orders.rules.parties import Actor


class StandsInACase(RuleBroken):
    """What a case rests on is not taken away under it."""

    message = N_(
        "A finding of this stands in a case already. Take it out of the draft first, or decide the matter in the case."
    )


def _known(rule: CheckRule, keys: Collection[str]) -> list[FindingRecord]:
    """The stored findings of one rule with these keys, locked; the number of a visit or complaint stands in the key."""
    statement = (
        select(FindingRecord)
        .where(FindingRecord.rule == rule, FindingRecord.key.in_(sorted(keys)))
        .order_by(FindingRecord.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return list(db.session.scalars(statement))


def _of(known: Sequence[FindingRecord], found: Finding) -> FindingRecord | None:
    """The stored finding against the same party; a record that was corrected may name another one."""
    subject = f"{found.institution or ''}/{found.distributor or ''}"
    return next((one for one in known if one.key == found.key and one.subject == subject), None)


def raise_found(rule: CheckRule, found: Sequence[Finding], *, by: Actor, at: datetime) -> list[int]:
    """Store what somebody found, once for each key; what was let go before is open again with its new words.

    Returns:
        the row ids, in the order of the findings.

    """
    if not found:
        return []
    on, keys = day_in_china(at), [one.key or "" for one in found]
    known = _known(rule, keys)
    for one in found:
        record = _of(known, one)
        if record is None:
            continue
        record.grade, record.figures, record.formula = one.grade, one.written_figures(), one.formula
        record.last_seen = max(record.last_seen, on)
        if record.state in {FindingState.ENDED, FindingState.WAIVED}:
            record.state, record.ended_on, record.waived_at = FindingState.OPEN, None, None
            record.waive_reason, record.waived_by_id, record.waived_by_name = "", None, ""
            remember(record, FindingStep.REOPENED, as_of=on, at=at, by_name=by.name)
    db.session.flush()
    insert_new([one for one in found if _of(known, one) is None], Raised(), as_of=on, at=at)
    stored = _known(rule, keys)
    return [record.id for record in (_of(stored, one) for one in found) if record is not None]


def cure_found(rule: CheckRule, keys: Collection[str], *, on: date, by: Actor, at: datetime) -> int:
    """End open findings that somebody looked at again and found in order; how many."""
    ended = 0
    for record in _known(rule, keys):
        if record.state is FindingState.OPEN:
            record.state, record.ended_on = FindingState.ENDED, on
            record.last_seen = max(record.last_seen, on)
            remember(record, FindingStep.ENDED, as_of=on, at=at, by_name=by.name)
            ended += 1
    db.session.flush()
    return ended


def let_go_found(rule: CheckRule, keys: Collection[str], reason: str, *, by: Actor, at: datetime) -> int:
    """Waive the open findings of a record that is taken back; how many.

    Raises:
        StandsInACase: one of them stands in a case.

    """
    known = _known(rule, keys)
    ids = [one.id for one in known]
    if ids and db.session.scalar(select(exists().where(CaseFinding.finding_id.in_(ids)))):
        raise StandsInACase
    gone = 0
    for record in known:
        if record.state is FindingState.OPEN:
            record.state, record.waived_at, record.waive_reason = FindingState.WAIVED, at, reason
            record.waived_by_id, record.waived_by_name = by.user_id, by.name
            remember(record, FindingStep.WAIVED, as_of=day_in_china(at), at=at, by_name=by.name, note=reason)
            gone += 1
    db.session.flush()
    return gone
