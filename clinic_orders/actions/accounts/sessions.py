"""Log-ins on devices: opened, ended here, ended from another device."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update

from clinic_orders.actions.accounts._common import AccountNotFound, note, username_of
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.accounts import DeviceSession, User
from clinic_orders.models.base import db
from clinic_orders.rules.accounts import token_digest
from clinic_orders.rules.parties import Actor

# What is over is kept so long for who asks where an account was used.
KEPT = timedelta(days=180)


@transactional
def open_session(device: str, *, by: Actor, at: datetime) -> str:
    """Begin a log-in on a device.

    Args:
        device: what the browser says it is.
        by: who has shown who they are.
        at: the instant.

    Returns:
        the token for the cookie, 256 random bits, stored nowhere in plain words.

    """
    assert by.user_id is not None
    token = secrets.token_urlsafe(32)
    epoch = db.session.execute(select(User.session_epoch).where(User.id == by.user_id)).scalar_one()
    db.session.execute(
        delete(DeviceSession).where(DeviceSession.user_id == by.user_id, DeviceSession.started_at < at - KEPT)
    )
    db.session.add(
        DeviceSession(
            user_id=by.user_id,
            token_digest=token_digest(token),
            device=device[:200],
            epoch=epoch,
            started_at=at,
        )
    )
    return token


@transactional
def renew_session(token: str, epoch: int, *, by: Actor, at: datetime) -> None:
    """Let this log-in go on after all others were ended, as with a new password."""
    del at
    db.session.execute(
        update(DeviceSession)
        .where(DeviceSession.user_id == by.user_id, DeviceSession.token_digest == token_digest(token))
        .values(epoch=epoch)
    )


@transactional
def close_session(token: str, *, by: Actor, at: datetime) -> None:
    """End the log-in of this device; a copy of its cookie is worth nothing afterwards."""
    db.session.execute(
        update(DeviceSession)
        .where(
            DeviceSession.user_id == by.user_id,
            DeviceSession.token_digest == token_digest(token),
            DeviceSession.ended_at.is_(None),
        )
        .values(ended_at=at)
    )


@transactional
def end_device(session_id: int, *, by: Actor, at: datetime) -> None:
    """End one of one's own log-ins from another device.

    Raises:
        AccountNotFound: it is not one's own, or it has ended.

    """
    assert by.user_id is not None
    ended = db.session.execute(
        update(DeviceSession)
        .where(
            DeviceSession.id == session_id,
            DeviceSession.user_id == by.user_id,
            DeviceSession.ended_at.is_(None),
        )
        .values(ended_at=at)
        .returning(DeviceSession.device, DeviceSession.started_at)
    ).one_or_none()
    if ended is None:
        raise AccountNotFound()
    note(
        "end_device",
        by.user_id,
        username_of(by.user_id),
        by=by,
        at=at,
        before={"device": ended.device, "started_at": ended.started_at},
    )
