"""The paper of a loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.stock_entries import StockEntry, StockLoss
from clinic_orders.queries.selling import entry_of
from clinic_orders.rules.stock_entries import EntryKind


@dataclass(frozen=True, slots=True)
class Loss:
    """An entry of a loss and its lines: loss, item."""

    entry: StockEntry
    lines: Sequence[Any]


def loss_of(institution_id: int, entry_no: str) -> Loss | None:
    """A loss of an institution by its number; None if there is none."""
    entry = entry_of(institution_id, entry_no)
    if entry is None or entry.kind is not EntryKind.LOSS:
        return None
    lines = db.session.execute(
        select(StockLoss, Item)
        .join(Item, Item.id == StockLoss.item_id)
        .where(StockLoss.entry_id == entry.id)
        .order_by(StockLoss.line_no)
    ).all()
    return Loss(entry, lines)
