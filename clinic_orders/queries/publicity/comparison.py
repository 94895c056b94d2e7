"""Posted prices of a month compared: by item over all counties, and of one item county by county."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import and_, func, or_, select

from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item, Price
from clinic_orders.models.publicity import PriceComparison
from clinic_orders.models.roster import County, InstitutionRecord
from clinic_orders.models.stock import ShelfPrice
from clinic_orders.queries.catalogue.items import price_day_of
from clinic_orders.queries.roster import current
from clinic_orders.rules.days import Month
from clinic_orders.rules.pinyin import SearchKeys, matches, rank


class Posted(NamedTuple):
    """What was posted of an item in a county: how many institutions, the extremes, the sum of the prices."""

    item_id: int
    county_code: str
    shops: int
    lowest: Decimal
    highest: Decimal
    total: Decimal


def posted_at_end_of(month: Month) -> list[Posted]:
    """The price of a pack latest posted by each member up to the last day of a month, by item and county."""
    tag, record, on = ShelfPrice, InstitutionRecord, month.last_day
    place = (
        func.row_number()
        .over(partition_by=(tag.institution_id, tag.item_id), order_by=tag.posted_on.desc())
        .label("place")
    )
    latest = (
        select(tag.institution_id, tag.item_id, tag.price, place)
        .where(tag.posted_on <= on, tag.replaced_at.is_(None))
        .subquery()
    )
    rows = db.session.execute(
        select(
            latest.c.item_id,
            record.county_code,
            func.count(),
            func.min(latest.c.price),
            func.max(latest.c.price),
            func.sum(latest.c.price),
        )
        .join(record, and_(record.institution_id == latest.c.institution_id, current(record, on)))
        .where(
            latest.c.place == 1,
            record.joined_on <= on,
            or_(record.left_on.is_(None), record.left_on >= on),
        )
        .group_by(latest.c.item_id, record.county_code)
        .order_by(latest.c.item_id, record.county_code)
    )
    return [Posted(*row) for row in rows]


def months_compared() -> list[Month]:
    """The months that have a comparison, the newest first."""
    rows = db.session.scalars(select(PriceComparison.month).distinct().order_by(PriceComparison.month.desc()))
    return [Month.parse(row) for row in rows]


class ItemComparison(NamedTuple):
    """An item over the whole city; prices in yuan a pack."""

    item_id: int
    code: str
    name: str
    strength: str
    pack_size: int
    base_unit: str
    manufacturer: str
    selected: Decimal | None
    shops: int
    lowest: Decimal
    highest: Decimal
    mean: Decimal


COMPARISON_SORTS = frozenset({"name", "spread", "price"})


def _mean(total: Decimal, shops: int) -> Decimal:
    return (total / shops).quantize(Decimal("0.01"))


def compared_items(
    month: Month, *, words: str = "", county: str = "", sort: str = "name"
) -> list[ItemComparison]:
    """The items of a month's comparison that fit the words (text or pinyin), in the wanted order; one statement."""
    row = PriceComparison
    selected: Any = (
        select(Price.pack_price)
        .where(Price.item_id == Item.id, Price.valid_from == price_day_of(month.last_day))
        .correlate(Item)
        .scalar_subquery()
    )
    statement = (
        select(
            Item.id, Item.item_code, Item.generic_name, Item.strength, Item.pack_size, Item.base_unit,
            Item.manufacturer, selected, func.sum(row.shops), func.min(row.lowest), func.max(row.highest),
            func.sum(row.total), Item.search_text, Item.search_initials, Item.search_pinyin,
        )
        .join(row, row.item_id == Item.id)
        .where(row.month == str(month))
        .group_by(Item.id)
        .order_by(Item.search_initials, Item.item_code)
    )  # fmt: skip
    if county:
        statement = statement.where(row.county_code == county)
    found = []
    for one in db.session.execute(statement):
        keys = SearchKeys(*one[12:15])
        if words and not matches(words, keys):
            continue
        shops, total = int(one[8]), one[11]
        found.append(
            (
                rank(words, keys) if words else 0,
                ItemComparison._make((*one[:8], shops, one[9], one[10], _mean(total, shops))),
            )
        )
    if words and sort == "name":
        found.sort(key=lambda pair: pair[0])
    rows = [pair[1] for pair in found]
    if sort == "spread":
        rows.sort(key=lambda one: one.highest / one.lowest, reverse=True)
    elif sort == "price":
        rows.sort(key=lambda one: one.lowest)
    return rows


class CountyComparison(NamedTuple):
    """An item in a county."""

    county_code: str
    county: str
    shops: int
    lowest: Decimal
    highest: Decimal
    mean: Decimal


def counties_of(month: Month, item_id: int) -> list[CountyComparison]:
    """An item's comparison county by county, the cheapest first."""
    row = PriceComparison
    rows = db.session.execute(
        select(row.county_code, County.name, row.shops, row.lowest, row.highest, row.total)
        .join(County, County.code == row.county_code)
        .where(row.month == str(month), row.item_id == item_id)
        .order_by(row.lowest, County.code)
    )
    return [CountyComparison._make((*one[:5], _mean(one[5], one[2]))) for one in rows]
