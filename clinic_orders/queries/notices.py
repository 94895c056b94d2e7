"""The inbox of a party: what it was told, and how much of it nobody has read."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, cast

from sqlalchemy import ColumnElement, Select, and_, bindparam, false, func, select

from clinic_orders.models.base import db
from clinic_orders.models.notices import Notice
from clinic_orders.rules.parties import Actor, Role


def _party(actor: Actor) -> tuple[str, int | str | None]:
    """Which column names the actor's organisation, and what stands in it."""
    if actor.institution_id is not None:
        return "institution_id", actor.institution_id
    if actor.role is Role.DISTRIBUTOR:
        return "distributor_id", actor.distributor_id
    if actor.role is Role.COUNTY:
        return "county_code", actor.county_code
    return ("city", None) if actor.role is Role.CITY else ("nobody", None)


def _addressed(party: str, value: Any) -> ColumnElement[bool]:
    if party == "nobody":
        return false()
    if party == "city":
        return and_(
            Notice.institution_id.is_(None), Notice.distributor_id.is_(None), Notice.county_code.is_(None)
        )
    return cast("ColumnElement[bool]", getattr(Notice, party) == value)


def notices_of(actor: Actor) -> ColumnElement[bool]:
    """The condition that keeps the notices addressed to the actor's organisation."""
    return _addressed(*_party(actor))


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


@cache
def _count_unread(party: str) -> Select[int]:
    return (
        select(func.count())
        .select_from(Notice)
        .where(_addressed(party, bindparam("party")), Notice.read_at.is_(None))
    )


def count_unread(actor: Actor) -> int:
    """How many notices of the actor's organisation nobody has opened; every page asks, so it is made once."""
    party, value = _party(actor)
    return db.session.connection().scalar(_count_unread(party), {"party": value}) or 0


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
