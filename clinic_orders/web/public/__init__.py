"""Pages for everybody, without a log-in: only what the bureau has opened (decision 0043)."""

from clinic_orders.web.public import bulletins, comparison, grades, medicines, monitoring, roster
from clinic_orders.web.public.door import blueprint

__all__ = ["blueprint", "bulletins", "comparison", "grades", "medicines", "monitoring", "roster"]
