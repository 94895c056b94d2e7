"""Applications on screen: the public form and status page, the bureaus' list and decisions (R-ROSTER-2)."""

from clinic_orders.web.applications import applicant, bureau, parts, words
from clinic_orders.web.applications.door import blueprint

__all__ = ["applicant", "blueprint", "bureau", "parts", "words"]
