"""What the deeds about accounts share: refusals, hashing, who looks after whom, the audit entry.

Argon2id takes some 20 ms of a processor for each password (OWASP's parameters). On SQLite only one transaction
can write, so a password is never hashed or verified while one is open: each deed that needs it looks first,
computes with no transaction open, and then writes.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import Type, hash_secret_raw
from sqlalchemy import ColumnElement, exists, or_, select, update
from sqlalchemy.orm import aliased

from clinic_orders.actions import audit
from clinic_orders.actions.loading import NotFound
from clinic_orders.actions.transaction import end_reading
from clinic_orders.models.accounts import RoleAssignment, User
from clinic_orders.models.base import db, reading_only
from clinic_orders.models.roster import Institution, InstitutionRecord
from clinic_orders.queries import accounts as account_queries
from clinic_orders.queries.accounts import assignments_in_scope
from clinic_orders.queries.roster import institutions_of
from clinic_orders.rules.accounts import (
    FAILURES_UNTIL_LOCKED,
    LOCKED_FOR,
    AccountLocked,
    folded,
)
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.parties import Actor, Permission, Role

# OWASP password storage cheat sheet: Argon2id with 19 MiB, two passes, one lane.
hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# What is verified for a name that nobody has, so that the answer takes as long as for a wrong password.
NOBODY = hasher.hash(secrets.token_urlsafe(16))


class UsernameTaken(RuleBroken):
    """Log-in names are unique whatever their capitals."""

    message = N_("The log-in name %(username)s is already in use. Choose another, or open that account.")


class AccountNotFound(NotFound):
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
    return hasher.hash(folded(password))


def fits(password_hash: str, password: str) -> bool:
    """Whether a password belongs to a hash. Takes some 20 ms; call it outside of transactions."""
    try:
        return hasher.verify(password_hash, folded(password))
    except (VerificationError, InvalidHashError):
        return False


def slow_digest(text: str, salt: str) -> str:
    """The Argon2id digest of a short secret with a salt that many share. Takes some 20 ms; outside of transactions."""
    raw = hash_secret_raw(
        text.encode(),
        bytes.fromhex(salt),
        time_cost=hasher.time_cost,
        memory_cost=hasher.memory_cost,
        parallelism=hasher.parallelism,
        hash_len=32,
        type=Type.ID,
    )
    return raw.hex()


@contextmanager
def looking() -> Iterator[None]:
    """Read without taking the writer's place, and leave no transaction open unless there was one before.

    Nothing was written; the end is a commit because PostgreSQL's driver forgets prepared statements on a rollback.
    """
    inside = db.session().in_transaction()
    with reading_only():
        yield
    if not inside:
        end_reading()


def locked_out() -> AccountLocked:
    """The refusal of a locked account."""
    return AccountLocked(tries=FAILURES_UNTIL_LOCKED, minutes=int(LOCKED_FOR / timedelta(minutes=1)))


def store_password(user_id: int, new_hash: str, *, must_change: bool, at: datetime) -> int:
    """Put a new hash in place, lift a lock-out and end all sessions; the new session epoch."""
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


def in_force(on: date) -> ColumnElement[bool]:
    """The condition that a role holds on a day."""
    return account_queries.in_force(RoleAssignment, on)


def manageable(user_id: int, *, by: Actor, at: datetime) -> User:
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
        exists().where(RoleAssignment.user_id == user_id, in_force(day), ~assignments_in_scope(by, day))
    )
    if db.session.scalar(foreign):
        raise AccountOutOfScope(name=user.name)
    return user


def may_give(role: Role, *, institution_id: int | None, by: Actor, on: date) -> bool:
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


def end_sessions(user_id: int) -> int:
    """End all sessions of a person; the new session epoch."""
    return db.session.execute(
        update(User)
        .where(User.id == user_id)
        .values(session_epoch=User.session_epoch + 1)
        .returning(User.session_epoch)
    ).scalar_one()


def username_of(user_id: int) -> str:
    """The log-in name of an account."""
    username: str | None = db.session.scalar(select(User.username).where(User.id == user_id))
    if username is None:
        raise AccountNotFound()
    return username


def county_of(institution_id: int | None, on: date) -> str | None:
    """The county in which an institution is on a day."""
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


def place_of(user_id: int, at: datetime) -> dict[str, Any]:
    """Whose matter an account is, so that the parties find the deed in their history."""
    day = day_in_china(at)
    row = db.session.execute(
        select(RoleAssignment.institution_id, RoleAssignment.distributor_id, RoleAssignment.county_code)
        .where(RoleAssignment.user_id == user_id, in_force(day))
        .order_by(RoleAssignment.id)
        .limit(1)
    ).one_or_none()
    if row is None:
        return {}
    return {
        "institution_id": row.institution_id,
        "distributor_id": row.distributor_id,
        "county_code": row.county_code or county_of(row.institution_id, day),
    }


def note(
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
