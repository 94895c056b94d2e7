"""Log people in and out, count wrong passwords, remember how they like to read."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, case, func, or_, select, update

from clinic_orders.actions import audit
from clinic_orders.actions.accounts._common import (
    NOBODY,
    AccountNotFound,
    fits,
    hash_password,
    hasher,
    locked_out,
    looking,
    note,
    username_of,
)
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.accounts import User
from clinic_orders.models.audit import AuditEntry
from clinic_orders.models.base import db
from clinic_orders.models.expressions import instant
from clinic_orders.queries.accounts import Principal, has_second_step, principal
from clinic_orders.rules.accounts import (
    FAILURES_UNTIL_LOCKED,
    LOCKED_FOR,
    AccountClosed,
    LogInFailed,
    NoRoleInForce,
    is_locked,
    login_name,
)
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.parties import Actor
from clinic_orders.rules.second_step import SecondStepNeeded


def log_in(username: str, password: str, *, by: Actor, at: datetime) -> Principal:
    """Check a name and a password, and count the outcome.

    The password is verified with no transaction open; afterwards success or failure is written, and a success
    is refused if the account was locked in the meantime.

    Args:
        username: as typed; capitals, blanks and full-width characters do not matter.
        password: as typed.
        by: SYSTEM, since nobody has shown yet who they are.
        at: the instant.

    Raises:
        LogInFailed: no such name, or the wrong password.
        AccountLocked: too many failures before.
        AccountClosed: the right password of a closed account.
        NoRoleInForce: the right password of a person without an organisation today.
        SecondStepNeeded: the right password of an account that asks for a code besides.

    """
    with looking():
        row = db.session.execute(
            select(User.id, User.password_hash, User.locked_until, User.disabled_at).where(
                func.lower(User.username) == login_name(username)
            )
        ).one_or_none()
    if row is not None and is_locked(row.locked_until, at):
        raise locked_out()
    if row is None and _tries_at_unknown(username, at=at) >= FAILURES_UNTIL_LOCKED:
        raise locked_out()
    right = fits(row.password_hash if row is not None else NOBODY, password)
    if row is None:
        if record_unknown_name(username, by=by, at=at):
            raise locked_out()
        raise _failed()
    if not right:
        if record_failed_login(row.id, by=by, at=at):
            raise locked_out()
        raise _failed()
    if row.disabled_at is not None:
        raise AccountClosed()
    with looking():
        found = principal(row.id, None, on=day_in_china(at))
        asks_for_code = has_second_step(row.id)
    if found is None:
        raise NoRoleInForce()
    if asks_for_code:
        # Failures stay counted until the second step is done, else its codes could be tried for ever.
        raise SecondStepNeeded(user_id=row.id)
    new_hash = hash_password(password) if hasher.check_needs_rehash(row.password_hash) else None
    record_login(row.id, new_hash=new_hash, by=found.actor, at=at)
    return found


def _unknown(username: str) -> str:
    """How a name that nobody has stands in the history: not the name, which may be a password typed too early."""
    return hashlib.sha256(login_name(username).encode()).hexdigest()[:24]


def _tries_at_unknown(username: str, *, at: datetime) -> int:
    """How often a name that nobody has was tried in the time that a real account stays locked."""
    with looking():
        tries = db.session.scalar(
            select(func.count())
            .select_from(AuditEntry)
            .where(
                AuditEntry.deed == "record_unknown_name",
                AuditEntry.subject == _unknown(username),
                AuditEntry.at > at - LOCKED_FOR,
            )
        )
    return int(tries or 0)


@transactional
def record_unknown_name(username: str, *, by: Actor, at: datetime) -> bool:
    """Count a try at a name that nobody has, and answer whether it now looks locked like a real account.

    It is counted in the database, so that several web processes answer alike and nobody learns which names exist.
    """
    audit.record("record_unknown_name", by=by, at=at, subject_type="account", subject=_unknown(username))
    return _tries_at_unknown(username, at=at) >= FAILURES_UNTIL_LOCKED


def _failed() -> LogInFailed:
    return LogInFailed(tries=FAILURES_UNTIL_LOCKED, minutes=int(LOCKED_FOR / timedelta(minutes=1)))


@transactional
def record_login(user_id: int, *, new_hash: str | None = None, by: Actor, at: datetime) -> None:
    """Note a log-in and forget the failures before it.

    Raises:
        AccountLocked: other tries locked the account while this one was being verified.

    """
    changes: dict[str, Any] = {"failed_logins": 0, "locked_until": None, "last_login_at": at}
    if new_hash is not None:
        changes["password_hash"] = new_hash
    done = db.session.execute(
        update(User)
        .where(User.id == user_id, or_(User.locked_until.is_(None), User.locked_until <= at))
        .values(**changes)
        .returning(User.username)
    ).scalar_one_or_none()
    if done is None:
        raise locked_out()
    note("log_in", user_id, done, by=by, at=at)


@transactional
def record_failed_login(user_id: int, *, by: Actor, at: datetime) -> bool:
    """Count a wrong password in one statement; the fifth in a row locks the account for 15 minutes.

    Returns:
        whether the account is locked now.

    """
    # A lock that has run out begins a new count.
    begun_anew = and_(User.locked_until.is_not(None), User.locked_until <= at)
    failures = case((begun_anew, 1), else_=User.failed_logins + 1)
    row = db.session.execute(
        update(User)
        .where(User.id == user_id)
        .values(
            failed_logins=failures,
            locked_until=case(
                (begun_anew, None),
                (User.failed_logins + 1 >= FAILURES_UNTIL_LOCKED, instant(at + LOCKED_FOR)),
                else_=User.locked_until,
            ),
        )
        .returning(User.username, User.failed_logins, User.locked_until)
    ).one()
    locked = is_locked(row.locked_until, at)
    if not locked:
        note("fail_log_in", user_id, row.username, by=by, at=at, after={"failed_logins": row.failed_logins})
    else:
        note(
            "lock_out",
            user_id,
            row.username,
            by=by,
            at=at,
            after={"failed_logins": row.failed_logins, "locked_until": row.locked_until},
        )
    return locked


@transactional
def log_out(*, by: Actor, at: datetime) -> None:
    """Note that somebody left; the session itself is the door's."""
    assert by.user_id is not None
    note("log_out", by.user_id, username_of(by.user_id), by=by, at=at)


