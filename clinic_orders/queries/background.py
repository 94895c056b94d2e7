"""Work behind the scenes: whose turn it is, how much is open, and how the work of a folder stands."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select, true

from clinic_orders.models.background import Work
from clinic_orders.models.base import db
from clinic_orders.rules.background import SILENT_AFTER


def to_claim(
    kind: type[Work],
    at: datetime,
    *,
    ready: ColumnElement[bool] | None = None,
    alive: Collection[int] = (),
) -> ColumnElement[bool]:
    """The condition of the work that a process may take: its turn has come, or its process has died.

    Args:
        kind: of which kind.
        at: now.
        ready: when waiting work may be begun; always, if nothing is said.
        alive: numbers of what is in hand of a process that has shown beside the database that it lives.

    """
    waits = and_(kind.state == kind.course.waiting, true() if ready is None else ready)
    left = and_(
        kind.state.in_(kind.course.running),
        kind.heartbeat_at < at - SILENT_AFTER,
        kind.id.not_in(alive),
    )
    return or_(waits, left)


def any_to_claim(kind: type[Work], at: datetime) -> bool:
    """Whether a process has anything of a kind to take."""
    return db.session.scalar(select(kind.id).where(to_claim(kind, at)).limit(1)) is not None


def count_open(kind: type[Work], *among: ColumnElement[bool]) -> int:
    """How much work of a kind is still to be ended by a process."""
    statement = select(func.count()).select_from(kind)
    return db.session.scalar(statement.where(kind.state.in_(kind.course.open), *among)) or 0


def ends_by_token(kind: type[Work], tokens: Collection[str]) -> dict[str, tuple[Any, datetime | None]]:
    """State and end of the work with these folders."""
    rows = db.session.execute(select(kind.token, kind.state, kind.ended_at).where(kind.token.in_(tokens)))
    return {row.token: (row.state, row.ended_at) for row in rows}
