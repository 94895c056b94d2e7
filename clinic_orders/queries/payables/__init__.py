"""What is outstanding, to whom, by when, as of a day (R-PAY-1 to R-PAY-4).

What a receipt owes is what its acceptance made payable less its agreed returns; both are stored when they happen.
Which payment reached it is never stored: the payments of each institution and distributor are laid over their
receipts by ``rules.allocation``; ``laying`` does the same for many pairs in one ordered pass.
"""

from __future__ import annotations

from clinic_orders.queries.payables.book import Book, Debt
from clinic_orders.queries.payables.records import (
    Balance,
    Bucket,
    Group,
    Payable,
    PayableState,
    Scope,
    Totals,
    Wanted,
)
from clinic_orders.queries.payables.rows import SORTS
from clinic_orders.queries.payables.visible import (
    StatementLine,
    line_amount_sql,
    payables_visible_to,
    statement_lines,
)

__all__ = [
    "SORTS",
    "Balance",
    "Book",
    "Bucket",
    "Debt",
    "Group",
    "Payable",
    "PayableState",
    "Scope",
    "StatementLine",
    "Totals",
    "Wanted",
    "line_amount_sql",
    "payables_visible_to",
    "statement_lines",
]
