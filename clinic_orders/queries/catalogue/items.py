"""One item: its prices and the kinds that it suits."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item, Price
from clinic_orders.rules.parties import InstitutionKind

PART: Final = 500
"""How many ids one statement names at most."""


def suited_kinds(stored: str) -> list[InstitutionKind]:
    """The kinds that an item suits; empty = all."""
    words = set(stored.split(";"))
    return [kind for kind in InstitutionKind if kind.value in words]


def item_by_code(code: str) -> Item | None:
    """The item of a code, in any case."""
    return db.session.scalars(select(Item).where(func.lower(Item.item_code) == code.strip().lower())).first()


def prices_of(item_id: int) -> list[Price]:
    """All prices of an item, oldest first, those to come as well."""
    return list(db.session.scalars(select(Price).where(Price.item_id == item_id).order_by(Price.valid_from)))


def price_day_of(on: date) -> Any:
    """The first day of the price that holds on a day, for the item of the statement around it (R-CAT-2)."""
    price = aliased(Price)
    return (
        select(func.max(price.valid_from))
        .where(price.item_id == Item.id, price.valid_from <= on)
        .correlate(Item)
        .scalar_subquery()
    )


def items_of_codes(codes: Iterable[str]) -> dict[str, Item]:
    """The items of these codes, by code; a code that no item has is missing."""
    wanted = list(codes)
    found: dict[str, Item] = {}
    for first in range(0, len(wanted), PART):
        part = wanted[first : first + PART]
        found |= {
            item.item_code: item for item in db.session.scalars(select(Item).where(Item.item_code.in_(part)))
        }
    return found


def price_of_day(item_id: int, on: date) -> Price | None:
    """The price that holds on a day (R-CAT-2)."""
    return db.session.scalars(
        select(Price)
        .where(Price.item_id == item_id, Price.valid_from <= on)
        .order_by(Price.valid_from.desc())
        .limit(1)
    ).first()
