"""The blueprint of the annual assessment, and what its pages share."""

from __future__ import annotations

import secrets
from typing import Any

from flask import Blueprint, abort, request

from clinic_orders.queries import assessments as queries
from clinic_orders.queries.assessments import Sheet
from clinic_orders.rules.assessment import AssessmentState
from clinic_orders.rules.errors import RuleBroken
from clinic_orders.web.assessment_words import ABOUT, GRADE_SHAPES, STATE_SHAPES, measure, plain
from clinic_orders.web.attached_files import FILE_REFUSALS
from clinic_orders.web.errors import say
from clinic_orders.web.guards import actor, today

blueprint = Blueprint("assessments", __name__)

OUT = frozenset({AssessmentState.PUBLISHED, AssessmentState.FINAL})
"""The states in which an institution reads its total and grade."""
_FIELDS = {
    "NoVisitReasonMissing": "points",
    "PointsAndNoVisit": "no_visit",
    "AppealEmpty": "text",
    "AnswerEmpty": "answer",
    "NothingCorrected": "indicator",
}


def fresh_key() -> str:
    """A key for a form that does something once; the one that came with a refused form."""
    return request.form.get("key") or secrets.token_urlsafe(24)


def found_sheet(year: int, sheet_id: int) -> Sheet:
    """The sheet of an address; 404 where the reader may not see it."""
    found = queries.find_sheet(year, sheet_id, actor(), on=today())
    if found is None:
        abort(404)
    return found


def errors_of(error: RuleBroken | None) -> list[tuple[str, str]]:
    """A refusal with the box it belongs to."""
    if error is None:
        return []
    field = "files" if error.code in FILE_REFUSALS else _FIELDS.get(error.code, "")
    return [(str(error.facts.get("field", field)), say(error))]


def words() -> dict[str, Any]:
    """What every page says the same way."""
    return {
        "grade_shapes": GRADE_SHAPES,
        "state_shapes": STATE_SHAPES,
        "measure": measure,
        "plain": plain,
        "about": ABOUT,
        "today": today(),
    }
