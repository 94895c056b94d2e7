"""What institutions have of their items at the end of a day, set-based (R-STOCK-3), in base units.

The last count on or before the day, 0 where there is none, and what was accepted, returned and sold after that day.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any, Final

from sqlalchemy import (
    CTE,
    ColumnElement,
    CompoundSelect,
    Select,
    SelectBase,
    Subquery,
    and_,
    func,
    literal,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.orm import InstrumentedAttribute

from clinic_orders.models.catalogue import Item
from clinic_orders.models.deliveries import GoodsReturn, ReturnLine, Shipment, ShipmentLine
from clinic_orders.models.expressions import china_day
from clinic_orders.models.orders import OrderLine
from clinic_orders.models.sales import SaleLine
from clinic_orders.models.stock import StockCount
from clinic_orders.models.stock_balances import StockBalance
from clinic_orders.models.stock_entries import StockLoss
from clinic_orders.queries.carried import Carried
from clinic_orders.queries.doubles import counts_once
from clinic_orders.rules.days import end_of_day, start_of_day
from clinic_orders.rules.stocking import REPORTING_DAYS

_NEVER: Final = date(1900, 1, 1)


def reporting(on: date) -> Select[*tuple[Any, ...]]:
    """Ids of the institutions that report stock on a day: any count in the 400 days ending with it (R-STOCK-3)."""
    return (
        select(StockCount.institution_id)
        .where(
            StockCount.replaced_at.is_(None),
            StockCount.counted_on > on - timedelta(days=REPORTING_DAYS),
            StockCount.counted_on <= on,
        )
        .distinct()
    )


Wanted = Callable[[InstrumentedAttribute[int]], ColumnElement[bool]]


def ledger(
    on: date,
    institutions: Select[*tuple[Any, ...]] | None = None,
    base: Carried | None = None,
    *,
    of_many: bool = False,
) -> Select[*tuple[Any, ...]]:
    """The ledger of every item of institutions: institution_id, item_id, base_units; only where anything moved.

    Args:
        on: the day at whose end it is wanted.
        institutions: a question for their ids; None = all.
        base: balances to begin with (``queries.carried``); None = the history is added up.
        of_many: the institutions are so many that what came since the balances is read by days.

    """

    def wanted(column: InstrumentedAttribute[int]) -> ColumnElement[bool]:
        return true() if institutions is None else column.in_(institutions)

    def holding(column: InstrumentedAttribute[int]) -> ColumnElement[bool]:
        assert base is not None
        # A sum is no way in: by the column itself SQLite would walk through all that each institution ever sold.
        held: ColumnElement[int] = column + 0 if of_many else column.expression
        found = true() if institutions is None else held.in_(institutions)
        return and_(found, held.not_in(base.rest)) if base.rest else found

    def others(column: InstrumentedAttribute[int]) -> ColumnElement[bool]:
        assert base is not None
        return and_(wanted(column), column.in_(base.rest))

    if base is None:
        parts = _since_counts(on, wanted)
    else:
        parts = _since_balances(base.day, on, holding)
        if base.rest:
            parts += _since_counts(on, others)
    moved = union_all(*parts).subquery("movement")
    return select(
        moved.c.institution_id, moved.c.item_id, func.sum(moved.c.base_units).label("base_units")
    ).group_by(moved.c.institution_id, moved.c.item_id)


def _since_counts(on: date, wanted: Wanted) -> list[Any]:
    """What was counted last, and what moved after it, whenever that was."""
    last = _last_counts(on, wanted)
    return [_counted(last), *(_after(last, part, on) for part in _parts(on, wanted))]


def _since_balances(day: date, on: date, wanted: Wanted) -> list[Any]:
    """What stood at the end of a day, or was counted last after it, and what moved after that."""
    balance = StockBalance
    carried = select(balance.institution_id, balance.item_id, balance.base_units).where(
        _all_of(day), wanted(balance.institution_id)
    )
    if day == on:
        return [carried]
    last = _last_counts(on, wanted, after=day)
    uncounted = carried.outerjoin(
        last, and_(last.c.institution_id == balance.institution_id, last.c.item_id == balance.item_id)
    ).where(last.c.day.is_(None))
    since = _parts(on, wanted, first=day + timedelta(days=1))
    return [uncounted, _counted(last), *(_after(last, part, on) for part in since)]


def stock(on: date, institutions: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    """What should lie on the shelves at the end of a day: institution_id, item_id, base_units, lost, counted_on, known.

    ``base_units`` is the ledger of R-STOCK-3, ``lost`` what was lost since the last count and is no part of it
    (decision 0026); the shelf has the difference. ``known`` is 0 where nothing was ever counted or accepted, so that
    nobody knows what was there before the first sale.

    Args:
        on: the day at whose end it is wanted.
        institutions: a question for their ids.

    """

    def wanted(column: InstrumentedAttribute[int]) -> ColumnElement[bool]:
        return column.in_(institutions)

    last = _last_counts(on, wanted)
    parts = (
        (_counted(last), 0, 1),
        (_after(last, _accepted(on, wanted), on), 0, 1),
        (_after(last, _returned(on, wanted), on), 0, 1),
        (_after(last, _sold(on, wanted), on), 0, 0),
        (_after(last, _lost(on, wanted), on), 1, 0),
    )
    moved = union_all(
        *(
            part.add_columns(literal(lost).label("lost"), literal(known).label("known"))
            for part, lost, known in parts
        )
    ).subquery("movement")
    return (
        select(
            moved.c.institution_id,
            moved.c.item_id,
            func.sum(moved.c.base_units * (1 - moved.c.lost)).label("base_units"),
            func.sum(moved.c.base_units * moved.c.lost).label("lost"),
            func.max(last.c.day).label("counted_on"),
            func.max(moved.c.known).label("known"),
        )
        .select_from(moved)
        .outerjoin(
            last, and_(last.c.institution_id == moved.c.institution_id, last.c.item_id == moved.c.item_id)
        )
        .group_by(moved.c.institution_id, moved.c.item_id)
    )


def _last_counts(on: date, wanted: Any, *, after: date | None = None) -> CTE:
    statement = (
        select(
            StockCount.institution_id,
            StockCount.item_id,
            func.max(StockCount.counted_on).label("day"),
        )
        .where(
            StockCount.replaced_at.is_(None), StockCount.counted_on <= on, wanted(StockCount.institution_id)
        )
        .group_by(StockCount.institution_id, StockCount.item_id)
    )
    if after is None:
        return statement.cte("last_count")
    return statement.where(StockCount.counted_on > after).cte("late_count")


def with_ledger(on: date, pairs: Subquery, base: Carried | None = None) -> SelectBase:
    """Rows of some pairs with the ledger of each: the columns given and base_units, 0 where nothing is known.

    Unlike ``ledger`` it reads of each pair what moved after its last count, or after the day to which its balance was
    carried forward, so that its cost follows what came and went since, not the history.

    Args:
        on: the day at whose end it is wanted.
        pairs: rows with institution_id and item_id, each pair once.
        base: balances to begin with (``queries.carried``).

    """
    if base is None:
        return _with_moves(on, pairs, None)
    if not base.rest:
        return _with_balances(base.day, on, pairs)
    asked = select(pairs).cte("asked_pair")
    holding = select(asked).where(asked.c.institution_id.not_in(base.rest)).subquery("holding_pair")
    others = select(asked).where(asked.c.institution_id.in_(base.rest)).subquery("other_pair")
    return union_all(_with_balances(base.day, on, holding), _with_moves(on, others, None))


def counted_stock(on: date, wanted: Wanted, base: Carried | None) -> SelectBase:
    """The ledger of every item that was counted on or before a day: institution_id, item_id, base_units.

    Args:
        on: the day at whose end it is wanted.
        wanted: the condition that a column of institution ids is one of those looked at.
        base: balances to begin with (``queries.carried``).

    """
    count, balance = StockCount, StockBalance
    pairs = select(count.institution_id, count.item_id).distinct()
    pairs = pairs.where(count.replaced_at.is_(None), count.counted_on <= on, wanted(count.institution_id))
    if base is None or base.day != on:
        return with_ledger(on, pairs.subquery("counted_pair"), base)
    carried = select(balance.institution_id, balance.item_id, balance.base_units).where(
        _all_of(on), balance.counted.is_(True), wanted(balance.institution_id)
    )
    if not base.rest:
        return carried
    others = pairs.where(count.institution_id.in_(base.rest)).subquery("counted_pair")
    return union_all(carried.where(balance.institution_id.not_in(base.rest)), _with_moves(on, others, None))


def _with_balances(day: date, on: date, pairs: Subquery) -> Select[*tuple[Any, ...]]:
    """Pairs whose balances of a day hold."""
    if day < on:
        return _with_moves(on, pairs, day)
    return select(*pairs.c, func.coalesce(StockBalance.base_units, 0).label("base_units")).outerjoin(
        StockBalance, _balance_of(pairs, day)
    )


def _all_of(day: date) -> ColumnElement[bool]:
    """Everybody's balances of a day.

    As a range: of an equation SQLite expects ten rows where nobody has counted them yet, and joins them one by one.
    """
    return and_(StockBalance.carried_on >= day, StockBalance.carried_on <= day)


def _balance_of(pairs: Any, day: date) -> ColumnElement[bool]:
    return and_(
        StockBalance.carried_on == day,
        StockBalance.institution_id == pairs.c.institution_id,
        StockBalance.item_id == pairs.c.item_id,
    )


def _with_moves(on: date, pairs: Subquery, day: date | None) -> Select[*tuple[Any, ...]]:
    """Pairs with what moved since their last count, or since the day to which they were carried."""
    count, line = StockCount, SaleLine
    counted_on = (
        select(func.max(count.counted_on))
        .where(
            count.replaced_at.is_(None),
            count.institution_id == pairs.c.institution_id,
            count.item_id == pairs.c.item_id,
            count.counted_on <= on,
            count.counted_on > (day or _NEVER),
        )
        .correlate(pairs)
        .scalar_subquery()
    )
    known = "carried" if day else "history"
    last = select(*pairs.c, func.coalesce(counted_on, day or _NEVER).label("counted_on")).cte(
        f"since_{known}"
    )
    sold = (
        select(func.sum(line.base_units))
        .where(
            line.replaced_at.is_(None),
            line.institution_id == last.c.institution_id,
            line.item_id == last.c.item_id,
            line.sold_on > last.c.counted_on,
            line.sold_on <= on,
        )
        .correlate(last)
        .scalar_subquery()
    )
    documents = _by_documents(on, last, known)
    # Of a count on the very day to which stock was carried the balance knows already.
    begun = func.coalesce(count.base_units, *(() if day is None else (StockBalance.base_units,)), 0)
    statement = (
        select(
            *(last.c[column.key] for column in pairs.c),
            (begun + func.coalesce(documents.c.base_units, 0) - func.coalesce(sold, 0)).label("base_units"),
        )
        .select_from(last)
        .outerjoin(
            count,
            and_(
                count.institution_id == last.c.institution_id,
                count.item_id == last.c.item_id,
                count.counted_on == last.c.counted_on,
                count.replaced_at.is_(None),
            ),
        )
        .outerjoin(
            documents,
            and_(documents.c.institution_id == last.c.institution_id, documents.c.item_id == last.c.item_id),
        )
    )
    return statement if day is None else statement.outerjoin(StockBalance, _balance_of(last, day))


def _by_documents(on: date, last: CTE, known: str) -> CTE:
    """What pairs accepted less what they returned after their last counts; an index leads to the documents since then."""
    since = (
        select(last.c.institution_id, func.min(last.c.counted_on).label("day"))
        .group_by(last.c.institution_id)
        .cte(f"first_{known}")
    )

    def dated(part: Select[Any], institution: Any, instant: Any) -> Select[Any]:
        return (
            part.join(since, since.c.institution_id == institution)
            .join(last, and_(last.c.institution_id == institution, last.c.item_id == OrderLine.item_id))
            # A day in China ends within the same day of UTC: what is after it is not before that day's beginning.
            .where(instant >= since.c.day, china_day(instant) > last.c.counted_on)
            .with_only_columns(last.c.institution_id, last.c.item_id, part.selected_columns.base_units)
        )

    def anybody(_column: InstrumentedAttribute[int]) -> ColumnElement[bool]:
        return true()

    moved = union_all(
        dated(_accepted(on, anybody), Shipment.institution_id, Shipment.accepted_at),
        dated(_returned(on, anybody), GoodsReturn.institution_id, GoodsReturn.agreed_at),
    ).subquery("movement")
    return (
        select(moved.c.institution_id, moved.c.item_id, func.sum(moved.c.base_units).label("base_units"))
        .group_by(moved.c.institution_id, moved.c.item_id)
        .cte(f"document_{known}")
    )


def movements(first: date, on: date, wanted: Wanted) -> CompoundSelect[Any]:
    """What came (above 0) and went (below 0) of every item between two days: institution_id, item_id, day, base_units.

    Each part is a range of an index, so that the cost is that of these days.

    Args:
        first: the first day.
        on: the last one.
        wanted: the condition that a column of institution ids is one of those looked at.

    """
    return union_all(*_parts(on, wanted, first=first))


def _parts(on: date, wanted: Any, *, first: date | None = None) -> tuple[Select[*tuple[Any, ...]], ...]:
    """What was accepted, returned and sold up to a day, of all time or from a day on."""
    accepted, returned, sold = _accepted(on, wanted), _returned(on, wanted), _sold(on, wanted)
    if first is None:
        return accepted, returned, sold
    begins = start_of_day(first)
    return (
        accepted.where(Shipment.accepted_at >= begins),
        returned.where(GoodsReturn.agreed_at >= begins),
        sold.where(SaleLine.sold_on >= first),
    )


def _counted(last: CTE) -> Select[*tuple[Any, ...]]:
    return select(last.c.institution_id, last.c.item_id, StockCount.base_units.label("base_units")).join(
        StockCount,
        and_(
            StockCount.institution_id == last.c.institution_id,
            StockCount.item_id == last.c.item_id,
            StockCount.counted_on == last.c.day,
            StockCount.replaced_at.is_(None),
        ),
    )


def _after(last: CTE, part: Any, on: date) -> Select[*tuple[Any, ...]]:
    """What moved after the day of the last count, which was taken at its end."""
    moved = part.subquery()
    return (
        select(moved.c.institution_id, moved.c.item_id, moved.c.base_units)
        .select_from(moved)
        .outerjoin(
            last, and_(last.c.institution_id == moved.c.institution_id, last.c.item_id == moved.c.item_id)
        )
        .where(or_(last.c.day.is_(None), moved.c.day > last.c.day), moved.c.day <= on)
    )


def _accepted(on: date, wanted: Any) -> Select[*tuple[Any, ...]]:
    return (
        select(
            Shipment.institution_id,
            OrderLine.item_id,
            china_day(Shipment.accepted_at).label("day"),
            (ShipmentLine.accepted_packs * Item.pack_size).label("base_units"),
        )
        .select_from(Shipment)
        .join(ShipmentLine, ShipmentLine.shipment_id == Shipment.id)
        .join(OrderLine, OrderLine.id == ShipmentLine.order_line_id)
        .join(Item, Item.id == OrderLine.item_id)
        .where(
            Shipment.accepted_at < end_of_day(on),
            ShipmentLine.accepted_packs > 0,
            counts_once(Shipment.order_id),
            wanted(Shipment.institution_id),
        )
    )


def _returned(on: date, wanted: Any) -> Select[*tuple[Any, ...]]:
    return (
        select(
            GoodsReturn.institution_id,
            OrderLine.item_id,
            china_day(GoodsReturn.agreed_at).label("day"),
            (-ReturnLine.packs * Item.pack_size).label("base_units"),
        )
        .select_from(GoodsReturn)
        .join(ReturnLine, ReturnLine.return_id == GoodsReturn.id)
        .join(ShipmentLine, ShipmentLine.id == ReturnLine.shipment_line_id)
        .join(Shipment, Shipment.id == ShipmentLine.shipment_id)
        .join(OrderLine, OrderLine.id == ShipmentLine.order_line_id)
        .join(Item, Item.id == OrderLine.item_id)
        .where(
            GoodsReturn.agreed_at < end_of_day(on),
            counts_once(Shipment.order_id),
            wanted(GoodsReturn.institution_id),
        )
    )


def _sold(on: date, wanted: Any) -> Select[*tuple[Any, ...]]:
    return select(
        SaleLine.institution_id,
        SaleLine.item_id,
        SaleLine.sold_on.label("day"),
        (-SaleLine.base_units).label("base_units"),
    ).where(
        SaleLine.replaced_at.is_(None),
        SaleLine.item_id.is_not(None),
        SaleLine.sold_on <= on,
        wanted(SaleLine.institution_id),
    )


def _lost(on: date, wanted: Any) -> Select[*tuple[Any, ...]]:
    return select(
        StockLoss.institution_id,
        StockLoss.item_id,
        StockLoss.lost_on.label("day"),
        StockLoss.base_units.label("base_units"),
    ).where(StockLoss.replaced_at.is_(None), StockLoss.lost_on <= on, wanted(StockLoss.institution_id))
