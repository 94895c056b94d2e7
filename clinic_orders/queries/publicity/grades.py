"""The published grades of a year: the name, the kind, the place and the grade of every institution (R-STAT-3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import func, select

from clinic_orders.models.assessments import Assessment, AssessmentAppeal, AssessmentSheet
from clinic_orders.models.base import db
from clinic_orders.models.roster import County, Institution
from clinic_orders.queries.assessments.lists import graded, totals
from clinic_orders.queries.lists import with_words
from clinic_orders.rules.assessment import Grade
from clinic_orders.rules.parties import InstitutionKind


class PublicGrade(NamedTuple):
    """What the public is told of one institution's year; ``appealed``: an appeal against it is undecided."""

    name: str
    kind: InstitutionKind
    county: str
    township: str
    grade_word: str | None
    appealed: bool

    @property
    def grade(self) -> Grade | None:
        """The grade; None where no line applied."""
        return None if self.grade_word is None else Grade(self.grade_word)


def published_years() -> Sequence[Assessment]:
    """The assessments whose result is published, the newest year first."""
    return db.session.scalars(
        select(Assessment).where(Assessment.published_at.is_not(None)).order_by(Assessment.year.desc())
    ).all()


def published_grades(
    assessment_id: int,
    *,
    words: str = "",
    county: str = "",
    kind: InstitutionKind | None = None,
    grade: Grade | None = None,
) -> Any:
    """The grades of a published year as a statement to be counted and cut: by county, kind and name; no points."""
    sheet, found = AssessmentSheet, totals()
    word = graded(found.c.hundredths)
    appealed = (
        select(AssessmentAppeal.id)
        .where(AssessmentAppeal.sheet_id == sheet.id, AssessmentAppeal.decided_at.is_(None))
        .exists()
    )
    statement = (
        select(sheet.name, sheet.kind, County.name, sheet.township, word, appealed)
        .join(Institution, Institution.id == sheet.institution_id)
        .join(County, County.code == sheet.county_code)
        .join(found, found.c.sheet_id == sheet.id)
        .where(sheet.assessment_id == assessment_id, *with_words(words, sheet.name, sheet.township))
        .order_by(sheet.county_code, sheet.kind, sheet.name, Institution.code)
    )
    if county:
        statement = statement.where(sheet.county_code == county)
    if kind is not None:
        statement = statement.where(sheet.kind == kind)
    return statement if grade is None else statement.where(word == grade.value)


def grades_page(statement: Any, *, limit: int, offset: int) -> list[PublicGrade]:
    """A page of the published grades."""
    return [PublicGrade(*row) for row in db.session.execute(statement.limit(limit).offset(offset))]


def grades_count(statement: Any) -> int:
    """How many institutions fit."""
    return db.session.scalar(select(func.count()).select_from(statement.order_by(None).subquery())) or 0
