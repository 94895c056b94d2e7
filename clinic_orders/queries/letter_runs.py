"""Runs of many letters: which letters one would take, whose turn it is, the list for a bureau."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import ColumnElement, false, func, select, true

from clinic_orders.models.base import db
from clinic_orders.models.cases import CaseLetter
from clinic_orders.models.letter_runs import LetterRun
from clinic_orders.queries.cases import letters_visible_to
from clinic_orders.queries.lists import with_words
from clinic_orders.rules.ladder import LetterState
from clinic_orders.rules.letter_runs import LetterRunState
from clinic_orders.rules.letters import LetterKind
from clinic_orders.rules.parties import Actor, Role

RUN_SORTS: Final = {
    "at": LetterRun.requested_at,
    "by": LetterRun.by_name,
    "total": LetterRun.total,
    "first": LetterRun.first_day,
}


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


def runs_visible_to(actor: Actor) -> ColumnElement[bool]:
    """The runs that a person may see: the city all, a county those of its own bureau."""
    if actor.role in {Role.CITY, Role.SYSTEM}:
        return true()
    if actor.role is Role.COUNTY:
        return LetterRun.county_code == actor.county_code
    return false()


def _conditions(actor: Actor, words: str, state: LetterRunState | None) -> list[ColumnElement[bool]]:
    conditions = [runs_visible_to(actor)]
    conditions += with_words(words, LetterRun.by_name)
    if state is not None:
        conditions.append(LetterRun.state == state)
    return conditions


def count_runs(actor: Actor, words: str = "", state: LetterRunState | None = None) -> int:
    """How many runs were asked for by somebody of this name and are in this state."""
    statement = select(func.count()).select_from(LetterRun).where(*_conditions(actor, words, state))
    return db.session.scalar(statement) or 0


def runs(
    actor: Actor,
    words: str = "",
    state: LetterRunState | None = None,
    *,
    sort: str = "-at",
    offset: int = 0,
    limit: int | None = None,
) -> Sequence[LetterRun]:
    """Those runs in an order of RUN_SORTS (``-`` = downwards)."""
    column = RUN_SORTS[sort.removeprefix("-")]
    order = column.desc() if sort.startswith("-") else column.asc()
    statement = (
        select(LetterRun).where(*_conditions(actor, words, state)).order_by(order, LetterRun.id.desc())
    )
    return db.session.scalars(statement.offset(offset).limit(limit)).all()


def find_run(number: int, actor: Actor) -> LetterRun | None:
    """One run, if the actor may see it."""
    return db.session.scalars(
        select(LetterRun).where(LetterRun.id == number, runs_visible_to(actor))
    ).one_or_none()
