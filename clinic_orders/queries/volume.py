"""Cycles of agreed volume as they stand (R-VOL-1)."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import or_, select

from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.volume import AgreedVolume
from clinic_orders.rules.volume import Cycle


class ClashingCycles(NamedTuple):
    """Two cycles of one item that can't stand beside each other."""

    item_code: str
    one: Cycle
    other: Cycle


def clashing_cycles() -> list[ClashingCycles]:
    """Every pair of an item's cycles that differ and share a day: ``rules.volume.clashes`` as SQL (R-VOL-1)."""
    row = AgreedVolume
    cycles = (
        select(row.item_id, row.cycle_start, row.cycle_end)
        .where(row.replaced_at.is_(None))
        .distinct()
        .subquery()
    )
    one, other = cycles.alias("one"), cycles.alias("other")
    rows = db.session.execute(
        select(Item.item_code, one.c.cycle_start, one.c.cycle_end, other.c.cycle_start, other.c.cycle_end)
        .join(one, one.c.item_id == Item.id)
        .join(other, other.c.item_id == one.c.item_id)
        .where(
            or_(
                one.c.cycle_start < other.c.cycle_start,
                (one.c.cycle_start == other.c.cycle_start) & (one.c.cycle_end < other.c.cycle_end),
            ),
            one.c.cycle_start <= other.c.cycle_end,
            other.c.cycle_start <= one.c.cycle_end,
        )
        .order_by(Item.item_code, one.c.cycle_start, one.c.cycle_end, other.c.cycle_start, other.c.cycle_end)
    )
    return [ClashingCycles(row[0], Cycle(row[1], row[2]), Cycle(row[3], row[4])) for row in rows]
