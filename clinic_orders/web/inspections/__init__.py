"""Inspections on screen: plans and visits at the desk, the record on a phone with or without a network (R-CASE-5)."""

from clinic_orders.web.inspections import checklists, party, phone, plans, visits
from clinic_orders.web.inspections.door import blueprint

__all__ = ["blueprint", "checklists", "party", "phone", "plans", "visits"]
