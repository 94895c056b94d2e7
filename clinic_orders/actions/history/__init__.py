"""Orders, receipts, returns and payments that were made elsewhere, from files (formats.md section 2).

Imported rows are history: what would refuse an order or hold a payment today is not asked. The arithmetic of
R-ORD-5 and R-DEL-2 is, and records that people made here are never changed by a file.
"""

from clinic_orders.actions.history.orders import put_orders
from clinic_orders.actions.history.payments import put_payments
from clinic_orders.actions.history.receipts import put_receipts
from clinic_orders.actions.history.returns import put_returns

__all__ = ["put_orders", "put_payments", "put_receipts", "put_returns"]
