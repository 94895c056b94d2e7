"""Open and close accounts, give and end roles, end sessions."""

from __future__ import annotations

import secrets
from datetime import date, datetime, timedelta

from sqlalchemy import exists, func, select

from clinic_orders.actions.accounts._common import (
    AccountNotFound,
    NewAccount,
    NotYourself,
    UsernameTaken,
    WrongOrganisation,
    county_of,
    end_sessions,
    hash_password,
    in_force,
    manageable,
    may_give,
    note,
    place_of,
    username_of,
)
from clinic_orders.actions.transaction import transaction, transactional
from clinic_orders.models.accounts import RoleAssignment, User
from clinic_orders.models.base import db
from clinic_orders.queries.accounts import assignments_in_scope
from clinic_orders.rules.accounts import (
    check_password,
    first_password,
    folded,
    login_name,
)
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.parties import Actor, NotAllowed, Permission, Role


def open_account(
    username: str,
    name: str,
    role: Role,
    *,
    by: Actor,
    at: datetime,
    institution_id: int | None = None,
    distributor_id: int | None = None,
    county_code: str | None = None,
    phone: str | None = None,
    password: str | None = None,
    must_change_password: bool = True,
    valid_from: date | None = None,
    demo: bool = False,
) -> NewAccount:
    """Open an account with its first role.

    Args:
        username: a mobile number or an institution code; unique whatever its capitals.
        name: the person's name.
        role: what they are there.
        by: a bureau, the operator or the system.
        at: the instant.
        institution_id: the organisation of INSTITUTION and HOSPITAL.
        distributor_id: the organisation of DISTRIBUTOR.
        county_code: the county of COUNTY.
        phone: for calls.
        password: a random readable one if not given.
        must_change_password: whether the first log-in asks for a new one.
        valid_from: first day of the role; today if not given.
        demo: invented.

    Raises:
        UsernameTaken: somebody has it.
        WrongOrganisation: role and organisation do not fit.
        NotAllowed: the organisation is outside of the actor's scope.
        RuleBroken: what rules.accounts.check_password raises.

    """
    by.need(Permission.ACCOUNTS_MANAGE)
    username = folded(username).strip()
    if password is not None:
        check_password(password, username=username)
    plain = password or first_password(secrets.choice)
    new_hash = hash_password(plain)
    with transaction():
        taken = select(exists().where(func.lower(User.username) == login_name(username)))
        if db.session.scalar(taken):
            raise UsernameTaken(username=username)
        user = User(
            username=username,
            name=name,
            phone=phone,
            password_hash=new_hash,
            must_change_password=must_change_password,
            demo=demo,
            created_at=at,
        )
        db.session.add(user)
        db.session.flush()
        note("open_account", user.id, username, by=by, at=at, after={"name": name, "phone": phone})
        assign_role(
            user.id,
            role,
            institution_id=institution_id,
            distributor_id=distributor_id,
            county_code=county_code,
            valid_from=valid_from,
            by=by,
            at=at,
        )
        user_id = user.id
    return NewAccount(user_id=user_id, username=username, name=name, password=plain)


