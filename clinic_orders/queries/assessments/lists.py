"""Years and sheets as lists, with totals and grades in SQL: the twins of ``total_of`` and ``grade_of`` (R-STAT-3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    Subquery,
    and_,
    case,
    cast,
    func,
    null,
    select,
    type_coerce,
)

from clinic_orders.models.assessments import Assessment, AssessmentAppeal, AssessmentLine, AssessmentSheet
from clinic_orders.models.base import db
from clinic_orders.models.roster import County, Institution
from clinic_orders.queries.lists import with_words
from clinic_orders.queries.roster import institutions_of
from clinic_orders.rules.assessment import Grade, Use, share_used
from clinic_orders.rules.parties import Actor, InstitutionKind

SORTS: Final = ("total", "name", "county", "kind", "self", "site")
_HUNDRED: Final = 100


@dataclass(frozen=True, slots=True)
class SheetsWanted:
    """Which sheets a list shows; empty = all.

    ``waits`` is "self" (no self-score yet), "site" (nobody has scored it on the spot) or "appeal" (one is undecided).
    """

    words: str = ""
    county: str = ""
    kind: InstitutionKind | None = None
    grade: Grade | None = None
    waits: str = ""


class SheetRow(NamedTuple):
    """One line of the list; totals in hundredths of a point."""

    id: int
    code: str
    name: str
    kind: InstitutionKind
    county_code: str
    county: str
    township: str
    self_at: datetime | None
    site_at: datetime | None
    no_visit: str
    settlement_from: int | None
    deposit_from: int | None
    renewal_from: int | None
    hundredths: int | None
    self_hundredths: int | None
    grade_word: str | None

    @property
    def total(self) -> Decimal | None:
        """The total in points."""
        return _points(self.hundredths)

    @property
    def self_total(self) -> Decimal | None:
        """The total of the self-score."""
        return _points(self.self_hundredths)

    @property
    def grade(self) -> Grade | None:
        """The grade of the total."""
        return None if self.grade_word is None else Grade(self.grade_word)

    def used(self, use: Use) -> Decimal | None:
        """What the result leads to."""
        return share_used(use, self.total, getattr(self, f"{use.value}_from"))


class GradeCount(NamedTuple):
    """How many sheets have a grade, or none."""

    grade: Grade | None
    number: int


def _points(hundredths: int | None) -> Decimal | None:
    return None if hundredths is None else Decimal(hundredths).scaleb(-2).quantize(Decimal("0.01"))


def _total(points: ColumnElement[Any]) -> ColumnElement[int | None]:
    """The total in hundredths: points are kept in ten-thousandths, so their sum ÷ the weights is what is wanted, half up."""
    applies = and_(points.is_not(None), AssessmentLine.weight > 0)
    sums = cast(func.sum(case((applies, type_coerce(points, BigInteger)), else_=0)), BigInteger)
    weights = cast(func.sum(case((applies, AssessmentLine.weight), else_=0)), BigInteger)
    return case((weights > 0, (2 * sums + weights) // (2 * weights)), else_=null())


def totals() -> Subquery:
    """Total and self-score of every sheet in hundredths; the twin of ``total_of``."""
    return (
        select(
            AssessmentLine.sheet_id,
            _total(AssessmentLine.points.expression).label("hundredths"),
            _total(AssessmentLine.self_points.expression).label("self_hundredths"),
        )
        .group_by(AssessmentLine.sheet_id)
        .subquery("totals")
    )


def graded(hundredths: ColumnElement[Any]) -> ColumnElement[str | None]:
    """The word of a sheet's grade; the twin of ``grade_of``."""
    sheet = AssessmentSheet
    return case(
        (hundredths.is_(None), null()),
        (hundredths >= sheet.excellent * _HUNDRED, Grade.EXCELLENT.value),
        (hundredths >= sheet.good * _HUNDRED, Grade.GOOD.value),
        (hundredths >= sheet.passed * _HUNDRED, Grade.PASSED.value),
        else_=Grade.FAILED.value,
    )


def assessments() -> Sequence[Assessment]:
    """Every assessment, the newest year first."""
    return db.session.scalars(select(Assessment).order_by(Assessment.year.desc())).all()


def find_assessment(year: int) -> Assessment | None:
    """The assessment of a year."""
    return db.session.scalar(select(Assessment).where(Assessment.year == year))


