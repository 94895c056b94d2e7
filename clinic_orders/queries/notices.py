"""The inbox of a party: what it was told, and how much of it nobody has read."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, false, func, select

from clinic_orders.models.base import db
from clinic_orders.models.notices import Notice
from clinic_orders.rules.parties import Actor, Role


def notices_of(actor: Actor) -> ColumnElement[bool]:
    """The condition that keeps the notices addressed to the actor's organisation."""
    if actor.institution_id is not None:
        return Notice.institution_id == actor.institution_id
    if actor.role is Role.DISTRIBUTOR:
        return Notice.distributor_id == actor.distributor_id
    if actor.role is Role.COUNTY:
        return Notice.county_code == actor.county_code
    if actor.role is Role.CITY:
        return and_(
            Notice.institution_id.is_(None), Notice.distributor_id.is_(None), Notice.county_code.is_(None)
        )
    return false()


def _wanted(actor: Actor, kind: str, unread: bool) -> list[ColumnElement[bool]]:
    conditions = [notices_of(actor)]
    if kind:
        conditions.append(Notice.kind == kind)
    if unread:
        conditions.append(Notice.read_at.is_(None))
    return conditions


def count_notices(actor: Actor, *, kind: str = "", unread: bool = False) -> int:
    """How many notices the actor's organisation has; ``unread``: that nobody has opened."""
    return (
        db.session.scalar(select(func.count()).select_from(Notice).where(*_wanted(actor, kind, unread))) or 0
    )


def inbox(
    actor: Actor,
    *,
    kind: str = "",
    unread: bool = False,
    newest_first: bool = True,
    offset: int = 0,
    limit: int | None = None,
) -> Sequence[Notice]:
    """The notices of the actor's organisation, unread ones first."""
    by_time = (Notice.created_at.desc(), Notice.id.desc()) if newest_first else (Notice.created_at, Notice.id)
    return db.session.scalars(
        select(Notice)
        .where(*_wanted(actor, kind, unread))
        .order_by(Notice.read_at.is_not(None), *by_time)
        .offset(offset)
        .limit(limit)
    ).all()


def kinds_in_inbox(actor: Actor) -> Sequence[str]:
    """The kinds of notices that the organisation has got, for the filter."""
    return db.session.scalars(
        select(Notice.kind).where(notices_of(actor)).distinct().order_by(Notice.kind)
    ).all()
