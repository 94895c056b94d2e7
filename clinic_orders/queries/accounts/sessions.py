"""Where a person is logged in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from clinic_orders.models.accounts import DeviceSession, User
from clinic_orders.models.base import db
from clinic_orders.rules.accounts import token_digest


@dataclass(frozen=True, slots=True)
class Device:
    """One log-in that has not been ended.

    Attributes:
        id: row id.
        agent: what the browser said it is.
        started_at: when its person logged in there.
        here: whether it is the one that asks.

    """

    id: int
    agent: str
    started_at: datetime
    here: bool


def devices_of(user_id: int, token: str, *, since: datetime) -> list[Device]:
    """The log-ins of a person that are open, the newest first.

    Args:
        user_id: whose.
        token: of the log-in that asks.
        since: older ones are over in any case.

    """
    own = token_digest(token)
    rows = db.session.execute(
        select(DeviceSession.id, DeviceSession.device, DeviceSession.started_at, DeviceSession.token_digest)
        .join(User, User.id == DeviceSession.user_id)
        .where(
            DeviceSession.user_id == user_id,
            DeviceSession.ended_at.is_(None),
            DeviceSession.epoch == User.session_epoch,
            DeviceSession.started_at > since,
        )
        .order_by(DeviceSession.started_at.desc(), DeviceSession.id.desc())
    )
    return [Device(row.id, row.device, row.started_at, row.token_digest == own) for row in rows]
