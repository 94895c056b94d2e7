"""The public page behind the code on a letter: number, date, issuer and hash, or that there is no such letter."""

from __future__ import annotations

from flask import Blueprint, make_response, render_template
from werkzeug.wrappers import Response

from clinic_orders.documents import words
from clinic_orders.queries.cases import letter_by_token
from clinic_orders.rules.ladder import LetterState
from clinic_orders.rules.letters import LetterContent
from clinic_orders.rules.letters.verification import shown_addressee
from clinic_orders.web.guards import public
from clinic_orders.web.limits import limiter

blueprint = Blueprint("verify", __name__, url_prefix="/verify")


@blueprint.get("/<token>")
@public
@limiter.limit("60 per minute")
def show(token: str) -> Response:
    """What the register knows of the letter with this code. Whom it accuses of what stands on the paper only."""
    letter = letter_by_token(token)
    content = None if letter is None else LetterContent.from_canonical(letter.content)
    response = make_response(
        render_template(
            "verify/show.html",
            letter=letter,
            content=content,
            signed_on="" if content is None else words.day(content.signed_on),
            addressee="" if content is None else shown_addressee(content),
            revoked=letter is not None and letter.state is LetterState.REVOKED,
        ),
        404 if letter is None else 200,
    )
    response.headers["X-Robots-Tag"] = "noindex"
    return response
