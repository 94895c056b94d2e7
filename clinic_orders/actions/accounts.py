"""Open accounts, log people in, change and reset passwords, give and end roles.

Argon2id takes some 20 ms of a processor for each password (OWASP's parameters). On SQLite only one transaction
can write, so a password is never hashed or verified while one is open: each deed here that needs it looks first,
computes with no transaction open, and then writes.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import ColumnElement, and_, case, exists, func, insert, or_, select, update
from sqlalchemy.orm import aliased

from clinic_orders.actions import audit
from clinic_orders.actions.transaction import transaction, transactional
from clinic_orders.models.accounts import RoleAssignment, User
from clinic_orders.models.base import db, reading_only
from clinic_orders.models.roster import Institution, InstitutionRecord
from clinic_orders.queries import accounts as account_queries
from clinic_orders.queries.accounts import Principal, principal
from clinic_orders.queries.roster import institutions_of
from clinic_orders.rules.accounts import (
    FAILURES_UNTIL_LOCKED,
    LOCKED_FOR,
    AccountClosed,
    AccountLocked,
    LogInFailed,
    NoRoleInForce,
    OldPasswordWrong,
    PasswordUnchanged,
    check_password,
    first_password,
    folded,
    is_locked,
    login_name,
)
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.parties import SUPERVISING_KINDS, Actor, NotAllowed, Permission, Role

# OWASP password storage cheat sheet: Argon2id with 19 MiB, two passes, one lane.
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# What is verified for a name that nobody has, so that the answer takes as long as for a wrong password.
_NOBODY = _hasher.hash(secrets.token_urlsafe(16))
_BATCH = 500


class UsernameTaken(RuleBroken):
    """Log-in names are unique whatever their capitals."""

    message = N_("The log-in name %(username)s is already in use. Choose another, or open that account.")


class AccountNotFound(RuleBroken):
    """There is no such account for this person; a foreign one looks exactly the same."""

    message = N_("This account was not found, or it does not belong to your organisation.")


class AccountOutOfScope(RuleBroken):
    """The person also serves where the actor has no say, so the password is not the actor's to set."""

    message = N_(
        "%(name)s also serves in organisations outside of your scope. Ask the city medical-security bureau to do this."
    )


class NotYourself(RuleBroken):
    """Nobody locks themselves out."""

    message = N_(
        "This is your own account. Change your password under More; somebody else must lock the account."
    )


class WrongOrganisation(RuleBroken):
    """A role belongs to exactly the kind of organisation that its name says."""

    message = N_(
        "The role and the organisation do not fit: an institution needs an institution, a county a county."
    )


@dataclass(frozen=True, slots=True)
class NewAccount:
    """An account just made, with its first password, which is stored nowhere else.

    Attributes:
        user_id: row id of the account.
        username: what to log in with.
        name: the person's or the institution's name.
        password: the first password in plain words.
        org_name: the organisation's name, for the slip.
        place: where it is, for the slip.

    """

    user_id: int
    username: str
    name: str
    password: str
    org_name: str = ""
    place: str = ""


def hash_password(password: str) -> str:
    """The Argon2id hash of a password. Takes some 20 ms; call it outside of transactions."""
    return _hasher.hash(folded(password))


def _fits(password_hash: str, password: str) -> bool:
    try:
        return _hasher.verify(password_hash, folded(password))
    except (VerificationError, InvalidHashError):
        return False


@contextmanager
def _looking() -> Iterator[None]:
    """Read without taking the writer's place, and leave no transaction open unless there was one before."""
    inside = db.session().in_transaction()
    with reading_only():
        yield
    if not inside:
        db.session.rollback()


