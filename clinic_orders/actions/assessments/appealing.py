"""An institution appeals against its published result; the city decides and may correct one line (R-STAT-3)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select

from clinic_orders.actions import notices
from clinic_orders.actions.assessments._common import take, take_sheet, write_sheet
from clinic_orders.actions.assessments.scoring import lines_of
from clinic_orders.actions.loading import ChangedMeanwhile, NotFound, own_institution
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.assessments import AppealFile, Assessment, AssessmentAppeal, AssessmentSheet
from clinic_orders.models.attachments import of_file
from clinic_orders.models.base import db
from clinic_orders.rules.assessment import AssessmentStep, Indicator
from clinic_orders.rules.assessment.steps import check_appeal_day
from clinic_orders.rules.assessment.typed import (
    APPEAL,
    AnswerEmpty,
    AppealEmpty,
    AppealWaits,
    NothingCorrected,
    check_points,
    check_words,
)
from clinic_orders.rules.attachments import MOST_FILES, AttachedFile, TooManyFiles
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.parties import Actor, Permission


@transactional
def file_appeal(
    year: int, text: str, files: Sequence[AttachedFile], *, key: str, by: Actor, at: datetime
) -> AssessmentAppeal:
    """Appeal against one's own published result; the same form sent twice appeals once.

    Raises:
        NotAllowed, NotFound, AssessmentOutOfTurn, AppealTooLate: why not.
        AppealEmpty, AppealWaits, TooManyFiles: what is wrong.

    """
    institution_id = own_institution(by)
    known = db.session.scalar(
        select(AssessmentAppeal)
        .join(AssessmentSheet, AssessmentSheet.id == AssessmentAppeal.sheet_id)
        .where(AssessmentAppeal.form_key == key, AssessmentSheet.institution_id == institution_id)
    )
    if known is not None:
        return known
    assessment = take(year, AssessmentStep.APPEAL)
    assert assessment.appeal_until is not None, "published ones have it"
    check_appeal_day(assessment.appeal_until, today=day_in_china(at))
    sheet = take_sheet(assessment, AssessmentSheet.institution_id == institution_id, None, by=by, at=at)
    said = check_words(text, APPEAL, AppealEmpty)
    if len(files) > MOST_FILES:
        raise TooManyFiles(most=MOST_FILES)
    if db.session.scalar(
        select(AssessmentAppeal.id).where(
            AssessmentAppeal.sheet_id == sheet.id, AssessmentAppeal.decided_at.is_(None)
        )
    ):
        raise AppealWaits
    appeal = AssessmentAppeal(
        sheet_id=sheet.id, text=said, form_key=key, filed_at=at, filed_by_name=by.name[:64]
    )
    db.session.add(appeal)
    db.session.flush()
    db.session.add_all(AppealFile(appeal_id=appeal.id, **of_file(file)) for file in files)
    write_sheet("file_appeal", sheet, by=by, at=at, after={"text": said, "files": len(files)})
    for county in (sheet.county_code, None):
        notices.tell(
            "assessment_appeal", at=at, facts={"institution": sheet.name, "year": year},
            link=f"/assessments/{year}/sheets/{sheet.id}", county_code=county,
        )  # fmt: skip
    return appeal


@transactional
def decide_appeal(
    appeal_id: int,
    *,
    uphold: bool,
    answer: str,
    indicator: Indicator | None = None,
    points: str = "",
    seen_version: int | None = None,
    by: Actor,
    at: datetime,
) -> AssessmentAppeal:
    """Decide an appeal for the city: upheld, the points of one line are corrected, and both figures stay on record.

    Args:
        appeal_id: the appeal.
        uphold: or reject.
        answer: the reason, which the institution reads.
        indicator: the corrected line, where it is upheld.
        points: its points as typed.
        seen_version: of the appeal on the page.
        by: an officer of the city.
        at: when.

    Raises:
        NotAllowed, NotFound, ChangedMeanwhile, AssessmentOutOfTurn: why not.
        AnswerEmpty, NothingCorrected, PointsRefused: what is wrong.

    """
    by.need(Permission.ASSESSMENT_DECIDE)
    year, sheet_id = _where(appeal_id)
    assessment = take(year, AssessmentStep.DECIDE)
    sheet = take_sheet(assessment, AssessmentSheet.id == sheet_id, None, by=by, at=at)
    appeal = db.session.get_one(AssessmentAppeal, appeal_id, with_for_update=True, populate_existing=True)
    if appeal.decided_at is not None or (seen_version is not None and appeal.version != seen_version):
        raise ChangedMeanwhile(number=sheet.name)
    said = check_words(answer, APPEAL, AnswerEmpty)
    if uphold:
        line = lines_of(sheet).get(indicator) if indicator is not None else None
        if line is None:
            raise NothingCorrected
        found = check_points(points, line.weight, "points")
        if found == line.points:
            raise NothingCorrected
        appeal.indicator, appeal.points_before, appeal.points_after = line.indicator, line.points, found
        line.points = found
    appeal.upheld, appeal.answer = uphold, said
    appeal.decided_at, appeal.decided_by_name = at, by.name[:64]
    write_sheet(
        "decide_appeal", sheet, by=by, at=at,
        before={"points": appeal.points_before} if uphold else None,
        after={
            "upheld": uphold, "reason": said,
            **({"indicator": appeal.indicator, "points": appeal.points_after} if uphold else {}),
        },
    )  # fmt: skip
    notices.tell(
        "assessment_upheld" if uphold else "assessment_rejected",
        at=at,
        facts={"year": year, "reason": said},
        link=f"/assessment/{year}",
        institution_id=sheet.institution_id,
    )
    return appeal


def _where(appeal_id: int) -> tuple[int, int]:
    """Year and sheet of an appeal.

    Raises:
        NotFound: there is none.

    """
    row = db.session.execute(
        select(Assessment.year, AssessmentAppeal.sheet_id)
        .join(AssessmentSheet, AssessmentSheet.assessment_id == Assessment.id)
        .join(AssessmentAppeal, AssessmentAppeal.sheet_id == AssessmentSheet.id)
        .where(AssessmentAppeal.id == appeal_id)
    ).one_or_none()
    if row is None:
        raise NotFound(number=str(appeal_id))
    return row.year, row.sheet_id
