"""Calls that store something, exactly once: the same call sent again gets the same answer (formats.md section 5)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from clinic_orders.actions.transaction import transactional
from clinic_orders.models.api import ApiAnswer
from clinic_orders.models.base import db
from clinic_orders.rules.api import ANSWERS_KEPT, KeyUsedOtherwise, check_key
from clinic_orders.rules.parties import Actor

_ANSWERS: Any = ApiAnswer.__table__
_CLAIM = {
    "postgresql": postgresql_insert(_ANSWERS).on_conflict_do_nothing(index_elements=["assignment_id", "key"]),
    "sqlite": sqlite_insert(_ANSWERS).on_conflict_do_nothing(index_elements=["assignment_id", "key"]),
}
_CLAIM = {name: statement.returning(_ANSWERS.c.id) for name, statement in _CLAIM.items()}


@dataclass(frozen=True, slots=True)
class Answered:
    """What a call was answered; ``again`` where it had been done before."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    again: bool = False


@transactional
def once(
    key: str, digest: str, do: Callable[[], Answered], *, assignment_id: int, by: Actor, at: datetime
) -> Answered:
    """Do a call and keep its answer, or give the answer that its key already has.

    The key's row is written first: whoever comes second with the same key waits for the first and reads its answer.
    A call that is refused leaves nothing behind, not even its key: put right, it may be sent with the same one.

    Args:
        key: made by the program, another one for every matter.
        digest: of method, address and body.
        do: does the call in this transaction.
        assignment_id: the account in its organisation; keys of others are others.
        by: in whose name.
        at: when.

    Raises:
        KeyWrong: there is no key, or it is too long.
        KeyUsedOtherwise: the key belongs to another call.

    """
    del by
    check_key(key)
    connection = db.session.connection()
    claimed = connection.execute(
        _CLAIM[connection.dialect.name],
        {
            "assignment_id": assignment_id,
            "key": key,
            "digest": digest,
            "status": 0,
            "headers": {},
            "body": None,
            "at": at,
        },
    ).scalar_one_or_none()
    if claimed is None:
        kept = connection.execute(
            select(_ANSWERS.c.digest, _ANSWERS.c.status, _ANSWERS.c.body, _ANSWERS.c.headers).where(
                _ANSWERS.c.assignment_id == assignment_id, _ANSWERS.c.key == key
            )
        ).one()
        if kept.digest != digest:
            raise KeyUsedOtherwise
        return Answered(kept.status, kept.body, kept.headers, again=True)
    found = do()
    db.session.flush()
    db.session.connection().execute(
        update(_ANSWERS)
        .where(_ANSWERS.c.id == claimed)
        .values(status=found.status, body=found.body, headers=dict(found.headers))
    )
    return found


@transactional
def forget_answers(*, by: Actor, at: datetime) -> int:
    """Forget the answers that nobody asks for again; how many."""
    del by
    gone = db.session.execute(
        delete(ApiAnswer).where(ApiAnswer.at < at - ANSWERS_KEPT).returning(ApiAnswer.id)
    )
    return len(gone.all())
