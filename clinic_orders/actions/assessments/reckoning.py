"""Keep the figures of an assessment as they were reckoned, with what people typed meanwhile (R-STAT-3)."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, Final, cast

from sqlalchemy import Table, bindparam, delete, select, update

from clinic_orders.actions import notices
from clinic_orders.actions.assessments._common import take, write
from clinic_orders.actions.bulk import in_parts, insert_rows, reserve_ids
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.assessments import Assessment, AssessmentLine, AssessmentSheet
from clinic_orders.models.base import db
from clinic_orders.queries.assessments import Reckoned, SheetFigures
from clinic_orders.rules.assessment import AssessmentStep, Indicator
from clinic_orders.rules.parties import Actor, Permission

_SHEET: Final = cast("Table", AssessmentSheet.__table__)
_LINE: Final = cast("Table", AssessmentLine.__table__)
_UPDATE: Final = update(_SHEET).where(_SHEET.c.id == bindparam("sheet_id"))
Typed = dict[tuple[int, Indicator], tuple[Decimal | None, Decimal | None]]


@transactional
def keep_assessment(reckoned: Reckoned, *, by: Actor, at: datetime) -> int:
    """Keep the figures of a year in place of those before; self-scores and on-site points stay.

    Whoever is new gets a sheet and is told; whoever is no member any more and has typed nothing loses it.

    Args:
        reckoned: before the transaction began, so that nobody waits for it.
        by: the clock.
        at: the instant before the reckoning began; asked for later, it stays asked for.

    Returns:
        how many sheets there are.

    Raises:
        NotAllowed, NotFound, AssessmentOutOfTurn: why not.

    """
    by.need(Permission.JOBS_RUN)
    assessment = take(reckoned.year, AssessmentStep.RECKON)
    known = dict(
        db.session.execute(
            select(AssessmentSheet.institution_id, AssessmentSheet.id).where(
                AssessmentSheet.assessment_id == assessment.id
            )
        ).all()
    )
    typed = _typed(assessment.id)
    new = [one for one in reckoned.sheets if one.institution_id not in known]
    ids = known | dict(zip((one.institution_id for one in new), reserve_ids(_SHEET, len(new)), strict=True))
    again = [
        {"sheet_id": known[one.institution_id], **_place(one)}
        for one in reckoned.sheets
        if one.institution_id in known
    ]
    if again:
        # One statement for all of them: on SQLite nobody else writes meanwhile.
        db.session.connection().execute(_UPDATE, again)
    insert_rows(_SHEET, [_new_sheet(one, ids[one.institution_id], assessment.id) for one in new])
    _forget(assessment.id, {one.institution_id for one in reckoned.sheets})
    mine = [ids[one.institution_id] for one in reckoned.sheets]
    _delete_lines(mine)
    insert_rows(
        _LINE, [row for one in reckoned.sheets for row in _lines(one, ids[one.institution_id], typed)]
    )
    assessment.as_of, assessment.reckoned_at = reckoned.as_of, at
    if assessment.wanted_at is not None and assessment.wanted_at <= at:
        assessment.wanted_at = None
    assessment.months = [[month, frozen] for month, frozen in reckoned.months]
    assessment.unconfirmed = list(reckoned.unconfirmed)
    write(
        "keep_assessment", assessment, by=by, at=at, after={"as_of": reckoned.as_of, "institutions": len(ids)}
    )
    _tell(assessment, new, at)
    db.session.expire_all()
    return len(reckoned.sheets)


def _tell(assessment: Assessment, new: list[SheetFigures], at: datetime) -> None:
    facts = {"year": assessment.year, "until": assessment.self_until.isoformat()}
    notices.tell_each(
        "assessment_opened",
        {one.institution_id: facts for one in new},
        at=at,
        link=f"/assessment/{assessment.year}",
    )


def _typed(assessment_id: int) -> Typed:
    """What people typed: on-site points and self-scores, by sheet and line."""
    line = AssessmentLine
    rows = db.session.execute(
        select(line.sheet_id, line.indicator, line.points, line.self_points)
        .join(AssessmentSheet, AssessmentSheet.id == line.sheet_id)
        .where(AssessmentSheet.assessment_id == assessment_id)
    )
    return {
        (sheet_id, indicator): (points if indicator is Indicator.SITE else None, self_points)
        for sheet_id, indicator, points, self_points in rows
    }


def _place(one: SheetFigures) -> dict[str, Any]:
    return {
        "name": one.name, "kind": one.kind, "county_code": one.county_code, "township": one.township,
        "behind": dict(one.behind), **one.numbers,
    }  # fmt: skip


def _new_sheet(one: SheetFigures, sheet_id: int, assessment_id: int) -> dict[str, Any]:
    return {
        "id": sheet_id,
        "assessment_id": assessment_id,
        "institution_id": one.institution_id,
        **_place(one),
    }


def _lines(one: SheetFigures, sheet_id: int, typed: Typed) -> list[dict[str, Any]]:
    rows = []
    for indicator in Indicator:
        weight = one.weights[indicator]
        site, own = typed.get((sheet_id, indicator), (None, None))
        most = Decimal(weight)
        if indicator is Indicator.SITE:
            points = None if site is None else min(site, most)
            done, asked = (points or Decimal(0)), (Decimal(0) if points is None else most)
        else:
            measured = one.measured[indicator]
            points, done, asked = one.points(indicator), measured.done, measured.asked
        applies = indicator is Indicator.SITE or points is not None
        rows.append(
            {
                "sheet_id": sheet_id, "indicator": indicator, "weight": weight, "done": done, "asked": asked,
                "points": points, "self_points": min(own, most) if own is not None and applies else None,
            }
        )  # fmt: skip
    return rows


def _forget(assessment_id: int, members: set[int]) -> None:
    """Take away the sheets of who is no member any more, where nobody has typed anything."""
    sheet = AssessmentSheet
    gone = [
        sheet_id
        for sheet_id, institution_id in db.session.execute(
            select(sheet.id, sheet.institution_id).where(
                sheet.assessment_id == assessment_id, sheet.self_at.is_(None), sheet.site_at.is_(None)
            )
        )
        if institution_id not in members
    ]
    _delete_lines(gone)
    for part in in_parts(gone):
        db.session.execute(delete(sheet).where(sheet.id.in_(part)))


def _delete_lines(sheet_ids: list[int]) -> None:
    for part in in_parts(sheet_ids):
        db.session.execute(
            delete(AssessmentLine)
            .where(AssessmentLine.sheet_id.in_(part))
            .execution_options(synchronize_session=False)
        )
