"""The catalogue as it stands on a day, seen from somebody's place: items, prices, editions, who delivers (R-CAT).

How many statements a question takes does not depend on how many items there are.
"""

from __future__ import annotations

from clinic_orders.queries.catalogue.deliverers import (
    Deliverer,
    deliverers,
)
from clinic_orders.queries.catalogue.editions import (
    Change,
    EditionLine,
    compare,
    edition_by_id,
    edition_by_name,
    editions,
    has_item,
    item_codes_of,
)
from clinic_orders.queries.catalogue.items import (
    item_by_code,
    items_of_codes,
    price_of_day,
    prices_of,
    suited_kinds,
)
from clinic_orders.queries.catalogue.places import (
    EVERY,
    Place,
    place_of,
)
from clinic_orders.queries.catalogue.rows import (
    catalogue_rows,
    edition_rows,
    price_rows,
)
from clinic_orders.queries.catalogue.search import (
    ITEM_ORDERS,
    NEAR_SHOWN,
    ItemLine,
    Wanted,
    find_items,
    forms_and_batches,
    item_lines,
    near_items,
)

__all__ = [
    "EVERY",
    "ITEM_ORDERS",
    "NEAR_SHOWN",
    "Change",
    "Deliverer",
    "EditionLine",
    "ItemLine",
    "Place",
    "Wanted",
    "catalogue_rows",
    "compare",
    "deliverers",
    "edition_by_id",
    "edition_by_name",
    "edition_rows",
    "editions",
    "find_items",
    "forms_and_batches",
    "has_item",
    "item_by_code",
    "item_codes_of",
    "item_lines",
    "items_of_codes",
    "near_items",
    "place_of",
    "price_of_day",
    "price_rows",
    "prices_of",
    "suited_kinds",
]
