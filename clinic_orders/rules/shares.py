"""Shares that may not grow too large: emergency orders (R-ORD-9), non-selected substitutable drugs (R-VOL-6).

>>> emergency_share("C1", Month(2026, 3), emergency_lines=3, lines=10, limit=Decimal("0.20")).as_json()["share"]
'0.3000'
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from clinic_orders.rules.days import Month, Quarter
from clinic_orders.rules.findings import CheckRule, Finding, Grade, rounded

_SHOWN = Decimal("0.0001")


def emergency_share(
    institution: str, month: Month, *, emergency_lines: int, lines: int, limit: Decimal | None
) -> Finding | None:
    """The clue that too many of an institution's order lines of a month are emergencies (R-ORD-9).

    Args:
        institution: code of the receiver.
        month: in which the orders were submitted.
        emergency_lines: lines of emergency orders.
        lines: all lines.
        limit: policy ``order.emergency_share``; a share above it is found.

    """
    if limit is None or not lines or Fraction(emergency_lines, lines) <= Fraction(limit):
        return None
    share = Fraction(emergency_lines, lines)
    return Finding(
        CheckRule.EMERGENCY_SHARE,
        Grade.CLUE,
        institution=institution,
        distributor=None,
        key=None,
        period=str(month),
        formula=f"{emergency_lines} / {lines} = {rounded(share, _SHOWN)} > {limit}",
        figures={"share": share},
    )


@dataclass(frozen=True, slots=True)
class OtherPurchaseSeen:
    """A purchase of a non-selected drug of a group (R-VOL-6).

    Attributes:
        base_units, amount: what was bought and for how many yuan.
        said_justified: the file or the bureau says so.
        in_supply_problem: bought on a day of a verified supply problem of a selected item of the group, there.
        selected_unit_price: the highest selected price of a base unit in the group on the day; None if none.

    """

    base_units: int
    amount: Decimal
    said_justified: bool = False
    in_supply_problem: bool = False
    selected_unit_price: Fraction | None = None

    @property
    def is_justified(self) -> bool:
        """Whether the purchase does not count against the institution."""
        if self.said_justified or self.in_supply_problem:
            return True
        if self.selected_unit_price is None:
            return False
        return Fraction(self.amount) < self.selected_unit_price * self.base_units


def nonselected_share(
    institution: str,
    group: str,
    quarter: Quarter,
    *,
    other_units: int,
    selected_units: int,
    limit: Decimal | None,
) -> Finding | None:
    """The finding that too much of a group was bought outside of the selected drugs (R-VOL-6).

    Args:
        institution: its code.
        group: the substitutable group.
        quarter: in which was bought and accepted.
        other_units: base units of non-selected drugs not justified.
        selected_units: base units of selected items of the group accepted.
        limit: policy ``volume.nonselected_share``; None = not set. A share above it is found.

    >>> nonselected_share("C1", "G", Quarter(2026, 1), other_units=1, selected_units=3, limit=Decimal("0.25"))
    >>> nonselected_share("C1", "G", Quarter(2026, 1), other_units=1, selected_units=2, limit=Decimal("0.25")).period
    '2026-Q1'

    """
    if limit is None or other_units <= 0:
        return None
    share = Fraction(other_units, other_units + selected_units)
    if share <= Fraction(limit):
        return None
    return Finding(
        CheckRule.NONSELECTED_SHARE,
        Grade.VIOLATION,
        institution=institution,
        distributor=None,
        key=group,
        period=str(quarter),
        formula=f"{other_units} / ({other_units} + {selected_units}) = {rounded(share, _SHOWN)} > {limit}",
        figures={"share": share, "limit": limit},
    )
