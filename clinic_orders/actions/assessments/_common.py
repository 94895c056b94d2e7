"""What the deeds of an assessment share: load it locked, write it down."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select

from clinic_orders.actions import audit
from clinic_orders.actions.loading import ChangedMeanwhile, NotFound
from clinic_orders.models.assessments import Assessment, AssessmentSheet
from clinic_orders.models.base import db
from clinic_orders.queries.roster import institutions_of
from clinic_orders.rules.assessment import AssessmentStep, check_assessment_step
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.parties import Actor


def take(year: int, step: AssessmentStep, seen_version: int | None = None) -> Assessment:
    """The assessment of a year, locked, where it may take a step.

    Raises:
        NotFound, ChangedMeanwhile, AssessmentOutOfTurn: why not.

    """
    found = db.session.scalars(
        select(Assessment)
        .where(Assessment.year == year)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if found is None:
        raise NotFound(number=str(year))
    if seen_version is not None and found.version != seen_version:
        raise ChangedMeanwhile(number=str(year))
    check_assessment_step(step, found.state, year=year)
    return found


def take_sheet(
    assessment: Assessment, which: ColumnElement[bool], seen_version: int | None, *, by: Actor, at: datetime
) -> AssessmentSheet:
    """The one sheet that fits a condition and that the actor may see, locked.

    Raises:
        NotFound, ChangedMeanwhile: why not.

    """
    found = db.session.scalars(
        select(AssessmentSheet)
        .where(
            AssessmentSheet.assessment_id == assessment.id,
            which,
            institutions_of(by, AssessmentSheet.institution_id, day_in_china(at)),
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if found is None:
        raise NotFound(number=str(assessment.year))
    if seen_version is not None and found.version != seen_version:
        raise ChangedMeanwhile(number=found.name)
    return found


def write(
    deed: str, assessment: Assessment, *, by: Actor, at: datetime, after: Mapping[str, Any] | None = None
) -> None:
    """Write down a deed on a year."""
    db.session.flush()
    audit.record(
        deed, by=by, at=at, subject_type="assessment", subject_id=assessment.id, subject=str(assessment.year),
        after=after,
    )  # fmt: skip


def write_sheet(
    deed: str,
    sheet: AssessmentSheet,
    *,
    by: Actor,
    at: datetime,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Write down a deed on a sheet."""
    db.session.flush()
    audit.record(
        deed, by=by, at=at, subject_type="assessment_sheet", subject_id=sheet.id, subject=sheet.name,
        institution_id=sheet.institution_id, county_code=sheet.county_code, before=before, after=after,
    )  # fmt: skip