@transactional
def choose_organisation(assignment_id: int, *, by: Actor, at: datetime) -> None:
    """Note that a person goes on in another of their organisations.

    Raises:
        AccountNotFound: the role is not theirs, or not in force today.

    """
    assert by.user_id is not None
    found = principal(by.user_id, assignment_id, on=day_in_china(at))
    if found is None:
        raise AccountNotFound()
    note(
        "choose_organisation",
        by.user_id,
        username_of(by.user_id),
        by=by,
        at=at,
        institution_id=found.actor.institution_id,
        distributor_id=found.actor.distributor_id,
        county_code=found.actor.county_code,
        before={"role": by.role.value, "organisation": by.org_name or by.place},
        after={"role": found.actor.role.value, "organisation": found.actor.org_name or found.actor.place},
    )


@transactional
def set_language(language: str, *, by: Actor, at: datetime) -> None:
    """Remember the language in which a person reads."""
    _set_own("set_language", User.language, language, by=by, at=at)


@transactional
def set_big_print(big_print: bool, *, by: Actor, at: datetime) -> None:
    """Remember whether a person wants large letters."""
    _set_own("set_big_print", User.big_print, big_print, by=by, at=at)


def _set_own(deed: str, column: Any, value: object, *, by: Actor, at: datetime) -> None:
    assert by.user_id is not None
    before = db.session.execute(select(User.username, column).where(User.id == by.user_id)).one()
    if before[1] == value:
        return
    db.session.execute(update(User).where(User.id == by.user_id).values({column: value}))
    name = column.key
    note(deed, by.user_id, before[0], by=by, at=at, before={name: before[1]}, after={name: value})
