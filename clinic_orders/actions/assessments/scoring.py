"""An institution scores itself first; then the county scores on the spot (R-STAT-3)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from sqlalchemy import select

from clinic_orders.actions.assessments._common import take, take_sheet, write_sheet
from clinic_orders.actions.loading import own_institution
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.assessments import AssessmentLine, AssessmentSheet
from clinic_orders.models.base import db
from clinic_orders.rules.assessment import AssessmentStep, Indicator
from clinic_orders.rules.assessment.typed import (
    NOTE,
    NothingSelfScored,
    NoVisitReasonMissing,
    PointsAndNoVisit,
    SelfScoreMissing,
    check_points,
)
from clinic_orders.rules.parties import Actor, Permission


def lines_of(sheet: AssessmentSheet) -> dict[Indicator, AssessmentLine]:
    """The lines of a sheet that weigh something."""
    found = db.session.scalars(
        select(AssessmentLine)
        .where(AssessmentLine.sheet_id == sheet.id, AssessmentLine.weight > 0)
        .execution_options(populate_existing=True)
    )
    return {one.indicator: one for one in found}


def applies(line: AssessmentLine) -> bool:
    """Whether an institution can score itself on a line."""
    return line.indicator is Indicator.SITE or line.points is not None


@transactional
def score_self(
    year: int,
    typed: Mapping[Indicator, str],
    note: str,
    *,
    seen_version: int | None = None,
    by: Actor,
    at: datetime,
) -> AssessmentSheet:
    """Score oneself; until the self-scoring ends it may be sent anew.

    Args:
        year: the year.
        typed: points as typed, for every line that applies.
        note: what else is to be said.
        seen_version: of the sheet on the page.
        by: somebody of the institution.
        at: when.

    Raises:
        NotAllowed, NotFound, ChangedMeanwhile, AssessmentOutOfTurn: why not.
        NothingSelfScored, SelfScoreMissing, PointsRefused: what is wrong.

    """
    institution_id = own_institution(by)
    assessment = take(year, AssessmentStep.SCORE_SELF)
    if assessment.reckoned_at is None:
        raise NothingSelfScored
    own = AssessmentSheet.institution_id == institution_id
    sheet = take_sheet(assessment, own, seen_version, by=by, at=at)
    before, after = {}, {}
    for indicator, line in lines_of(sheet).items():
        if not applies(line):
            continue
        text = typed.get(indicator, "")
        if not text.strip():
            raise SelfScoreMissing
        before[indicator.value] = line.self_points
        line.self_points = after[indicator.value] = check_points(text, line.weight, indicator.value)
    sheet.self_at, sheet.self_by_name, sheet.self_note = at, by.name[:64], note.strip()[:NOTE]
    write_sheet(
        "score_self", sheet, by=by, at=at, before={"points": before}, after={"points": after, "note": sheet.self_note},
    )  # fmt: skip
    return sheet


@transactional
def score_on_site(
    year: int,
    sheet_id: int,
    points: str,
    no_visit: str,
    note: str,
    *,
    seen_version: int | None = None,
    by: Actor,
    at: datetime,
) -> AssessmentSheet:
    """Give the on-site points of an institution, or say why nobody went; it may be corrected until the publication.

    Args:
        year: the year.
        sheet_id: the sheet.
        points: as typed; empty where nobody went.
        no_visit: why nobody went; the line then does not apply.
        note: what was seen.
        seen_version: of the sheet on the page.
        by: an officer of its county, or of the city.
        at: when.

    Raises:
        NotAllowed, NotFound, ChangedMeanwhile, AssessmentOutOfTurn: why not.
        PointsRefused, NoVisitReasonMissing, PointsAndNoVisit: what is wrong.

    """
    by.need(Permission.ASSESSMENT_SCORE)
    assessment = take(year, AssessmentStep.SCORE_ON_SITE)
    sheet = take_sheet(assessment, AssessmentSheet.id == sheet_id, seen_version, by=by, at=at)
    line = lines_of(sheet).get(Indicator.SITE)
    reason, text = no_visit.strip()[:NOTE], points.strip()
    before = {"points": None if line is None else line.points, "reason": sheet.no_visit}
    if line is not None:
        if text and reason:
            raise PointsAndNoVisit
        if not text and not reason:
            raise NoVisitReasonMissing
        line.points = check_points(text, line.weight, "points") if text else None
        line.done = line.points or Decimal(0)
        line.asked = Decimal(line.weight) if line.points is not None else Decimal(0)
    sheet.site_at, sheet.site_by_name = at, by.name[:64]
    sheet.no_visit, sheet.site_note = reason, note.strip()[:NOTE]
    write_sheet(
        "score_on_site", sheet, by=by, at=at, before=before,
        after={"points": None if line is None else line.points, "reason": reason, "note": sheet.site_note},
    )  # fmt: skip
    return sheet
