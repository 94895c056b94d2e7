"""Who a person is: the principal of a session, and accounts as the bureau sees them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Date, Integer, and_, bindparam, case, exists, func, or_, select

from clinic_orders.models.accounts import RoleAssignment, User
from clinic_orders.models.base import db
from clinic_orders.models.roster import County, Distributor, Institution, InstitutionRecord, Membership
from clinic_orders.queries.remembered import Stamps, stamp
from clinic_orders.queries.roster import current, institutions_of
from clinic_orders.rules.accounts import login_name
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
    demo_data: bool
    stamps: Stamps
    actor: Actor


# Asked before every page, so it is made once.
_DAY = bindparam("day", type_=Date)
_other = RoleAssignment.__table__.alias("other")
_organisations = (
    select(func.count())
    .select_from(_other)
    .where(
        _other.c.user_id == User.id,
        _other.c.valid_from <= _DAY,
        or_(_other.c.valid_to.is_(None), _other.c.valid_to >= _DAY),
    )
    .scalar_subquery()
)
_record = InstitutionRecord
_PRINCIPAL = (
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
        _record.name.label("institution_name"),
        _record.township,
        Distributor.name.label("distributor_name"),
        County.name.label("county_name"),
        _organisations.label("organisations"),
        exists().where(Institution.demo.is_(True)).label("demo_data"),
        stamp("catalogue").label("catalogue_stamp"),
        stamp("policy").label("policy_stamp"),
        stamp("relations").label("relations_stamp"),
    )
    .select_from(User)
    .join(RoleAssignment, RoleAssignment.user_id == User.id)
    .outerjoin(
        _record,
        and_(
            _record.institution_id == RoleAssignment.institution_id,
            _record.valid_from <= _DAY,
            or_(_record.valid_before.is_(None), _record.valid_before > _DAY),
        ),
    )
    .outerjoin(Distributor, Distributor.id == RoleAssignment.distributor_id)
    .outerjoin(County, County.code == func.coalesce(RoleAssignment.county_code, _record.county_code))
    .where(
        User.id == bindparam("user", type_=Integer),
        User.disabled_at.is_(None),
        RoleAssignment.valid_from <= _DAY,
        or_(RoleAssignment.valid_to.is_(None), RoleAssignment.valid_to >= _DAY),
    )
    .order_by(RoleAssignment.id)
    .limit(1)
)
_PRINCIPAL_THERE = _PRINCIPAL.where(RoleAssignment.id == bindparam("assignment", type_=Integer))


def principal(user_id: int, assignment_id: int | None, *, on: date) -> Principal | None:
    """The person and the chosen organisation, or None: no such person, account closed, assignment over.

    With ``assignment_id`` None the person's first assignment in force is taken.
    """
    asked: dict[str, Any] = {"user": user_id, "day": on}
    if assignment_id is None:
        row = db.session.connection().execute(_PRINCIPAL, asked).one_or_none()
    else:
        asked["assignment"] = assignment_id
        row = db.session.connection().execute(_PRINCIPAL_THERE, asked).one_or_none()
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
        demo_data=bool(row.demo_data),
        stamps=Stamps(row.catalogue_stamp, row.policy_stamp, row.relations_stamp),
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


@dataclass(frozen=True, slots=True)
class AccountRow:
    """An account with one of its roles, as it stands in the list; a person with two roles stands there twice."""

    user_id: int
    username: str
    name: str
    phone: str
    role: Role
    org_name: str
    org_code: str
    place: str
    valid_from: date
    valid_to: date | None
    last_login_at: datetime | None
    disabled_at: datetime | None
    locked_until: datetime | None
    must_change_password: bool


def _account_rows(actor: Actor, on: date, q: str, role: Role | None, county_code: str, state: str) -> Any:
    """The list's statement without order and page; the conditions of the filters are in it."""
    record = InstitutionRecord
    statement = (
        select(
            User.id,
            User.username,
            User.name,
            User.phone,
            User.last_login_at,
            User.disabled_at,
            User.locked_until,
            User.must_change_password,
            RoleAssignment.role,
            RoleAssignment.valid_from,
            RoleAssignment.valid_to,
            func.coalesce(record.name, Distributor.name, "").label("org_name"),
            func.coalesce(Institution.code, Distributor.code, "").label("org_code"),
            County.name.label("county_name"),
            record.township,
        )
        .select_from(RoleAssignment)
        .join(User, User.id == RoleAssignment.user_id)
        .outerjoin(Institution, Institution.id == RoleAssignment.institution_id)
        .outerjoin(record, and_(record.institution_id == RoleAssignment.institution_id, current(record, on)))
        .outerjoin(Distributor, Distributor.id == RoleAssignment.distributor_id)
        .outerjoin(County, County.code == func.coalesce(RoleAssignment.county_code, record.county_code))
        .where(
            assignments_in_scope(actor, on),
            or_(RoleAssignment.valid_to.is_(None), RoleAssignment.valid_to >= on),
        )
    )
    if q:
        like = f"%{_escaped(q)}%"
        statement = statement.where(
            or_(
                *(
                    column.ilike(like, escape="\\")
                    for column in (User.username, User.name, User.phone, record.name, Distributor.name)
                )
            )
        )
    if role is not None:
        statement = statement.where(RoleAssignment.role == role)
    if county_code:
        statement = statement.where(
            func.coalesce(RoleAssignment.county_code, record.county_code) == county_code
        )
    conditions = {
        "never": and_(User.last_login_at.is_(None), User.disabled_at.is_(None)),
        "closed": User.disabled_at.is_not(None),
        "open": User.disabled_at.is_(None),
    }
    return statement.where(conditions[state]) if state in conditions else statement


