"""The stock of an institution as a list: what is there, how long it lasts, what to order, what is near its expiry."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from clinic_orders.queries.ordering import ItemRow, items_on, ordering_policy
from clinic_orders.queries.stock.keeping import Own, Reorder, batches, own_numbers, under_way, uses
from clinic_orders.queries.stock.reordering import reorder, rests_on_stock
from clinic_orders.queries.stock.shelf import Shelf, shelf_of
from clinic_orders.rules.reordering import (
    Batch,
    Use,
    days_of_stock,
    is_near_expiry,
    left_of_batches,
)

SORTS = ("name", "there", "days", "counted", "expiry", "suggested")


class Show(StrEnum):
    """Which items the list shows."""

    ALL = ""
    ORDER = "order"
    OUT = "out"
    EXPIRING = "expiring"


@dataclass(frozen=True, slots=True)
class StockRow:
    """One item of the list, in base units.

    Attributes:
        item: as it is today.
        shelf: what is there.
        use: what is used; None where nothing is known.
        days: for how many days it lasts; None where nothing is used.
        order: the suggestion; None where nothing is known.
        left: what should be left of each batch, first expiry first.
        near: those of them that are near their expiry or past it.
        coming: packs under way.

    """

    item: ItemRow
    shelf: Shelf
    use: Use | None
    days: int | None
    order: Reorder | None
    left: list[Batch]
    near: list[Batch]
    coming: int

    @property
    def on_hand(self) -> int:
        """What should be there."""
        return self.shelf.on_hand

    @property
    def is_out(self) -> bool:
        """Whether nothing is left of what was there or is used."""
        return self.shelf.known and self.on_hand <= 0

    @property
    def is_low(self) -> bool:
        """Whether it is time to order: at or below the reorder point, and more is suggested."""
        return self.order is not None and self.order.is_low

    @property
    def expiry(self) -> date | None:
        """When the first of what is there expires; None where no batch is known."""
        return self.left[0].expires_on if self.left else None


@dataclass(frozen=True, slots=True)
class Stock:
    """All rows of an institution, and its own numbers."""

    own: Own
    rows: list[StockRow]

    def shown(self, show: Show, words: Iterable[str] = ()) -> list[StockRow]:
        """The rows that a filter leaves."""
        keep: Callable[[StockRow], bool] = {
            Show.ALL: lambda row: True,
            Show.ORDER: lambda row: row.is_low,
            Show.OUT: lambda row: row.is_out,
            Show.EXPIRING: lambda row: bool(row.near),
        }[show]
        lowered = [word.casefold() for word in words]
        return [
            row
            for row in self.rows
            if keep(row)
            and all(
                word
                in f"{row.item.name} {row.item.initials} {row.item.manufacturer} {row.item.code}".casefold()
                for word in lowered
            )
        ]


def stock_of(institution_id: int, *, at: datetime, on: date) -> Stock:
    """The stock of an institution at the end of a day: a fixed number of statements."""
    own = own_numbers(institution_id, on)
    shelf = shelf_of(institution_id, on)
    items = items_on(on, every=True).by_id
    used = uses(institution_id, own, on) if own.has_sales or own.has_counts else {}
    coming = under_way(institution_id, at=at, book=ordering_policy())
    received = batches(institution_id, on)
    rows = []
    for item_id, there in shelf.items():
        item, use = items.get(item_id), used.get(item_id)
        if item is None:
            continue
        packs = coming.get(item_id, 0)
        order = (
            reorder(use, own.keeping, there, under_way_packs=packs, pack_size=item.pack_size, on=on)
            if use is not None and rests_on_stock(own, use, there)
            else None
        )
        left = left_of_batches(received.get(item_id, ()), on_hand=there.on_hand) if there.known else []
        near = [
            one for one in left if is_near_expiry(one.expires_on, on=on, expiry_days=own.keeping.expiry_days)
        ]
        days = days_of_stock(there.on_hand - (order.used_since if order else 0), use)
        rows.append(StockRow(item, there, use, days, order, left, near, packs))
    return Stock(own, rows)


def in_order(rows: list[StockRow], sort: str) -> list[StockRow]:
    """The rows in one of the orders of ``SORTS``; what is not known stands last either way."""
    key, down = sort.removeprefix("-"), sort.startswith("-")
    value: Callable[[StockRow], Any] = {
        "name": lambda row: (row.item.initials, row.item.code),
        "there": lambda row: row.on_hand / row.item.pack_size,
        "days": lambda row: row.days,
        "counted": lambda row: row.shelf.counted_on,
        "expiry": lambda row: row.expiry,
        "suggested": lambda row: row.order.packs if row.order else None,
    }[key]
    named = sorted(rows, key=lambda row: (row.item.initials, row.item.code))
    known = [row for row in named if value(row) is not None]
    known.sort(key=value, reverse=down)
    return known + [row for row in named if value(row) is None]
