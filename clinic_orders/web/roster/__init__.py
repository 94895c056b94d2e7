"""The roster on screen: institutions, letters, mandates, suspensions, distributors, delivery relations."""

from clinic_orders.web.roster import distributors, institutions, letters, relations
from clinic_orders.web.roster.door import blueprint

__all__ = ["blueprint", "distributors", "institutions", "letters", "relations"]
