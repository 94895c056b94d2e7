"""Whose accounts an actor looks after."""

from __future__ import annotations

from datetime import date

from sqlalchemy import ColumnElement, and_, func, or_, select

from clinic_orders.models.accounts import RoleAssignment, User
from clinic_orders.models.base import db
from clinic_orders.models.roster import County, Distributor, Institution
from clinic_orders.queries.roster import institutions_of
from clinic_orders.rules.accounts import login_name
from clinic_orders.rules.parties import Actor, Role

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


def account(actor: Actor, user_id: int, on: date) -> User | None:
    """One account of the actor's scope, or None; a foreign one looks exactly the same."""
    return db.session.execute(
        select(User).where(User.id == user_id, accounts_visible_to(actor, on))
    ).scalar_one_or_none()


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
