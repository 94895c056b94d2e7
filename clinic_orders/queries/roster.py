"""Institutions, letters, mandates, suspensions and relations as they hold on a day, for whom may see them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, Date, Integer, and_, bindparam, exists, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from clinic_orders.models.base import db
from clinic_orders.models.expressions import among
from clinic_orders.models.roster import Institution, InstitutionRecord
from clinic_orders.rules.parties import Actor, InstitutionKind, Role

_HAS_DEMO_DATA = select(exists().where(Institution.demo.is_(True)))


def has_demo_data() -> bool:
    """Whether invented institutions are in this database, so that every page says so."""
    return bool(db.session.connection().scalar(_HAS_DEMO_DATA))


def current(record: type[InstitutionRecord], on: date) -> ColumnElement[bool]:
    """The condition that picks the state of an institution on a day (R-ROSTER-3)."""
    return and_(record.valid_from <= on, or_(record.valid_before.is_(None), record.valid_before > on))


def institutions_of(
    actor: Actor, column: InstrumentedAttribute[int] | InstrumentedAttribute[int | None], on: date
) -> ColumnElement[bool]:
    """The condition that keeps the rows whose institution the actor may see, by sub-query, never by id list.

    An institution sees itself; a hospital besides itself the clinics it supervises, a headquarters its stores
    and a lead hospital its community; a county sees the institutions that are in the county on that day; city
    and operator see all; a distributor sees none through this question.
    """
    if actor.role in {Role.CITY, Role.OPERATOR, Role.SYSTEM}:
        return column.is_not(None)
    record = InstitutionRecord
    if actor.role is Role.COUNTY:
        return column.in_(
            select(record.institution_id).where(current(record, on), record.county_code == actor.county_code)
        )
    if actor.institution_id is not None:
        return or_(
            column == actor.institution_id,
            among(
                column,
                select(record.institution_id).where(
                    current(record, on),
                    or_(
                        record.supervisor_id == actor.institution_id,
                        record.headquarters_id == actor.institution_id,
                        record.lead_hospital_id == actor.institution_id,
                    ),
                ),
            ),
        )
    return column.is_(None)


@dataclass(frozen=True, slots=True)
class Standing:
    """What an institution is on a day, as far as policy and papers ask."""

    name: str
    kind: InstitutionKind
    scale: str
    county_code: str


_STANDING = (
    select(
        InstitutionRecord.name, InstitutionRecord.kind, InstitutionRecord.scale, InstitutionRecord.county_code
    )
    .where(
        InstitutionRecord.institution_id == bindparam("institution", type_=Integer),
        or_(
            InstitutionRecord.valid_before.is_(None),
            InstitutionRecord.valid_before > bindparam("day", type_=Date),
        ),
    )
    .order_by(InstitutionRecord.valid_from)
    .limit(1)
)


def standing(institution_id: int, *, on: date) -> Standing:
    """The state of an institution on a day; before its first record, that of the first (R-ROSTER-3).

    Raises:
        NoResultFound: the institution has no record at all, which the roster never lets happen.

    """
    values = {"institution": institution_id, "day": on}
    return Standing(*db.session.connection().execute(_STANDING, values).one())


def seen_standing(institution_id: int, actor: Actor, *, on: date) -> Standing | None:
    """The state of an institution on a day; None where the actor may not see it, or there is none."""
    seen = db.session.scalar(
        select(Institution.id).where(
            Institution.id == institution_id, institutions_of(actor, Institution.id, on)
        )
    )
    return None if seen is None else standing(institution_id, on=on)
