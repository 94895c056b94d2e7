"""Posted prices 标价 of an institution: what hangs on the shelf today, and what hung there before (R-PRICE-5)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import func, select, true

from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.stock import ShelfPrice
from clinic_orders.queries.lists import with_words

HISTORY_SORTS = ("posted", "item", "price")


@dataclass(frozen=True, slots=True)
class Tag:
    """The price of a pack on the shelf, from a day on."""

    price: Decimal
    posted_on: date


@dataclass(frozen=True, slots=True)
class Tags:
    """The tags of a day by row id of the item; ``seen`` changes whenever any posting of the institution does."""

    by_item: dict[int, Tag]
    seen: int

    @property
    def prices(self) -> dict[int, Decimal]:
        """The price of a pack by row id of the item."""
        return {item_id: tag.price for item_id, tag in self.by_item.items()}


def current_tags(institution_id: int, item_ids: Collection[int] | None = None, *, on: date) -> Tags:
    """The price of a pack latest posted on or before a day (R-PRICE-5), of all items if none are named; one statement.

    By them sales are looked at and double tags printed.
    """
    tag = ShelfPrice
    place = func.row_number().over(partition_by=tag.item_id, order_by=tag.posted_on.desc()).label("place")
    latest = (
        select(tag.id, tag.item_id, tag.price, tag.posted_on, place)
        .where(
            tag.institution_id == institution_id,
            true() if item_ids is None else tag.item_id.in_(sorted(item_ids)),
            tag.posted_on <= on,
            tag.replaced_at.is_(None),
        )
        .subquery()
    )
    rows = db.session.execute(
        select(latest.c.id, latest.c.item_id, latest.c.price, latest.c.posted_on).where(latest.c.place == 1)
    ).all()
    return Tags({row[1]: Tag(row[2], row[3]) for row in rows}, max((row[0] for row in rows), default=0))


class Posting(NamedTuple):
    """One posting; ``replaced_at`` says when it was put right by another of the same day."""

    item_code: str
    name: str
    strength: str
    manufacturer: str
    price: Decimal
    posted_on: date
    recorded_at: datetime
    replaced_at: datetime | None


@dataclass(frozen=True, slots=True)
class PostingsWanted:
    """Which postings a list shows: words of the item, and only those that stand."""

    words: str = ""
    standing: bool = False


def _listed(institution_id: int, wanted: PostingsWanted) -> Any:
    tag = ShelfPrice
    statement = (
        select(
            Item.item_code,
            Item.generic_name,
            Item.strength,
            Item.manufacturer,
            tag.price,
            tag.posted_on,
            tag.recorded_at,
            tag.replaced_at,
        )
        .join(Item, Item.id == tag.item_id)
        .where(tag.institution_id == institution_id)
    )
    if wanted.standing:
        statement = statement.where(tag.replaced_at.is_(None))
    return statement.where(*with_words(wanted.words, Item.generic_name, Item.manufacturer, Item.item_code))


def count_postings(institution_id: int, wanted: PostingsWanted) -> int:
    """How many postings the filters leave."""
    return (
        db.session.scalar(select(func.count()).select_from(_listed(institution_id, wanted).subquery())) or 0
    )


def postings(
    institution_id: int,
    wanted: PostingsWanted,
    *,
    sort: str = "-posted",
    limit: int | None = None,
    offset: int = 0,
) -> list[Posting]:
    """The postings of a page or a file; one statement."""
    column: Any = {
        "posted": ShelfPrice.posted_on,
        "item": Item.generic_name,
        "price": ShelfPrice.price,
    }[sort.removeprefix("-")]
    order = (
        [column.desc(), ShelfPrice.id.desc()] if sort.startswith("-") else [column.asc(), ShelfPrice.id.asc()]
    )
    statement = _listed(institution_id, wanted).order_by(*order).limit(limit).offset(offset)
    return [Posting._make(row) for row in db.session.execute(statement)]
