"""Accounts and their roles as those see them who look after them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import and_, case, func, or_, select

from clinic_orders.models.accounts import RoleAssignment, User
from clinic_orders.models.base import db
from clinic_orders.models.roster import County, Distributor, Institution, InstitutionRecord
from clinic_orders.queries.accounts.scope import assignments_in_scope
from clinic_orders.queries.lists import with_words
from clinic_orders.queries.roster import current
from clinic_orders.rules.parties import Actor, Role


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
    statement = statement.where(
        *with_words(q, User.username, User.name, User.phone, record.name, Distributor.name)
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
