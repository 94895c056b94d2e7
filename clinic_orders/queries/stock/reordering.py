"""Whether and how much to order again, item by item, for the list and the order page."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from clinic_orders.queries.ordering import ItemRow
from clinic_orders.queries.stock.keeping import Own, Reorder, own_numbers, under_way, uses
from clinic_orders.queries.stock.shelf import Shelf, shelf_of
from clinic_orders.rules.policy import PolicyBook
from clinic_orders.rules.reordering import (
    Keeping,
    Use,
    UseSource,
    reorder_point,
    suggest,
    used_since_count,
)


def reorder(
    use: Use, keeping: Keeping, shelf: Shelf, *, under_way_packs: int, pack_size: int, on: date
) -> Reorder:
    """The suggestion for one item (``rules.reordering.suggest``)."""
    # No more can have been used than was there.
    since = min(used_since_count(use, counted_on=shelf.counted_on, on=on), max(0, shelf.on_hand))
    there = shelf.on_hand - since
    coming = under_way_packs * pack_size
    found = suggest(use, on_hand=there, under_way=coming, pack_size=pack_size, keeping=keeping)
    return Reorder(
        use,
        keeping,
        shelf.on_hand,
        since,
        coming,
        reorder_point(use, keeping),
        found.needed,
        found.packs,
    )


def suggestions(
    institution_id: int, items: Mapping[int, ItemRow], *, at: datetime, on: date, book: PolicyBook
) -> dict[int, Reorder]:
    """Suggestions for who records sales or counts, by item; nothing for who does neither, whose stock nobody knows.

    Args:
        institution_id: whose.
        items: of the day, for their pack sizes.
        at: now, for what is under way.
        on: the day.
        book: the parameters of ordering.

    """
    own = own_numbers(institution_id, on)
    if not (own.has_sales or own.has_counts):
        return {}
    shelf = shelf_of(institution_id, on)
    coming = under_way(institution_id, at=at, book=book)
    return {
        item_id: reorder(
            use,
            own.keeping,
            shelf[item_id],
            under_way_packs=coming.get(item_id, 0),
            pack_size=items[item_id].pack_size,
            on=on,
        )
        for item_id, use in uses(institution_id, own, on).items()
        if item_id in items and rests_on_stock(own, use, shelf.get(item_id))
    }


def rests_on_stock(own: Own, use: Use, shelf: Shelf | None) -> bool:
    """Whether what is there is known well enough to be taken off: counted, or accepted and sold line by line."""
    if shelf is None or not shelf.known:
        return False
    if use.source is UseSource.SALES:
        return own.has_sales
    return shelf.counted_on is not None