def _escaped(typed: str) -> str:
    return typed.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


ACCOUNT_ORDERS = ("username", "name", "role", "org", "place", "login")


def count_accounts(
    actor: Actor, on: date, *, q: str = "", role: Role | None = None, county_code: str = "", state: str = ""
) -> int:
    """How many rows the list of accounts has."""
    rows = _account_rows(actor, on, q, role, county_code, state).subquery()
    return db.session.scalar(select(func.count()).select_from(rows)) or 0


def list_accounts(
    actor: Actor,
    on: date,
    *,
    q: str = "",
    role: Role | None = None,
    county_code: str = "",
    state: str = "",
    sort: str = "username",
    offset: int = 0,
    limit: int | None = None,
) -> list[AccountRow]:
    """The accounts that the actor looks after, with their roles of today and later; one statement.

    Args:
        actor: who asks.
        on: the day whose names and counties are shown.
        q: part of a log-in name, name, telephone number or organisation.
        role: only this role.
        county_code: only organisations of this county.
        state: ``open``, ``closed``, ``never`` (logged in) or "" for all.
        sort: one of ACCOUNT_ORDERS, with ``-`` in front for the other way round.
        offset: rows to leave out.
        limit: rows at most.

    """
    columns = {
        "username": User.username,
        "name": User.name,
        "role": RoleAssignment.role,
        "org": func.coalesce(InstitutionRecord.name, Distributor.name, ""),
        "place": func.coalesce(RoleAssignment.county_code, InstitutionRecord.county_code, ""),
        "login": func.coalesce(User.last_login_at, User.created_at),
    }
    column = columns[sort.removeprefix("-")]
    rows = db.session.execute(
        _account_rows(actor, on, q, role, county_code, state)
        .order_by(column.desc() if sort.startswith("-") else column, User.id, RoleAssignment.id)
        .offset(offset)
        .limit(limit)
    )
    return [
        AccountRow(
            user_id=row.id,
            username=row.username,
            name=row.name,
            phone=row.phone or "",
            role=row.role,
            org_name=row.org_name,
            org_code=row.org_code,
            place=f"{row.county_name or ''}{row.township or ''}",
            valid_from=row.valid_from,
            valid_to=row.valid_to,
            last_login_at=row.last_login_at,
            disabled_at=row.disabled_at,
            locked_until=row.locked_until,
            must_change_password=row.must_change_password,
        )
        for row in rows
    ]


def account(actor: Actor, user_id: int, on: date) -> User | None:
    """One account of the actor's scope, or None; a foreign one looks exactly the same."""
    return db.session.execute(
        select(User).where(User.id == user_id, accounts_visible_to(actor, on))
    ).scalar_one_or_none()


@dataclass(frozen=True, slots=True)
class RoleRow:
    """A role of an account, on its page."""

    assignment_id: int
    role: Role
    org_name: str
    place: str
    valid_from: date
    valid_to: date | None
    in_force: bool
    in_scope: bool


def roles_of(actor: Actor, user_id: int, on: date) -> list[RoleRow]:
    """The past, present and coming roles of an account. Those outside of the actor's scope come without their names."""
    record = InstitutionRecord
    rows = db.session.execute(
        select(
            RoleAssignment.id,
            RoleAssignment.role,
            RoleAssignment.valid_from,
            RoleAssignment.valid_to,
            func.coalesce(record.name, Distributor.name, "").label("org_name"),
            County.name.label("county_name"),
            record.township,
            case((assignments_in_scope(actor, on), 1), else_=0).label("in_scope"),
        )
        .outerjoin(record, and_(record.institution_id == RoleAssignment.institution_id, current(record, on)))
        .outerjoin(Distributor, Distributor.id == RoleAssignment.distributor_id)
        .outerjoin(County, County.code == func.coalesce(RoleAssignment.county_code, record.county_code))
        .where(RoleAssignment.user_id == user_id)
        .order_by(RoleAssignment.valid_from, RoleAssignment.id)
    )
    return [
        RoleRow(
            assignment_id=row.id,
            role=row.role,
            org_name=row.org_name if row.in_scope else "",
            place=f"{row.county_name or ''}{row.township or ''}" if row.in_scope else "",
            valid_from=row.valid_from,
            valid_to=row.valid_to,
            in_force=row.valid_from <= on and (row.valid_to is None or row.valid_to >= on),
            in_scope=bool(row.in_scope),
        )
        for row in rows
    ]


def counties() -> list[tuple[str, str]]:
    """Code and name of every county, for filters."""
    return [
        (row.code, row.name)
        for row in db.session.execute(select(County.code, County.name).order_by(County.code))
    ]


def find_organisation(actor: Actor, role: Role, code: str, on: date) -> int | None:
    """The row id of the institution or distributor with a code, if the actor may give roles in it."""
    if role is Role.DISTRIBUTOR:
        return db.session.scalar(select(Distributor.id).where(Distributor.code == code))
    return db.session.scalar(
        select(Institution.id).where(Institution.code == code, institutions_of(actor, Institution.id, on))
    )


def user_id_of(username: str) -> int | None:
    """The row id of the account with a log-in name, whatever its capitals; None if there is none."""
    return db.session.scalar(select(User.id).where(func.lower(User.username) == login_name(username)))
