"""Who did what: the part of the history that each party may read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import ColumnElement, and_, false, func, or_, select, true

from clinic_orders.models.audit import AuditEntry
from clinic_orders.models.base import db
from clinic_orders.rules.days import start_of_day
from clinic_orders.rules.parties import Actor, Role


def entries_visible_to(actor: Actor) -> ColumnElement[bool]:
    """The condition that keeps the entries of the actor's own matters.

    An institution and a distributor read what concerns them, by whomever it was done, but not the log-ins of
    officials; a county its county; the city and the operator everything.
    """
    if actor.role in {Role.CITY, Role.OPERATOR, Role.SYSTEM}:
        return true()
    if actor.role is Role.COUNTY:
        return AuditEntry.county_code == actor.county_code
    if actor.role is Role.DISTRIBUTOR:
        return AuditEntry.distributor_id == actor.distributor_id
    if actor.institution_id is not None:
        return AuditEntry.institution_id == actor.institution_id
    return false()


@dataclass(frozen=True, slots=True)
class Filter:
    """What of the history is wanted; empty values ask for everything.

    Attributes:
        deed: the name of the action's function.
        person: part of the name of who did it.
        subject: part of the name of the record, for example an order number.
        subject_type: the table's word.
        first: first day in Asia/Shanghai.
        last: last day, included.

    """

    deed: str = ""
    person: str = ""
    subject: str = ""
    subject_type: str = ""
    first: date | None = None
    last: date | None = None


def _conditions(actor: Actor, wanted: Filter) -> list[ColumnElement[bool]]:
    conditions = [entries_visible_to(actor)]
    if wanted.deed:
        conditions.append(AuditEntry.deed == wanted.deed)
    if wanted.subject_type:
        conditions.append(AuditEntry.subject_type == wanted.subject_type)
    if wanted.person:
        conditions.append(
            or_(
                AuditEntry.actor_name.icontains(wanted.person, autoescape=True),
                AuditEntry.org_name.icontains(wanted.person, autoescape=True),
            )
        )
    if wanted.subject:
        conditions.append(AuditEntry.subject.icontains(wanted.subject, autoescape=True))
    if wanted.first is not None:
        conditions.append(AuditEntry.at >= start_of_day(wanted.first))
    if wanted.last is not None:
        conditions.append(AuditEntry.at < start_of_day(wanted.last + timedelta(days=1)))
    return conditions


def count_entries(actor: Actor, wanted: Filter) -> int:
    """How many entries fit."""
    return (
        db.session.scalar(
            select(func.count()).select_from(AuditEntry).where(and_(*_conditions(actor, wanted)))
        )
        or 0
    )


def entries(
    actor: Actor,
    wanted: Filter,
    *,
    newest_first: bool = True,
    offset: int = 0,
    limit: int | None = None,
) -> Sequence[AuditEntry]:
    """The entries that fit, by time; one statement."""
    order = (AuditEntry.at.desc(), AuditEntry.id.desc()) if newest_first else (AuditEntry.at, AuditEntry.id)
    return db.session.scalars(
        select(AuditEntry).where(*_conditions(actor, wanted)).order_by(*order).offset(offset).limit(limit)
    ).all()


def deeds_known(actor: Actor) -> Sequence[str]:
    """The deeds in the actor's part of the history, for the filter."""
    return db.session.scalars(
        select(AuditEntry.deed).where(entries_visible_to(actor)).distinct().order_by(AuditEntry.deed)
    ).all()
