"""What the fund settled against what was sold and could have been there (R-PRICE-7).

A month's settlement is seen from the last day of the month on. Quantities are base units.

>>> settled_not_sold("C1", "X1", Month(2026, 3), settled=12, sold=10, opening=5, accepted=10).formula
'settled = 12 > sold = 10'
"""

from __future__ import annotations

from clinic_orders.rules.days import Month
from clinic_orders.rules.findings import CheckRule, Finding, Grade


def settled_not_sold(
    institution: str, item_code: str, month: Month, *, settled: int, sold: int, opening: int, accepted: int
) -> Finding | None:
    """The clue that more was settled than sold, or than could have been in stock (R-PRICE-7).

    Args:
        institution: its code.
        item_code: of the item.
        month: of the settlement.
        settled: by the fund.
        sold: in the month, customer returns taken off.
        opening: on the ledger of R-STOCK-3 at the end of the month before; below 0 counts as 0.
        accepted: in the month, less what was returned to the distributor.

    >>> settled_not_sold("C1", "X1", Month(2026, 3), settled=10, sold=10, opening=0, accepted=9).formula
    'settled = 10 > opening + accepted = 0 + 9'

    """
    there = max(0, opening)
    if settled > sold:
        formula = f"settled = {settled} > sold = {sold}"
    elif settled > there + accepted:
        formula = f"settled = {settled} > opening + accepted = {there} + {accepted}"
    else:
        return None
    return Finding(
        CheckRule.SETTLED_NOT_SOLD,
        Grade.CLUE,
        institution=institution,
        distributor=None,
        key=item_code,
        period=str(month),
        formula=formula,
        figures={"settled": settled, "sold": sold},
    )
