"""What a buyer needs in order to order: who it is on a day, the items, its draft, its history (R-ORD, R-CAT).

These questions stand on the path that every order takes. They are Core statements made once, so that asking
again costs the database alone, and their number does not grow with the lines.
"""

from __future__ import annotations

from clinic_orders.queries.ordering.buyers import Buyer, buyer
from clinic_orders.queries.ordering.drafts import DraftRow, DraftView, draft_lines, draft_of
from clinic_orders.queries.ordering.facts import SUBMISSION_POLICY, Facts, facts, ordering_policy
from clinic_orders.queries.ordering.history import (
    HISTORY_DAYS,
    LastTime,
    accepted_packs,
    carried_average,
    duplicates,
    duplicates_and_last_time,
    last_time,
    still_meant,
    usual_items,
)
from clinic_orders.queries.ordering.items import (
    DayItems,
    ItemRow,
    items_of_codes,
    items_on,
    prices_on,
    search_keys_on,
)
from clinic_orders.queries.ordering.relations import Relations, distributors

__all__ = [
    "HISTORY_DAYS",
    "SUBMISSION_POLICY",
    "Buyer",
    "DayItems",
    "DraftRow",
    "DraftView",
    "Facts",
    "ItemRow",
    "LastTime",
    "Relations",
    "accepted_packs",
    "buyer",
    "carried_average",
    "distributors",
    "draft_lines",
    "draft_of",
    "duplicates",
    "duplicates_and_last_time",
    "facts",
    "items_of_codes",
    "items_on",
    "last_time",
    "ordering_policy",
    "prices_on",
    "search_keys_on",
    "still_meant",
    "usual_items",
]
