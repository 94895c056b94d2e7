"""A finding as a letter needs it, with the sale lines behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Final

from clinic_orders.rules.findings import CheckRule, Grade

# So many findings of a rule are told in the text; more of them stand in an annex.
IN_TEXT: Final = 3


@dataclass(frozen=True, slots=True)
class Sold:
    """A line of a sale behind a finding, for the annex that lists them."""

    day: date
    sale_no: str
    item: str
    base_units: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Matter:
    """A finding as a letter needs it.

    Attributes:
        rule, grade, key, period, formula: those of the finding.
        figures: as ``check --format json`` writes them.
        item: name and strength of the item that the key names; empty if it names none.
        other: the other party by name: the distributor that is owed, the institution that lacks the goods.
        sales: the sale lines behind it, where they are to be listed.

    """

    rule: CheckRule
    grade: Grade
    key: str
    period: str
    formula: str
    figures: Mapping[str, Any]
    item: str = ""
    other: str = ""
    sales: tuple[Sold, ...] = field(default=(), repr=False)

    @property
    def name(self) -> str:
        """The item by name, else the key."""
        return self.item or self.key
