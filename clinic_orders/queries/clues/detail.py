"""One clue from inside: answers, checks, measures and everything that happened (R-TRACE-3)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from sqlalchemy import and_, func, select

from clinic_orders.models.base import db
from clinic_orders.models.clues import (
    Clue,
    ClueAnswer,
    ClueEvent,
    ClueEvidence,
    ClueMeasure,
    ClueTransfer,
    TransferredClue,
)
from clinic_orders.models.roster import InstitutionRecord
from clinic_orders.queries.clues.visible import clues_visible_to
from clinic_orders.queries.roster import current
from clinic_orders.rules.clues import ClueStep
from clinic_orders.rules.parties import BUYER_ROLES, Actor


class AnswerRow(NamedTuple):
    """An answer with the institution's name and its files."""

    answer: ClueAnswer
    institution: str
    files: list[ClueEvidence]


class EventRow(NamedTuple):
    """Something that happened, with the evidence of a check."""

    event: ClueEvent
    files: list[ClueEvidence]


def clue_by_id(clue_id: int) -> Clue:
    """The record of a clue that was found already."""
    return db.session.get_one(Clue, clue_id)


def clue_id_of(number: str) -> int:
    """The row id of a clue that was found already."""
    return db.session.scalars(select(Clue.id).where(Clue.number == number)).one()


def evidence_of(clue_id: int) -> Sequence[ClueEvidence]:
    """All files of a clue, the oldest first."""
    statement = select(ClueEvidence).where(ClueEvidence.clue_id == clue_id).order_by(ClueEvidence.id)
    return db.session.scalars(statement).all()


def answers_of(
    clue_id: int, files: Sequence[ClueEvidence], *, on: date, institution_id: int | None = None
) -> list[AnswerRow]:
    """What was answered, the newest first; of one institution where it is given."""
    record = InstitutionRecord
    statement = (
        select(ClueAnswer, func.coalesce(record.name, ""))
        .outerjoin(record, and_(record.institution_id == ClueAnswer.institution_id, current(record, on)))
        .where(ClueAnswer.clue_id == clue_id)
        .order_by(ClueAnswer.id.desc())
    )
    if institution_id is not None:
        statement = statement.where(ClueAnswer.institution_id == institution_id)
    return [
        AnswerRow(answer, name, [one for one in files if one.answer_id == answer.id])
        for answer, name in db.session.execute(statement)
    ]


def events_of(clue_id: int, files: Sequence[ClueEvidence]) -> list[EventRow]:
    """What happened to a clue, the newest first."""
    statement = select(ClueEvent).where(ClueEvent.clue_id == clue_id).order_by(ClueEvent.id.desc())
    return [
        EventRow(event, [one for one in files if one.event_id == event.id])
        for event in db.session.scalars(statement)
    ]


def question_of(clue_id: int) -> str:
    """What the bureau asked besides when it last asked for a self-check."""
    statement = (
        select(ClueEvent.note)
        .where(ClueEvent.clue_id == clue_id, ClueEvent.step == ClueStep.ASK)
        .order_by(ClueEvent.id.desc())
        .limit(1)
    )
    return db.session.scalars(statement).one_or_none() or ""


def measures_of(clue_id: int) -> Sequence[ClueMeasure]:
    """The measures that were taken, the oldest first."""
    statement = select(ClueMeasure).where(ClueMeasure.clue_id == clue_id).order_by(ClueMeasure.id)
    return db.session.scalars(statement).all()


def transfer_of(clue_id: int) -> str | None:
    """The number of the list by which a clue was handed over."""
    return db.session.scalars(
        select(ClueTransfer.number)
        .join(TransferredClue, TransferredClue.transfer_id == ClueTransfer.id)
        .where(TransferredClue.clue_id == clue_id)
    ).one_or_none()


def find_evidence(evidence_id: int, actor: Actor, *, on: date) -> ClueEvidence | None:
    """A file of a clue: for the bureau all of them, for an institution those that it sent in itself."""
    statement = (
        select(ClueEvidence)
        .join(Clue, Clue.id == ClueEvidence.clue_id)
        .where(ClueEvidence.id == evidence_id, clues_visible_to(actor, on))
    )
    if actor.role in BUYER_ROLES:
        statement = statement.join(ClueAnswer, ClueAnswer.id == ClueEvidence.answer_id).where(
            ClueAnswer.institution_id == actor.institution_id
        )
    return db.session.scalars(statement).one_or_none()


def clues_of_findings(finding_ids: Sequence[int], actor: Actor, *, on: date) -> dict[int, str]:
    """By finding the number of the clue that looks into it, if the actor may see that; one statement."""
    rows = db.session.execute(
        select(Clue.finding_id, Clue.number).where(
            Clue.finding_id.in_(finding_ids), clues_visible_to(actor, on)
        )
    )
    return {row.finding_id: row.number for row in rows if row.finding_id is not None}
