"""Sales on screen, for who has no till: the form, the receipts, what came back, what was taken back."""

from clinic_orders.web.sales import pages, receipts
from clinic_orders.web.sales.door import blueprint

__all__ = ["blueprint", "pages", "receipts"]
