"""Keep what lies on all shelves, so that a page over a whole county need not go through every movement (decision 0050)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from datetime import date, datetime
from typing import Any

from sqlalchemy import and_, delete, insert, select

from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.roster import InstitutionRecord
from clinic_orders.models.stock_levels import StockKeeper, StockLevel, StockSum
from clinic_orders.queries.roster import current
from clinic_orders.queries.stock_levels import levels, sums_of
from clinic_orders.rules.parties import Actor, Permission


@transactional
def keep_stock_levels(ids: Collection[int], *, for_day: date, by: Actor, at: datetime) -> int:
    """Write anew what lies on the shelves of some institutions at the end of a day; safe to repeat.

    Args:
        ids: the institutions, not more than one statement takes.
        for_day: at the end of which day it is looked at.
        by: the system.
        at: now.

    Returns:
        how many rows are kept.

    """
    by.need(Permission.JOBS_RUN)
    found = levels(ids, for_day)
    db.session.execute(delete(StockLevel).where(StockLevel.institution_id.in_(ids)))
    db.session.execute(delete(StockKeeper).where(StockKeeper.institution_id.in_(ids)))
    if found:
        db.session.execute(insert(StockLevel), [one._asdict() for one in found])
    items, out, near = Counter[int](), Counter[int](), Counter[int]()
    counted: dict[int, date] = {}
    for one in found:
        items[one.institution_id] += 1
        out[one.institution_id] += one.out
        near[one.institution_id] += one.near_units > 0
        if one.counted_on is not None:
            counted[one.institution_id] = max(one.counted_on, counted.get(one.institution_id, one.counted_on))
    heads: list[dict[str, Any]] = [
        {
            "institution_id": one,
            "looked_on": for_day,
            "items": items[one],
            "out": out[one],
            "near": near[one],
            "counted_on": counted.get(one),
        }
        for one in ids
    ]
    if heads:
        db.session.execute(insert(StockKeeper), heads)
    return len(found)


@transactional
def sum_stock_levels(*, for_day: date, by: Actor, at: datetime) -> None:
    """Forget the shelves of those that keep no stock any more, and add up the others by county and item.

    Args:
        for_day: the day for which the shelves were written anew.
        by: the system.
        at: now.

    """
    by.need(Permission.JOBS_RUN)
    gone = select(StockKeeper.institution_id).where(StockKeeper.looked_on < for_day)
    db.session.execute(delete(StockLevel).where(StockLevel.institution_id.in_(gone)))
    db.session.execute(delete(StockKeeper).where(StockKeeper.looked_on < for_day))
    db.session.execute(delete(StockSum))
    record = InstitutionRecord
    sums = sums_of(record.county_code, StockLevel.item_id).join(
        record, and_(record.institution_id == StockLevel.institution_id, current(record, for_day))
    )
    names = ["county_code", "item_id", "keepers", "on_hand", "out", "near", "near_units"]
    db.session.execute(insert(StockSum).from_select(names, sums))
