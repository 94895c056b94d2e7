"""Set one's own password, or give an account of one's scope a first password again."""

from __future__ import annotations

import secrets
from datetime import datetime

from sqlalchemy import select

from clinic_orders.actions.accounts._common import (
    NewAccount,
    fits,
    hash_password,
    locked_out,
    looking,
    manageable,
    note,
    place_of,
    store_password,
)
from clinic_orders.actions.accounts.log_in import record_failed_login
from clinic_orders.actions.transaction import transaction
from clinic_orders.models.accounts import User
from clinic_orders.models.base import db
from clinic_orders.rules.accounts import (
    OldPasswordWrong,
    PasswordUnchanged,
    check_password,
    first_password,
    folded,
    is_locked,
)
from clinic_orders.rules.parties import Actor


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
    with looking():
        row = db.session.execute(
            select(User.username, User.password_hash, User.locked_until).where(User.id == by.user_id)
        ).one()
    # Somebody at an unattended phone has as few tries as at the log-in page.
    if is_locked(row.locked_until, at):
        raise locked_out()
    if not fits(row.password_hash, old):
        if record_failed_login(by.user_id, by=by, at=at):
            raise locked_out()
        raise OldPasswordWrong()
    if folded(old) == folded(new):
        raise PasswordUnchanged()
    check_password(new, username=row.username)
    new_hash = hash_password(new)
    with transaction():
        epoch = store_password(by.user_id, new_hash, must_change=False, at=at)
        note("change_password", by.user_id, row.username, by=by, at=at)
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
    with looking():
        user = manageable(user_id, by=by, at=at)
        username, name = user.username, user.name
    if password is not None:
        check_password(password, username=username)
    plain = password or first_password(secrets.choice)
    new_hash = hash_password(plain)
    with transaction():
        manageable(user_id, by=by, at=at)
        store_password(user_id, new_hash, must_change=True, at=at)
        note("reset_password", user_id, username, by=by, at=at, **place_of(user_id, at))
    return NewAccount(user_id=user_id, username=username, name=name, password=plain)
