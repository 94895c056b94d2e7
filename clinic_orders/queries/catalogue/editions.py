"""Editions: their days, their items, what one changes against another (R-CAT-1)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import and_, exists, func, select, true

from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Edition, EditionItem, Item, Price
from clinic_orders.queries.catalogue.items import price_day_of
from clinic_orders.queries.remembered import remembered
from clinic_orders.rules.catalogue import edition_in_force


@dataclass(frozen=True, slots=True)
class EditionLine:
    """An edition in a list.

    Attributes:
        last: the day before the next edition begins; None = open.
        state: ``now``, ``later`` or ``past``.
        items: how many items it has.

    """

    id: int
    edition: str
    valid_from: date
    last: date | None
    state: str
    items: int


def editions(on: date, *, item_id: int | None = None) -> list[EditionLine]:
    """All editions, newest first, or those in which an item stands; at most one statement."""
    if item_id is not None:
        return _editions(on, item_id)
    return list(remembered("catalogue", ("editions", on), lambda: _editions(on, None)))


def _editions(on: date, item_id: int | None) -> list[EditionLine]:
    count = (
        select(func.count())
        .select_from(EditionItem)
        .where(EditionItem.edition_id == Edition.id)
        .correlate(Edition)
        .scalar_subquery()
    )
    has = (
        exists().where(EditionItem.edition_id == Edition.id, EditionItem.item_id == item_id)
        if item_id is not None
        else true()
    )
    rows = db.session.execute(
        select(
            Edition.id, Edition.edition, Edition.valid_from, count.label("items"), has.label("has")
        ).order_by(Edition.valid_from, Edition.id)
    ).all()
    force = edition_in_force(rows, on=on)
    found = []
    for place, row in enumerate(rows):
        later = rows[place + 1].valid_from if place + 1 < len(rows) else None
        state = (
            "now"
            if force is not None and row.id == force.id
            else ("later" if row.valid_from > on else "past")
        )
        if row.has:
            last = None if later is None else date.fromordinal(later.toordinal() - 1)
            found.append(EditionLine(row.id, row.edition, row.valid_from, last, state, row.items))
    return found[::-1]


def edition_by_id(edition_id: int) -> Edition | None:
    """An edition."""
    return db.session.get(Edition, edition_id)


def edition_by_name(name: str) -> Edition | None:
    """The edition of a name."""
    return db.session.scalars(select(Edition).where(Edition.edition == name)).first()


def has_item(edition_id: int, item_id: int) -> bool:
    """Whether an item stands in an edition."""
    return bool(
        db.session.scalar(
            select(exists().where(EditionItem.edition_id == edition_id, EditionItem.item_id == item_id))
        )
    )


def item_codes_of(edition_id: int) -> list[str]:
    """The item codes of an edition, in order."""
    return list(
        db.session.scalars(
            select(Item.item_code)
            .join(EditionItem, EditionItem.item_id == Item.id)
            .where(EditionItem.edition_id == edition_id)
            .order_by(Item.item_code)
        )
    )


class Change(NamedTuple):
    """What an edition changes for an item; the prices are those of the two editions' first days."""

    what: str
    code: str
    generic_name: str
    form: str
    strength: str
    manufacturer: str
    before: Decimal | None
    after: Decimal | None


def compare(new: EditionLine, old: EditionLine) -> list[Change]:
    """What differs between two editions: ``added``, ``dropped``, ``price``; four statements."""
    sides = []
    for edition in (old, new):
        price_day = price_day_of(edition.valid_from)
        rows = db.session.execute(
            select(
                Item.item_code,
                Item.generic_name,
                Item.form,
                Item.strength,
                Item.manufacturer,
                Price.pack_price,
            )
            .join(EditionItem, EditionItem.item_id == Item.id)
            .outerjoin(Price, and_(Price.item_id == Item.id, Price.valid_from == price_day))
            .where(EditionItem.edition_id == edition.id)
        )
        sides.append({row.item_code: row for row in rows})
    before, after = sides
    changes = [
        Change("added", *after[code][:5], None, after[code][5])
        for code in sorted(after.keys() - before.keys())
    ]
    changes += [
        Change("dropped", *before[code][:5], before[code][5], None)
        for code in sorted(before.keys() - after.keys())
    ]
    changes += [
        Change("price", *after[code][:5], before[code][5], after[code][5])
        for code in sorted(after.keys() & before.keys())
        if before[code][5] != after[code][5]
    ]
    return changes
