"""Cases on screen: the bureau's list and case page, a party's letters (R-CASE)."""

from clinic_orders.web.cases import bureau, party
from clinic_orders.web.cases.door import blueprint

__all__ = ["blueprint", "bureau", "party"]
