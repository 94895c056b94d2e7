"""The lists of a year, from the figures of its months as they were closed or last reckoned (R-STAT-1)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, NamedTuple

from sqlalchemy import select

from clinic_orders.models.base import db
from clinic_orders.models.incentives import YearListEntry
from clinic_orders.models.roster import County, Institution
from clinic_orders.models.statistics import ClosedMonth, ReckonedMonth
from clinic_orders.queries.month_rows import InstitutionRow, PartOfMonth, read_columns, read_rows
from clinic_orders.queries.policy import policy_book
from clinic_orders.rules.days import Month
from clinic_orders.rules.incentives import (
    YEAR_COLUMNS,
    Thresholds,
    Year,
    YearList,
    gets_notice,
    is_preferred,
    year_of,
)
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
    row: Mapping[str, Any]


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
    return [(month, frozen, list(read_rows(rows).institutions)) for month, frozen, rows in _kept_of(year)]


def _months(year: int) -> list[tuple[str, bool, list[PartOfMonth]]]:
    """The same with what a year needs of each alone."""
    return [(month, frozen, list(read_columns(rows, YEAR_COLUMNS))) for month, frozen, rows in _kept_of(year)]


def _kept_of(year: int) -> list[tuple[str, bool, Any]]:
    like = f"{year:04d}-%"
    reckoned = db.session.execute(
        select(ReckonedMonth.month, ReckonedMonth.rows).where(ReckonedMonth.month.like(like))
    )
    found = {month: (False, rows) for month, rows in reckoned if rows}
    closed = db.session.execute(
        select(ClosedMonth.month, ClosedMonth.rows).where(ClosedMonth.month.like(like))
    )
    found |= {month: (True, rows) for month, rows in closed if rows}
    return [(month, frozen, rows) for month, (frozen, rows) in sorted(found.items())]


def _scope_of(actor: Actor) -> str | None:
    """The only county that the actor sees; None = all."""
    return (actor.county_code or "") if actor.role is Role.COUNTY else None


def _lies_in(county: str | None, row: PartOfMonth) -> bool:
    return bool(row.county) and county in {None, row.county}


class _OwnYear(NamedTuple):
    code: str
    name: str
    county_code: str
    kind: InstitutionKind
    year: Year


def _instants(year: int) -> tuple[tuple[Any, ...], ...]:
    """Which months have figures and since when; two statements that leave the figures alone."""
    like = f"{year:04d}-%"
    reckoned = select(ReckonedMonth.id, ReckonedMonth.month, ReckonedMonth.reckoned_at)
    closed = select(ClosedMonth.id, ClosedMonth.month, ClosedMonth.cut_off_at, ClosedMonth.sha256)
    connection = db.session.connection()
    found = [
        *connection.execute(reckoned.where(ReckonedMonth.month.like(like))).all(),
        *connection.execute(closed.where(ClosedMonth.month.like(like))).all(),
    ]
    return tuple(sorted(tuple(map(str, row)) for row in found))


# A year of a prefecture is eighteen megabytes of text to read and two to keep; it changes when a month is reckoned anew.
@lru_cache(maxsize=4)
def _added_up(
    year: int, county: str | None, instants: tuple[tuple[Any, ...], ...]
) -> tuple[list[_OwnYear], list[str]]:
    months = _months(year)
    rows: dict[str, list[PartOfMonth]] = defaultdict(list)
    for _, _, institutions in months:
        for row in institutions:
            if _lies_in(county, row):
                rows[row.code].append(row)
    found = []
    for code, own in rows.items():
        last = own[-1]
        kind = InstitutionKind(last.kind)
        found.append(_OwnYear(code, last.name, last.county, kind, year_of(row.columns for row in own)))
    return found, [month for month, _, _ in months]


def year_lines(actor: Actor, year: int) -> tuple[list[YearLine], list[str]]:
    """Every institution of the actor's scope with its year, and the months that have figures."""
    asked = thresholds(year)
    own, months = _added_up(year, _scope_of(actor), _instants(year))
    counties = {row.code: row.name for row in db.session.execute(select(County.code, County.name))}
    lines = [
        YearLine(
            code,
            name,
            county_code,
            counties.get(county_code, county_code),
            kind,
            found,
            is_preferred(found, asked),
            gets_notice(found, asked),
        )
        for code, name, county_code, kind, found in own
    ]
    return lines, months


def months_of(actor: Actor, year: int, code: str) -> list[MonthLine]:
    """The months of one institution; none where the actor may not see it."""
    return [
        MonthLine(month, frozen, row.columns)
        for month, frozen, institutions in _months(year)
        for row in institutions
        if row.code == code and _lies_in(_scope_of(actor), row)
    ]


def told(year: int) -> dict[tuple[str, YearList], datetime]:
    """Who has been told of which list of a year, and when; by the institution's code."""
    rows = db.session.execute(
        select(Institution.code, YearListEntry.list, YearListEntry.told_at)
        .join(Institution, Institution.id == YearListEntry.institution_id)
        .where(YearListEntry.year == year)
    )
    return {(row.code, row.list): row.told_at for row in rows}


def to_be_warned(year: int, *, on: date) -> list[YearLine]:
    """Who missed so many reports in the months of a year that are over that a notice is due, and has had none."""
    asked = thresholds(year)
    rows: dict[str, list[PartOfMonth]] = defaultdict(list)
    for month, _, institutions in _months(year):
        if Month.parse(month).last_day < on:
            for row in institutions:
                if row.county:
                    rows[row.code].append(row)
    had = told(year)
    found = []
    for code, own in sorted(rows.items()):
        reached, last = year_of(row.columns for row in own), own[-1]
        if gets_notice(reached, asked) and (code, YearList.NOTICE) not in had:
            kind = InstitutionKind(last.kind)
            found.append(YearLine(code, last.name, last.county, last.county, kind, reached, None, True))
    return found
