"""Posted prices that an institution types itself; what it types again on the same day replaces it (R-PRICE-5)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Final, cast

from sqlalchemy import Table, select

from clinic_orders.actions import audit
from clinic_orders.actions.loading import ChangedMeanwhile, NotFound, own_institution
from clinic_orders.actions.reported.replacing import Facts, keep, standing_rows
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.stock import ShelfPrice
from clinic_orders.queries.shelf_prices import current_tags
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.parties import Actor
from clinic_orders.rules.reporting import NothingTyped

_PRICES: Final = Facts(
    "post_shelf_prices",
    "shelf_price",
    cast("Table", ShelfPrice.__table__),
    ("institution_id", "item_id", "posted_on"),
    ("price",),
)


@transactional
def post_shelf_prices(prices: Mapping[str, Decimal], *, seen: int, by: Actor, at: datetime) -> int:
    """Record what hangs on the shelf from today on; a price that is posted already is left as it is.

    A price above what is allowed is recorded too: what hangs there is to be written down, and the page has warned.

    Args:
        prices: yuan per pack by item code.
        seen: ``queries.shelf_prices.current_tags(…).seen`` as the page showed it.
        by: who.
        at: when.

    Returns:
        how many prices are new.

    Raises:
        NothingTyped, NotFound, ChangedMeanwhile: what is wrong with it.

    """
    institution_id, on = own_institution(by), day_in_china(at)
    tags = current_tags(institution_id, on=on)
    if seen != tags.seen:
        raise ChangedMeanwhile(number=by.org_name)
    if not prices:
        raise NothingTyped
    items = {
        row.item_code: row.id
        for row in db.session.execute(select(Item.item_code, Item.id).where(Item.item_code.in_(prices)))
    }
    if unknown := sorted(set(prices) - set(items)):
        raise NotFound(number=unknown[0])
    wanted = [
        {"institution_id": institution_id, "item_id": items[code], "posted_on": on, "price": price}
        for code, price in prices.items()
        if items[code] not in tags.by_item or tags.by_item[items[code]].price != price
    ]
    if not wanted:
        return 0
    kept = keep(_PRICES, wanted, standing_rows(_PRICES, wanted), at=at, batch_id=None)
    codes = {row_id: code for code, row_id in items.items()}
    _note(kept.new, codes, {one: tag.price for one, tag in tags.by_item.items()}, on, by=by, at=at)
    return len(kept.new)


def _note(
    rows: list[dict[str, object]],
    codes: Mapping[int, str],
    before: Mapping[int, Decimal],
    on: date,
    *,
    by: Actor,
    at: datetime,
) -> None:
    """One entry for the whole page: what hung there and what hangs there now."""
    ids = [cast("int", row["item_id"]) for row in rows]
    audit.record(
        "post_shelf_prices",
        by=by,
        at=at,
        subject_type="shelf_price",
        subject=on.isoformat(),
        institution_id=by.institution_id,
        before={"prices": sorted(f"{codes[one]} {before[one]}" for one in ids if one in before)},
        after={"prices": sorted(f"{codes[cast('int', row['item_id'])]} {row['price']}" for row in rows)},
    )
