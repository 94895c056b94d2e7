"""Carry stock forward to the ends of closed months, so that no check adds up the years (R-STOCK-3, decision 0048)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from typing import Final, cast

from sqlalchemy import Table, delete, select, text, update

from clinic_orders.actions.bulk import Row, in_parts, insert_rows
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.roster import Institution
from clinic_orders.models.stock import StockCount
from clinic_orders.models.stock_balances import StockBalance, StockCarried, StockDisturbed, StockWatch
from clinic_orders.queries.carried import carried_to, days_to_carry, not_holding
from clinic_orders.queries.ledger import ledger
from clinic_orders.rules.parties import Actor, Permission

# So many institutions are carried in one transaction; on SQLite nobody else writes meanwhile.
_AT_ONCE: Final = 1000
# Of more than so many the month is read by days.
_FEW: Final = 100
_BALANCES: Final = cast("Table", StockBalance.__table__)
_CARRIED: Final = cast("Table", StockCarried.__table__)
# Whoever writes to these writes what moves stock.
_MOVES: Final = (
    "stock_count",
    "sale_line",
    "shipment",
    "shipment_line",
    "goods_return",
    "return_line",
    "order_double",
)


def carry_stock(*, by: Actor, at: datetime, days: Sequence[date] | None = None) -> int:
    """Carry the stock of every institution to the ends of the last closed months, where that is not done or was disturbed.

    What is disturbed meanwhile is noted again, and carried the next time.

    Args:
        by: who may run jobs.
        at: when.
        days: to these, in order; None = the ends of the last closed months.

    Returns:
        how many were carried, each day of each institution for itself.

    """
    days = days_to_carry() if days is None else days
    if not days:
        return 0
    if not _watch(days, by=by, at=at):
        for table in _MOVES:
            _await_writers(table, by=by, at=at)
        _begin_carrying(days[-1], by=by, at=at)
    carried = 0
    for day in days:
        ids = not_holding(day)
        for start in range(0, len(ids), _AT_ONCE):
            carried += _carry(day, ids[start : start + _AT_ONCE], by=by, at=at)
    return carried


@transactional
def _watch(days: Sequence[date], *, by: Actor, at: datetime) -> bool:
    """Have triggers note what changes up to the last of the days, and forget other days; answers whether all is ready."""
    by.need(Permission.JOBS_RUN)
    for table, day in ((StockCarried, StockCarried.carried_on), (StockBalance, StockBalance.carried_on)):
        db.session.execute(delete(table).where(day < days[0]))
    watch = db.session.get(StockWatch, 1)
    if watch is None:
        db.session.add(StockWatch(id=1, until=days[-1]))
        return False
    watch.until = max(watch.until, days[-1])
    return watch.ready_to is not None and watch.ready_to >= days[-1]


@transactional
def _await_writers(table: str, *, by: Actor, at: datetime) -> None:
    """Wait until everybody who began to write before the watch was known has ended; on SQLite they have.

    One table at a time and nothing else held, so that nobody waits for this in a circle. Where somebody writes for
    longer, as a long import does, the run fails, and the next one tries again.
    """
    by.need(Permission.JOBS_RUN)
    if db.session.get_bind().dialect.name == "postgresql":
        db.session.execute(text("SET LOCAL lock_timeout = '5s'"))
        db.session.execute(text(f"LOCK TABLE {table} IN SHARE MODE"))


@transactional
def _begin_carrying(day: date, *, by: Actor, at: datetime) -> None:
    by.need(Permission.JOBS_RUN)
    db.session.execute(update(StockWatch).values(ready_to=day))


@transactional
def _carry(day: date, ids: Collection[int], *, by: Actor, at: datetime) -> int:
    """Carry the stock of some institutions to a day."""
    by.need(Permission.JOBS_RUN)
    if db.session.get_bind().dialect.name == "postgresql":
        # Two that carry the same would keep the older of two answers; on SQLite a writer is alone anyway.
        db.session.execute(text("LOCK TABLE stock_carried IN SHARE ROW EXCLUSIVE MODE"))
    _take_notes_away(ids)
    wanted = not_holding(day, ids)
    if not wanted:
        return 0
    db.session.execute(
        delete(StockBalance).where(StockBalance.carried_on == day, StockBalance.institution_id.in_(wanted))
    )
    institutions = select(Institution.id).where(Institution.id.in_(wanted))
    connection = db.session.connection()
    count = StockCount
    counted = {
        (institution_id, item_id)
        for institution_id, item_id in connection.execute(
            select(count.institution_id, count.item_id)
            .where(count.replaced_at.is_(None), count.counted_on <= day, count.institution_id.in_(wanted))
            .distinct()
        ).all()
    }
    base = carried_to(day - timedelta(days=1), wanted)
    found = dict.fromkeys(counted, 0)
    stock = ledger(day, institutions, base, of_many=len(wanted) > _FEW)
    for institution_id, item_id, base_units in connection.execute(stock).all():
        found[institution_id, item_id] = int(base_units)
    insert_rows(_BALANCES, [_balance(day, pair, units, pair in counted) for pair, units in found.items()])
    insert_rows(_CARRIED, [{"institution_id": number, "carried_on": day} for number in wanted])
    return len(wanted)


def _balance(day: date, pair: tuple[int, int], base_units: int, counted: bool) -> Row:
    return {
        "carried_on": day,
        "institution_id": pair[0],
        "item_id": pair[1],
        "base_units": base_units,
        "counted": counted,
    }


def _take_notes_away(ids: Collection[int]) -> None:
    """What was carried to the days that were disturbed counts no more; what is noted from now on disturbs anew."""
    note = StockDisturbed
    notes = (
        db.session.connection()
        .execute(select(note.id, note.institution_id, note.day).where(note.institution_id.in_(ids)))
        .all()
    )
    since: dict[int, date] = {}
    for _, institution_id, day in notes:
        since[institution_id] = min(day, since.get(institution_id, day))
    for institution_id, day in since.items():
        db.session.execute(
            delete(StockCarried).where(
                StockCarried.institution_id == institution_id, StockCarried.carried_on >= day
            )
        )
    for part in in_parts([number for number, _, _ in notes]):
        db.session.execute(delete(note).where(note.id.in_(part)))
