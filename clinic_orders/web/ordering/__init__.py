"""Ordering: the order page, the check, the answer; my orders; villages and mandates."""

from clinic_orders.web.ordering import mine, pages, villages
from clinic_orders.web.ordering.door import blueprint

__all__ = ["blueprint", "mine", "pages", "villages"]
