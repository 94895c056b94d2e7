"""Complaints as the bureau's list and pages show them, and as the citizen with the number sees one (R-CASE-5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, bindparam, case, false, func, or_, select, true

from clinic_orders.models.base import db
from clinic_orders.models.complaints import Complaint, ComplaintEvent, ComplaintPhoto
from clinic_orders.models.roster import County, Institution, InstitutionRecord
from clinic_orders.queries.counting import Question
from clinic_orders.queries.lists import with_words
from clinic_orders.queries.roster import current, institutions_of
from clinic_orders.rules.complaints import (
    WAITING,
    ComplaintKind,
    ComplaintSide,
    ComplaintState,
    is_late,
    tracking_number,
)
from clinic_orders.rules.parties import BUREAU_ROLES, Actor, Role


def complaints_visible_to(actor: Actor) -> ColumnElement[bool]:
    """The complaints that a bureau may see: the city all, a county those that it was given."""
    if actor.role in {Role.CITY, Role.SYSTEM}:
        return true()
    if actor.role is Role.COUNTY:
        return Complaint.county_code == actor.county_code
    return false()


def sides_of(actor: Actor) -> frozenset[ComplaintSide]:
    """What somebody of a bureau is to a complaint that they see."""
    if actor.role is Role.CITY:
        return frozenset({ComplaintSide.OFFICER, ComplaintSide.CITY})
    return frozenset({ComplaintSide.OFFICER}) if actor.role in BUREAU_ROLES else frozenset()


@dataclass(frozen=True, slots=True)
class ComplaintsWanted:
    """Which complaints a list shows; empty = all.

    Attributes:
        words: of number, place, institution, item or what was said.
        state: "waiting" (the default), "late", a state's value, or "all".
        kind: what they are about.
        county: which county looks into them.

    """

    words: str = ""
    state: str = "waiting"
    kind: ComplaintKind | None = None
    county: str = ""


class ComplaintRow(NamedTuple):
    """A complaint with the names that belong to it."""

    id: int
    number: str
    kind: ComplaintKind
    place: str
    item: str
    words: str
    happened_on: date | None
    contact: str
    institution_id: int | None
    institution_code: str
    institution: str
    county_code: str | None
    county: str
    state: ComplaintState
    filed_at: datetime
    deadline: date | None
    deadline_confirmed: bool
    answer: str
    answered_at: datetime | None
    answered_by_name: str
    finding_id: int | None
    version: int

    def late_on(self, today: date) -> bool:
        """Whether it waits beyond its last day."""
        return is_late(self.state, self.deadline, confirmed=self.deadline_confirmed, today=today)


SORTS = ("filed", "deadline", "place", "county", "kind")
_WAITS = Complaint.state.in_(sorted(WAITING))


def _late(today: date) -> ColumnElement[bool]:
    """``rules.complaints.is_late`` in SQL (R-CASE-5)."""
    return and_(_WAITS, Complaint.deadline_confirmed, Complaint.deadline < today)


def _conditions(actor: Actor, on: date, wanted: ComplaintsWanted) -> list[ColumnElement[bool]]:
    conditions = [complaints_visible_to(actor)]
    if wanted.state == "waiting":
        conditions.append(_WAITS)
    elif wanted.state == "late":
        conditions.append(_late(on))
    elif wanted.state in set(ComplaintState):
        conditions.append(Complaint.state == ComplaintState(wanted.state))
    if wanted.kind is not None:
        conditions.append(Complaint.kind == wanted.kind)
    if wanted.county:
        conditions.append(Complaint.county_code == (None if wanted.county == "-" else wanted.county))
    conditions += with_words(
        wanted.words,
        Complaint.number,
        Complaint.place,
        Complaint.item,
        Complaint.words,
        InstitutionRecord.name,
    )
    return conditions


def _with_names(statement: Select[*tuple[Any, ...]], on: date) -> Select[*tuple[Any, ...]]:
    state = InstitutionRecord
    return (
        statement.outerjoin(Institution, Institution.id == Complaint.institution_id)
        .outerjoin(state, and_(state.institution_id == Complaint.institution_id, current(state, on)))
        .outerjoin(County, County.code == Complaint.county_code)
    )


def _listed(on: date) -> Select[*tuple[Any, ...]]:
    found = Complaint
    return _with_names(
        select(
            found.id,
            found.number,
            found.kind,
            found.place,
            found.item,
            found.words,
            found.happened_on,
            found.contact,
            found.institution_id,
            func.coalesce(Institution.code, ""),
            func.coalesce(InstitutionRecord.name, ""),
            found.county_code,
            func.coalesce(County.name, ""),
            found.state,
            found.filed_at,
            found.deadline,
            found.deadline_confirmed,
            found.answer,
            found.answered_at,
            found.answered_by_name,
            found.finding_id,
            found.version,
        ).select_from(found),
        on,
    )


def complaints(
    actor: Actor,
    *,
    on: date,
    wanted: ComplaintsWanted,
    sort: str = "deadline",
    limit: int | None = None,
    offset: int = 0,
) -> list[ComplaintRow]:
    """The complaints of a page or a file; one statement. What has no last day stands behind what has one."""
    found = Complaint
    columns: dict[str, list[Any]] = {
        "filed": [found.filed_at],
        "deadline": [case((found.deadline.is_(None), 1), else_=0), found.deadline],
        "place": [found.place],
        "county": [func.coalesce(County.name, "")],
        "kind": [found.kind],
    }
    chosen = columns[sort.removeprefix("-")]
    order = [column.desc() if sort.startswith("-") else column.asc() for column in chosen]
    order += [found.filed_at.asc(), found.id.asc()]
    statement = _listed(on).where(*_conditions(actor, on, wanted)).order_by(*order)
    rows = db.session.execute(statement.limit(limit).offset(offset))
    return [ComplaintRow._make(row) for row in rows]


def count_complaints(actor: Actor, *, on: date, wanted: ComplaintsWanted) -> int:
    """How many complaints the filters leave."""
    statement = _with_names(select(func.count()).select_from(Complaint), on)
    return db.session.scalar(statement.where(*_conditions(actor, on, wanted))) or 0


def find_complaint(number: str, actor: Actor, *, on: date) -> ComplaintRow | None:
    """One complaint, if the actor may see it."""
    row = db.session.execute(
        _listed(on).where(Complaint.number == number, complaints_visible_to(actor))
    ).one_or_none()
    return None if row is None else ComplaintRow._make(row)


def complaint_by_tracking(typed: str) -> Complaint | None:
    """The complaint with a citizen's number, however it was typed; None if there is none."""
    number = tracking_number(typed)
    if not number:
        return None
    return db.session.scalars(select(Complaint).where(Complaint.tracking == number)).one_or_none()


