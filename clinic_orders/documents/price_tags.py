"""Double price tags 双标签 on A4 sheets: the selected price beside the price that is asked (R-PRICE-5)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from clinic_orders.documents import render
from clinic_orders.queries.ordering import ItemRow, items_on
from clinic_orders.queries.payments import name_of_institution
from clinic_orders.queries.roster import has_demo_data
from clinic_orders.queries.shelf_prices import current_tags
from clinic_orders.rules.findings import rounded
from clinic_orders.rules.markup import CENT, exact_worth

_PLAIN_FORM = "口服常释剂型"


class TagSize(StrEnum):
    """How many tags stand on a sheet: columns × rows."""

    SMALL = "3x8"
    MIDDLE = "2x6"
    LARGE = "2x4"

    @property
    def columns(self) -> int:
        """Tags beside each other."""
        return int(self.value[0])

    @property
    def rows(self) -> int:
        """Tags below each other."""
        return int(self.value[2])


@dataclass(frozen=True, slots=True)
class Tag:
    """One tag: the item, the selected price of a pack if one is known, the posted one, and what a piece costs by it."""

    item: ItemRow
    selected: Decimal | None
    posted: Decimal
    piece: Decimal | None

    @property
    def spec(self) -> str:
        """Strength, pack and, where it is not a plain tablet, the form."""
        spec = f"{self.item.strength} × {self.item.pack_size}{self.item.base_unit}"
        return spec if self.item.form == _PLAIN_FORM else f"{spec} {self.item.form}"

    @property
    def long(self) -> str:
        """How much room the name wants: nothing, "long" or "longest"."""
        letters = len(self.item.name)
        return "" if letters <= 9 else "long" if letters <= 18 else "longest"

    @property
    def maker_long(self) -> bool:
        """Whether the maker's name wants small letters."""
        return len(self.item.manufacturer) > 18


def tags_of(institution_id: int, on: date, codes: Collection[str] | None = None) -> list[Tag]:
    """The tags of what an institution has posted, by pinyin; only some items, if codes are given."""
    items = items_on(on, every=True)
    posted = current_tags(institution_id, on=on).prices
    return [
        Tag(
            item,
            item.price,
            posted[item.id],
            rounded(exact_worth(posted[item.id], base_units=1, pack_size=item.pack_size), CENT)
            if item.pack_size > 1
            else None,
        )
        for item in items.items
        if item.id in posted and (codes is None or item.code in codes)
    ]


def price_tags(
    institution_id: int, tags: Sequence[Tag], size: TagSize, *, phone: str, on: date
) -> bytes | None:
    """Sheets of tags to cut out; None where there is none.

    Args:
        institution_id: whose.
        tags: in the order of the sheets.
        size: how many on a sheet.
        phone: where people complain; empty = it is left out.
        on: the day of the prices.

    Raises:
        PapersOff: see ``documents.render``.

    """
    if not tags:
        return None
    per_page = size.columns * size.rows
    pages = [tags[start : start + per_page] for start in range(0, len(tags), per_page)]
    grids = [
        [page[start : start + size.columns] for start in range(0, len(page), size.columns)] for page in pages
    ]
    return render(
        "price_tags",
        {
            "pages": grids,
            "size": size,
            "institution": name_of_institution(institution_id, on=on),
            "phone": phone,
            "on": on,
            "kind": "tags",
            "demo": has_demo_data(),
        },
    )
