"""One sheet with its lines, appeals, and the months, agreements and records behind every line (R-STAT-3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import undefer

from clinic_orders.models.assessments import (
    AppealFile,
    Assessment,
    AssessmentAppeal,
    AssessmentLine,
    AssessmentSheet,
)
from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.inspections import Visit, VisitAnswer
from clinic_orders.models.roster import County, Institution
from clinic_orders.queries.roster import institutions_of
from clinic_orders.rules.assessment import Bands, Grade, Indicator, Use, grade_of, share_used, total_of
from clinic_orders.rules.assessment.records import MonthPart, VolumePart
from clinic_orders.rules.inspection.record import Answer
from clinic_orders.rules.inspection.steps import VisitState
from clinic_orders.rules.parties import Actor


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet as pages and papers show it."""

    assessment: Assessment
    sheet: AssessmentSheet
    code: str
    county: str
    lines: Sequence[AssessmentLine]
    appeals: Sequence[AssessmentAppeal]
    files: Sequence[AppealFile]

    @property
    def total(self) -> Decimal | None:
        """The total of the points that are there."""
        return total_of((one.weight, one.points) for one in self.lines)

    @property
    def self_total(self) -> Decimal | None:
        """The total of the self-score."""
        return total_of((one.weight, one.self_points) for one in self.lines)

    @property
    def grade(self) -> Grade | None:
        """The grade of the total."""
        return grade_of(self.total, Bands(self.sheet.excellent, self.sheet.good, self.sheet.passed))

    @property
    def waiting(self) -> AssessmentAppeal | None:
        """The appeal that waits for the city."""
        return next((one for one in self.appeals if one.decided_at is None), None)

    def line(self, indicator: Indicator) -> AssessmentLine:
        """The line of an indicator."""
        return next(one for one in self.lines if one.indicator is indicator)

    def used(self, use: Use) -> Decimal | None:
        """What the result leads to."""
        return share_used(use, self.total, getattr(self.sheet, f"{use.value}_from"))


def find_sheet(year: int, sheet_id: int, actor: Actor, *, on: date) -> Sheet | None:
    """The sheet of an institution that the actor may see; four statements."""
    row = db.session.execute(
        select(Assessment, AssessmentSheet, Institution.code, County.name)
        .join(AssessmentSheet, AssessmentSheet.assessment_id == Assessment.id)
        .join(Institution, Institution.id == AssessmentSheet.institution_id)
        .join(County, County.code == AssessmentSheet.county_code)
        .where(
            Assessment.year == year,
            AssessmentSheet.id == sheet_id,
            institutions_of(actor, AssessmentSheet.institution_id, on),
        )
    ).one_or_none()
    if row is None:
        return None
    assessment, sheet, code, county = row
    order = {one: place for place, one in enumerate(Indicator)}
    lines = db.session.scalars(select(AssessmentLine).where(AssessmentLine.sheet_id == sheet.id)).all()
    appeals = db.session.scalars(
        select(AssessmentAppeal)
        .where(AssessmentAppeal.sheet_id == sheet.id)
        .order_by(AssessmentAppeal.id.desc())
    ).all()
    files = db.session.scalars(
        select(AppealFile)
        .join(AssessmentAppeal, AssessmentAppeal.id == AppealFile.appeal_id)
        .where(AssessmentAppeal.sheet_id == sheet.id)
        .order_by(AppealFile.id)
    ).all()
    in_order = sorted((one for one in lines if one.weight), key=lambda one: order[one.indicator])
    return Sheet(assessment, sheet, code, county, in_order, appeals, files)


def years_of(institution_id: int) -> list[tuple[int, int]]:
    """The years of which an institution has a sheet, the newest first, each with the sheet."""
    rows = db.session.execute(
        select(Assessment.year, AssessmentSheet.id)
        .join(AssessmentSheet, AssessmentSheet.assessment_id == Assessment.id)
        .where(AssessmentSheet.institution_id == institution_id)
        .order_by(Assessment.year.desc())
    )
    return [(row.year, row.id) for row in rows]


@dataclass(frozen=True, slots=True)
class VolumeSeen:
    """An agreement behind the line of the agreed volume, with the item's name."""

    part: VolumePart
    item: str


@dataclass(frozen=True, slots=True)
class VisitSeen:
    """A signed inspection of the year: how many lines of its checklist were in order."""

    number: str
    visited_on: date
    in_order: int
    not_in_order: int


@dataclass(frozen=True, slots=True)
class Behind:
    """What stands behind the lines of a sheet."""

    months: Sequence[tuple[str, MonthPart]]
    volumes: Sequence[VolumeSeen]
    levels: int


def behind(sheet_id: int) -> Behind:
    """The months and agreements from which a sheet was computed; two statements."""
    kept = db.session.scalars(
        select(AssessmentSheet)
        .where(AssessmentSheet.id == sheet_id)
        .options(undefer(AssessmentSheet.behind))
        .execution_options(populate_existing=True)
    ).one()
    volumes = [VolumePart(*row) for row in kept.behind["volumes"]]
    names = {
        row.item_code: f"{row.generic_name} {row.strength}"
        for row in db.session.execute(
            select(Item.item_code, Item.generic_name, Item.strength).where(
                Item.item_code.in_({one.item_code for one in volumes})
            )
        )
    }
    return Behind(
        [(month, MonthPart.read(part)) for month, part in sorted(kept.behind["months"].items())],
        [VolumeSeen(one, names.get(one.item_code, one.item_code)) for one in volumes],
        kept.behind["levels"],
    )


def visits_of(institution_id: int, year: int) -> list[VisitSeen]:
    """The signed inspections of a year, the latest first; what they found helps who scores on the spot."""
    visits = db.session.execute(
        select(Visit.id, Visit.number, Visit.visited_on)
        .where(
            Visit.institution_id == institution_id,
            Visit.state == VisitState.SIGNED,
            Visit.visited_on >= date(year, 1, 1),
            Visit.visited_on <= date(year, 12, 31),
        )
        .order_by(Visit.visited_on.desc(), Visit.id.desc())
    ).all()
    answers = db.session.execute(
        select(VisitAnswer.visit_id, VisitAnswer.answer).where(
            VisitAnswer.visit_id.in_([one.id for one in visits])
        )
    ).all()
    return [
        VisitSeen(
            one.number,
            one.visited_on,
            sum(1 for row in answers if row.visit_id == one.id and row.answer is Answer.YES),
            sum(1 for row in answers if row.visit_id == one.id and row.answer is Answer.NO),
        )
        for one in visits
    ]