def photos_of(complaint_id: int) -> Sequence[ComplaintPhoto]:
    """The photos of a complaint."""
    photo = ComplaintPhoto
    return db.session.scalars(
        select(photo).where(photo.complaint_id == complaint_id).order_by(photo.id)
    ).all()


def find_photo(photo_id: int, actor: Actor) -> ComplaintPhoto | None:
    """A photo, if the actor may see its complaint."""
    photo = ComplaintPhoto
    return db.session.scalars(
        select(photo)
        .join(Complaint, Complaint.id == photo.complaint_id)
        .where(photo.id == photo_id, complaints_visible_to(actor))
    ).one_or_none()


def events_of(complaint_id: int) -> Sequence[ComplaintEvent]:
    """What happened to a complaint, the newest first."""
    event = ComplaintEvent
    return db.session.scalars(
        select(event).where(event.complaint_id == complaint_id).order_by(event.id.desc())
    ).all()


def complaints_due(today: date) -> list[str]:
    """The complaints whose confirmed last day to answer has come, of which the bureau was not told yet."""
    found = Complaint
    statement = (
        select(found.number)
        .where(
            _WAITS,
            found.deadline_confirmed,
            found.deadline <= today,
            or_(found.reminded_of.is_(None), found.reminded_of != found.deadline),
        )
        .order_by(found.id)
    )
    return list(db.session.scalars(statement))


class Place(NamedTuple):
    """An institution to choose from."""

    code: str
    name: str


def places_like(words: str, actor: Actor, *, on: date, most: int = 30) -> list[Place]:
    """Institutions whose name, code or village holds every word, for choosing whom a complaint is about."""
    state = InstitutionRecord
    conditions = [current(state, on), institutions_of(actor, Institution.id, on)]
    conditions += with_words(words, state.name, Institution.code, state.village)
    statement = (
        select(Institution.code, state.name)
        .join(state, state.institution_id == Institution.id)
        .where(*conditions)
        .order_by(state.name, Institution.code)
        .limit(most)
    )
    return [Place._make(row) for row in db.session.execute(statement)]


def public_place(code: str, *, on: date) -> Place | None:
    """The institution on whose page somebody pressed “complain”."""
    state = InstitutionRecord
    row = db.session.execute(
        select(Institution.code, state.name)
        .join(state, state.institution_id == Institution.id)
        .where(Institution.code == code, current(state, on))
    ).one_or_none()
    return None if row is None else Place._make(row)


def all_counties() -> list[tuple[str, str]]:
    """The counties, for a form that anybody fills in."""
    return [
        (code, name)
        for code, name in db.session.execute(select(County.code, County.name).order_by(County.code))
    ]


_COUNT = select(func.count()).select_from(Complaint).where(_WAITS)
_COUNT_OF_COUNTY = _COUNT.where(Complaint.county_code == bindparam("complaint_county"))


def waiting_question(actor: Actor) -> Question | int:
    """How many complaints wait for the bureau."""
    if actor.role is Role.CITY:
        return Question(_COUNT, {})
    if actor.role is Role.COUNTY:
        return Question(_COUNT_OF_COUNTY, {"complaint_county": actor.county_code})
    return 0
