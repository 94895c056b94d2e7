"""The items on a day: the edition in force with the prices in force (R-CAT-1, R-CAT-2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from operator import attrgetter
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Integer,
    Select,
    and_,
    func,
    select,
    type_coerce,
)

from clinic_orders.models.catalogue import Edition, EditionItem, Item, Price
from clinic_orders.queries.ordering._common import DAY, rows_of
from clinic_orders.queries.remembered import remembered
from clinic_orders.rules.parties import InstitutionKind


class ItemRow(NamedTuple):
    """An item as a buyer sees it on a day."""

    id: int
    code: str
    name: str
    form: str
    strength: str
    pack_size: int
    base_unit: str
    manufacturer: str
    suits: str
    initials: str
    supplies_here: bool
    in_edition: bool
    price_units: int | None
    price_document: str | None

    @property
    def price(self) -> Decimal | None:
        """Yuan per pack; stored as ten-thousandths, and left so for the hundreds that are only listed."""
        return None if self.price_units is None else Decimal(self.price_units).scaleb(-4)

    def suits_kind(self, kind: InstitutionKind) -> bool:
        """Whether this kind of institution may order it (R-CAT-1)."""
        return not self.suits or f";{kind.value};" in self.suits


EDITION_ID = (
    select(Edition.id)
    .where(Edition.valid_from <= DAY)
    .order_by(Edition.valid_from.desc(), Edition.id.desc())
    .limit(1)
    .scalar_subquery()
)
PRICE_DAY = (
    select(func.max(Price.valid_from))
    .where(Price.item_id == Item.id, Price.valid_from <= DAY)
    .correlate(Item)
    .scalar_subquery()
)
# By row id: the price itself is then one look-up, where a second search by item and day would be two.
_earlier = Price.__table__.alias("earlier")
PRICE_ID = (
    select(_earlier.c.id)
    .where(_earlier.c.item_id == Item.id, _earlier.c.valid_from <= DAY)
    .order_by(_earlier.c.valid_from.desc())
    .limit(1)
    .correlate(Item)
    .scalar_subquery()
)
ITEM_COLUMNS = (
    Item.id,
    Item.item_code,
    Item.generic_name,
    Item.form,
    Item.strength,
    Item.pack_size,
    Item.base_unit,
    Item.manufacturer,
    Item.suits,
    Item.search_initials,
    type_coerce(Item.supplies_here, Integer),
    type_coerce(EditionItem.item_id.is_not(None), Integer),
    type_coerce(Price.pack_price, BigInteger),
    Price.document_no,
)
_ITEMS = (
    select(*ITEM_COLUMNS)
    .select_from(Item)
    .outerjoin(EditionItem, and_(EditionItem.item_id == Item.id, EditionItem.edition_id == EDITION_ID))
    .outerjoin(Price, Price.id == PRICE_ID)
)
_EDITION_ITEMS = _ITEMS.where(EditionItem.item_id.is_not(None))
_KEYS = (
    select(Item.id, Item.search_text, Item.search_initials, Item.search_pinyin)
    .select_from(Item)
    .join(EditionItem, and_(EditionItem.item_id == Item.id, EditionItem.edition_id == EDITION_ID))
)
_ALL_KEYS = select(Item.id, Item.search_text, Item.search_initials, Item.search_pinyin)


_by_pinyin = attrgetter("initials", "code")


class DayItems:
    """The items of a day, by pinyin. They are shared by all pages of that day, so nobody changes them.

    Attributes:
        items: in their order.
        by_id: the same by row id.

    """

    def __init__(self, items: Iterable[ItemRow]) -> None:
        # By pinyin; here, since a database compares texts by a language's rules, which costs more than all the rest.
        self.items: tuple[ItemRow, ...] = tuple(sorted(items, key=_by_pinyin))
        self.by_id: Mapping[int, ItemRow] = {item.id: item for item in self.items}
        self._offered: dict[tuple[InstitutionKind, bool], tuple[ItemRow, ...]] = {}

    def offered(self, kind: InstitutionKind, *, urgent: bool) -> tuple[ItemRow, ...]:
        """Those of the edition that suit a kind of institution; an emergency passes the edition (R-ORD-9)."""
        found = self._offered.get((kind, urgent))
        if found is None:
            found = self._offered[kind, urgent] = tuple(
                item
                for item in self.items
                if (item.in_edition or urgent) and (not item.suits or item.suits_kind(kind))
            )
        return found


def items_on(on: date, *, every: bool = False, also: Iterable[int] = ()) -> DayItems:
    """The items of the edition in force with their prices.

    A page that only reads asks the database only where the catalogue or the day is another one.

    Args:
        on: the day.
        every: all items there are: an emergency passes the edition (R-ORD-9).
        also: row ids that are wanted although they may not be in the edition, as those of a draft.

    """

    def read() -> DayItems:
        return DayItems(_read(_ITEMS if every else _EDITION_ITEMS, on))

    found = remembered("catalogue", ("items", on, every), read)
    missing = [item for item in also if item not in found.by_id]
    if not missing:
        return found
    return DayItems((*found.items, *_read(_ITEMS.where(Item.id.in_(missing)), on)))


def _read(statement: Select[*tuple[Any, ...]], on: date) -> list[ItemRow]:
    return [ItemRow._make(row) for row in rows_of(statement, {"day": on}).all()]


def items_of_codes(codes: Sequence[str], on: date) -> list[ItemRow]:
    """Items by their codes as they are on a day, in the edition or not; what is not known is left out."""
    return _read(_ITEMS.where(Item.item_code.in_(codes)), on)


def prices_on(item_ids: Sequence[int], on: date) -> dict[int, Decimal]:
    """The prices in force on a day of some items (R-CAT-2); an item without one is left out."""
    rows = rows_of(
        select(Price.item_id, Price.pack_price)
        .join(Item, Item.id == Price.item_id)
        .where(Price.item_id.in_(item_ids), Price.valid_from == PRICE_DAY),
        {"day": on},
    )
    return {row[0]: row[1] for row in rows}


def search_keys_on(on: date, *, every: bool = False) -> Iterable[tuple[int, str, str, str]]:
    """Item id and its three search columns, for rules.pinyin; the edition in force, or all items."""
    rows = rows_of(_ALL_KEYS) if every else rows_of(_KEYS, {"day": on})
    return ((row[0], row[1], row[2], row[3]) for row in rows)
