"""What the suggestion rests on: own numbers, what is used, what is under way, which batches are there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache, lru_cache
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    bindparam,
    exists,
    func,
    literal,
    or_,
    select,
    union_all,
)

from clinic_orders.models.base import UtcDateTime, db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.deliveries import GoodsReturn, ReturnLine, Shipment, ShipmentLine
from clinic_orders.models.expressions import china_day
from clinic_orders.models.orders import Order, OrderLine
from clinic_orders.models.roster import Institution
from clinic_orders.models.sales import SaleLine
from clinic_orders.models.stock import StockCount
from clinic_orders.models.stock_entries import StockLoss
from clinic_orders.models.stock_keeping import StockSetting
from clinic_orders.queries.doubles import counts_once
from clinic_orders.queries.ordering import HISTORY_DAYS, still_meant
from clinic_orders.rules.days import day_in_china, end_of_day, start_of_day
from clinic_orders.rules.policy import PolicyBook
from clinic_orders.rules.reordering import Batch, Keeping, Use, known_use

_LONG_EXPIRED = 730
"""Of a batch that expired so many days ago nothing is looked for on the shelf any more."""


_DEFAULT = Keeping()
# Questions about one institution are made once a day and asked of each: making them takes longer than the answer.
_WHOSE: Final = bindparam("whose", type_=Integer)


class Own(NamedTuple):
    """An institution's own numbers, their version (0: the defaults), and from what its use can be known."""

    keeping: Keeping
    version: int
    has_sales: bool
    has_counts: bool


@lru_cache(maxsize=8)
def _own_numbers(on: date) -> Select[*tuple[Any, ...]]:
    """The question of ``own_numbers``, made once for a day."""
    setting = StockSetting
    return (
        select(
            exists().where(
                SaleLine.institution_id == _WHOSE,
                SaleLine.replaced_at.is_(None),
                SaleLine.sold_on > on - timedelta(days=_DEFAULT.use_days),
                SaleLine.sold_on <= on,
            ),
            exists().where(
                StockCount.institution_id == _WHOSE,
                StockCount.replaced_at.is_(None),
                StockCount.counted_on > on - timedelta(days=_DEFAULT.use_days),
                StockCount.counted_on <= on,
            ),
            setting.use_days,
            setting.lead_days,
            setting.cover_days,
            setting.expiry_days,
            setting.tells,
            setting.version,
        )
        .select_from(select(_WHOSE.label("id")).subquery("one"))
        .outerjoin(setting, setting.institution_id == _WHOSE)
    )


def own_numbers(institution_id: int, on: date) -> Own:
    """What an institution has set, and what it records; one statement."""
    row = db.session.execute(_own_numbers(on), {"whose": institution_id}).one()
    keeping = Keeping() if row.version is None else Keeping(*row[2:7])
    return Own(keeping, row.version or 0, bool(row[0]), bool(row[1]))


def who_keeps_stock(on: date) -> list[int]:
    """Ids of the institutions that recorded sales or counts lately; of the others' stock nobody knows anything."""
    since = on - timedelta(days=_DEFAULT.use_days)
    sells = exists().where(
        SaleLine.institution_id == Institution.id,
        SaleLine.replaced_at.is_(None),
        SaleLine.sold_on > since,
        SaleLine.sold_on <= on,
    )
    counts = exists().where(
        StockCount.institution_id == Institution.id,
        StockCount.replaced_at.is_(None),
        StockCount.counted_on > since,
        StockCount.counted_on <= on,
    )
    return list(db.session.scalars(select(Institution.id).where(or_(counts, sells)).order_by(Institution.id)))


class _Part(NamedTuple):
    item_id: int
    day: date
    base_units: int


