"""Clues on trace codes: the bureau's pages, and the self-checks of institutions (R-TRACE-3)."""

from clinic_orders.web.clues import assigning, bureau, issued, measures, self_checks, transfers
from clinic_orders.web.clues.door import blueprint

__all__ = ["assigning", "blueprint", "bureau", "issued", "measures", "self_checks", "transfers"]
