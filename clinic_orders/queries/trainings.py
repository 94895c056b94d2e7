"""Records of training: an institution's own, and those of a bureau's scope, as one list (R-STAT-3)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Select, and_, func, select

from clinic_orders.models.base import db
from clinic_orders.models.roster import County, Institution, InstitutionRecord
from clinic_orders.models.trainings import TrainingRecord
from clinic_orders.queries.lists import with_words
from clinic_orders.queries.roster import current, institutions_of
from clinic_orders.rules.parties import Actor

TRAINING_SORTS = ("day", "name", "subject", "count", "hours")


@dataclass(frozen=True, slots=True)
class TrainingLine:
    """One line of the list."""

    id: int
    institution_id: int
    code: str
    name: str
    county: str
    day: date
    subject: str
    persons: str
    count: int
    hours: Decimal
    file_name: str
    recorded_at: datetime


def _lines(actor: Actor, words: str, year: int | None, on: date) -> Select[*tuple[Any, ...]]:
    record, row = InstitutionRecord, TrainingRecord
    statement: Select[*tuple[Any, ...]] = (
        select(
            row.id, row.institution_id, Institution.code, record.name, County.name.label("county"), row.day,
            row.subject, row.persons, row.persons_count, row.hours, row.file_name, row.recorded_at,
        )
        .join(Institution, Institution.id == row.institution_id)
        .join(record, and_(record.institution_id == Institution.id, current(record, on)))
        .join(County, County.code == record.county_code)
        .where(row.removed_at.is_(None), institutions_of(actor, row.institution_id, on))
    )  # fmt: skip
    statement = statement.where(*with_words(words, record.name, row.subject, row.persons, Institution.code))
    if year is not None:
        statement = statement.where(row.day >= date(year, 1, 1), row.day <= date(year, 12, 31))
    return statement


def count_trainings(actor: Actor, *, words: str = "", year: int | None = None, on: date) -> int:
    """How many records fit."""
    lines = _lines(actor, words, year, on).subquery()
    return db.session.scalar(select(func.count()).select_from(lines)) or 0


def training_lines(
    actor: Actor,
    *,
    words: str = "",
    year: int | None = None,
    on: date,
    sort: str = "-day",
    limit: int | None = None,
    offset: int = 0,
) -> list[TrainingLine]:
    """The records that fit."""
    row = TrainingRecord
    key = {
        "day": row.day,
        "name": InstitutionRecord.name,
        "subject": row.subject,
        "count": row.persons_count,
        "hours": row.hours,
    }[sort.removeprefix("-")]
    order = key.desc() if sort.startswith("-") else key.asc()
    rows = db.session.execute(
        _lines(actor, words, year, on).order_by(order, row.id.desc()).limit(limit).offset(offset)
    )
    return [TrainingLine(*tuple(line)) for line in rows]


def find_training(training_id: int, actor: Actor, *, on: date) -> TrainingRecord | None:
    """A record that the actor may read."""
    return db.session.scalar(
        select(TrainingRecord).where(
            TrainingRecord.id == training_id, institutions_of(actor, TrainingRecord.institution_id, on)
        )
    )
