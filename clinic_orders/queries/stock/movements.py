"""How an item moved at an institution: every count, acceptance, return, sale and loss of some days with its paper."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import and_, select
from sqlalchemy.orm import aliased

from clinic_orders.models.base import db
from clinic_orders.models.deliveries import GoodsReturn, ReturnLine, Shipment, ShipmentLine
from clinic_orders.models.orders import OrderLine
from clinic_orders.models.sales import SaleLine
from clinic_orders.models.stock import StockCount
from clinic_orders.models.stock_entries import StockEntry, StockLoss
from clinic_orders.queries.doubles import counts_once
from clinic_orders.queries.stock.shelf import shelf_of
from clinic_orders.rules.days import day_in_china, end_of_day, start_of_day
from clinic_orders.rules.stock_entries import Moved, MovementKind, balances

_ORDER = {kind: place for place, kind in enumerate(MovementKind)}


@dataclass(frozen=True, slots=True)
class Movement:
    """One movement.

    Attributes:
        day: on which it counts.
        at: when it happened or was recorded, by which those of a day stand in order.
        kind: what it was.
        base_units: what came or went; of a count what was there.
        number: of its paper; of a count empty.
        batch_no: of goods.
        reason: coded, of a loss, a return or what was taken back.
        who: who wrote it down; empty where it came with a file.
        before: of a corrected count, what stood before; of a count, how it differs from the books.
        balance: what is there afterwards.

    """

    day: date
    at: datetime
    kind: MovementKind
    base_units: int
    number: str = ""
    batch_no: str = ""
    reason: str = ""
    who: str = ""
    before: int | None = None
    balance: int = 0
    difference: int | None = None


@dataclass(frozen=True, slots=True)
class Movements:
    """The movements of some days, the oldest first, and what was there before them and after."""

    first: date
    last: date
    opening: int
    rows: list[Movement]

    @property
    def closing(self) -> int:
        """What is there after the last of them."""
        return self.rows[-1].balance if self.rows else self.opening


def movements_of(institution_id: int, item_id: int, pack_size: int, first: date, last: date) -> Movements:
    """The movements of an item in some days, both included, with what is there after each.

    A sale that was taken back stands with the movement that takes it back, on its own day: so the balance of every day
    is the one by which the checks go (R-STOCK-3), less what was lost.
    """
    before = shelf_of(institution_id, first - timedelta(days=1)).get(item_id)
    opening = before.on_hand if before else 0
    found = sorted(
        (
            *_counted(institution_id, item_id, first, last),
            *_accepted(institution_id, item_id, pack_size, first, last),
            *_returned(institution_id, item_id, pack_size, first, last),
            *_sold(institution_id, item_id, first, last),
            *_lost(institution_id, item_id, first, last),
        ),
        key=lambda one: (one.day, one.kind is MovementKind.COUNT, one.at, one.number, _ORDER[one.kind]),
    )
    there = balances(opening, (Moved(one.day, one.kind, one.base_units) for one in found))
    rows = []
    last_balance = opening
    for one, balance in zip(found, there, strict=True):
        difference = balance - last_balance if one.kind is MovementKind.COUNT else None
        rows.append(_with(one, balance, difference))
        last_balance = balance
    return Movements(first, last, opening, rows)


def _with(one: Movement, balance: int, difference: int | None) -> Movement:
    return Movement(
        one.day,
        one.at,
        one.kind,
        one.base_units,
        one.number,
        one.batch_no,
        one.reason,
        one.who,
        one.before,
        balance,
        difference,
    )


def _counted(institution_id: int, item_id: int, first: date, last: date) -> Iterator[Movement]:
    count, old = StockCount, aliased(StockCount)
    for row in db.session.execute(
        select(count.counted_on, count.recorded_at, count.base_units, old.base_units.label("before"))
        .outerjoin(old, old.id == count.replaces_id)
        .where(
            count.institution_id == institution_id,
            count.item_id == item_id,
            count.replaced_at.is_(None),
            count.counted_on >= first,
            count.counted_on <= last,
        )
    ):
        yield Movement(row.counted_on, row.recorded_at, MovementKind.COUNT, row.base_units, before=row.before)


def _accepted(
    institution_id: int, item_id: int, pack_size: int, first: date, last: date
) -> Iterator[Movement]:
    line = ShipmentLine
    for row in db.session.execute(
        select(
            Shipment.accepted_at,
            Shipment.receipt_no,
            Shipment.accepted_by_name,
            line.batch_no,
            line.accepted_packs,
        )
        .join(line, line.shipment_id == Shipment.id)
        .join(OrderLine, OrderLine.id == line.order_line_id)
        .where(
            Shipment.institution_id == institution_id,
            OrderLine.item_id == item_id,
            Shipment.accepted_at >= start_of_day(first),
            Shipment.accepted_at < end_of_day(last),
            line.accepted_packs > 0,
            counts_once(Shipment.order_id),
        )
    ):
        yield Movement(
            day_in_china(row.accepted_at),
            row.accepted_at,
            MovementKind.ACCEPTED,
            row.accepted_packs * pack_size,
            row.receipt_no,
            row.batch_no,
            who=row.accepted_by_name,
        )


def _returned(
    institution_id: int, item_id: int, pack_size: int, first: date, last: date
) -> Iterator[Movement]:
    for row in db.session.execute(
        select(
            GoodsReturn.agreed_at,
            GoodsReturn.return_no,
            ReturnLine.packs,
            ReturnLine.reason,
            ShipmentLine.batch_no,
        )
        .join(ReturnLine, ReturnLine.return_id == GoodsReturn.id)
        .join(ShipmentLine, ShipmentLine.id == ReturnLine.shipment_line_id)
        .join(Shipment, Shipment.id == ShipmentLine.shipment_id)
        .join(OrderLine, OrderLine.id == ShipmentLine.order_line_id)
        .where(
            GoodsReturn.institution_id == institution_id,
            OrderLine.item_id == item_id,
            GoodsReturn.agreed_at >= start_of_day(first),
            GoodsReturn.agreed_at < end_of_day(last),
            counts_once(Shipment.order_id),
        )
    ):
        yield Movement(
            day_in_china(row.agreed_at),
            row.agreed_at,
            MovementKind.RETURNED,
            -row.packs * pack_size,
            row.return_no,
            row.batch_no,
            row.reason,
        )


def _sold(institution_id: int, item_id: int, first: date, last: date) -> Iterator[Movement]:
    line, entry = SaleLine, StockEntry
    sold: Any = (
        select(
            line.sold_on,
            line.sold_at,
            line.sale_no,
            line.base_units,
            entry.entered_by_name,
            entry.taken_back_at,
            entry.taken_back_by_name,
            entry.taken_back_reason,
        )
        .select_from(line)
        .where(line.institution_id == institution_id, line.item_id == item_id)
    )
    of_entry = and_(entry.institution_id == line.institution_id, entry.entry_no == line.sale_no)
    days = (line.sold_on >= first, line.sold_on <= last)
    for row in db.session.execute(sold.outerjoin(entry, of_entry).where(line.replaced_at.is_(None), *days)):
        yield _sale(row)
    # Both were written with one instant, by whose index the few lines taken back are found.
    taken_back = sold.join(entry, and_(of_entry, line.replaced_at == entry.taken_back_at))
    for row in db.session.execute(
        taken_back.where(entry.happened_on >= first, entry.happened_on <= last, *days)
    ):
        yield _sale(row)
        yield Movement(
            row.sold_on,
            row.sold_at,
            MovementKind.TAKEN_BACK,
            row.base_units,
            row.sale_no,
            reason=row.taken_back_reason,
            who=row.taken_back_by_name,
        )


def _sale(row: Any) -> Movement:
    kind = MovementKind.SOLD if row.base_units > 0 else MovementKind.CUSTOMER_RETURN
    return Movement(
        row.sold_on, row.sold_at, kind, -row.base_units, row.sale_no, who=row.entered_by_name or ""
    )


def _lost(institution_id: int, item_id: int, first: date, last: date) -> Iterator[Movement]:
    loss, entry = StockLoss, StockEntry
    for row in db.session.execute(
        select(
            loss.lost_on,
            loss.recorded_at,
            loss.base_units,
            loss.batch_no,
            loss.reason,
            loss.replaced_at,
            entry.entry_no,
            entry.entered_by_name,
            entry.taken_back_by_name,
            entry.taken_back_reason,
        )
        .join(entry, entry.id == loss.entry_id)
        .where(
            # By the papers of these days: the indexes of the losses hold only those that stand.
            entry.institution_id == institution_id,
            entry.happened_on >= first,
            entry.happened_on <= last,
            loss.item_id == item_id,
        )
    ):
        yield Movement(
            row.lost_on,
            row.recorded_at,
            MovementKind.LOST,
            -row.base_units,
            row.entry_no,
            row.batch_no,
            row.reason,
            row.entered_by_name,
        )
        if row.replaced_at is not None:
            yield Movement(
                row.lost_on,
                row.recorded_at,
                MovementKind.TAKEN_BACK,
                row.base_units,
                row.entry_no,
                row.batch_no,
                row.taken_back_reason,
                row.taken_back_by_name,
            )
