"""Who a person is: the principal of a session, and accounts as the bureau sees them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, and_, exists, func, or_, select

from clinic_orders.models.accounts import RoleAssignment, User
from clinic_orders.models.base import db
from clinic_orders.models.roster import County, Distributor, Institution, InstitutionRecord
from clinic_orders.queries.roster import current, institutions_of
from clinic_orders.rules.parties import Actor, InstitutionKind, Role

_BUYERS = frozenset({Role.INSTITUTION, Role.HOSPITAL})
# Whose accounts a role looks after: counties never those of officials, the city never the operator's.
ROLES_IN_CARE: dict[Role, frozenset[Role]] = {
    Role.INSTITUTION: frozenset(),
    Role.HOSPITAL: frozenset(),
    Role.DISTRIBUTOR: frozenset(),
    Role.COUNTY: _BUYERS,
    Role.CITY: _BUYERS | {Role.DISTRIBUTOR, Role.COUNTY, Role.CITY},
    Role.OPERATOR: frozenset(Role) - {Role.SYSTEM},
    Role.SYSTEM: frozenset(Role) - {Role.SYSTEM},
}


@dataclass(frozen=True, slots=True)
class Principal:
    """What every request needs to know of its person; one row of one statement."""

    user_id: int
    assignment_id: int
    organisations: int
    session_epoch: int
    must_change_password: bool
    language: str
    big_print: bool
    actor: Actor


def principal(user_id: int, assignment_id: int | None, *, on: date) -> Principal | None:
    """The person and the chosen organisation, or None: no such person, account closed, assignment over.

    With ``assignment_id`` None the person's first assignment in force is taken.
    """
    other = RoleAssignment.__table__.alias("other")
    count = (
        select(func.count())
        .select_from(other)
        .where(
            other.c.user_id == User.id,
            other.c.valid_from <= on,
            or_(other.c.valid_to.is_(None), other.c.valid_to >= on),
        )
        .scalar_subquery()
    )
    record = InstitutionRecord
    statement = (
        select(
            User.id,
            User.name,
            User.session_epoch,
            User.must_change_password,
            User.language,
            User.big_print,
            RoleAssignment.id.label("assignment_id"),
            RoleAssignment.role,
            RoleAssignment.institution_id,
            RoleAssignment.distributor_id,
            RoleAssignment.county_code,
            record.name.label("institution_name"),
            record.township,
            Distributor.name.label("distributor_name"),
            County.name.label("county_name"),
            count.label("organisations"),
        )
        .select_from(User)
        .join(RoleAssignment, RoleAssignment.user_id == User.id)
        .outerjoin(
            record,
            and_(
                record.institution_id == RoleAssignment.institution_id,
                record.valid_from <= on,
                or_(record.valid_before.is_(None), record.valid_before > on),
            ),
        )
        .outerjoin(Distributor, Distributor.id == RoleAssignment.distributor_id)
        .outerjoin(County, County.code == func.coalesce(RoleAssignment.county_code, record.county_code))
        .where(
            User.id == user_id,
            User.disabled_at.is_(None),
            RoleAssignment.valid_from <= on,
            or_(RoleAssignment.valid_to.is_(None), RoleAssignment.valid_to >= on),
        )
        .order_by(RoleAssignment.id)
        .limit(1)
    )
    if assignment_id is not None:
        statement = statement.where(RoleAssignment.id == assignment_id)
    row = db.session.execute(statement).one_or_none()
    if row is None:
        return None
    role: Role = row.role
    if role in {Role.INSTITUTION, Role.HOSPITAL}:
        org_name, place = row.institution_name or "", f"{row.county_name or ''}{row.township or ''}"
    elif role is Role.DISTRIBUTOR:
        org_name, place = row.distributor_name or "", ""
    else:
        org_name, place = "", row.county_name or ""
    return Principal(
        user_id=row.id,
        assignment_id=row.assignment_id,
        organisations=row.organisations,
        session_epoch=row.session_epoch,
        must_change_password=row.must_change_password,
        language=row.language,
        big_print=row.big_print,
        actor=Actor(
            name=row.name,
            role=role,
            user_id=row.id,
            institution_id=row.institution_id,
            distributor_id=row.distributor_id,
            county_code=row.county_code,
            org_name=org_name,
            place=place,
        ),
    )


def in_force(assignment: type[RoleAssignment], on: date) -> ColumnElement[bool]:
    """The condition that a role holds on a day; first and last day included."""
    return and_(assignment.valid_from <= on, or_(assignment.valid_to.is_(None), assignment.valid_to >= on))


def assignments_in_scope(actor: Actor, on: date) -> ColumnElement[bool]:
    """The condition that keeps the roles whose accounts the actor looks after."""
    in_care = RoleAssignment.role.in_(ROLES_IN_CARE[actor.role])
    if actor.role is Role.COUNTY:
        return and_(in_care, institutions_of(actor, RoleAssignment.institution_id, on))
    return in_care


def accounts_visible_to(actor: Actor, on: date) -> ColumnElement[bool]:
    """The accounts that have, or had, a role in the actor's scope."""
    return User.id.in_(select(RoleAssignment.user_id).where(assignments_in_scope(actor, on)))


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
        record.joined_on <= on,
        or_(record.left_on.is_(None), record.left_on >= on),
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


@dataclass(frozen=True, slots=True)
class Post:
    """A role of a person in one organisation, for the page on which they choose."""

    assignment_id: int
    role: Role
    org_name: str
    place: str


def posts_of(user_id: int, *, on: date) -> list[Post]:
    """The roles that a person holds today, oldest first; one statement."""
    record = InstitutionRecord
    rows = db.session.execute(
        select(
            RoleAssignment.id,
            RoleAssignment.role,
            record.name.label("institution_name"),
            record.township,
            Distributor.name.label("distributor_name"),
            County.name.label("county_name"),
        )
        .outerjoin(record, and_(record.institution_id == RoleAssignment.institution_id, current(record, on)))
        .outerjoin(Distributor, Distributor.id == RoleAssignment.distributor_id)
        .outerjoin(County, County.code == func.coalesce(RoleAssignment.county_code, record.county_code))
        .where(RoleAssignment.user_id == user_id, in_force(RoleAssignment, on))
        .order_by(RoleAssignment.id)
    )
    return [
        Post(
            assignment_id=row.id,
            role=row.role,
            org_name=row.institution_name or row.distributor_name or "",
            place=f"{row.county_name or ''}{row.township or ''}",
        )
        for row in rows
    ]
