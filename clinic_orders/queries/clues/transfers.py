"""The lists by which clues were handed over 移交清单 (R-TRACE-3)."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, func, select

from clinic_orders.models.base import db
from clinic_orders.models.clues import ClueTransfer
from clinic_orders.queries.clues.visible import transfers_visible_to
from clinic_orders.queries.lists import with_words
from clinic_orders.rules.parties import Actor


class TransferRow(NamedTuple):
    """A list by which clues were handed over."""

    number: str
    receiver: str
    issuer: str
    clues: int
    made_at: datetime
    made_by_name: str


TRANSFER_SORTS = ("made", "number", "receiver", "clues")


def _transfer_conditions(actor: Actor, words: str) -> list[ColumnElement[bool]]:
    row, conditions = ClueTransfer, [transfers_visible_to(actor)]
    conditions += with_words(words, row.number, row.receiver, row.issuer, row.made_by_name)
    return conditions


def transfers(
    actor: Actor, *, words: str = "", sort: str = "-made", limit: int | None = None, offset: int = 0
) -> list[TransferRow]:
    """The transfer lists of a page or a file; one statement."""
    row = ClueTransfer
    columns: dict[str, Any] = {
        "made": row.made_at, "number": row.number, "receiver": row.receiver, "clues": row.clues,
    }  # fmt: skip
    column = columns[sort.removeprefix("-")]
    down = sort.startswith("-")
    statement = (
        select(row.number, row.receiver, row.issuer, row.clues, row.made_at, row.made_by_name)
        .where(*_transfer_conditions(actor, words))
        .order_by(column.desc() if down else column.asc(), row.id.desc() if down else row.id.asc())
        .limit(limit)
        .offset(offset)
    )
    return [TransferRow._make(one) for one in db.session.execute(statement)]


def count_transfers(actor: Actor, *, words: str = "") -> int:
    """How many transfer lists fit."""
    return db.session.scalar(select(func.count()).where(*_transfer_conditions(actor, words))) or 0


def find_transfer(number: str, actor: Actor) -> ClueTransfer | None:
    """One transfer list, if the actor may see it."""
    statement = select(ClueTransfer).where(ClueTransfer.number == number, transfers_visible_to(actor))
    return db.session.scalars(statement).one_or_none()
