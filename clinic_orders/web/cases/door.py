"""The blueprint of cases and letters, and what both sides share: shapes, files, papers."""

from __future__ import annotations

import secrets
from typing import Final

from flask import Blueprint, Response, abort, current_app, request
from werkzeug.wrappers import Response as AnyResponse

from clinic_orders.documents.letters import letter_pdf
from clinic_orders.queries import cases as queries
from clinic_orders.rules.ladder import CaseState, LetterState
from clinic_orders.rules.letters import LetterContent
from clinic_orders.rules.parties import Permission
from clinic_orders.web.attached_files import download
from clinic_orders.web.guards import actor, needs, today
from clinic_orders.web.papers import pdf

blueprint = Blueprint("cases", __name__)

SHAPES: Final = {
    CaseState.DRAFT: "wait",
    CaseState.ISSUED: "wait",
    CaseState.RECEIVED: "wait",
    CaseState.ANSWERED: "warn",
    CaseState.PROPOSED: "warn",
    CaseState.ACCEPTED: "ok",
    CaseState.UNRESOLVED: "bad",
    CaseState.CLOSED: "ok",
    CaseState.WITHDRAWN: "off",
}
LETTER_SHAPES: Final = {
    LetterState.PROPOSED: "wait",
    LetterState.ISSUED: "ok",
    LetterState.SENT_BACK: "off",
    LetterState.REVOKED: "off",
}


def fresh_key() -> str:
    """A key for a form that makes a letter or an answer once."""
    return secrets.token_urlsafe(24)


def our_address() -> str:
    """The address in the code that verifies a letter: as the operator set it, else as the reader sees it."""
    return current_app.extensions["settings"].alipay_address or request.host_url.rstrip("/")


def file_name(number: str | None, fallback: str) -> str:
    """A name of a file in plain characters."""
    digits = "".join(one if one.isascii() and one.isalnum() else "-" for one in number or "")
    return f"letter-{digits.strip('-') or fallback}"


@blueprint.get("/letters/<int:letter_id>/pdf")
@needs(Permission.FINDINGS_READ)
def paper(letter_id: int) -> AnyResponse | tuple[str, int]:
    """A letter as a paper, for the party and the bureau."""
    letter = queries.find_letter(letter_id, actor(), on=today())
    if letter is None:
        abort(404)
    content = LetterContent.from_canonical(letter.content)
    mark = "已撤销 · 无效力" if letter.state is LetterState.REVOKED else ""
    return pdf(
        file_name(letter.number, str(letter_id)),
        lambda: letter_pdf(content, address=our_address(), mark=mark),
    )


@blueprint.get("/letters/files/<int:attachment_id>")
@needs(Permission.FINDINGS_READ)
def attachment(attachment_id: int) -> Response:
    """A file of an answer, only ever as a download, for whoever may see the case."""
    return download(queries.find_attachment(attachment_id, actor(), on=today()))