def uses(institution_id: int, own: Own, on: date) -> dict[int, Use]:
    """What is used of each item by the end of a day (``rules.reordering.known_use``); two statements at most."""
    days = own.keeping.use_days
    first = on - timedelta(days=days - 1)
    found: dict[int, Use | None] = {}
    if own.has_sales:
        line = SaleLine
        rows = db.session.execute(
            select(line.item_id, func.sum(line.base_units))
            .where(
                line.institution_id == institution_id,
                line.item_id.is_not(None),
                line.replaced_at.is_(None),
                line.sold_on >= first,
                line.sold_on <= on,
            )
            .group_by(line.item_id)
        )
        for item_id, sold in rows:
            found[item_id or 0] = known_use(
                sold=int(sold), lost=0, has_sales=True, between_counts=None, accepted=0, days=days
            )
    else:
        found = _without_sales(institution_id, first, on, days)
    return {item_id: use for item_id, use in found.items() if use is not None}


def _without_sales(institution_id: int, first: date, on: date, days: int) -> dict[int, Use | None]:
    counts: dict[int, list[_Part]] = {}
    count = StockCount
    for row in db.session.execute(
        select(count.item_id, count.counted_on, count.base_units)
        .where(
            count.institution_id == institution_id,
            count.replaced_at.is_(None),
            count.counted_on >= first,
            count.counted_on <= on,
        )
        .order_by(count.counted_on)
    ):
        counts.setdefault(row[0], []).append(_Part._make(row))
    came: dict[int, list[_Part]] = {}
    lost: dict[int, list[_Part]] = {}
    for item_id, day, units, is_loss in db.session.execute(_moves(first, on), {"whose": institution_id}):
        (lost if is_loss else came).setdefault(item_id, []).append(_Part(item_id, day, int(units)))
    found: dict[int, Use | None] = {}
    for item_id in {*counts, *came}:
        own = counts.get(item_id, [])
        between, gone = None, 0
        if len(own) > 1:
            begin, end = own[0], own[-1]
            inside = [one for one in came.get(item_id, ()) if begin.day < one.day <= end.day]
            gone = sum(one.base_units for one in lost.get(item_id, ()) if begin.day < one.day <= end.day)
            used = begin.base_units + sum(one.base_units for one in inside) - end.base_units
            between = (used, (end.day - begin.day).days)
        found[item_id] = known_use(
            sold=0,
            lost=gone,
            has_sales=False,
            between_counts=between,
            accepted=sum(one.base_units for one in came.get(item_id, ())),
            days=days,
        )
    return found


@lru_cache(maxsize=32)
def _moves(first: date, on: date) -> Any:
    """What was accepted, less what went back, and what was lost in some days: item_id, day, base_units, is_loss."""
    begins, ends = start_of_day(first), end_of_day(on)
    accepted = (
        select(
            OrderLine.item_id,
            china_day(Shipment.accepted_at).label("day"),
            (ShipmentLine.accepted_packs * Item.pack_size).label("units"),
            literal(0).label("is_loss"),
        )
        .select_from(Shipment)
        .join(ShipmentLine, ShipmentLine.shipment_id == Shipment.id)
        .join(OrderLine, OrderLine.id == ShipmentLine.order_line_id)
        .join(Item, Item.id == OrderLine.item_id)
        .where(
            Shipment.institution_id == _WHOSE,
            Shipment.accepted_at >= begins,
            Shipment.accepted_at < ends,
            ShipmentLine.accepted_packs > 0,
            counts_once(Shipment.order_id),
        )
    )
    returned = (
        select(
            OrderLine.item_id,
            china_day(GoodsReturn.agreed_at).label("day"),
            (-ReturnLine.packs * Item.pack_size).label("units"),
            literal(0).label("is_loss"),
        )
        .select_from(GoodsReturn)
        .join(ReturnLine, ReturnLine.return_id == GoodsReturn.id)
        .join(ShipmentLine, ShipmentLine.id == ReturnLine.shipment_line_id)
        .join(Shipment, Shipment.id == ShipmentLine.shipment_id)
        .join(OrderLine, OrderLine.id == ShipmentLine.order_line_id)
        .join(Item, Item.id == OrderLine.item_id)
        .where(
            GoodsReturn.institution_id == _WHOSE,
            GoodsReturn.agreed_at >= begins,
            GoodsReturn.agreed_at < ends,
            counts_once(Shipment.order_id),
        )
    )
    lost = select(
        StockLoss.item_id, StockLoss.lost_on.label("day"), StockLoss.base_units, literal(1).label("is_loss")
    ).where(
        StockLoss.institution_id == _WHOSE,
        StockLoss.replaced_at.is_(None),
        StockLoss.lost_on >= first,
        StockLoss.lost_on <= on,
    )
    return union_all(accepted, returned, lost)


