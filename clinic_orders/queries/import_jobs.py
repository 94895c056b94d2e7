"""Imports behind the scenes: the list, one of them, whose turn it is, and who may still import."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Final

from sqlalchemy import ColumnElement, func, select

from clinic_orders.models.base import db
from clinic_orders.models.import_jobs import ImportJob
from clinic_orders.queries import background
from clinic_orders.queries.accounts import Principal, posts_of, principal
from clinic_orders.queries.lists import with_words
from clinic_orders.rules.import_jobs import IMPORT, ImportState
from clinic_orders.rules.parties import GRANTS, Permission

JOB_SORTS: Final = {
    "at": ImportJob.requested_at,
    "kind": ImportJob.kind,
    "filename": ImportJob.filename,
    "size": ImportJob.size,
    "rows": ImportJob.rows,
    "by": ImportJob.by_name,
}


def _conditions(words: str, kind: str, state: ImportState | None) -> list[ColumnElement[bool]]:
    conditions = with_words(words, ImportJob.filename, ImportJob.by_name)
    if kind:
        conditions.append(ImportJob.kind == kind)
    if state is not None:
        conditions.append(ImportJob.state == state)
    return conditions


def count_jobs(words: str = "", kind: str = "", state: ImportState | None = None) -> int:
    """How many files have all the words in their name or their importer's, are of a kind and in a state."""
    statement = select(func.count()).select_from(ImportJob).where(*_conditions(words, kind, state))
    return db.session.scalar(statement) or 0


def import_jobs(
    words: str = "",
    kind: str = "",
    state: ImportState | None = None,
    *,
    sort: str = "-at",
    offset: int = 0,
    limit: int | None = None,
) -> Sequence[ImportJob]:
    """Those files in an order of JOB_SORTS (``-`` = downwards)."""
    column = JOB_SORTS[sort.removeprefix("-")]
    order = column.desc() if sort.startswith("-") else column.asc()
    statement = select(ImportJob).where(*_conditions(words, kind, state)).order_by(order, ImportJob.id.desc())
    return db.session.scalars(statement.offset(offset).limit(limit)).all()


def import_job(number: int) -> ImportJob | None:
    """One of them."""
    return db.session.get(ImportJob, number)


def to_claim(at: datetime, alive: Collection[int] = ()) -> ColumnElement[bool]:
    """The condition of the imports that a process may take: their hour has come, or their process has died.

    Args:
        at: now.
        alive: numbers of those whose process has shown beside the database that it lives.

    """
    return background.to_claim(ImportJob, at, ready=ImportJob.run_after <= at, alive=alive)


def claimable(at: datetime) -> Sequence[tuple[int, str, ImportState]]:
    """Number, token and state of those imports, the oldest first; for some the process may still live."""
    rows = db.session.execute(
        select(ImportJob.id, ImportJob.token, ImportJob.state).where(to_claim(at)).order_by(ImportJob.id)
    )
    return [(row.id, row.token, row.state) for row in rows]


def attempt_in_work(number: int) -> int | None:
    """Which attempt is at work on an import; None if none is (any more)."""
    return db.session.scalar(
        select(ImportJob.attempt).where(ImportJob.id == number, ImportJob.state.in_(IMPORT.running))
    )


def tried_until(at: datetime) -> Sequence[int]:
    """Numbers of the files that were tried until an instant and wait for somebody to have them stored."""
    return db.session.scalars(
        select(ImportJob.id)
        .where(ImportJob.state == ImportState.TRIED, ImportJob.tried_at <= at)
        .order_by(ImportJob.id)
    ).all()


def importer_of(user_id: int, on: date) -> Principal | None:
    """The person in a role that may import files on a day; None if there is none any more."""
    for post in posts_of(user_id, on=on):
        if Permission.FILES_IMPORT in GRANTS[post.role]:
            return principal(user_id, post.assignment_id, on=on)
    return None


def has_one_writer() -> bool:
    """Whether the database lets one write at a time, so that others wait while a file is stored (SQLite)."""
    return db.session.get_bind().dialect.name == "sqlite"