# Logging in and out.


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

    """
    with _looking():
        row = db.session.execute(
            select(User.id, User.password_hash, User.locked_until, User.disabled_at).where(
                func.lower(User.username) == login_name(username)
            )
        ).one_or_none()
    if row is not None and is_locked(row.locked_until, at):
        raise _locked()
    right = _fits(row.password_hash if row is not None else _NOBODY, password)
    if row is None:
        raise _failed()
    if not right:
        if record_failed_login(row.id, by=by, at=at):
            raise _locked()
        raise _failed()
    if row.disabled_at is not None:
        raise AccountClosed()
    with _looking():
        found = principal(row.id, None, on=day_in_china(at))
    if found is None:
        raise NoRoleInForce()
    new_hash = hash_password(password) if _hasher.check_needs_rehash(row.password_hash) else None
    record_login(row.id, new_hash=new_hash, by=found.actor, at=at)
    return found


def _failed() -> LogInFailed:
    return LogInFailed(tries=FAILURES_UNTIL_LOCKED, minutes=int(LOCKED_FOR / timedelta(minutes=1)))


def _locked() -> AccountLocked:
    return AccountLocked(tries=FAILURES_UNTIL_LOCKED, minutes=int(LOCKED_FOR / timedelta(minutes=1)))


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
        raise _locked()
    _record("log_in", user_id, done, by=by, at=at)


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
                (User.failed_logins + 1 >= FAILURES_UNTIL_LOCKED, at + LOCKED_FOR),
                else_=User.locked_until,
            ),
        )
        .returning(User.username, User.failed_logins, User.locked_until)
    ).one()
    locked = is_locked(row.locked_until, at)
    if locked:
        _record(
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
    _record("log_out", by.user_id, _username(by.user_id), by=by, at=at)


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
    _record(
        "choose_organisation",
        by.user_id,
        _username(by.user_id),
        by=by,
        at=at,
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
    _record(deed, by.user_id, before[0], by=by, at=at, before={name: before[1]}, after={name: value})


# Passwords.


def change_password(old: str, new: str, *, by: Actor, at: datetime) -> int:
    """Set one's own password; all other sessions of the person end.

    Returns:
        the new session epoch, which the present session goes on with.

    Raises:
        OldPasswordWrong: the present password was mistyped.
        AccountLocked: it was mistyped too often.
        PasswordUnchanged: old and new are the same.
        RuleBroken: what rules.accounts.check_password raises.

    """
    assert by.user_id is not None
    with _looking():
        row = db.session.execute(
            select(User.username, User.password_hash, User.locked_until).where(User.id == by.user_id)
        ).one()
    # Somebody at an unattended phone has as few tries as at the log-in page.
    if is_locked(row.locked_until, at):
        raise _locked()
    if not _fits(row.password_hash, old):
        if record_failed_login(by.user_id, by=by, at=at):
            raise _locked()
        raise OldPasswordWrong()
    if folded(old) == folded(new):
        raise PasswordUnchanged()
    check_password(new, username=row.username)
    new_hash = hash_password(new)
    with transaction():
        epoch = _store_password(by.user_id, new_hash, must_change=False, at=at)
        _record("change_password", by.user_id, row.username, by=by, at=at)
    return epoch


def reset_password(user_id: int, *, password: str | None = None, by: Actor, at: datetime) -> NewAccount:
    """Give an account of one's scope a first password again; all its sessions end and a lock-out is lifted.

    Args:
        user_id: whose.
        password: the new one; a random readable one if not given.
        by: a bureau or the operator.
        at: the instant.

    Raises:
        AccountNotFound: not in the actor's scope.
        AccountOutOfScope: the person also serves outside of it.
        NotYourself: one's own password is changed, not reset.

    """
    with _looking():
        user = _manageable(user_id, by=by, at=at)
        username, name = user.username, user.name
    if password is not None:
        check_password(password, username=username)
    plain = password or first_password(secrets.choice)
    new_hash = hash_password(plain)
    with transaction():
        _manageable(user_id, by=by, at=at)
        _store_password(user_id, new_hash, must_change=True, at=at)
        _record("reset_password", user_id, username, by=by, at=at, **_place_of(user_id, at))
    return NewAccount(user_id=user_id, username=username, name=name, password=plain)


def _store_password(user_id: int, new_hash: str, *, must_change: bool, at: datetime) -> int:
    return db.session.execute(
        update(User)
        .where(User.id == user_id)
        .values(
            password_hash=new_hash,
            must_change_password=must_change,
            password_changed_at=at,
            failed_logins=0,
            locked_until=None,
            session_epoch=User.session_epoch + 1,
        )
        .returning(User.session_epoch)
    ).scalar_one()


# Accounts and roles.


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
        _record("open_account", user.id, username, by=by, at=at, after={"name": name, "phone": phone})
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
    if not _may_give(role, institution_id=institution_id, by=by, on=day):
        raise NotAllowed()
    username = _username(user_id)
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
    _record(
        "assign_role",
        user_id,
        username,
        by=by,
        at=at,
        institution_id=institution_id,
        distributor_id=distributor_id,
        county_code=county_code or _county_of(institution_id, day),
        after={key: value for key, value in facts.items() if value is not None},
    )
    return assignment.id


@transactional
def end_role(assignment_id: int, *, by: Actor, at: datetime) -> None:
    """End a role: today is its last day if it began earlier, and its sessions end at once.

    Raises:
        AccountNotFound: not in the actor's scope, or already over.

    """
    by.need(Permission.ACCOUNTS_MANAGE)
    day = day_in_china(at)
    assignment = db.session.execute(
        select(RoleAssignment).where(
            RoleAssignment.id == assignment_id, assignments_in_scope(by, day), _in_force(day)
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
    _end_sessions(assignment.user_id)
    _record(
        "end_role",
        assignment.user_id,
        _username(assignment.user_id),
        by=by,
        at=at,
        institution_id=assignment.institution_id,
        distributor_id=assignment.distributor_id,
        county_code=assignment.county_code or _county_of(assignment.institution_id, day),
        before={"role": assignment.role.value, "valid_from": assignment.valid_from},
        after={"valid_to": last_day},
    )


@transactional
def close_account(user_id: int, *, by: Actor, at: datetime) -> None:
    """Lock an account of one's scope: its sessions end and nobody can log in with it until it is opened again."""
    user = _manageable(user_id, by=by, at=at)
    if user.disabled_at is not None:
        return
    user.disabled_at = at
    db.session.flush()
    _end_sessions(user_id)
    _record(
        "close_account",
        user_id,
        user.username,
        by=by,
        at=at,
        after={"disabled_at": at},
        **_place_of(user_id, at),
    )


