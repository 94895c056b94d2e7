"""The outbox: what webhooks will tell is written in the transaction of the deed itself (decision 0060).

Nothing is told of what was undone, and nothing is lost when a process dies. Who is told is found out later, by
``webhook_sending``; a deed neither waits for that nor knows of it. Where nobody has a webhook, nothing is written.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, cast

from sqlalchemy import Integer, String, Table, bindparam, exists, insert, select

from clinic_orders.models.base import UtcDateTime, db
from clinic_orders.models.webhooks import Webhook, WebhookEvent
from clinic_orders.rules.webhooks import EVENT_OF_DEED, Event, WebhookState

_EVENTS: Final = cast("Table", WebhookEvent.__table__)
_HEARD: Final = exists(select(Webhook.id).where(Webhook.state != WebhookState.ENDED))
_INSERT: Final = insert(_EVENTS).from_select(
    ["key", "event", "at", "subject_type", "subject_id", "subject"],
    select(
        bindparam("b_key", type_=String),
        bindparam("b_event", type_=_EVENTS.c.event.type),
        bindparam("b_at", type_=UtcDateTime),
        bindparam("b_subject_type", type_=String),
        bindparam("b_subject_id", type_=Integer),
        bindparam("b_subject", type_=String),
    ).where(_HEARD),
)


def new_key() -> str:
    """The key of an event, by which a receiver knows it again."""
    return f"evt_{secrets.token_hex(16)}"


def note(event: Event, *, at: datetime, subject_type: str, subject_id: int | None, subject: str) -> None:
    """Write down that something has happened, in the transaction at hand.

    Args:
        event: what.
        at: when.
        subject_type: the table's word, for example ``order``.
        subject_id: its row id.
        subject: its number.

    """
    _write([_row(event, at, subject_type, subject_id, subject)])


def note_deed(deed: str, entries: Sequence[Mapping[str, Any]], *, at: datetime, subject_type: str) -> None:
    """Write down the events of a deed, if it is one of which webhooks tell; the audit calls this for every deed.

    Args:
        deed: the name of the action's function.
        entries: per record ``subject_id`` and ``subject``.
        at: the instant of the deed.
        subject_type: the table's word.

    """
    event = EVENT_OF_DEED.get(deed)
    if event is not None and entries:
        _write([_row(event, at, subject_type, one.get("subject_id"), one["subject"]) for one in entries])


def _row(
    event: Event, at: datetime, subject_type: str, subject_id: int | None, subject: str
) -> dict[str, Any]:
    return {
        "b_key": new_key(),
        "b_event": event,
        "b_at": at,
        "b_subject_type": subject_type,
        "b_subject_id": subject_id,
        "b_subject": subject,
    }


def _write(rows: list[dict[str, Any]]) -> None:
    db.session.connection().execute(_INSERT, rows)