@cache
def _under_way() -> Select[*tuple[Any, ...]]:
    """The question of ``under_way``, made once."""
    gone = OrderLine.accepted_packs + OrderLine.rejected_packs + OrderLine.withdrawn_before
    return (
        select(
            OrderLine.item_id,
            Order.order_no,
            Order.submitted_at,
            Order.answered_at,
            Order.answer_due_at,
            Order.emergency,
            OrderLine.packs,
            OrderLine.withdrawn_before,
            OrderLine.confirmed_packs,
            OrderLine.withdrawn_after,
            OrderLine.closed_packs,
            (OrderLine.accepted_packs + OrderLine.rejected_packs).label("arrived"),
        )
        .join(Order, Order.id == OrderLine.order_id)
        .where(
            Order.institution_id == _WHOSE,
            Order.submitted_at >= bindparam("since", type_=UtcDateTime),
            Order.submitted_at <= bindparam("until", type_=UtcDateTime),
            Order.disowned_at.is_(None),
            OrderLine.packs > gone,
            counts_once(Order.id),
        )
    )


def under_way(institution_id: int, *, at: datetime, book: PolicyBook) -> dict[int, int]:
    """Packs that were ordered and are still to come, by item: what may still be confirmed, shipped or accepted."""
    since = start_of_day(day_in_china(at) - timedelta(days=HISTORY_DAYS))
    rows = db.session.execute(_under_way(), {"whose": institution_id, "since": since, "until": at})
    found: dict[int, int] = {}
    for row in rows:
        coming = still_meant(row, at, book) - row.arrived
        if coming > 0:
            found[row.item_id] = found.get(row.item_id, 0) + coming
    return found


def batches_of(whose: ColumnElement[bool], on: date, *keys: Any) -> Any:
    """The batches that were accepted by the end of a day, less what went back: keys, item_id, batch_no, expiry, units.

    Args:
        whose: which shipments.
        on: the day.
        keys: columns of the shipments by which they are told apart besides.

    """
    line = ShipmentLine
    return (
        select(
            *keys,
            OrderLine.item_id,
            line.batch_no,
            line.expiry_date,
            func.sum((line.accepted_packs - line.returned_packs) * Item.pack_size),
        )
        .select_from(Shipment)
        .join(line, line.shipment_id == Shipment.id)
        .join(OrderLine, OrderLine.id == line.order_line_id)
        .join(Item, Item.id == OrderLine.item_id)
        .where(
            whose,
            Shipment.accepted_at < end_of_day(on),
            line.accepted_packs > line.returned_packs,
            line.expiry_date > on - timedelta(days=_LONG_EXPIRED),
            counts_once(Shipment.order_id),
        )
        .group_by(*keys, OrderLine.item_id, line.batch_no, line.expiry_date)
    )


def batches(institution_id: int, on: date) -> dict[int, list[Batch]]:
    """The batches that an institution accepted by the end of a day, less what went back, by item."""
    rows = db.session.execute(batches_of(Shipment.institution_id == institution_id, on))
    found: dict[int, list[Batch]] = {}
    for item_id, batch_no, expiry_date, units in rows:
        found.setdefault(item_id, []).append(Batch(batch_no, expiry_date, int(units or 0)))
    return found


@dataclass(frozen=True, slots=True)
class Reorder:
    """A suggestion with all that it was worked out from, in base units; ``under_way`` too."""

    use: Use
    keeping: Keeping
    on_hand: int
    used_since: int
    under_way: int
    point: int
    needed: int
    packs: int

    @property
    def is_low(self) -> bool:
        """Whether it is time to order: at or below the reorder point with what is under way, and more is suggested."""
        there = max(0, self.on_hand - self.used_since) + self.under_way
        return self.packs > 0 and there <= self.point
