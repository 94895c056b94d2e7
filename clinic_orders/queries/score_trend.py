"""The scorecard of one distributor month by month, from the figures that were frozen or last reckoned (R-STAT-3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from clinic_orders.models.base import db
from clinic_orders.models.statistics import ClosedMonth, ReckonedMonth
from clinic_orders.queries.month_rows import read_scores
from clinic_orders.rules.days import Month
from clinic_orders.rules.scorecard import Score, sum_of


@dataclass(frozen=True, slots=True)
class MonthScore:
    """A month of a trend; ``score`` is None where nobody has reckoned the month."""

    month: Month
    score: Score | None
    frozen: bool


def trend(last: Month, *, code: str, county: str | None, months: int = 12) -> list[MonthScore]:
    """What a distributor did in the months up to one, the oldest first; two statements.

    Nothing is reckoned: a month shows what was frozen at its closing, else what was last reckoned.

    Args:
        last: the last month of the trend.
        code: of the distributor.
        county: only what it did in this county; None = everywhere.
        months: how many.

    """
    asked = [last.plus(back - months + 1) for back in range(months)]
    reckoned = _kept(ReckonedMonth, asked)
    frozen = _kept(ClosedMonth, asked)
    found = []
    for month in asked:
        kept = frozen.get(month, reckoned.get(month))
        score = None
        if kept is not None:
            mine = (row for row in read_scores(kept) if row.code == code and county in {None, row.county})
            score = sum_of(row.score for row in mine)
        found.append(MonthScore(month, score, month in frozen))
    return found


def _kept(table: type[ClosedMonth] | type[ReckonedMonth], months: Sequence[Month]) -> dict[Month, Any]:
    """The part of the kept rows that is about distributors: the database cuts it out, the rest is large."""
    statement = select(table.month, table.rows["scores"]).where(
        table.month.in_([str(month) for month in months]), table.rows.is_not(None)
    )
    return {Month.parse(month): scores for month, scores in db.session.execute(statement)}
