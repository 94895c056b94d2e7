"""Open findings of a month that stand in no case yet, gathered by party (R-CASE-1, R-CASE-2)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, exists, func, select

from clinic_orders.models.base import db
from clinic_orders.models.cases import CaseFile, CaseFinding
from clinic_orders.models.clues import Clue, ClueParty
from clinic_orders.models.supervision import FindingRecord
from clinic_orders.queries.cases.lists import CaseRow
from clinic_orders.queries.findings import FindingRow, findings_by, findings_visible_to
from clinic_orders.rules.days import Month
from clinic_orders.rules.finding_states import BUREAU_ONLY, FindingState
from clinic_orders.rules.findings import CheckRule
from clinic_orders.rules.ladder import CaseState
from clinic_orders.rules.parties import Actor


class Party(NamedTuple):
    """Against whom a case is: exactly one of the two, by row id."""

    institution_id: int | None
    distributor_id: int | None


def accused(found: FindingRecord) -> Party:
    """Whom a finding is held against: the institution where it names one, else the distributor.

    A pack sold at several places accuses none of them until a clue on it has found one responsible (R-TRACE-3).
    """
    if found.institution_id is not None:
        return Party(found.institution_id, None)
    if found.distributor_id is not None:
        return Party(None, found.distributor_id)
    held = db.session.scalars(
        select(ClueParty.institution_id)
        .join(Clue, Clue.id == ClueParty.clue_id)
        .where(Clue.finding_id == found.id, ClueParty.held)
    ).all()
    return Party(held[0], None) if len(held) == 1 else Party(None, None)


def in_no_case() -> ColumnElement[bool]:
    """The condition that a finding stands in no case."""
    return ~exists(select(CaseFinding.finding_id).where(CaseFinding.finding_id == FindingRecord.id))


def _collectable(month: Month) -> list[ColumnElement[bool]]:
    """Open, proven findings of a month; a clue accuses nobody and is looked into by somebody first."""
    return [
        FindingRecord.state == FindingState.OPEN,
        FindingRecord.grade.not_in(BUREAU_ONLY),
        FindingRecord.first_seen.between(month.first_day, month.last_day),
        in_no_case(),
    ]


def parties_to_collect(month: Month, actor: Actor, *, on: date) -> list[Party]:
    """The parties against whom a month has findings in no case, of those that the actor may see."""
    # Of a finding that names both, the institution is the accused one.
    buyers = db.session.scalars(
        select(FindingRecord.institution_id)
        .where(
            *_collectable(month),
            findings_visible_to(actor, on),
            FindingRecord.institution_id.is_not(None),
        )
        .distinct()
        .order_by(FindingRecord.institution_id)
    )
    sellers = db.session.scalars(
        select(FindingRecord.distributor_id)
        .where(
            *_collectable(month),
            findings_visible_to(actor, on),
            FindingRecord.institution_id.is_(None),
            FindingRecord.distributor_id.is_not(None),
        )
        .distinct()
        .order_by(FindingRecord.distributor_id)
    )
    return [Party(buyer, None) for buyer in buyers] + [Party(None, seller) for seller in sellers]


def findings_to_collect(party: Party, month: Month, actor: Actor, *, on: date) -> Sequence[FindingRecord]:
    """The findings against a party of a month that stand in no case and that the actor may see, locked."""
    return db.session.scalars(
        select(FindingRecord)
        .where(*_collectable(month), of_party(party), findings_visible_to(actor, on))
        .order_by(FindingRecord.id)
        .with_for_update()
    ).all()


def of_party(party: Party) -> ColumnElement[bool]:
    """The condition that a finding is held against a party."""
    record = FindingRecord
    if party.institution_id is not None:
        return record.institution_id == party.institution_id
    return (record.distributor_id == party.distributor_id) & record.institution_id.is_(None)


def findings_beside(case: CaseRow, actor: Actor, *, on: date) -> list[FindingRow]:
    """Open findings against the party of a case that stand in no case; one statement."""
    party = Party(case.institution_id, case.distributor_id)
    return findings_by(
        and_(
            FindingRecord.state == FindingState.OPEN,
            of_party(party),
            in_no_case(),
            findings_visible_to(actor, on),
        ),
        on=on,
    )


def draft_of(party: Party, month: str) -> CaseFile | None:
    """The draft that collects a party's findings of a month, locked; None if there is none."""
    statement = (
        select(CaseFile)
        .where(
            CaseFile.institution_id == party.institution_id
            if party.institution_id is not None
            else CaseFile.distributor_id == party.distributor_id,
            CaseFile.month == month,
            CaseFile.state == CaseState.DRAFT,
        )
        .order_by(CaseFile.id)
        .limit(1)
        .with_for_update()
    )
    return db.session.scalars(statement).one_or_none()


def lagging_items(case_id: int) -> int:
    """How many items an institution lags behind with by the findings of a case, of whatever grade (R-VOL-4)."""
    statement = (
        select(func.count(FindingRecord.item_id.distinct()))
        .join(CaseFinding, CaseFinding.finding_id == FindingRecord.id)
        .where(
            CaseFinding.case_id == case_id,
            FindingRecord.rule == CheckRule.VOLUME_BEHIND,
            FindingRecord.institution_id.is_not(None),
            FindingRecord.state == FindingState.OPEN,
        )
    )
    return db.session.scalar(statement) or 0


def deadlines_over(today: date) -> list[int]:
    """The cases whose last day to answer is over without an answer, of which the bureau was not told yet."""
    statement = (
        select(CaseFile.id)
        .where(
            CaseFile.state.in_([CaseState.ISSUED, CaseState.RECEIVED]),
            CaseFile.deadline < today,
            CaseFile.reminded_of.is_(None) | (CaseFile.reminded_of != CaseFile.deadline),
        )
        .order_by(CaseFile.id)
    )
    return list(db.session.scalars(statement))


def rechecks_due(today: date) -> list[int]:
    """The cases whose re-check is due, of which the bureau was not told yet."""
    statement = (
        select(CaseFile.id)
        .where(
            CaseFile.state == CaseState.ACCEPTED,
            CaseFile.recheck_on <= today,
            CaseFile.reminded_of.is_(None) | (CaseFile.reminded_of != CaseFile.recheck_on),
        )
        .order_by(CaseFile.id)
    )
    return list(db.session.scalars(statement))
