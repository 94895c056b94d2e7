"""The blueprint of clues and self-checks, and what both sides share."""

from __future__ import annotations

import secrets
from typing import Final

from flask import Blueprint, Response
from flask_babel import gettext

from clinic_orders.queries import clues as queries
from clinic_orders.queries.clues import ClueRow, SelfCheckRow
from clinic_orders.rules.clues import ClueState
from clinic_orders.rules.parties import Permission
from clinic_orders.web.attached_files import download
from clinic_orders.web.display import label
from clinic_orders.web.finding_sentences import sentence
from clinic_orders.web.guards import actor, needs, today

blueprint = Blueprint("clues", __name__)

SHAPES: Final = {
    ClueState.ASSIGNED: "wait",
    ClueState.SELF_CHECK: "wait",
    ClueState.CHECKING: "warn",
    ClueState.EXCLUDED: "off",
    ClueState.VIOLATION: "bad",
    ClueState.SUSPECTED: "bad",
    ClueState.DISPOSAL: "warn",
    ClueState.CLOSED: "ok",
}


def fresh_key() -> str:
    """A key for a form that makes an answer or a list once."""
    return secrets.token_urlsafe(24)


def matter(row: ClueRow | SelfCheckRow) -> str:
    """What a clue is about in one word: the check that found it, or that it came from above."""
    return label(row.rule) if row.rule is not None else str(gettext("Issued from above"))


def told(row: ClueRow | SelfCheckRow) -> str:
    """What was found, in a sentence; a clue from above names the code."""
    if row.rule is None or row.figures is None:
        return str(gettext("code %(code)s", code=row.code))
    return sentence(row)  # type: ignore[arg-type]


@blueprint.get("/clues/files/<int:evidence_id>")
@needs(Permission.FINDINGS_READ)
def evidence(evidence_id: int) -> Response:
    """A file of a clue, only ever as a download: for the bureau, and for the institution that sent it in."""
    return download(queries.find_evidence(evidence_id, actor(), on=today()))