def _sheets(assessment_id: int, wanted: SheetsWanted, actor: Actor, on: date) -> Select[*tuple[Any, ...]]:
    sheet, found = AssessmentSheet, totals()
    grade = graded(found.c.hundredths).label("grade_word")
    statement: Select[*tuple[Any, ...]] = (
        select(
            sheet.id, Institution.code, sheet.name, sheet.kind, sheet.county_code, County.name.label("county"),
            sheet.township, sheet.self_at, sheet.site_at, sheet.no_visit, sheet.settlement_from,
            sheet.deposit_from, sheet.renewal_from, found.c.hundredths, found.c.self_hundredths, grade,
        )
        .join(Institution, Institution.id == sheet.institution_id)
        .join(County, County.code == sheet.county_code)
        .join(found, found.c.sheet_id == sheet.id)
        .where(sheet.assessment_id == assessment_id, institutions_of(actor, sheet.institution_id, on))
    )  # fmt: skip
    statement = statement.where(*with_words(wanted.words, sheet.name, Institution.code, sheet.township))
    if wanted.county:
        statement = statement.where(sheet.county_code == wanted.county)
    if wanted.kind is not None:
        statement = statement.where(sheet.kind == wanted.kind)
    if wanted.grade is not None:
        statement = statement.where(graded(found.c.hundredths) == wanted.grade.value)
    if wanted.waits == "self":
        statement = statement.where(sheet.self_at.is_(None))
    elif wanted.waits == "site":
        statement = statement.where(sheet.site_at.is_(None))
    elif wanted.waits == "appeal":
        statement = statement.where(
            sheet.id.in_(select(AssessmentAppeal.sheet_id).where(AssessmentAppeal.decided_at.is_(None)))
        )
    return statement


def count_sheets(assessment_id: int, wanted: SheetsWanted, actor: Actor, *, on: date) -> int:
    """How many sheets fit."""
    rows = _sheets(assessment_id, wanted, actor, on).subquery()
    return db.session.scalar(select(func.count()).select_from(rows)) or 0


def sheet_rows(
    assessment_id: int,
    wanted: SheetsWanted,
    actor: Actor,
    *,
    on: date,
    sort: str = "-total",
    limit: int | None = None,
    offset: int = 0,
) -> list[SheetRow]:
    """The sheets that fit; those without a total stand last."""
    statement = _sheets(assessment_id, wanted, actor, on)
    columns = statement.selected_columns
    key = {
        "total": columns.hundredths,
        "name": columns.name,
        "county": columns.county_code,
        "kind": columns.kind,
        "self": columns.self_hundredths,
        "site": columns.site_at,
    }[sort.removeprefix("-")]
    order = key.desc().nulls_last() if sort.startswith("-") else key.asc().nulls_last()
    rows = db.session.execute(statement.order_by(order, columns.code).limit(limit).offset(offset))
    return [SheetRow(*row) for row in rows]


def result_rows(assessment_id: int, actor: Actor, *, on: date, county: str = "") -> list[SheetRow]:
    """The result of everybody in the order of the paper: county, then total."""
    rows = sheet_rows(assessment_id, SheetsWanted(county=county), actor, on=on)
    return sorted(rows, key=lambda row: row.county_code)


def grade_counts(assessment_id: int, actor: Actor, *, on: date, county: str = "") -> list[GradeCount]:
    """How many sheets have which grade, the best first, last those without one."""
    rows = _sheets(assessment_id, SheetsWanted(county=county), actor, on).subquery()
    found: dict[str | None, int] = dict(
        db.session.execute(select(rows.c.grade_word, func.count()).group_by(rows.c.grade_word)).all()
    )
    return [GradeCount(one, found.get(one.value, 0)) for one in Grade] + [
        GradeCount(None, found.get(None, 0))
    ]


def unscored(assessment_id: int) -> int:
    """How many sheets have neither on-site points nor a reason why nobody went."""
    sheet = AssessmentSheet
    return (
        db.session.scalar(
            select(func.count()).where(sheet.assessment_id == assessment_id, sheet.site_at.is_(None))
        )
        or 0
    )


def open_appeals(assessment_id: int) -> int:
    """How many appeals are undecided."""
    return (
        db.session.scalar(
            select(func.count())
            .select_from(AssessmentAppeal)
            .join(AssessmentSheet, AssessmentSheet.id == AssessmentAppeal.sheet_id)
            .where(AssessmentSheet.assessment_id == assessment_id, AssessmentAppeal.decided_at.is_(None))
        )
        or 0
    )
