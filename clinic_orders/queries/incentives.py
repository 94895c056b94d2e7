"""The lists of a year, from the figures of its months as they were closed or last reckoned (R-STAT-1)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import select

from clinic_orders.models.base import db
from clinic_orders.models.roster import County
from clinic_orders.models.statistics import ClosedMonth, ReckonedMonth
from clinic_orders.queries.month_rows import InstitutionRow, read_rows
from clinic_orders.queries.policy import policy_book
from clinic_orders.rules.incentives import Thresholds, Year, gets_notice, is_preferred, year_of
from clinic_orders.rules.parties import Actor, InstitutionKind, Role


@dataclass(frozen=True, slots=True)
class YearLine:
    """One institution's year."""

    code: str
    name: str
    county_code: str
    county: str
    kind: InstitutionKind
    year: Year
    preferred: bool | None
    notice: bool


@dataclass(frozen=True, slots=True)
class MonthLine:
    """One month behind it."""

    month: str
    frozen: bool
    row: InstitutionRow


SORTS: Final[dict[str, Callable[[YearLine], Any]]] = {
    "name": lambda line: line.name,
    "county": lambda line: line.county_code,
    "kind": lambda line: line.kind.value,
    "purchased": lambda line: line.year.purchased,
    "fulfilment": lambda line: line.year.fulfilment if line.year.fulfilment is not None else Decimal(-1),
    "missed": lambda line: line.year.missed,
}


def thresholds(year: int) -> Thresholds:
    """What policy asks on the last day of a year."""
    book, on = (
        policy_book("incentive.completion", "incentive.purchase", "incentive.missed_reports"),
        date(year, 12, 31),
    )
    return Thresholds(
        book.decimal_or_none("incentive.completion", on=on),
        book.decimal_or_none("incentive.purchase", on=on),
        book.whole_or_none("incentive.missed_reports", on=on),
    )


def months_of_year(year: int) -> list[tuple[str, bool, list[InstitutionRow]]]:
    """The months of a year that have rows, in order: closed ones, else as last reckoned; two statements."""
    like = f"{year:04d}-%"
    reckoned = db.session.execute(
        select(ReckonedMonth.month, ReckonedMonth.rows).where(ReckonedMonth.month.like(like))
    )
    found = {month: (False, rows) for month, rows in reckoned if rows}
    closed = db.session.execute(
        select(ClosedMonth.month, ClosedMonth.rows).where(ClosedMonth.month.like(like))
    )
    found |= {month: (True, rows) for month, rows in closed if rows}
    return [
        (month, frozen, list(read_rows(rows).institutions)) for month, (frozen, rows) in sorted(found.items())
    ]


def _mine(actor: Actor, row: InstitutionRow) -> bool:
    return bool(row.county) and (actor.role is not Role.COUNTY or row.county == actor.county_code)


def year_lines(actor: Actor, year: int) -> tuple[list[YearLine], list[str]]:
    """Every institution of the actor's scope with its year, and the months that have figures."""
    asked, months = thresholds(year), months_of_year(year)
    rows: dict[str, list[InstitutionRow]] = defaultdict(list)
    for _, _, institutions in months:
        for row in institutions:
            if _mine(actor, row):
                rows[row.code].append(row)
    counties = {row.code: row.name for row in db.session.execute(select(County.code, County.name))}
    lines = []
    for code, own in rows.items():
        found, last = year_of(row.columns for row in own), own[-1]
        lines.append(
            YearLine(
                code, last.name, last.county, counties.get(last.county, last.county),
                InstitutionKind(last.kind), found, is_preferred(found, asked), gets_notice(found, asked),
            )
        )  # fmt: skip
    return lines, [month for month, _, _ in months]


def months_of(actor: Actor, year: int, code: str) -> list[MonthLine]:
    """The months of one institution; none where the actor may not see it."""
    return [
        MonthLine(month, frozen, row)
        for month, frozen, institutions in months_of_year(year)
        for row in institutions
        if row.code == code and _mine(actor, row)
    ]
