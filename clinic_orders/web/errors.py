"""A refusal becomes a page in the reader's language that says what to do; anything else is a bug and is logged."""

from __future__ import annotations

import logging
import sqlite3
from datetime import date, datetime
from enum import Enum
from typing import Any

from flask import Flask, current_app, render_template, request
from flask_babel import force_locale, gettext
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException

from clinic_orders.models.base import db, set_reading_only
from clinic_orders.rules.errors import RuleBroken
from clinic_orders.rules.parties import NotAllowed
from clinic_orders.web.display import day_full, label

log = logging.getLogger(__name__)

_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_BUSY_SNAPSHOT, sqlite3.SQLITE_LOCKED})


def _shown(value: Any) -> Any:
    """A fact as it stands in a sentence."""
    if isinstance(value, Enum):
        return label(value)
    if isinstance(value, date) and not isinstance(value, datetime):
        return day_full(value)
    return value


def say(error: RuleBroken) -> str:
    """The refusal's sentence in the reader's language, its places filled."""
    return str(gettext(error.message)) % {key: _shown(value) for key, value in error.facts.items()}


def say_in(error: RuleBroken, language: str) -> str:
    """The same in a language, for whoever reads it later."""
    with force_locale(language):
        return say(error)


def say_stored(message: str, facts: dict[str, Any]) -> str:
    """The same for a refusal that was kept in the database as message and plain facts."""
    return str(gettext(message)) % facts


def _undo() -> None:
    """Take back what the deed began; the page that says so only reads, so it need not wait for writers."""
    db.session.rollback()
    set_reading_only(True)


def _refused(error: RuleBroken) -> tuple[str, int]:
    _undo()
    status = 403 if isinstance(error, NotAllowed) else 409
    return render_template("layout/refused.html", text=say(error), status=status), status


def _http(error: HTTPException) -> Any:
    if error.code is None or error.code < 400:
        return error
    _undo()
    return render_template("layout/http_error.html", status=error.code), error.code


def _csrf(error: CSRFError) -> tuple[str, int]:
    _undo()
    return render_template("layout/http_error.html", status=400, csrf=True), 400


def _bug(error: Exception) -> tuple[str, int]:
    log.exception("unexpected error")
    _undo()
    return render_template("layout/http_error.html", status=500), 500


# Seconds until a browser or a program may try again.
_WAIT = 30


def _database(error: OperationalError) -> tuple[str, int, dict[str, str]] | tuple[str, int]:
    """SQLite has one writer; who could not have its place in time is told so, with everything typed still there.

    Raises:
        OperationalError: something else is wrong, and errors are to be seen.

    """
    if getattr(error.orig, "sqlite_errorcode", None) not in _BUSY:
        if current_app.testing:
            raise error
        return _bug(error)
    log.warning("the writer's place was taken for too long: %s", request.path)
    _undo()
    posted = request.method == "POST"
    # What must not stand in a page, and what a browser sends anew only if it is chosen anew.
    secret = any("password" in name for name in request.form)
    typed = None
    if posted and not secret and not request.files:
        typed = [(name, value) for name, value in request.form.items(multi=True) if name != "csrf_token"]
    page = render_template("layout/busy.html", path=request.full_path.rstrip("?"), typed=typed, again=posted)
    return page, 503, {"Retry-After": str(_WAIT)}


def init_app(app: Flask) -> None:
    """Register the pages; what works without a request says refusals through ``extensions["say_in"]``."""
    app.extensions["say_in"] = say_in
    app.register_error_handler(RuleBroken, _refused)
    app.register_error_handler(CSRFError, _csrf)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(OperationalError, _database)
    if not app.testing:
        app.register_error_handler(Exception, _bug)
