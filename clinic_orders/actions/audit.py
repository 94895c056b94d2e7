"""Write down who did what, with the facts before and after. Called by deeds, inside their transaction.

What webhooks tell is written here as well (``outbox``): one place through which every deed goes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import insert

from clinic_orders.actions import outbox
from clinic_orders.models.audit import AuditEntry
from clinic_orders.models.base import db
from clinic_orders.rules.parties import Actor

_INSERT = insert(AuditEntry.__table__)  # type: ignore[arg-type]
_batch: ContextVar[int | None] = ContextVar("batch", default=None)


@contextmanager
def of_batch(batch_id: int) -> Iterator[None]:
    """What is written down inside was done in the course of an imported file."""
    token = _batch.set(batch_id)
    try:
        yield
    finally:
        _batch.reset(token)


def _plain(value: Any) -> Any:
    """Values as JSON keeps them: exact decimals and dates as text."""
    if isinstance(value, Decimal | date | datetime):
        return str(value) if isinstance(value, Decimal) else value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(inner) for inner in value]
    return value


def record(
    deed: str,
    *,
    by: Actor,
    at: datetime,
    subject_type: str,
    subject_id: int | None = None,
    subject: str = "",
    institution_id: int | None = None,
    distributor_id: int | None = None,
    county_code: str | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Add one audit entry.

    Args:
        deed: the name of the action's function, for example ``submit_order``.
        by: who did it.
        at: the instant the deed was done.
        subject_type: the table's word, for example ``order``.
        subject_id: its row id.
        subject: its name for people, for example the order number.
        institution_id: the institution whose matter it is.
        distributor_id: the distributor whose matter it is.
        county_code: the county whose bureau may read it.
        before: the changed facts as they were; None for something new.
        after: the changed facts as they are now; None for something ended.

    """
    db.session.execute(
        _INSERT,
        [
            {
                "at": at,
                "deed": deed,
                "user_id": by.user_id,
                "actor_name": by.name,
                "actor_role": by.role.value,
                "org_name": by.org_name,
                "subject_type": subject_type,
                "subject_id": subject_id,
                "subject": subject,
                "institution_id": institution_id,
                "distributor_id": distributor_id,
                "county_code": county_code,
                "batch_id": _batch.get(),
                "before": None if before is None else _plain(before),
                "after": None if after is None else _plain(after),
            }
        ],
    )
    entry = {"subject_id": subject_id, "subject": subject}
    outbox.note_deed(deed, [entry], at=at, subject_type=subject_type)


def record_all(
    deed: str, entries: Sequence[Mapping[str, Any]], *, by: Actor, at: datetime, subject_type: str
) -> None:
    """Add one audit entry for each record that one deed made, in one statement.

    Args:
        deed: the name of the action's function.
        entries: per record subject_id, subject, institution_id, distributor_id, county_code, before, after;
            all but the subject may be missing.
        by: who did it.
        at: the instant of the deed.
        subject_type: the table's word.

    """
    db.session.execute(
        _INSERT,
        [
            {
                "at": at,
                "deed": deed,
                "user_id": by.user_id,
                "actor_name": by.name,
                "actor_role": by.role.value,
                "org_name": by.org_name,
                "subject_type": subject_type,
                "subject_id": entry.get("subject_id"),
                "subject": entry["subject"],
                "institution_id": entry.get("institution_id"),
                "distributor_id": entry.get("distributor_id"),
                "county_code": entry.get("county_code"),
                "batch_id": _batch.get(),
                "before": _plain(entry.get("before")),
                "after": _plain(entry.get("after")),
            }
            for entry in entries
        ],
    )
    outbox.note_deed(deed, entries, at=at, subject_type=subject_type)
