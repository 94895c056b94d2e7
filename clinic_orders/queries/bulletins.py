"""The bulletins of the quarters: what they rest on, their drafts, and those published (R-STAT-3)."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import undefer

from clinic_orders.models.base import db
from clinic_orders.models.roster import County
from clinic_orders.models.statistics import Bulletin, ClosedMonth
from clinic_orders.queries.month_rows import InstitutionRow, MonthRows, ScoreRow, fulfilment
from clinic_orders.queries.policy import policy_book
from clinic_orders.queries.roster import has_demo_data
from clinic_orders.queries.statistics import MonthStatistics, frozen
from clinic_orders.rules.bulletins import (
    PARAMETER_WORDS,
    MonthsNotClosed,
    MonthsWithoutRows,
    QuarterFigures,
    Subject,
    compose_bulletin,
    ranked,
    ranked_distributors,
)
from clinic_orders.rules.days import Month, Quarter
from clinic_orders.rules.further_indicators import AGES, COLUMNS, sums_of
from clinic_orders.rules.letters import LetterContent
from clinic_orders.rules.parties import InstitutionKind
from clinic_orders.rules.scorecard import Score

# What stands at the end of a quarter; all other columns flow and are added up over its months.
_STANDING = frozenset(
    {
        "institutions",
        "items_carried",
        "overdue_amount",
        *AGES,
        "counted",
        "agreed",
        "minimum_due",
        "minimum_met",
        "findings",
        "findings_open",
    }
)
_KIND_WORDS: Mapping[str, str] = {
    InstitutionKind.TOWNSHIP_HOSPITAL.value: "乡镇卫生院",
    InstitutionKind.COMMUNITY_HEALTH_CENTER.value: "社区卫生服务中心",
    InstitutionKind.VILLAGE_CLINIC.value: "村卫生室",
    InstitutionKind.COMMUNITY_HEALTH_STATION.value: "社区卫生服务站",
    InstitutionKind.PRIVATE_INSTITUTION.value: "民营医疗机构",
    InstitutionKind.RETAIL_PHARMACY.value: "零售药店",
}


def _months(quarter: Quarter) -> list[tuple[MonthStatistics, MonthRows]]:
    """The three frozen months with their rows.

    Raises:
        MonthsNotClosed, MonthsWithoutRows: which ones.

    """
    found = {month: frozen(month) for month in quarter.months}
    still_open = [str(month) for month, one in found.items() if one is None]
    if still_open:
        raise MonthsNotClosed(quarter=str(quarter), months="、".join(still_open))
    closed = [one for one in found.values() if one is not None]
    without = [str(one.month) for one in closed if one.kept is None]
    if without:
        raise MonthsWithoutRows(months="、".join(without))
    return [(one, rows) for one in closed if (rows := one.rows) is not None]


def _over_the_quarter(months: Sequence[Sequence[InstitutionRow]]) -> dict[str, Any]:
    """Rows of the same subject over three months as one: what stands is that of the last."""
    flow = sums_of((row.columns for month in months for row in month), COLUMNS)
    last = sums_of((row.columns for row in months[-1]), _STANDING)
    return {**flow, **last}


def quarter_figures(quarter: Quarter) -> QuarterFigures:
    """What the bulletin of a quarter rests on.

    Raises:
        MonthsNotClosed, MonthsWithoutRows: see ``rules.bulletins``.

    """
    months = _months(quarter)
    rows = [[one for one in those.institutions if one.county] for _, those in months]
    counties: dict[str, str] = {
        row.code: row.name for row in db.session.execute(select(County.code, County.name))
    }
    by_code: dict[str, list[list[InstitutionRow]]] = defaultdict(lambda: [[], [], []])
    by_county: dict[str, list[list[InstitutionRow]]] = defaultdict(lambda: [[], [], []])
    for number, month in enumerate(rows):
        for row in month:
            by_code[row.code][number].append(row)
            by_county[row.county][number].append(row)
    subjects: dict[str, list[Subject]] = defaultdict(list)
    for row in rows[-1]:
        if row["institutions"]:
            sums = _over_the_quarter(by_code[row.code])
            where = counties.get(row.county, row.county)
            subjects[row.kind].append(Subject(row.code, row.name, where, _KIND_WORDS[row.kind], sums))
    return QuarterFigures(
        quarter=quarter,
        city=_over_the_quarter(rows),
        counties=ranked(
            [
                Subject(code, counties.get(code, code), "", "", _over_the_quarter(those))
                for code, those in sorted(by_county.items())
                if any(row["institutions"] for row in those[-1])
            ]
        ),
        kinds={
            _KIND_WORDS[kind.value]: ranked(subjects[kind.value])
            for kind in InstitutionKind
            if kind.value in subjects
        },
        distributors=ranked_distributors(_scores([those.scores for _, those in months])),
        batches=_batches(months[-1][1]),
        unconfirmed=_unconfirmed(quarter.last_day),
        hashes=[one.sha256 for one, _ in months],
        demo=has_demo_data(),
    )


def _scores(months: Sequence[Sequence[ScoreRow]]) -> list[tuple[str, str, Score]]:
    found: dict[str, tuple[str, Score]] = {}
    for month in months:
        for row in month:
            found.setdefault(row.code, (row.name, Score()))[1].add(row.score)
    return [(code, name, score) for code, (name, score) in sorted(found.items())]


def _batches(rows: MonthRows) -> list[tuple[str, int, int, Any]]:
    gathered = defaultdict(list)
    for row in rows.volumes:
        gathered[row.batch].append(row)
    found = []
    for batch, those in sorted(gathered.items()):
        together = fulfilment(those)
        found.append((batch, together.agreed, together.counted, together.lag_pp))
    return found


def _unconfirmed(on: date) -> list[str]:
    """The parameters of the bulletin whose value in force on a day is set and rests on no document."""
    book = policy_book()
    found = []
    for name, word in PARAMETER_WORDS.items():
        values = [book.find(name, on=on), *(book.find(name, kind=kind, on=on) for kind in InstitutionKind)]
        if any(value.value is not None and not value.confirmed for value in values):
            found.append(word)
    return found


def find_bulletin(quarter: Quarter) -> Bulletin | None:
    """The bulletin of a quarter, draft or published."""
    return db.session.scalar(
        select(Bulletin).where(Bulletin.quarter == str(quarter)).options(undefer(Bulletin.content))
    )


def bulletin_content(quarter: Quarter, *, on: date, whole: bool = False) -> LetterContent:
    """The bulletin of a quarter: as it was published, else what its draft would say on a day.

    Args:
        quarter: the quarter.
        on: the day a draft bears.
        whole: a draft with all institutions, for the workbook.

    Raises:
        MonthsNotClosed, MonthsWithoutRows: see ``rules.bulletins``.

    """
    kept = find_bulletin(quarter)
    if kept is not None and kept.content is not None and not whole:
        return LetterContent.from_json(json.loads(kept.content))
    figures = quarter_figures(quarter)
    demands = kept.demands if kept is not None else ""
    if whole:
        return compose_bulletin(figures, demands=demands, signed_on=on, most=None)
    return compose_bulletin(figures, demands=demands, signed_on=on)


@dataclass(frozen=True, slots=True)
class BulletinRow:
    """A quarter of the list.

    Attributes:
        quarter: the quarter.
        open_months: of it, those that are not closed.
        drafted_at: of the draft; None where there is none.
        number, published_at, published_by: of the publication; "" and None before.

    """

    quarter: Quarter
    open_months: tuple[str, ...]
    drafted_at: datetime | None
    number: str
    published_at: datetime | None
    published_by: str


SORTS = ("quarter", "published")


def bulletins(
    *, on: date, words: str = "", published_only: bool = False, sort: str = "-quarter"
) -> list[BulletinRow]:
    """The quarters that are over, from that of the first closed month on; three statements.

    Args:
        on: today.
        words: part of the quarter or the number.
        published_only: for readers who see no drafts.
        sort: one of SORTS, with - in front from the last to the first.

    """
    closed = set(db.session.scalars(select(ClosedMonth.month)))
    kept = {one.quarter: one for one in db.session.scalars(select(Bulletin))}
    quarters = {str(Month.parse(month).quarter) for month in closed} | set(kept)
    rows = []
    for text in sorted(quarters):
        quarter = Quarter.parse(text)
        if quarter.last_day >= on:
            continue
        one = kept.get(text)
        rows.append(
            BulletinRow(
                quarter,
                tuple(str(month) for month in quarter.months if str(month) not in closed),
                one.drafted_at if one else None,
                (one.number or "") if one else "",
                one.published_at if one else None,
                one.published_by_name if one else "",
            )
        )
    rows = [
        row
        for row in rows
        if (row.number or not published_only) and (not words or words in f"{row.quarter} {row.number}")
    ]
    if sort.removeprefix("-") == "published":
        rows.sort(key=lambda row: row.published_at.timestamp() if row.published_at else 0.0)
    return rows[::-1] if sort.startswith("-") else rows


def drafts_wanted(on: date) -> list[Quarter]:
    """The quarter that has just ended, where it has no bulletin yet."""
    quarter = Month.of(on).previous().quarter
    there = db.session.scalar(select(func.count()).where(Bulletin.quarter == str(quarter)))
    return [] if there or quarter.last_day >= on else [quarter]
