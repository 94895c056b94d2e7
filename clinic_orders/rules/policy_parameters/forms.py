"""What a line of the table of policy parameters says, and in which form values are written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from clinic_orders.rules.errors import N_
from clinic_orders.rules.parties import InstitutionKind

Value = int | Decimal | date | str | None


class Form(StrEnum):
    """How the value of a parameter is written."""

    RATE = "rate"
    SHARE = "share"
    POINTS = "points"
    DAYS = "days"
    WORKING_DAYS = "working_days"
    HOURS = "hours"
    MONTHS = "months"
    PACKS = "packs"
    NUMBER = "number"
    METRES = "metres"
    DAY_OF_MONTH = "day_of_month"
    AMOUNT = "amount"
    DAY = "day"
    CHOICE = "choice"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One line of the table of section 13.

    Attributes:
        name: the key in files and code.
        form: how a value is written.
        label: what people call it (msgid).
        default: the value text that holds where no row does; empty = not set.
        rests_on: where the default comes from (msgid).
        confirmed: whether that source settles the value; the screen marks what is not (待确认).
        by_kind: defaults that differ from ``default`` for a kind.
        unconfirmed_kinds: kinds whose default is not confirmed although the others are.
        may_be_unset: whether an empty value has a meaning.
        choices: the values of a CHOICE.
        depends_on_kind: whether the bureau is expected to set it by kind.

    """

    name: str
    form: Form
    label: str
    default: str
    rests_on: str
    confirmed: bool
    by_kind: Mapping[InstitutionKind, str] = field(default_factory=lambda: MappingProxyType({}))
    unconfirmed_kinds: frozenset[InstitutionKind] = frozenset()
    may_be_unset: bool = False
    choices: tuple[str, ...] = ()
    depends_on_kind: bool = False

    def default_text(self, kind: InstitutionKind | None) -> str:
        """The default for a kind as text; empty = not set."""
        return self.default if kind is None else self.by_kind.get(kind, self.default)

    def default_confirmed(self, kind: InstitutionKind | None) -> bool:
        """Whether the source of the default for a kind settles it."""
        return self.confirmed and kind not in self.unconfirmed_kinds


CHOICE_LABELS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "end_of_next_month": N_("End of the next month"),
        "days_30": N_("30 days after acceptance"),
        "distributor": N_("Orders to that distributor"),
        "all": N_("All orders that the institution pays"),
        "higher_of": N_("The higher of purchase and selected price"),
        "purchase_price": N_("Purchase price"),
        "selected_price": N_("Selected price"),
        "half_up": N_("Half up"),
        "down": N_("Always down"),
        "first_month_of_quarter": N_("The first month of each quarter"),
    }
)
"""What people call the values of the choices (msgids)."""

UNITS: Final[Mapping[Form, str]] = MappingProxyType(
    {
        Form.RATE: N_("as a decimal, 0.15 = 15 percent"),
        Form.SHARE: N_("as a decimal, 0.15 = 15 percent"),
        Form.POINTS: N_("in percentage points"),
        Form.DAYS: N_("in days"),
        Form.WORKING_DAYS: N_("in working days"),
        Form.HOURS: N_("in hours"),
        Form.MONTHS: N_("in months"),
        Form.PACKS: N_("in packs"),
        Form.NUMBER: N_("as a whole number"),
        Form.METRES: N_("in metres"),
        Form.DAY_OF_MONTH: N_("as a day of the month"),
        Form.AMOUNT: N_("in yuan"),
        Form.DAY: N_("as a day, 2026-01-01"),
        Form.CHOICE: N_("one of the list"),
    }
)
"""The unit of each form, to stand beside the box (msgids)."""
