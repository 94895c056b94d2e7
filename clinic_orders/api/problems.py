"""What is refused, as problem details (RFC 9457): a stable type, title and detail in the caller's language, the fields.

The types of refusals are the classes of ``rules.errors.RuleBroken``; the page at ``/api/docs/problems`` lists them.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from flask import Flask, Response, current_app, g, request
from flask_babel import force_locale, gettext
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from werkzeug.exceptions import HTTPException, InternalServerError

from clinic_orders.actions.answering import LinesNotPossible
from clinic_orders.actions.bulk import RowsRefused
from clinic_orders.actions.loading import ChangedMeanwhile, NotFound
from clinic_orders.actions.receiving import AcceptedAlready
from clinic_orders.models.base import db, set_reading_only
from clinic_orders.models.troubles import Trouble, trouble_of
from clinic_orders.rules.api import (
    BodyNotUnderstood,
    CursorWrong,
    FieldsWrong,
    KeyUsedOtherwise,
    KeyWrong,
    ScopeNotCarried,
    TokenNotValid,
    TooManyCalls,
    VersionMissing,
    VersionNotUnderstood,
)
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.parties import NotAllowed

log = logging.getLogger(__name__)

CONTENT_TYPE: Final = "application/problem+json"
LANGUAGES: Final = {"zh": "zh_CN", "en": "en"}
TITLES: Final[Mapping[int, str]] = {
    400: N_("The call is not understood"),
    401: N_("No valid token"),
    403: N_("Not allowed"),
    404: N_("Not found"),
    405: N_("This address does not take this method"),
    409: N_("Refused as things stand"),
    412: N_("Changed meanwhile"),
    413: N_("The body is too large"),
    415: N_("The body must be JSON"),
    422: N_("Some fields can't be taken"),
    428: N_("The version that was seen is missing"),
    429: N_("Too many calls"),
    500: N_("Something has gone wrong here"),
    503: N_("Not possible just now"),
}
_BUSY: Final = N_("The database is busy or away. Nothing was stored half-way; send the same call again.")
_BROKEN: Final = N_("This is a fault of the program. Send the number of the request to the operator.")
_WAIT: Final = 30

# The first class that fits decides; anything else of a rule is 409.
_STATUS: Final[tuple[tuple[type[RuleBroken], int], ...]] = (
    (TokenNotValid, 401),
    (ScopeNotCarried, 403),
    (NotAllowed, 403),
    (AcceptedAlready, 409),
    (ChangedMeanwhile, 412),
    (NotFound, 404),
    (KeyUsedOtherwise, 409),
    (KeyWrong, 400),
    (CursorWrong, 400),
    (BodyNotUnderstood, 400),
    (VersionNotUnderstood, 400),
    (VersionMissing, 428),
    (TooManyCalls, 429),
    (FieldsWrong, 422),
    (LinesNotPossible, 422),
    (RowsRefused, 422),
)


def language() -> str:
    """The caller's language by Accept-Language; Chinese where it says nothing that we speak."""
    best = request.accept_languages.best_match(list(LANGUAGES))
    return LANGUAGES[best or "zh"]


def status_of(refusal: RuleBroken) -> int:
    """The HTTP status of a refusal."""
    return next((status for kind, status in _STATUS if isinstance(refusal, kind)), 409)


def say(refusal: RuleBroken) -> str:
    """A refusal in the caller's language."""
    return str(current_app.extensions["say_in"](refusal, language()))


def type_of(code: str) -> str:
    """The stable type of a problem; it leads to the page that explains it."""
    return f"/api/docs/problems#{code}"


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    errors: list[dict[str, str]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """One answer of a refusal."""
    with force_locale(language()):
        title = gettext(TITLES[status]) if status in TITLES else HTTPStatus(status).phrase
    body: dict[str, Any] = {
        "type": type_of(code),
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
        "request": g.get("request_number", ""),
    }
    if errors:
        body["errors"] = errors
    answer = Response(json.dumps(body, ensure_ascii=False), status, content_type=CONTENT_TYPE)
    answer.headers["Content-Language"] = "en" if language() == "en" else "zh-CN"
    answer.headers.update(headers or {})
    return answer


def refused(refusal: RuleBroken) -> Response:
    """The answer to a refusal of a rule; everything that the call has begun is taken back."""
    _undo()
    status = status_of(refusal)
    headers = {}
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="clinic-orders"'
    if isinstance(refusal, TooManyCalls):
        headers["Retry-After"] = str(refusal.facts["seconds"])
    return problem(status, type(refusal).__name__, say(refusal), errors=_errors(refusal), headers=headers)


def _errors(refusal: RuleBroken) -> list[dict[str, str]]:
    """Which fields are refused and why, by JSON pointer."""
    if not isinstance(refusal, FieldsWrong):
        return []
    return [
        {"pointer": pointer, "code": one.code, "detail": say(one)}
        for pointer, one in sorted(refusal.problems.items())
    ]


def _undo() -> None:
    try:
        db.session.rollback()
    except DBAPIError:
        # A database that is gone undoes what has lost its connection by itself.
        db.session().invalidate()
    set_reading_only(True)


def _http(error: HTTPException) -> Any:
    if error.code is None or error.code < 400:
        return error
    if isinstance(error, InternalServerError):
        return _bug(error.original_exception or error)
    _undo()
    headers = {}
    allowed = getattr(error, "valid_methods", None)
    if allowed:
        headers["Allow"] = ", ".join(sorted(allowed))
    with force_locale(language()):
        detail = gettext(TITLES.get(error.code, N_("The call is not understood")))
    return problem(error.code, f"Http{error.code}", detail, headers=headers)


def _database(error: DBAPIError | PoolTimeoutError) -> Response:
    """Trouble of the database that is none of the program.

    Raises:
        DBAPIError: something else is wrong, and errors are to be seen.

    """
    trouble: Trouble | None = trouble_of(error)
    if trouble is None:
        if current_app.testing:
            raise error
        return _bug(error)
    log.warning("the database is %s: %s", trouble.value, request.endpoint)
    _undo()
    with force_locale(language()):
        detail = gettext(_BUSY)
    return problem(503, "Unavailable", detail, headers={"Retry-After": str(_WAIT)})


def _bug(error: BaseException) -> Response:
    log.error("unexpected error", exc_info=error)
    _undo()
    with force_locale(language()):
        detail = gettext(_BROKEN)
    return problem(500, "Broken", detail)


def answer_for(error: Exception) -> Any:
    """The problem that belongs to an error, wherever it came from."""
    if isinstance(error, RuleBroken):
        return refused(error)
    if isinstance(error, DBAPIError | PoolTimeoutError):
        return _database(error)
    if isinstance(error, HTTPException):
        return _http(error)
    return _bug(error)


def init_app(app: Flask) -> None:
    """Let errors before a call is found, such as an unknown address, be told as problems as well."""
    app.extensions["api_problem"] = answer_for
