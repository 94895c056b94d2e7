"""The city opens an assessment, goes on, publishes and settles it (R-STAT-3)."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime

from sqlalchemy import select

from clinic_orders.actions import notices
from clinic_orders.actions.assessments._common import take, write
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.assessments import Assessment, AssessmentSheet
from clinic_orders.models.base import db
from clinic_orders.queries.assessments import SheetRow, find_assessment, open_appeals, result_rows, unscored
from clinic_orders.queries.policy import policy_book
from clinic_orders.rules.assessment.steps import (
    AssessmentState,
    AssessmentStep,
    AssessmentThere,
    check_finish,
    check_go_on_site,
    check_publish,
    check_year,
    last_day,
)
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.parties import SYSTEM, Actor, Permission


def _days(name: str, at: datetime) -> int:
    return policy_book(name).whole(name, on=day_in_china(at))


@transactional
def open_assessment(year: int, *, by: Actor, at: datetime) -> Assessment:
    """Open the assessment of a year: its figures are reckoned within minutes, then the institutions score themselves.

    Raises:
        NotAllowed: by this role.
        YearAhead, AssessmentThere: why not.

    """
    by.need(Permission.ASSESSMENT_DECIDE)
    today = day_in_china(at)
    check_year(year, today=today)
    if find_assessment(year) is not None:
        raise AssessmentThere(year=year)
    assessment = Assessment(
        year=year, state=AssessmentState.SELF_SCORING, opened_at=at, opened_by_name=by.name[:64],
        self_until=last_day(today, _days("assessment.self_days", at)), wanted_at=at, months=[], unconfirmed=[],
    )  # fmt: skip
    db.session.add(assessment)
    write("open_assessment", assessment, by=by, at=at, after={"self_until": assessment.self_until})
    return assessment


@transactional
def ask_to_reckon_assessment(year: int, *, by: Actor, at: datetime) -> None:
    """Ask that the figures be reckoned anew.

    Raises:
        NotAllowed, NotFound, AssessmentOutOfTurn: why not.

    """
    by.need(Permission.ASSESSMENT_DECIDE)
    assessment = take(year, AssessmentStep.RECKON)
    assessment.wanted_at = at
    write("ask_to_reckon_assessment", assessment, by=by, at=at)


@transactional
def go_on_site(year: int, *, seen_version: int | None = None, by: Actor, at: datetime) -> Assessment:
    """End the self-scoring; the counties score on the spot, and are told.

    Raises:
        NotAllowed, NotFound, ChangedMeanwhile, AssessmentOutOfTurn: why not.
        SelfScoringOpen: institutions may still score themselves.

    """
    by.need(Permission.ASSESSMENT_DECIDE)
    assessment = take(year, AssessmentStep.GO_ON_SITE, seen_version)
    waiting = db.session.scalars(
        select(AssessmentSheet.id)
        .where(AssessmentSheet.assessment_id == assessment.id, AssessmentSheet.self_at.is_(None))
        .limit(1)
    ).all()
    check_go_on_site(assessment.self_until, len(waiting), today=day_in_china(at))
    assessment.state = AssessmentState.ON_SITE
    write("go_on_site", assessment, by=by, at=at)
    counties = db.session.scalars(
        select(AssessmentSheet.county_code)
        .where(AssessmentSheet.assessment_id == assessment.id)
        .distinct()
        .order_by(AssessmentSheet.county_code)
    ).all()
    for county in counties:
        notices.tell(
            "assessment_on_site", at=at, facts={"year": year}, link=f"/assessments/{year}?waits=site",
            county_code=county,
        )  # fmt: skip
    return assessment


def _hash(rows: list[SheetRow]) -> str:
    """SHA-256, in hexadecimal, of the result: code, total in hundredths, grade."""
    kept = [[row.code, row.hundredths, row.grade_word] for row in sorted(rows)]
    return hashlib.sha256(json.dumps(kept, separators=(",", ":")).encode()).hexdigest()


def _rows(assessment: Assessment, at: datetime) -> list[SheetRow]:
    return result_rows(assessment.id, SYSTEM, on=day_in_china(at))


@transactional
def publish_assessment(year: int, *, seen_version: int | None = None, by: Actor, at: datetime) -> Assessment:
    """Publish the result; every institution is told its own and may appeal.

    Raises:
        NotAllowed, NotFound, ChangedMeanwhile, AssessmentOutOfTurn: why not.
        YearNotOver, NotReckoned, SitesNotScored: what is missing.

    """
    by.need(Permission.ASSESSMENT_DECIDE)
    assessment = take(year, AssessmentStep.PUBLISH, seen_version)
    today = day_in_china(at)
    reckoned = assessment.reckoned_at is not None and assessment.wanted_at is None
    check_publish(year, reckoned=reckoned, unscored=unscored(assessment.id), today=today)
    rows = _rows(assessment, at)
    assessment.state = AssessmentState.PUBLISHED
    assessment.published_at, assessment.published_by_name = at, by.name[:64]
    assessment.appeal_until = last_day(today, _days("assessment.appeal_days", at))
    assessment.sha256 = _hash(rows)
    write(
        "publish_assessment", assessment, by=by, at=at,
        after={"sha256": assessment.sha256, "appeal_until": assessment.appeal_until},
    )  # fmt: skip
    ids = dict(
        db.session.execute(
            select(AssessmentSheet.id, AssessmentSheet.institution_id).where(
                AssessmentSheet.assessment_id == assessment.id
            )
        ).all()
    )
    notices.tell_each(
        "assessment_published",
        {
            ids[row.id]: {
                "year": year,
                "total": str(row.total) if row.total is not None else "",
                "grade": row.grade_word or "",
                "until": assessment.appeal_until.isoformat(),
            }
            for row in rows
        },
        at=at,
        link=f"/assessment/{year}",
    )
    return assessment


@transactional
def finish_assessment(year: int, *, seen_version: int | None = None, by: Actor, at: datetime) -> Assessment:
    """Settle the result after the days to appeal; nothing changes any more.

    Raises:
        NotAllowed, NotFound, ChangedMeanwhile, AssessmentOutOfTurn: why not.
        AppealDaysRun, AppealsOpen: what is waited for.

    """
    by.need(Permission.ASSESSMENT_DECIDE)
    assessment = take(year, AssessmentStep.FINISH, seen_version)
    until = assessment.appeal_until
    assert until is not None, "published ones have it"
    check_finish(until, open_appeals(assessment.id), today=day_in_china(at))
    assessment.state = AssessmentState.FINAL
    assessment.final_at, assessment.final_by_name = at, by.name[:64]
    assessment.sha256 = _hash(_rows(assessment, at))
    write("finish_assessment", assessment, by=by, at=at, after={"sha256": assessment.sha256})
    return assessment


@transactional
def remind_of_self_scores(year: int, *, by: Actor, at: datetime) -> int:
    """Remind once, near the last day, whoever has not scored itself; how many were.

    Raises:
        NotAllowed, NotFound, AssessmentOutOfTurn: why not.

    """
    by.need(Permission.JOBS_RUN)
    assessment = take(year, AssessmentStep.SCORE_SELF)
    if assessment.reminded_at is not None:
        return 0
    late = db.session.scalars(
        select(AssessmentSheet.institution_id).where(
            AssessmentSheet.assessment_id == assessment.id, AssessmentSheet.self_at.is_(None)
        )
    ).all()
    assessment.reminded_at = at
    facts = {"year": year, "until": assessment.self_until.isoformat()}
    notices.tell_each("assessment_reminder", dict.fromkeys(late, facts), at=at, link=f"/assessment/{year}")
    write("remind_of_self_scores", assessment, by=by, at=at, after={"institutions": len(late)})
    return len(late)
