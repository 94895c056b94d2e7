"""Receipts from files: goods under way and received (R-DEL-1, R-DEL-2), and what they make payable (R-PAY-1, R-PAY-2)."""

from clinic_orders.actions.history.receipts.checking import ReceiptIncomplete
from clinic_orders.actions.history.receipts.putting import put_receipts

__all__ = ["ReceiptIncomplete", "put_receipts"]
