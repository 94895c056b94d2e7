"""Items, prices and editions as rows of files (formats.md section 2)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import select

from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Edition, EditionItem, Item, Price
from clinic_orders.queries.catalogue.items import PART, suited_kinds


def catalogue_rows(ids: Sequence[int]) -> Iterator[dict[str, Any]]:
    """These items as rows of the kind ``catalogue``."""
    statement = select(
        Item.id, Item.item_code, Item.generic_name, Item.form, Item.strength, Item.pack_size, Item.base_unit,
        Item.manufacturer, Item.batch, Item.approval_no, Item.nhsa_code, Item.variety, Item.group.label("group"),
        Item.suits, Item.ceiling_price, Item.supplies_here, Item.cold_chain,
    )  # fmt: skip
    for first in range(0, len(ids), PART):
        part = ids[first : first + PART]
        rows = {
            row["id"]: dict(row) for row in db.session.execute(statement.where(Item.id.in_(part))).mappings()
        }
        for item_id in part:
            row = rows[item_id]
            row["suits"] = tuple(kind.value for kind in suited_kinds(row["suits"]))
            yield row


def price_rows(ids: Sequence[int]) -> Iterator[dict[str, Any]]:
    """All prices of these items as rows of the kind ``prices``."""
    statement = select(Item.item_code, Price.valid_from, Price.pack_price, Price.document_no).join(Price.item)
    for first in range(0, len(ids), PART):
        part = statement.where(Item.id.in_(ids[first : first + PART]))
        for row in db.session.execute(part.order_by(Item.item_code, Price.valid_from)).mappings():
            yield dict(row)


def edition_rows(
    edition_ids: Sequence[int], item_ids: Sequence[int] | None = None
) -> Iterator[dict[str, Any]]:
    """The items of editions, all or some of them, as rows of the kind ``editions``."""
    statement = (
        select(Edition.edition, Edition.valid_from, Item.item_code)
        .join(EditionItem, EditionItem.edition_id == Edition.id)
        .join(Item, Item.id == EditionItem.item_id)
        .where(Edition.id.in_(edition_ids))
        .order_by(Edition.valid_from, Edition.edition, Item.item_code)
    )
    if item_ids is not None:
        statement = statement.where(Item.id.in_(item_ids))
    for row in db.session.execute(statement).mappings():
        yield dict(row)
