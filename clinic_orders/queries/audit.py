"""Who did what: the part of the history that each party may read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import ColumnElement, and_, false, func, or_, select, true, union_all

from clinic_orders.models.accounts import User
from clinic_orders.models.audit import AuditEntry
from clinic_orders.models.base import db
from clinic_orders.models.roster import County, Distributor, Institution, InstitutionRecord
from clinic_orders.queries.audit_chain import BATCH
from clinic_orders.rules.days import start_of_day
from clinic_orders.rules.parties import Actor, Role
from clinic_orders.rules.privacy import pseudonym

_FORGOTTEN = select(User.id).where(User.forgotten_at.is_not(None))
# Persons whose term is over are numbers by now (decision 0056); neither condition is ever NULL.
_done_by_nobody = func.coalesce(AuditEntry.user_id, 0).in_(_FORGOTTEN)
_about_nobody = and_(
    AuditEntry.subject_type == "account", func.coalesce(AuditEntry.subject_id, 0).in_(_FORGOTTEN)
)


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
        organisation: part of the name, or the code, of the organisation that did it or whose matter it is.
        subject: part of the name of the record, for example an order number.
        subject_type: the table's word.
        first: first day in Asia/Shanghai.
        last: last day, included.
        batch: the number of the imported file in whose course it was done, or that it tells of.

    """

    deed: str = ""
    person: str = ""
    organisation: str = ""
    subject: str = ""
    subject_type: str = ""
    first: date | None = None
    last: date | None = None
    batch: int | None = None


def _conditions(actor: Actor, wanted: Filter) -> list[ColumnElement[bool]]:
    conditions = [entries_visible_to(actor)]
    if wanted.deed:
        conditions.append(AuditEntry.deed == wanted.deed)
    if wanted.subject_type:
        conditions.append(AuditEntry.subject_type == wanted.subject_type)
    if wanted.batch is not None:
        told = and_(AuditEntry.subject_type == BATCH, AuditEntry.subject_id == wanted.batch)
        conditions.append(or_(AuditEntry.batch_id == wanted.batch, told))
    if wanted.person:
        conditions.append(AuditEntry.actor_name.icontains(wanted.person, autoescape=True))
        conditions.append(~_done_by_nobody)
    if wanted.organisation:
        conditions.append(_of_organisation(wanted.organisation))
    if wanted.subject:
        conditions.append(AuditEntry.subject.icontains(wanted.subject, autoescape=True))
        conditions.append(~_about_nobody)
    if wanted.first is not None:
        conditions.append(AuditEntry.at >= start_of_day(wanted.first))
    if wanted.last is not None:
        conditions.append(AuditEntry.at < start_of_day(wanted.last + timedelta(days=1)))
    return conditions


def _of_organisation(words: str) -> ColumnElement[bool]:
    """Entries done by, or about, an institution, distributor or bureau of this name or code."""
    institutions = (
        select(Institution.id)
        .join(InstitutionRecord, InstitutionRecord.institution_id == Institution.id)
        .where(or_(InstitutionRecord.name.icontains(words, autoescape=True), Institution.code == words))
    )
    distributors = select(Distributor.id).where(
        or_(Distributor.name.icontains(words, autoescape=True), Distributor.code == words)
    )
    return or_(
        AuditEntry.org_name.icontains(words, autoescape=True),
        AuditEntry.institution_id.in_(institutions),
        AuditEntry.distributor_id.in_(distributors),
    )


def names_of(codes: Iterable[str]) -> dict[str, str]:
    """The names of the counties, distributors and institutions of these codes, as of now; one statement for a page."""
    wanted, found = sorted(set(codes)), dict[str, str]()
    for first in range(0, max(len(wanted), 1), 500):
        part = wanted[first : first + 500]
        statement = union_all(
            select(County.code, County.name).where(County.code.in_(part)),
            select(Distributor.code, Distributor.name).where(Distributor.code.in_(part)),
            select(Institution.code, InstitutionRecord.name)
            .join(InstitutionRecord, InstitutionRecord.institution_id == Institution.id)
            .where(Institution.code.in_(part), InstitutionRecord.valid_before.is_(None)),
        )
        found |= {row[0]: row[1] for row in db.session.execute(statement)}
    return found


def subject_types_known(actor: Actor) -> Sequence[str]:
    """The kinds of records in the actor's part of the history, for the filter."""
    return db.session.scalars(
        select(AuditEntry.subject_type)
        .where(entries_visible_to(actor))
        .distinct()
        .order_by(AuditEntry.subject_type)
    ).all()


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
    rows = db.session.execute(
        select(AuditEntry, _done_by_nobody, _about_nobody)
        .where(*_conditions(actor, wanted))
        .order_by(*order)
        .offset(offset)
        .limit(limit)
    )
    return [
        _without_person(entry, actor=done, subject=about) if done or about else entry
        for entry, done, about in rows
    ]


_ABOUT_A_PERSON = frozenset({"name", "phone", "username", "device"})


def _without_person(entry: AuditEntry, *, actor: bool, subject: bool) -> AuditEntry:
    """An entry for reading in which a person whose term is over is a number; what is sealed stays as it is."""
    db.session.expunge(entry)
    if actor and entry.user_id is not None:
        entry.actor_name = pseudonym(entry.user_id)
    if subject and entry.subject_id is not None:
        entry.subject = pseudonym(entry.subject_id)
        for side in ("before", "after"):
            facts = getattr(entry, side)
            if facts is not None:
                setattr(
                    entry, side, {key: value for key, value in facts.items() if key not in _ABOUT_A_PERSON}
                )
    return entry


def times_done(actor: Actor, deed: str) -> int:
    """How often the person has done a deed: rises with each, so that a phone knows what of its own was sent."""
    # Counted, not the newest id: that is looked for from the end of the whole history.
    found = select(func.count()).where(AuditEntry.user_id == actor.user_id, AuditEntry.deed == deed)
    return int(db.session.scalar(found) or 0)


def deeds_known(actor: Actor) -> Sequence[str]:
    """The deeds in the actor's part of the history, for the filter."""
    return db.session.scalars(
        select(AuditEntry.deed).where(entries_visible_to(actor)).distinct().order_by(AuditEntry.deed)
    ).all()
