"""One case from inside: its findings, letters, answers, files and everything that happened."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from sqlalchemy import select

from clinic_orders.models.base import db
from clinic_orders.models.cases import (
    CaseAnswer,
    CaseAttachment,
    CaseEvent,
    CaseFile,
    CaseFinding,
    CaseLetter,
)
from clinic_orders.models.supervision import FindingRecord
from clinic_orders.queries.cases.visible import OUT, cases_visible_to, letters_visible_to
from clinic_orders.queries.findings import FindingRow, findings_by
from clinic_orders.rules.ladder import LetterState
from clinic_orders.rules.parties import Actor


def findings_of(case_id: int, *, on: date) -> list[FindingRow]:
    """The findings in a case, the gravest and oldest first; one statement."""
    inside = select(CaseFinding.finding_id).where(CaseFinding.case_id == case_id)
    return findings_by(FindingRecord.id.in_(inside), on=on)


def case_by_id(case_id: int) -> CaseFile:
    """A case that the caller has found already."""
    return db.session.get_one(CaseFile, case_id)


def letters_of(case_id: int) -> Sequence[CaseLetter]:
    """The letters of a case, also proposed ones, the oldest first; those sent back stand in the events."""
    statement = (
        select(CaseLetter)
        .where(CaseLetter.case_id == case_id, CaseLetter.state != LetterState.SENT_BACK)
        .order_by(CaseLetter.id)
    )
    return db.session.scalars(statement).all()


def find_letter(letter_id: int, actor: Actor, *, on: date) -> CaseLetter | None:
    """A letter, if the actor may see it."""
    statement = select(CaseLetter).where(CaseLetter.id == letter_id, letters_visible_to(actor, on))
    return db.session.scalars(statement).one_or_none()


def letter_by_token(token: str) -> CaseLetter | None:
    """The letter that was issued with this token, for whoever verifies it."""
    if not token:
        return None
    statement = select(CaseLetter).where(CaseLetter.token == token, CaseLetter.state.in_(OUT))
    return db.session.scalars(statement).one_or_none()


def letter_by_number(number: str) -> CaseLetter | None:
    """The letter that was issued with this number, for whoever verifies it without its code."""
    if not number:
        return None
    statement = select(CaseLetter).where(CaseLetter.number == number, CaseLetter.state.in_(OUT))
    return db.session.scalars(statement).one_or_none()


class Filed(NamedTuple):
    """An answer with its files."""

    answer: CaseAnswer
    files: list[CaseAttachment]


def answers_of(case_id: int) -> list[Filed]:
    """What the party said in a case, the oldest first; two statements."""
    answers = db.session.scalars(
        select(CaseAnswer).where(CaseAnswer.case_id == case_id).order_by(CaseAnswer.id)
    ).all()
    files: dict[int, list[CaseAttachment]] = {}
    if answers:
        for one in db.session.scalars(
            select(CaseAttachment)
            .join(CaseAnswer, CaseAnswer.id == CaseAttachment.answer_id)
            .where(CaseAnswer.case_id == case_id)
            .order_by(CaseAttachment.id)
        ):
            files.setdefault(one.answer_id, []).append(one)
    return [Filed(answer, files.get(answer.id, [])) for answer in answers]


def events_of(case_id: int) -> Sequence[CaseEvent]:
    """What happened in a case, the newest first."""
    statement = select(CaseEvent).where(CaseEvent.case_id == case_id).order_by(CaseEvent.id.desc())
    return db.session.scalars(statement).all()


def find_attachment(attachment_id: int, actor: Actor, *, on: date) -> CaseAttachment | None:
    """A file of an answer, if the actor may see the case."""
    statement = (
        select(CaseAttachment)
        .join(CaseAnswer, CaseAnswer.id == CaseAttachment.answer_id)
        .join(CaseFile, CaseFile.id == CaseAnswer.case_id)
        .where(CaseAttachment.id == attachment_id, cases_visible_to(actor, on))
    )
    return db.session.scalars(statement).one_or_none()


def cases_of_findings(finding_ids: Sequence[int], actor: Actor, *, on: date) -> dict[int, str]:
    """By finding the number of the case in which it stands, if the actor may see that; one statement."""
    rows = db.session.execute(
        select(CaseFinding.finding_id, CaseFile.number)
        .join(CaseFile, CaseFile.id == CaseFinding.case_id)
        .where(CaseFinding.finding_id.in_(finding_ids), cases_visible_to(actor, on))
    )
    return {row.finding_id: row.number for row in rows}
