"""The annual assessment on screen: the bureau's years and sheets, an institution's own sheet, papers (R-STAT-3)."""

from clinic_orders.web.assessments import bureau, papers, party
from clinic_orders.web.assessments.door import blueprint

__all__ = ["blueprint", "bureau", "papers", "party"]
