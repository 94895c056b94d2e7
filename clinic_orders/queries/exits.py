"""Requests to leave: an institution's own, and those of the bureaus as a list (R-ROSTER-3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, and_, func, select

from clinic_orders.models.base import db
from clinic_orders.models.exits import ExitRequest
from clinic_orders.models.roster import County, Institution, InstitutionRecord
from clinic_orders.queries.lists import with_words
from clinic_orders.queries.roster import current, institutions_of
from clinic_orders.rules.exits import ExitState
from clinic_orders.rules.parties import Actor, InstitutionKind

EXIT_SORTS = ("asked", "name", "county", "state", "last")


@dataclass(frozen=True, slots=True)
class ExitLine:
    """One line of the list."""

    id: int
    institution_id: int
    code: str
    name: str
    kind: InstitutionKind
    county: str
    state: ExitState
    last_day: date
    reason: str
    asked_at: datetime
    answer: str
    version: int


def last_request(institution_id: int) -> ExitRequest | None:
    """The newest request of an institution."""
    return db.session.scalars(
        select(ExitRequest)
        .where(ExitRequest.institution_id == institution_id)
        .order_by(ExitRequest.id.desc())
        .limit(1)
    ).first()


def requests_of(institution_id: int) -> Sequence[ExitRequest]:
    """Every request of an institution, the newest first."""
    return db.session.scalars(
        select(ExitRequest)
        .where(ExitRequest.institution_id == institution_id)
        .order_by(ExitRequest.id.desc())
    ).all()


def _lines(actor: Actor, words: str, state: str, on: date) -> Select[*tuple[Any, ...]]:
    record = InstitutionRecord
    statement: Select[*tuple[Any, ...]] = (
        select(
            ExitRequest.id, ExitRequest.institution_id, Institution.code, record.name, record.kind,
            County.name.label("county"), ExitRequest.state, ExitRequest.last_day, ExitRequest.reason,
            ExitRequest.asked_at, ExitRequest.answer, ExitRequest.version,
        )
        .join(Institution, Institution.id == ExitRequest.institution_id)
        .join(record, and_(record.institution_id == Institution.id, current(record, on)))
        .join(County, County.code == record.county_code)
        .where(institutions_of(actor, ExitRequest.institution_id, on))
    )  # fmt: skip
    statement = statement.where(*with_words(words, record.name, Institution.code))
    if state in set(ExitState):
        statement = statement.where(ExitRequest.state == ExitState(state))
    return statement


def count_exits(actor: Actor, *, words: str = "", state: str = "", on: date) -> int:
    """How many requests fit."""
    lines = _lines(actor, words, state, on).subquery()
    return db.session.scalar(select(func.count()).select_from(lines)) or 0


def exit_lines(
    actor: Actor,
    *,
    words: str = "",
    state: str = "",
    on: date,
    sort: str = "-asked",
    limit: int | None = None,
    offset: int = 0,
) -> list[ExitLine]:
    """The requests that fit."""
    key = {
        "asked": ExitRequest.asked_at,
        "name": InstitutionRecord.name,
        "county": InstitutionRecord.county_code,
        "state": ExitRequest.state,
        "last": ExitRequest.last_day,
    }[sort.removeprefix("-")]
    order = key.desc() if sort.startswith("-") else key.asc()
    rows = db.session.execute(
        _lines(actor, words, state, on).order_by(order, ExitRequest.id.desc()).limit(limit).offset(offset)
    )
    return [ExitLine(*tuple(row)) for row in rows]
