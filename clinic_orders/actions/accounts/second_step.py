"""Set up, ask for and take away the second step of a log-in (rules.second_step)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select, update

from clinic_orders.actions.accounts._common import (
    end_sessions,
    fits,
    locked_out,
    looking,
    manageable,
    note,
    place_of,
    slow_digest,
    username_of,
)
from clinic_orders.actions.accounts.log_in import record_failed_login, record_login
from clinic_orders.actions.transaction import transaction, transactional
from clinic_orders.models.accounts import User
from clinic_orders.models.base import db
from clinic_orders.models.second_step import PaperCode, SecondStep
from clinic_orders.queries.accounts import Principal, principal, second_step_of
from clinic_orders.rules.accounts import AccountClosed, NoRoleInForce, OldPasswordWrong, is_locked
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.parties import Actor
from clinic_orders.rules.second_step import (
    PAPER_CODES,
    CodeWrong,
    NothingBegun,
    matching_step,
    new_secret,
    paper_code,
    plain_code,
)


def begin_second_step(password: str, *, by: Actor, at: datetime) -> None:
    """Make a secret for one's own phone; it counts only once confirmed. Pressed twice, the first one stays.

    Raises:
        OldPasswordWrong: somebody at an unattended screen must not take the account.
        AccountLocked: it was mistyped too often.

    """
    username = _with_password(password, by=by, at=at)
    assert by.user_id is not None
    with transaction():
        if db.session.get(SecondStep, by.user_id) is None:
            db.session.add(
                SecondStep(user_id=by.user_id, secret=new_secret(), begun_at=at, confirmed_at=None)
            )
            note("begin_second_step", by.user_id, username, by=by, at=at)


def _with_password(password: str, *, by: Actor, at: datetime) -> str:
    """See that the person at the screen knows the password; answer the log-in name."""
    assert by.user_id is not None
    with looking():
        row = db.session.execute(
            select(User.username, User.password_hash, User.locked_until).where(User.id == by.user_id)
        ).one()
    if is_locked(row.locked_until, at):
        raise locked_out()
    if not fits(row.password_hash, password):
        if record_failed_login(by.user_id, by=by, at=at):
            raise locked_out()
        raise OldPasswordWrong()
    return str(row.username)


@dataclass(frozen=True, slots=True)
class _Sheet:
    """Codes for a sheet of paper, in plain words and as they are kept."""

    codes: list[str]
    salt: str
    digests: list[str]


def _new_sheet() -> _Sheet:
    salt = secrets.token_hex(16)
    codes = [paper_code(secrets.choice) for _ in range(PAPER_CODES)]
    return _Sheet(codes, salt, [slow_digest(plain_code(code), salt) for code in codes])


def _keep_sheet(user_id: int, sheet: _Sheet) -> None:
    """Put a new sheet in place; the codes of the old one are void."""
    db.session.execute(delete(PaperCode).where(PaperCode.user_id == user_id))
    db.session.execute(update(SecondStep).where(SecondStep.user_id == user_id).values(paper_salt=sheet.salt))
    db.session.add_all(PaperCode(user_id=user_id, digest=digest) for digest in sheet.digests)


def confirm_second_step(code: str, *, by: Actor, at: datetime) -> tuple[int, list[str]]:
    """Show that the phone has the secret: from now on each log-in asks for it. All other sessions end.

    Returns:
        the new session epoch, and the codes for the sheet of paper, which are stored nowhere in plain words.

    Raises:
        NothingBegun: no secret was made, or it is confirmed already.
        CodeWrong: the phone shows something else.

    """
    assert by.user_id is not None
    with looking():
        secret = second_step_of(by.user_id).secret
    if not secret:
        raise NothingBegun()
    step = matching_step(secret, code, at)
    if step is None:
        raise CodeWrong()
    sheet = _new_sheet()
    with transaction():
        confirmed = db.session.execute(
            update(SecondStep)
            .where(
                SecondStep.user_id == by.user_id,
                SecondStep.confirmed_at.is_(None),
                SecondStep.secret == secret,
            )
            .values(confirmed_at=at, last_step=step)
            .returning(SecondStep.user_id)
        ).one_or_none()
        if confirmed is None:
            raise NothingBegun()
        _keep_sheet(by.user_id, sheet)
        epoch = end_sessions(by.user_id)
        note("confirm_second_step", by.user_id, username_of(by.user_id), by=by, at=at)
    return epoch, sheet.codes


def renew_paper_codes(code: str, *, by: Actor, at: datetime) -> list[str]:
    """A new sheet of codes; the old one is void.

    Raises:
        CodeWrong: the phone shows something else; a code from the old sheet is good too.

    """
    assert by.user_id is not None
    if not _take_code(by.user_id, code, by=by, at=at):
        raise CodeWrong()
    sheet = _new_sheet()
    with transaction():
        _keep_sheet(by.user_id, sheet)
        note("renew_paper_codes", by.user_id, username_of(by.user_id), by=by, at=at)
    return sheet.codes


def finish_log_in(user_id: int, code: str, *, by: Actor, at: datetime) -> Principal:
    """The second step of a log-in whose password was right.

    Args:
        user_id: the account that ``log_in`` named.
        code: six digits from the phone, or a code from paper.
        by: SYSTEM, since the log-in is not over.
        at: the instant.

    Raises:
        CodeWrong: neither; it counts like a wrong password.
        AccountLocked: too many failures.
        AccountClosed, NoRoleInForce: as for ``log_in``.

    """
    with looking():
        user = db.session.execute(
            select(User.locked_until, User.disabled_at).where(User.id == user_id)
        ).one_or_none()
        found = principal(user_id, None, on=day_in_china(at))
    if user is None or user.disabled_at is not None:
        raise AccountClosed()
    if is_locked(user.locked_until, at):
        raise locked_out()
    if found is None:
        raise NoRoleInForce()
    if not _take_code(user_id, code, by=found.actor, at=at):
        if record_failed_login(user_id, by=by, at=at):
            raise locked_out()
        raise CodeWrong()
    record_login(user_id, by=found.actor, at=at)
    return found


def _take_code(user_id: int, code: str, *, by: Actor, at: datetime) -> bool:
    """Use up a code; of two log-ins with the same one only the first gets it."""
    with looking():
        kept = db.session.execute(
            select(SecondStep.secret, SecondStep.paper_salt).where(
                SecondStep.user_id == user_id, SecondStep.confirmed_at.is_not(None)
            )
        ).one_or_none()
    if kept is None:
        return False
    step = matching_step(kept.secret, code, at)
    if step is not None:
        with transaction():
            taken = db.session.execute(
                update(SecondStep)
                .where(SecondStep.user_id == user_id, SecondStep.last_step < step)
                .values(last_step=step)
                .returning(SecondStep.user_id)
            ).one_or_none()
        return taken is not None
    if not kept.paper_salt:
        return False
    digest = slow_digest(plain_code(code), kept.paper_salt)
    with transaction():
        used = db.session.execute(
            update(PaperCode)
            .where(PaperCode.user_id == user_id, PaperCode.digest == digest, PaperCode.used_at.is_(None))
            .values(used_at=at)
            .returning(PaperCode.id)
        ).one_or_none()
        if used is not None:
            note("use_paper_code", user_id, username_of(user_id), by=by, at=at)
    return used is not None


def end_second_step(password: str, *, by: Actor, at: datetime) -> None:
    """Switch one's own second step off, with the password once more.

    Raises:
        OldPasswordWrong: the password was mistyped.
        AccountLocked: it was mistyped too often.

    """
    username = _with_password(password, by=by, at=at)
    assert by.user_id is not None
    with transaction():
        _remove(by.user_id)
        note("end_second_step", by.user_id, username, by=by, at=at)


@transactional
def remove_second_step(user_id: int, *, by: Actor, at: datetime) -> None:
    """Take the second step from somebody who lost phone and paper; all their sessions end.

    Raises:
        AccountNotFound, AccountOutOfScope, NotYourself: as for ``reset_password``.

    """
    user = manageable(user_id, by=by, at=at)
    _remove(user_id)
    end_sessions(user_id)
    note("remove_second_step", user_id, user.username, by=by, at=at, **place_of(user_id, at))


def _remove(user_id: int) -> None:
    db.session.execute(delete(PaperCode).where(PaperCode.user_id == user_id))
    db.session.execute(delete(SecondStep).where(SecondStep.user_id == user_id))
