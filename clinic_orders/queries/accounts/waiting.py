"""Members of the roster that nobody can order for yet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, exists, func, or_, select

from clinic_orders.models.accounts import RoleAssignment, User
from clinic_orders.models.base import db
from clinic_orders.models.roster import County, Institution, InstitutionRecord, Membership
from clinic_orders.queries.accounts.scope import in_force
from clinic_orders.queries.roster import current, institutions_of
from clinic_orders.rules.parties import Actor, InstitutionKind


@dataclass(frozen=True, slots=True)
class Waiting:
    """A member of the roster that nobody can order for yet."""

    institution_id: int
    code: str
    name: str
    kind: InstitutionKind
    county_code: str
    place: str
    demo: bool


def _without_account(actor: Actor, on: date, county_code: str | None) -> list[ColumnElement[bool]]:
    record = InstitutionRecord
    conditions = [
        current(record, on),
        exists().where(
            Membership.institution_id == record.institution_id,
            Membership.joined_on <= on,
            or_(Membership.left_on.is_(None), Membership.left_on >= on),
        ),
        # The headquarters of a chain orders for its stores on one account (R-ROSTER-1).
        record.headquarters_id.is_(None),
        institutions_of(actor, record.institution_id, on),
        ~exists().where(RoleAssignment.institution_id == record.institution_id, in_force(RoleAssignment, on)),
        ~exists().where(func.lower(User.username) == func.lower(Institution.code)),
    ]
    if county_code:
        conditions.append(record.county_code == county_code)
    return conditions


def institutions_without_account(
    actor: Actor, on: date, *, county_code: str | None = None, limit: int | None = None
) -> list[Waiting]:
    """The members of a day, in the actor's scope, for whom no account has a role; by place and code."""
    record = InstitutionRecord
    rows = db.session.execute(
        select(
            record.institution_id,
            Institution.code,
            record.name,
            record.kind,
            record.county_code,
            County.name.label("county"),
            record.township,
            Institution.demo,
        )
        .join(Institution, Institution.id == record.institution_id)
        .join(County, County.code == record.county_code)
        .where(*_without_account(actor, on, county_code))
        .order_by(record.county_code, record.township, Institution.code)
        .limit(limit)
    )
    return [
        Waiting(
            institution_id=row.institution_id,
            code=row.code,
            name=row.name,
            kind=row.kind,
            county_code=row.county_code,
            place=f"{row.county}{row.township}",
            demo=row.demo,
        )
        for row in rows
    ]


def count_without_account(actor: Actor, on: date, *, county_code: str | None = None) -> int:
    """How many members in the actor's scope have no account."""
    return (
        db.session.scalar(
            select(func.count())
            .select_from(InstitutionRecord)
            .join(Institution, Institution.id == InstitutionRecord.institution_id)
            .where(*_without_account(actor, on, county_code))
        )
        or 0
    )
