"""The inbox of a party: what it was told, and how much of it nobody has read."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

from sqlalchemy import ColumnElement, Select, Text, and_, bindparam, false, func, or_, select
from sqlalchemy import cast as sql_cast

from clinic_orders.models.base import db
from clinic_orders.models.notices import Notice
from clinic_orders.queries.counting import Question, numbers
from clinic_orders.queries.lists import stands_in
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


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which notices are wanted; empty values ask for all.

    Attributes:
        kind: the stable word of the notice.
        unread: only those that nobody has opened.
        words: each must stand in the notice's facts, or belong to its kind.
        titled: for each word the kinds whose name has it; names are a matter of the reader's language.

    """

    kind: str = ""
    unread: bool = False
    words: tuple[str, ...] = ()
    titled: tuple[Collection[str], ...] = ()


def _conditions(actor: Actor, wanted: Wanted) -> list[ColumnElement[bool]]:
    conditions = [notices_of(actor)]
    if wanted.kind:
        conditions.append(Notice.kind == wanted.kind)
    if wanted.unread:
        conditions.append(Notice.read_at.is_(None))
    facts = sql_cast(Notice.facts, Text)
    for number, word in enumerate(wanted.words):
        # Facts are kept as JSON, in which Chinese characters stand as their numbers.
        written = json.dumps(word)[1:-1]
        found = [stands_in(written, facts)]
        if number < len(wanted.titled) and wanted.titled[number]:
            found.append(Notice.kind.in_(wanted.titled[number]))
        conditions.append(or_(*found))
    return conditions


def count_notices(actor: Actor, wanted: Wanted | None = None) -> int:
    """How many notices of the actor's organisation fit."""
    conditions = _conditions(actor, wanted or Wanted())
    return db.session.scalar(select(func.count()).select_from(Notice).where(*conditions)) or 0


@cache
def _count_unread(party: str) -> Select[int]:
    return (
        select(func.count())
        .select_from(Notice)
        .where(_addressed(party, bindparam("party")), Notice.read_at.is_(None))
    )


def unread_question(actor: Actor) -> Question:
    """How many notices of the actor's organisation nobody has opened, to be asked with other numbers."""
    party, value = _party(actor)
    return Question(_count_unread(party), {"party": value} if value is not None else {})


def count_unread(actor: Actor) -> int:
    """How many notices of the actor's organisation nobody has opened."""
    return numbers([unread_question(actor)])[0]


def inbox(
    actor: Actor,
    wanted: Wanted | None = None,
    *,
    newest_first: bool = True,
    offset: int = 0,
    limit: int | None = None,
) -> Sequence[Notice]:
    """The notices of the actor's organisation that fit, unread ones first."""
    by_time = (Notice.created_at.desc(), Notice.id.desc()) if newest_first else (Notice.created_at, Notice.id)
    return db.session.scalars(
        select(Notice)
        .where(*_conditions(actor, wanted or Wanted()))
        .order_by(Notice.read_at.is_not(None), *by_time)
        .offset(offset)
        .limit(limit)
    ).all()


def kinds_in_inbox(actor: Actor) -> Sequence[str]:
    """The kinds of notices that the organisation has got, for the filter."""
    return db.session.scalars(
        select(Notice.kind).where(notices_of(actor)).distinct().order_by(Notice.kind)
    ).all()