@transactional
def reopen_account(user_id: int, *, by: Actor, at: datetime) -> None:
    """Open a locked account of one's scope again; a lock-out after wrong passwords is lifted too."""
    user = _manageable(user_id, by=by, at=at)
    before = {"disabled_at": user.disabled_at, "locked_until": user.locked_until}
    user.disabled_at, user.locked_until, user.failed_logins = None, None, 0
    _record("reopen_account", user_id, user.username, by=by, at=at, before=before, **_place_of(user_id, at))


@transactional
def end_all_sessions(user_id: int, *, by: Actor, at: datetime) -> int:
    """Log a person out everywhere: one's own sessions, or those of an account in one's scope.

    Returns:
        the new session epoch.

    """
    if user_id != by.user_id:
        _manageable(user_id, by=by, at=at)
    epoch = _end_sessions(user_id)
    _record("end_all_sessions", user_id, _username(user_id), by=by, at=at, **_place_of(user_id, at))
    return epoch


# Accounts for a whole roster.


def issue_accounts_for_roster(
    *,
    by: Actor,
    at: datetime,
    county_code: str | None = None,
    limit: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[NewAccount]:
    """Open one account for every institution in scope that has none (统一分配采购账号).

    The log-in name is the institution's code, the first password is random and must be changed. A store of a
    chain gets none, since its headquarters orders for it on one account (R-ROSTER-1). All accounts are made in
    one transaction, so that an interruption leaves none whose password nobody knows.

    Args:
        by: a bureau, the operator or the system; a county gets its own institutions only.
        at: the instant; members of that day are served.
        county_code: only this county.
        limit: at most so many at once.
        progress: called with (done, all) while passwords are hashed.

    Returns:
        the accounts with their passwords, sorted by place and code; nobody can ask for the passwords again.

    Raises:
        NotAllowed: the role may not manage accounts.

    """
    by.need(Permission.ACCOUNTS_MANAGE)
    day = day_in_china(at)
    with _looking():
        waiting = account_queries.institutions_without_account(by, day, county_code=county_code, limit=limit)
    passwords = [first_password(secrets.choice) for _ in waiting]
    hashes = _hash_all(passwords, progress)
    with transaction():
        # Somebody else may have issued some of them while these passwords were hashed.
        still = {
            row.institution_id
            for row in account_queries.institutions_without_account(by, day, county_code=county_code)
        }
        taken = set(db.session.scalars(select(func.lower(User.username))))
        rows = [
            (row, password, password_hash)
            for row, password, password_hash in zip(waiting, passwords, hashes, strict=True)
            if row.institution_id in still and login_name(row.code) not in taken
        ]
        ids = _insert_accounts([(row, password_hash) for row, _, password_hash in rows], by=by, at=at)
    return [
        NewAccount(
            user_id=ids[row.code],
            username=row.code,
            name=row.name,
            password=password,
            org_name=row.name,
            place=row.place,
        )
        for row, password, _ in rows
    ]


def _hash_all(passwords: Sequence[str], progress: Callable[[int, int], None] | None) -> list[str]:
    """Hash many passwords on all processors; argon2 lets go of the interpreter's lock while it computes."""
    hashes = []
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        for done, password_hash in enumerate(pool.map(hash_password, passwords), start=1):
            hashes.append(password_hash)
            if progress is not None and (done % 20 == 0 or done == len(passwords)):
                progress(done, len(passwords))
    return hashes


def _insert_accounts(
    rows: Sequence[tuple[account_queries.Waiting, str]], *, by: Actor, at: datetime
) -> dict[str, int]:
    """Insert accounts, roles and audit entries in batches; the new row ids by code."""
    ids: dict[str, int] = {}
    day = day_in_china(at)
    for batch in _batches(rows):
        made = db.session.execute(
            insert(User).returning(User.username, User.id),
            [
                {
                    "username": row.code,
                    "name": row.name[:64],
                    "password_hash": password_hash,
                    "must_change_password": True,
                    "demo": row.demo,
                    "created_at": at,
                }
                for row, password_hash in batch
            ],
        ).all()
        ids.update((username, user_id) for username, user_id in made)
        db.session.execute(
            insert(RoleAssignment),
            [
                {
                    "user_id": ids[row.code],
                    "role": Role.HOSPITAL if row.kind in SUPERVISING_KINDS else Role.INSTITUTION,
                    "institution_id": row.institution_id,
                    "valid_from": day,
                }
                for row, _ in batch
            ],
        )
        for row, _ in batch:
            _record(
                "issue_account",
                ids[row.code],
                row.code,
                by=by,
                at=at,
                institution_id=row.institution_id,
                county_code=row.county_code,
                after={"name": row.name},
            )
    return ids


def _batches(
    rows: Sequence[tuple[account_queries.Waiting, str]],
) -> Iterable[Sequence[tuple[account_queries.Waiting, str]]]:
    return (rows[start : start + _BATCH] for start in range(0, len(rows), _BATCH))


# Scope.


def assignments_in_scope(by: Actor, on: date) -> ColumnElement[bool]:
    """The roles whose accounts an actor looks after; the condition is shared with the list on screen."""
    return account_queries.assignments_in_scope(by, on)


def _in_force(on: date) -> ColumnElement[bool]:
    return account_queries.in_force(RoleAssignment, on)


def _manageable(user_id: int, *, by: Actor, at: datetime) -> User:
    """The account, if all its roles of today are in the actor's scope.

    A county must not set the password of a person who also works for the city: it could then log in as them.
    """
    by.need(Permission.ACCOUNTS_MANAGE)
    if user_id == by.user_id:
        raise NotYourself()
    day = day_in_china(at)
    user = db.session.execute(
        select(User)
        .where(User.id == user_id, account_queries.accounts_visible_to(by, day))
        .with_for_update(of=User)
        .execution_options(populate_existing=True)
    ).scalar_one_or_none()
    if user is None:
        raise AccountNotFound()
    foreign = select(
        exists().where(RoleAssignment.user_id == user_id, _in_force(day), ~assignments_in_scope(by, day))
    )
    if db.session.scalar(foreign):
        raise AccountOutOfScope(name=user.name)
    return user


def _may_give(role: Role, *, institution_id: int | None, by: Actor, on: date) -> bool:
    """Whether a role of this kind, in this institution, is the actor's to give."""
    if role not in account_queries.ROLES_IN_CARE[by.role]:
        return False
    if by.role is not Role.COUNTY:
        return True
    return bool(
        db.session.scalar(
            select(exists().where(Institution.id == institution_id, institutions_of(by, Institution.id, on)))
        )
    )


def _end_sessions(user_id: int) -> int:
    return db.session.execute(
        update(User)
        .where(User.id == user_id)
        .values(session_epoch=User.session_epoch + 1)
        .returning(User.session_epoch)
    ).scalar_one()


def _username(user_id: int) -> str:
    username: str | None = db.session.scalar(select(User.username).where(User.id == user_id))
    if username is None:
        raise AccountNotFound()
    return username


def _county_of(institution_id: int | None, on: date) -> str | None:
    if institution_id is None:
        return None
    record = aliased(InstitutionRecord)
    return db.session.scalar(
        select(record.county_code).where(
            record.institution_id == institution_id,
            record.valid_from <= on,
            or_(record.valid_before.is_(None), record.valid_before > on),
        )
    )


def _place_of(user_id: int, at: datetime) -> dict[str, Any]:
    """Whose matter an account is, so that the parties find the deed in their history."""
    day = day_in_china(at)
    row = db.session.execute(
        select(RoleAssignment.institution_id, RoleAssignment.distributor_id, RoleAssignment.county_code)
        .where(RoleAssignment.user_id == user_id, _in_force(day))
        .order_by(RoleAssignment.id)
        .limit(1)
    ).one_or_none()
    if row is None:
        return {}
    return {
        "institution_id": row.institution_id,
        "distributor_id": row.distributor_id,
        "county_code": row.county_code or _county_of(row.institution_id, day),
    }


def _record(
    deed: str,
    user_id: int,
    username: str,
    *,
    by: Actor,
    at: datetime,
    institution_id: int | None = None,
    distributor_id: int | None = None,
    county_code: str | None = None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    """One audit entry about an account; without a place it is filed where the actor works."""
    placed = institution_id or distributor_id or county_code
    audit.record(
        deed,
        by=by,
        at=at,
        subject_type="account",
        subject_id=user_id,
        subject=username,
        institution_id=institution_id if placed else by.institution_id,
        distributor_id=distributor_id if placed else by.distributor_id,
        county_code=county_code if placed else by.county_code,
        before=before,
        after=after,
    )
