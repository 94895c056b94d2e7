"""The catalogue: the items of the edition in force with their prices."""

from __future__ import annotations

from clinic_orders.api.cursors import cursor, place_of
from clinic_orders.api.door import Asked, Reply, reads
from clinic_orders.exchange.api_shapes import ITEM, ITEMS, PAGE_QUERY
from clinic_orders.exchange.schemas import filled
from clinic_orders.queries.ordering import items_on
from clinic_orders.rules.errors import N_
from clinic_orders.rules.parties import Permission


@reads(
    "/items",
    Permission.CATALOGUE_READ,
    N_("The items of the edition in force, by their codes"),
    answer=ITEMS,
    query=PAGE_QUERY,
)
def list_items(asked: Asked) -> Reply:
    """The items, a page of them."""
    behind = place_of(asked.values["cursor"], str)[0] if asked.values["cursor"] else ""
    items = sorted(
        (item for item in items_on(asked.on).items if item.code > behind), key=lambda one: one.code
    )
    page = items[: asked.values["limit"]]
    data = [
        filled(
            ITEM,
            {
                "item_code": item.code,
                "generic_name": item.name,
                "form": item.form,
                "strength": item.strength,
                "pack_size": item.pack_size,
                "base_unit": item.base_unit,
                "manufacturer": item.manufacturer,
                "suits": [word for word in item.suits.split(";") if word],
                "supplies_here": bool(item.supplies_here),
                "pack_price": item.price,
                "document_no": item.price_document or None,
            },
        )
        for item in page
    ]
    return Reply({"data": data, "next": cursor(page[-1].code) if len(items) > len(page) else None})
