"""What a selected price saves against the ceiling of its tender (R-STAT-2).

The ceiling price is that of a base unit, as tenders announce it; the price paid is that of a pack.

>>> ceiling_saving(Decimal("0.50"), Decimal("3.36"), packs=10, pack_size=28)
Saving(paid=Decimal('33.60'), saved=Decimal('106.40'))
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from clinic_orders.rules.money import line_amount


class Saving(NamedTuple):
    """What packs cost, and what they cost less than at the ceiling; yuan, below 0 where they cost more."""

    paid: Decimal
    saved: Decimal


def ceiling_saving(ceiling: Decimal, pack_price: Decimal, *, packs: int, pack_size: int) -> Saving:
    """(ceiling price − price paid) × accepted base units, each product rounded once (R-STAT-2).

    Args:
        ceiling: highest valid price of a base unit.
        pack_price: price paid for a pack.
        packs: accepted.
        pack_size: base units in a pack.

    """
    paid = line_amount(pack_price, packs)
    return Saving(paid, line_amount(ceiling, packs * pack_size) - paid)
