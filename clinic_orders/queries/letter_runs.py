"""Runs of many letters: which letters one would take, their texts, the list for a bureau."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import select

from clinic_orders.models.base import db
from clinic_orders.models.cases import CaseLetter
from clinic_orders.models.letter_runs import LetterRun
from clinic_orders.queries.cases import letters_visible_to
from clinic_orders.queries.paper_runs import RunList
from clinic_orders.rules.ladder import LetterState
from clinic_orders.rules.letters import LetterKind
from clinic_orders.rules.parties import Actor

RUNS: Final = RunList(
    LetterRun,
    (LetterRun.by_name,),
    {
        "at": LetterRun.requested_at,
        "by": LetterRun.by_name,
        "total": LetterRun.total,
        "first": LetterRun.first_day,
    },
)


@dataclass(frozen=True, slots=True)
class LettersChosen:
    """Which letters are printed: those of these days, of a kind or of all, perhaps only those not signed for."""

    first_day: date
    last_day: date
    kind: LetterKind | None = None
    unsigned_only: bool = False


def letters_chosen(chosen: LettersChosen, actor: Actor, *, on: date) -> list[int]:
    """The letters that a run would take, by number; one statement. Revoked ones are never printed."""
    letter = CaseLetter
    conditions = [
        letters_visible_to(actor, on),
        letter.state == LetterState.ISSUED,
        letter.issued_on >= chosen.first_day,
        letter.issued_on <= chosen.last_day,
    ]
    if chosen.kind is not None:
        conditions.append(letter.kind == chosen.kind)
    if chosen.unsigned_only:
        conditions.append(letter.received_at.is_(None))
    statement = select(letter.id).where(*conditions).order_by(letter.series, letter.serial, letter.id)
    return list(db.session.scalars(statement))


def texts_of(letter_ids: Sequence[int]) -> dict[int, str]:
    """The canonical texts of letters."""
    rows = db.session.execute(
        select(CaseLetter.id, CaseLetter.content).where(CaseLetter.id.in_(letter_ids))
    ).all()
    return dict(rows)
