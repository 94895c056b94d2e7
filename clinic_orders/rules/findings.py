"""What a check answers: findings with their formula and figures (rules sections 0 and 10, formats.md section 3).

Each check is a rule of its own module; here stands only what all findings have in common: the names of the checks,
the grades, which figures belong to which check and how a figure is written.

>>> finding = Finding(
...     CheckRule.OVER_MARKUP, Grade.VIOLATION, institution="C001", distributor=None, key="X1", period="2026-01",
...     formula="Σ (4.04 − 4.03) = 0.01", figures={"lines": 1, "base_units": 1, "excess": Decimal("0.01"),
...     "worst_rate": Fraction(404, 350) - 1})
>>> finding.as_json()["excess"], finding.as_json()["worst_rate"]
('0.01', '0.1543')
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Any, Final


class CheckRule(StrEnum):
    """The ``rule`` of a finding, in the order of formats.md section 3; last what people found (R-CASE-5)."""

    OVER_MARKUP = "over_markup"
    OVER_SHELF_PRICE = "over_shelf_price"
    PAYMENT_OVERDUE = "payment_overdue"
    STOCKING_SHORT = "stocking_short"
    VOLUME_BEHIND = "volume_behind"
    NONSELECTED_SHARE = "nonselected_share"
    DELIVERY_RATE = "delivery_rate"
    LATE_CONFIRMATION = "late_confirmation"
    LATE_ACCEPTANCE = "late_acceptance"
    SETTLED_NOT_SOLD = "settled_not_sold"
    EMERGENCY_SHARE = "emergency_share"
    TIED_SALE = "tied_sale"
    TRACE_REPEAT_SAME = "trace_repeat_same"
    TRACE_REPEAT_FAR = "trace_repeat_far"
    TRACE_REPEAT_NEAR = "trace_repeat_near"
    TRACE_NOT_RECEIVED = "trace_not_received"
    TRACE_SOLD_AFTER_RETURN = "trace_sold_after_return"
    TRACE_BEFORE_RECEIPT = "trace_before_receipt"
    TRACE_WRONG_ITEM = "trace_wrong_item"
    TRACE_EXPIRED = "trace_expired"
    TRACE_MISSING = "trace_missing"
    SOLD_BEYOND_STOCK = "sold_beyond_stock"
    REPORT_MISSING = "report_missing"
    MONITORED_RISE = "monitored_rise"
    MONITORED_CHANGES = "monitored_changes"
    INSPECTION = "inspection"
    COMPLAINT = "complaint"


BY_PEOPLE: Final = frozenset({CheckRule.INSPECTION, CheckRule.COMPLAINT})
"""What people found on the spot or were told (R-CASE-5); no check looks for it, so none ends it."""


class Grade(StrEnum):
    """How grave a finding is."""

    VIOLATION = "violation"
    WARNING = "warning"
    CLUE = "clue"
    HIGH = "high"
    BEHIND = "behind"
    SEVERELY_BEHIND = "severely_behind"
    UNFULFILLED = "unfulfilled"


class Figure(StrEnum):
    """How a figure is written: whole numbers stay numbers, exact decimals become text, words stay words."""

    COUNT = "count"
    AMOUNT = "amount"
    RATE = "rate"
    POINTS = "points"
    WORD = "word"
    WORDS = "words"


_DECIMALS: Final = {
    Figure.AMOUNT: Decimal("0.01"),
    Figure.RATE: Decimal("0.0001"),
    Figure.POINTS: Decimal("0.01"),
}
_TRACE_TIMES: Final = {"times": Figure.COUNT}
_TRACE_REPEAT: Final = {"times": Figure.COUNT, "institutions": Figure.WORDS}

FIGURES: Final[Mapping[CheckRule, Mapping[str, Figure]]] = {
    CheckRule.OVER_MARKUP: {
        "lines": Figure.COUNT,
        "base_units": Figure.COUNT,
        "excess": Figure.AMOUNT,
        "worst_rate": Figure.RATE,
    },
    CheckRule.OVER_SHELF_PRICE: {"lines": Figure.COUNT, "excess": Figure.AMOUNT},
    CheckRule.PAYMENT_OVERDUE: {
        "outstanding": Figure.AMOUNT,
        "days_overdue": Figure.COUNT,
        "ageing": Figure.WORD,
    },
    CheckRule.STOCKING_SHORT: {"carried": Figure.COUNT, "minimum": Figure.COUNT},
    CheckRule.VOLUME_BEHIND: {
        "agreed": Figure.COUNT,
        "counted": Figure.COUNT,
        "progress": Figure.RATE,
        "time_progress": Figure.RATE,
        "lag_pp": Figure.POINTS,
        "undelivered": Figure.COUNT,
        "rejected": Figure.COUNT,
        "not_ordered": Figure.COUNT,
    },
    CheckRule.NONSELECTED_SHARE: {"share": Figure.RATE, "limit": Figure.RATE},
    CheckRule.DELIVERY_RATE: {"rate": Figure.RATE, "months_below": Figure.COUNT},
    CheckRule.LATE_CONFIRMATION: {"working_days": Figure.COUNT},
    CheckRule.LATE_ACCEPTANCE: {"working_days": Figure.COUNT},
    CheckRule.SETTLED_NOT_SOLD: {"settled": Figure.COUNT, "sold": Figure.COUNT},
    CheckRule.EMERGENCY_SHARE: {"share": Figure.RATE},
    CheckRule.TIED_SALE: {"receipts": Figure.COUNT, "share": Figure.RATE},
    CheckRule.TRACE_REPEAT_SAME: _TRACE_REPEAT,
    CheckRule.TRACE_REPEAT_FAR: _TRACE_REPEAT,
    CheckRule.TRACE_REPEAT_NEAR: _TRACE_REPEAT,
    CheckRule.TRACE_NOT_RECEIVED: _TRACE_TIMES,
    CheckRule.TRACE_SOLD_AFTER_RETURN: _TRACE_TIMES,
    CheckRule.TRACE_BEFORE_RECEIPT: _TRACE_TIMES,
    CheckRule.TRACE_WRONG_ITEM: _TRACE_TIMES,
    CheckRule.TRACE_EXPIRED: _TRACE_TIMES,
    CheckRule.TRACE_MISSING: _TRACE_TIMES,
    CheckRule.SOLD_BEYOND_STOCK: _TRACE_TIMES,
    CheckRule.REPORT_MISSING: {"due_on": Figure.WORD},
    CheckRule.MONITORED_RISE: {"before": Figure.AMOUNT, "price": Figure.AMOUNT, "rise": Figure.RATE},
    CheckRule.MONITORED_CHANGES: {"changes": Figure.COUNT},
    CheckRule.INSPECTION: {"asked": Figure.WORD, "remark": Figure.WORD},
    CheckRule.COMPLAINT: {"about": Figure.WORD, "remark": Figure.WORD},
}
"""The figures of each check by name, in the order of formats.md section 3."""

FigureValue = int | Decimal | Fraction | str | tuple[str, ...]


def rounded(value: Fraction | Decimal | int, smallest: Decimal) -> Decimal:
    """Round half up (away from zero), exactly, to a multiple of the smallest part.

    >>> rounded(Fraction(1, 8), Decimal("0.01")), rounded(Fraction(-1, 8), Decimal("0.01"))
    (Decimal('0.13'), Decimal('-0.13'))
    """
    exact = Fraction(value) / Fraction(smallest)
    whole = (2 * abs(exact) + 1) // 2
    return (Decimal(int(whole) * (1 if exact >= 0 else -1)) * smallest).quantize(
        smallest, rounding=ROUND_HALF_UP
    )


def write_figure(form: Figure, value: FigureValue) -> int | str | list[str]:
    """A figure as the JSON document has it (formats.md section 3)."""
    if form is Figure.COUNT:
        return int(value)  # type: ignore[arg-type]
    if form is Figure.WORD:
        return str(value)
    if form is Figure.WORDS:
        return sorted(value)  # type: ignore[arg-type]
    return str(rounded(value, _DECIMALS[form]))  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found on one subject in one period (R-CASE-1: rule, subject, key and period make it one).

    Attributes:
        rule: which check found it.
        grade: how grave it is.
        institution: code of the institution it is held against or about; None if none.
        distributor: code of the distributor; None if none.
        key: what it is about within the subject (an item code, a receipt number…); None where the table says –.
        period: a month, quarter or day, as the table of the checks says.
        formula: the rule with its numbers filled in, in figures' names and signs only.
        figures: by name as FIGURES lists them; shares exact, amounts in yuan.
        rows: what was used, as (kind of record, its number for people), for the list behind the figure.

    """

    rule: CheckRule
    grade: Grade
    institution: str | None
    distributor: str | None
    key: str | None
    period: str
    formula: str
    figures: Mapping[str, FigureValue]
    rows: tuple[tuple[str, str], ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        """A finding with other figures than its rule has is a bug.

        Raises:
            ValueError: the names differ from FIGURES.

        """
        if self.figures.keys() != FIGURES[self.rule].keys():
            raise ValueError(f"{self.rule.value} has figures {tuple(FIGURES[self.rule])}")

    @property
    def subject(self) -> str:
        """The code by which findings of one rule are sorted: of the institution, else of the distributor."""
        return self.institution or self.distributor or ""

    def written_figures(self) -> dict[str, int | str | list[str]]:
        """The figures as text and whole numbers, in their order."""
        return {name: write_figure(form, self.figures[name]) for name, form in FIGURES[self.rule].items()}

    def as_json(self) -> dict[str, Any]:
        """The finding as ``check --format json`` prints it."""
        return {
            "rule": self.rule.value,
            "grade": self.grade.value,
            "institution": self.institution,
            "distributor": self.distributor,
            "key": self.key,
            "period": self.period,
            "formula": self.formula,
            **self.written_figures(),
        }


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Findings sorted by rule, institution or distributor, key (formats.md section 3), then period."""
    return sorted(findings, key=lambda one: (one.rule.value, one.subject, one.key or "", one.period))
