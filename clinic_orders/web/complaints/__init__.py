"""Complaints of the public: the form and the status page for everybody, the list and the answers for the bureau."""

from clinic_orders.web.complaints import bureau, citizen
from clinic_orders.web.complaints.door import blueprint

__all__ = ["blueprint", "bureau", "citizen"]
