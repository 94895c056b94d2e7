"""A refusal becomes a page in the reader's language that says what to do; anything else is a bug and is logged."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import date, datetime
from enum import Enum
from typing import Any

from flask import Flask, current_app, g, render_template, request, session
from flask_babel import force_locale, gettext
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from werkzeug.exceptions import HTTPException, InternalServerError

from clinic_orders.actions.loading import NotFound
from clinic_orders.models.base import db, set_reading_only
from clinic_orders.models.troubles import Trouble, trouble_of
from clinic_orders.rules.days import Month, Quarter
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.parties import NotAllowed
from clinic_orders.web.context import LOCALES
from clinic_orders.web.display import day_full, label, period
from clinic_orders.web.guards import typed_page
from clinic_orders.web.held import typed_here

log = logging.getLogger(__name__)


# Facts that are a month, a quarter or a day, also where they are kept as texts.
_PERIODS = frozenset({"month", "quarter", "day"})


def _shown(name: str, value: Any) -> Any:
    """A fact as it stands in a sentence."""
    if isinstance(value, Enum):
        return label(value)
    if isinstance(value, date) and not isinstance(value, datetime):
        return day_full(value)
    if name in _PERIODS and isinstance(value, str | Month | Quarter):
        return period(value)
    return value


def say(error: RuleBroken) -> str:
    """The refusal's sentence in the reader's language, its places filled."""
    return str(gettext(error.message)) % {key: _shown(key, value) for key, value in error.facts.items()}


def say_in(error: RuleBroken, language: str) -> str:
    """The same in a language, for whoever reads it later."""
    with force_locale(language):
        return say(error)


def say_stored(message: str, facts: dict[str, Any]) -> str:
    """The same for a refusal that was kept in the database as message and plain facts."""
    return str(gettext(message)) % facts


def _undo() -> None:
    """Take back what the deed began; the page that says so only reads, so it need not wait for writers."""
    try:
        db.session.rollback()
    except DBAPIError:
        # Not even that can be said to a database that is gone; it undoes what has lost its connection by itself.
        db.session().invalidate()
    set_reading_only(True)


def _refused(error: RuleBroken) -> tuple[str, int]:
    _undo()
    # A foreign record looks exactly like none.
    status = 403 if isinstance(error, NotAllowed) else 404 if isinstance(error, NotFound) else 409
    return render_template("layout/refused.html", text=say(error), status=status), status


def _http(error: HTTPException) -> Any:
    if error.code is None or error.code < 400:
        return error
    if request.path.startswith("/api/v1/"):
        # No call was found at the address, so none of their handlers was asked.
        return current_app.extensions["api_problem"](error)
    if isinstance(error, InternalServerError):
        # What went wrong outside of the page itself comes here: before its guard, or when it was done.
        cause = error.original_exception
        if isinstance(cause, DBAPIError | PoolTimeoutError):
            return _database(cause)
        return _bug(cause or error)
    _undo()
    return render_template("layout/http_error.html", status=error.code), error.code


def _csrf(error: CSRFError) -> tuple[str, int]:
    _undo()
    # The form stood on a page of an earlier log-in, in another tab for example: what was typed need not be typed again.
    form = typed_here() if g.get("actor") is not None else None
    if form is not None:
        return typed_page(form), 400
    return render_template("layout/http_error.html", status=400, csrf=True), 400


def _bug(error: BaseException) -> tuple[str, int]:
    log.error("unexpected error", exc_info=error)
    _undo()
    return _without_asking("layout/http_error.html", status=500), 500


def _without_asking(template: str, texts: Mapping[str, str] | None = None, **values: Any) -> str:
    """A page that asks the database nothing, not even who reads it: the database may be what is broken.

    Args:
        template: its name.
        texts: msgids by the name under which the template has them.
        values: everything else it wants.

    """
    chosen = session.get("language")
    with force_locale(chosen if chosen in LOCALES else LOCALES[0]):
        said = {name: gettext(text) for name, text in (texts or {}).items()}
        return current_app.jinja_env.get_template(template).render(locale=chosen, **said, **values)


# Seconds until a browser or a program may try again.
_WAIT = 30
_NOT_OURS: dict[Trouble, tuple[str, str]] = {
    Trouble.BUSY: (
        N_("Somebody else is storing just now"),
        N_(
            "A long file is being stored, and others have to wait for it. Nothing of yours was stored half-way."
        ),
    ),
    Trouble.AWAY: (
        N_("The database does not answer just now"),
        N_("It is being restarted or cannot be reached. What you sent is stored whole or not at all."),
    ),
    Trouble.FULL: (
        N_("The disk of the server is full"),
        N_(
            "Nothing of what you sent was stored, and nothing half-way. The operator has to make room; please tell them."
        ),
    ),
    Trouble.READ_ONLY: (
        N_("Nothing can be stored just now"),
        N_("The system is being looked after and can only be read. Nothing of what you sent was stored."),
    ),
}


def _database(error: DBAPIError | PoolTimeoutError) -> tuple[str, int, dict[str, str]] | tuple[str, int]:
    """What is the database's trouble and not the program's is said so, with everything typed still there.

    Raises:
        DBAPIError: something else is wrong, and errors are to be seen.

    """
    trouble = trouble_of(error)
    if trouble is None:
        if current_app.testing:
            raise error
        return _bug(error)
    log.warning("the database is %s: %s", trouble.value, request.endpoint)
    _undo()
    posted = request.method == "POST"
    # What must not stand in a page, and what a browser sends anew only if it is chosen anew.
    secret = any("password" in name for name in request.form)
    typed = None
    if posted and not secret and not request.files:
        typed = [(name, value) for name, value in request.form.items(multi=True) if name != "csrf_token"]
    heading, why = _NOT_OURS[trouble]
    page = _without_asking(
        "layout/busy.html",
        {"heading": heading, "why": why},
        path=request.full_path.rstrip("?"),
        typed=typed,
        again=posted,
    )
    return page, 503, {"Retry-After": str(_WAIT)}


def init_app(app: Flask) -> None:
    """Register the pages; what works without a request says refusals through ``extensions["say_in"]``."""
    app.extensions["say_in"] = say_in
    app.register_error_handler(RuleBroken, _refused)
    app.register_error_handler(CSRFError, _csrf)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(DBAPIError, _database)
    app.register_error_handler(PoolTimeoutError, _database)
    if not app.testing:
        app.register_error_handler(Exception, _bug)
