"""The steps in the life of a pack, as its trace code tells them (R-TRACE-1)."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

from clinic_orders.rules.tracing import parse_trace_code

_BLANKS: Final = re.compile(r"\s+")


class PackStep(StrEnum):
    """What became of a pack: SHIPPED to SENT_BACK with a paper, SOLD and BROUGHT_BACK (by a customer) on a sale line."""

    SHIPPED = "shipped"
    DELIVERED = "delivered"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    SOLD = "sold"
    BROUGHT_BACK = "brought_back"
    SENT_BACK = "sent_back"


def read_code(typed: str) -> str:
    """A code as somebody types it from a pack, with or without blanks between its groups.

    Raises:
        TraceCodeNotUnderstood: it is none.

    >>> read_code(" 81234 56789 01234 56789 ")
    '81234567890123456789'

    """
    return parse_trace_code(_BLANKS.sub("", typed))