@transactional
def assign_role(
    user_id: int,
    role: Role,
    *,
    by: Actor,
    at: datetime,
    institution_id: int | None = None,
    distributor_id: int | None = None,
    county_code: str | None = None,
    valid_from: date | None = None,
    valid_to: date | None = None,
) -> int:
    """Give a person a role in one organisation; one person may serve in several.

    Returns:
        the assignment's row id.

    Raises:
        WrongOrganisation: role and organisation do not fit.
        NotAllowed: the role is not the actor's to give.

    """
    by.need(Permission.ACCOUNTS_MANAGE)
    day = day_in_china(at)
    wanted = (
        role in {Role.INSTITUTION, Role.HOSPITAL},
        role is Role.DISTRIBUTOR,
        role is Role.COUNTY,
    )
    given = (institution_id is not None, distributor_id is not None, county_code is not None)
    if wanted != given or role is Role.SYSTEM:
        raise WrongOrganisation()
    if not may_give(role, institution_id=institution_id, by=by, on=day):
        raise NotAllowed()
    username = username_of(user_id)
    assignment = RoleAssignment(
        user_id=user_id,
        role=role,
        institution_id=institution_id,
        distributor_id=distributor_id,
        county_code=county_code,
        valid_from=valid_from or day,
        valid_to=valid_to,
    )
    db.session.add(assignment)
    db.session.flush()
    facts = {
        "role": role.value,
        "institution_id": institution_id,
        "distributor_id": distributor_id,
        "county_code": county_code,
        "valid_from": assignment.valid_from,
        "valid_to": valid_to,
    }
    note(
        "assign_role",
        user_id,
        username,
        by=by,
        at=at,
        institution_id=institution_id,
        distributor_id=distributor_id,
        county_code=county_code or county_of(institution_id, day),
        after={key: value for key, value in facts.items() if value is not None},
    )
    return assignment.id


@transactional
def end_role(assignment_id: int, *, by: Actor, at: datetime) -> None:
    """End a role at once: yesterday becomes its last day, a role given today never was, all sessions end.

    Raises:
        AccountNotFound: not in the actor's scope, or already over.

    """
    by.need(Permission.ACCOUNTS_MANAGE)
    day = day_in_china(at)
    assignment = db.session.execute(
        select(RoleAssignment).where(
            RoleAssignment.id == assignment_id, assignments_in_scope(by, day), in_force(day)
        )
    ).scalar_one_or_none()
    if assignment is None:
        raise AccountNotFound()
    if assignment.user_id == by.user_id:
        raise NotYourself()
    # The role is over from this moment on; a role given today never was.
    if assignment.valid_from < day:
        assignment.valid_to = day - timedelta(days=1)
        last_day: date | None = assignment.valid_to
    else:
        db.session.delete(assignment)
        last_day = None
    db.session.flush()
    end_sessions(assignment.user_id)
    note(
        "end_role",
        assignment.user_id,
        username_of(assignment.user_id),
        by=by,
        at=at,
        institution_id=assignment.institution_id,
        distributor_id=assignment.distributor_id,
        county_code=assignment.county_code or county_of(assignment.institution_id, day),
        before={"role": assignment.role.value, "valid_from": assignment.valid_from},
        after={"valid_to": last_day},
    )


@transactional
def close_account(user_id: int, *, by: Actor, at: datetime) -> None:
    """Lock an account of one's scope: its sessions end and nobody can log in with it until it is opened again."""
    user = manageable(user_id, by=by, at=at)
    if user.disabled_at is not None:
        return
    user.disabled_at = at
    db.session.flush()
    end_sessions(user_id)
    note(
        "close_account",
        user_id,
        user.username,
        by=by,
        at=at,
        after={"disabled_at": at},
        **place_of(user_id, at),
    )


@transactional
def reopen_account(user_id: int, *, by: Actor, at: datetime) -> None:
    """Open a locked account of one's scope again; a lock-out after wrong passwords is lifted too."""
    user = manageable(user_id, by=by, at=at)
    before = {"disabled_at": user.disabled_at, "locked_until": user.locked_until}
    user.disabled_at, user.locked_until, user.failed_logins = None, None, 0
    note("reopen_account", user_id, user.username, by=by, at=at, before=before, **place_of(user_id, at))


@transactional
def end_all_sessions(user_id: int, *, by: Actor, at: datetime) -> int:
    """Log a person out everywhere: one's own sessions, or those of an account in one's scope.

    Returns:
        the new session epoch.

    """
    if user_id != by.user_id:
        manageable(user_id, by=by, at=at)
    epoch = end_sessions(user_id)
    note("end_all_sessions", user_id, username_of(user_id), by=by, at=at, **place_of(user_id, at))
    return epoch
