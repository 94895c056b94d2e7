"""Whom it is worth visiting first: points by what is known, each with its weight, added up where everybody sees it (R-CASE-5).

points = grave findings × a + findings to remind of × b + clues × c + complaints that wait or were found so within a
year × d + months since the last inspection, at most 12, × e. The weights are policy (``inspection.…``); they rank
visits and accuse nobody.

>>> weights = Weights(grave=10, reminder=3, clue=2, complaint=8, month=1)
>>> risk = Risk(grave=2, reminder=1, clue=0, complaints=1, months=None)
>>> points(risk, weights), formula(risk, weights)
(43, '2 × 10 + 1 × 3 + 0 × 2 + 1 × 8 + 12 × 1 = 43')
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

MOST_MONTHS: Final = 12
"""Beyond a year without a visit nothing is added any more; who never had one counts as this long."""


@dataclass(frozen=True, slots=True)
class Weights:
    """Points for one of each."""

    grave: int
    reminder: int
    clue: int
    complaint: int
    month: int


@dataclass(frozen=True, slots=True)
class Risk:
    """What is known of an institution.

    Attributes:
        grave, reminder, clue: open findings by severity.
        complaints: that wait, or were found so within the last year.
        months: whole months since the last signed inspection; None where there was none.

    """

    grave: int
    reminder: int
    clue: int
    complaints: int
    months: int | None

    @property
    def counted_months(self) -> int:
        """The months that count."""
        return MOST_MONTHS if self.months is None else min(self.months, MOST_MONTHS)


def _parts(risk: Risk, weights: Weights) -> tuple[tuple[int, int], ...]:
    return (
        (risk.grave, weights.grave),
        (risk.reminder, weights.reminder),
        (risk.clue, weights.clue),
        (risk.complaints, weights.complaint),
        (risk.counted_months, weights.month),
    )


def points(risk: Risk, weights: Weights) -> int:
    """The points of an institution."""
    return sum(number * weight for number, weight in _parts(risk, weights))


def formula(risk: Risk, weights: Weights) -> str:
    """The sum with its figures filled in."""
    terms = " + ".join(f"{number} × {weight}" for number, weight in _parts(risk, weights))
    return f"{terms} = {points(risk, weights)}"


def months_between(last: date | None, today: date) -> int | None:
    """Whole months since a day; None where there was none.

    >>> months_between(date(2026, 1, 31), date(2026, 3, 30)), months_between(None, date(2026, 3, 30))
    (1, None)
    """
    if last is None:
        return None
    return max(0, (today.year - last.year) * 12 + today.month - last.month - (today.day < last.day))
