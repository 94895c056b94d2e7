"""An institution's own sales as a list, whatever way they came in: lines with their receipt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, distinct, func, select

from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.sales import SaleLine
from clinic_orders.models.stock_entries import StockEntry
from clinic_orders.queries.lists import with_words

SORTS = ("sold", "item", "units", "amount", "number")


@dataclass(frozen=True, slots=True)
class SalesWanted:
    """Which lines a list shows.

    Attributes:
        first, last: the days, both included.
        words: each must stand in the name, maker, number or who wrote it down.
        kind: ``sale``, ``return``, ``taken_back`` or "" for all that stands.
        item_id: only this one.

    """

    first: date
    last: date
    words: str = ""
    kind: str = ""
    item_id: int | None = None


class SaleRow(NamedTuple):
    """A line of a receipt in the list."""

    sold_at: datetime
    sold_on: date
    sale_no: str
    line_no: str
    item_code: str | None
    name: str
    strength: str
    pack_size: int
    base_unit: str
    manufacturer: str
    base_units: int
    amount: Decimal
    insured: bool
    entered_by: str | None
    of_sale_no: str | None
    taken_back_at: datetime | None


class SalesSum(NamedTuple):
    """Lines, receipts and yuan."""

    lines: int
    receipts: int
    amount: Decimal


_line = SaleLine
_name = func.coalesce(Item.generic_name, _line.other_product)


def _listed(institution_id: int, wanted: SalesWanted) -> Select[*tuple[Any, ...]]:
    entry = StockEntry
    conditions: list[ColumnElement[bool]] = [
        _line.institution_id == institution_id,
        _line.sold_on >= wanted.first,
        _line.sold_on <= wanted.last,
    ]
    if wanted.kind == "taken_back":
        # Both were written with one instant, by whose index these few lines are found.
        conditions += [_line.replaced_at == entry.taken_back_at, entry.institution_id == institution_id]
    else:
        conditions.append(_line.replaced_at.is_(None))
    if wanted.kind == "sale":
        conditions.append(_line.base_units > 0)
    if wanted.kind == "return":
        conditions.append(_line.base_units < 0)
    if wanted.item_id is not None:
        conditions.append(_line.item_id == wanted.item_id)
    conditions += with_words(
        wanted.words, _name, Item.manufacturer, Item.search_initials, _line.sale_no, entry.entered_by_name
    )
    return (
        select(
            _line.sold_at,
            _line.sold_on,
            _line.sale_no,
            _line.line_no,
            Item.item_code,
            _name.label("name"),
            func.coalesce(Item.strength, "").label("strength"),
            func.coalesce(Item.pack_size, 1).label("pack_size"),
            func.coalesce(Item.base_unit, "").label("base_unit"),
            func.coalesce(Item.manufacturer, "").label("manufacturer"),
            _line.base_units,
            _line.amount,
            _line.insured,
            entry.entered_by_name,
            entry.of_sale_no,
            entry.taken_back_at,
        )
        .select_from(_line)
        .outerjoin(Item, Item.id == _line.item_id)
        .outerjoin(entry, and_(entry.institution_id == _line.institution_id, entry.entry_no == _line.sale_no))
        .where(*conditions)
    )


def sales_sum(institution_id: int, wanted: SalesWanted) -> SalesSum:
    """How much the list holds in all."""
    listed = _listed(institution_id, wanted).subquery()
    row = db.session.execute(
        select(func.count(), func.count(distinct(listed.c.sale_no)), func.sum(listed.c.amount))
    ).one()
    return SalesSum(row[0], row[1], row[2] or Decimal(0))


def sales(
    institution_id: int,
    wanted: SalesWanted,
    *,
    sort: str = "-sold",
    offset: int = 0,
    limit: int | None = None,
) -> Sequence[SaleRow]:
    """The lines of the list."""
    key = sort.removeprefix("-")
    column: Any = {
        "sold": _line.sold_at,
        "item": _name,
        "units": _line.base_units,
        "amount": _line.amount,
        "number": _line.sale_no,
    }[key]
    order = column.desc() if sort.startswith("-") else column.asc()
    rows = db.session.execute(
        _listed(institution_id, wanted)
        .order_by(order, _line.sale_no.desc(), _line.id)
        .offset(offset)
        .limit(limit)
    )
    return [SaleRow._make(row) for row in rows]
