"""Who is at the door, and what this page asks of them. Closed by default: a page without a guard is refused.

Every endpoint carries ``@needs(Permission.X)`` or ``@public``. The person behind a request is loaded with one
statement; ``g.actor`` is who they are in the organisation they chose.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import wraps
from typing import ParamSpec, TypeVar

from flask import Flask, abort, current_app, g, redirect, request, session, url_for
from flask_login import LoginManager, current_user
from werkzeug.wrappers import Response

from clinic_orders import clock
from clinic_orders.models.base import set_reading_only
from clinic_orders.queries.accounts import principal
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.parties import Actor, NotAllowed, Permission

P = ParamSpec("P")
R = TypeVar("R")

login_manager = LoginManager()


@dataclass(frozen=True, slots=True)
class Person:
    """The logged-in person, as Flask-Login wants it; small, and loaded without the ORM."""

    id: int
    actor: Actor
    assignment_id: int
    organisations: int
    must_change_password: bool
    language: str
    big_print: bool
    is_authenticated: bool = True
    is_active: bool = True
    is_anonymous: bool = False

    def get_id(self) -> str:
        """The id that the session keeps."""
        return str(self.id)


def needs(permission: Permission) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Open a page to those whose active role carries the permission."""

    def decorate(view: Callable[P, R]) -> Callable[P, R]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            g.actor.need(permission)
            return view(*args, **kwargs)

        guarded.__guard__ = permission  # type: ignore[attr-defined]
        return guarded

    return decorate


def public(view: Callable[P, R]) -> Callable[P, R]:
    """Open a page to everybody, logged in or not."""
    view.__guard__ = "public"  # type: ignore[attr-defined]
    return view


def actor() -> Actor:
    """Who does what this request asks for."""
    current: Actor | None = g.get("actor")
    if current is None:
        raise NotAllowed()
    return current


def at() -> datetime:
    """The instant of this request, read once."""
    moment: datetime = g.now
    return moment


def today() -> date:
    """The day of this request in Asia/Shanghai."""
    return day_in_china(g.now)


@login_manager.user_loader  # type: ignore[untyped-decorator]
def _load_person(user_id: str) -> Person | None:
    """The person of the session, unless the session is over: expired, ended everywhere, account closed."""
    now: datetime = g.now
    since, seen = session.get("since"), session.get("seen")
    if since is None or seen is None:
        return None
    settings = current_app.extensions["settings"]
    idle = (
        timedelta(days=settings.session_days)
        if session.get("keep")
        else timedelta(hours=settings.session_hours)
    )
    started = datetime.fromtimestamp(since, UTC)
    if now - datetime.fromtimestamp(seen, UTC) > idle or now - started > timedelta(
        days=settings.session_days
    ):
        session["expired"] = True
        return None
    found = principal(int(user_id), session.get("assignment"), on=day_in_china(now))
    if found is None or found.session_epoch != session.get("epoch"):
        return None
    return Person(
        id=found.user_id,
        actor=found.actor,
        assignment_id=found.assignment_id,
        organisations=found.organisations,
        must_change_password=found.must_change_password,
        language=found.language,
        big_print=found.big_print,
    )


def _begin_request() -> Response | None:
    """Set the instant, the person and the kind of transaction; refuse what has no guard."""
    g.now = clock.now()
    g.actor = None
    set_reading_only(request.method in {"GET", "HEAD", "OPTIONS"})
    if request.endpoint is None:
        return None
    if request.endpoint == "static":
        return None
    guard = getattr(current_app.view_functions[request.endpoint], "__guard__", None)
    if guard is None:
        abort(404)
    if current_user.is_authenticated:
        g.actor = current_user.actor
        seen = int(g.now.timestamp())
        # The cookie is renewed at most once a minute, so that most pages send none.
        if seen - session.get("seen", 0) > 60:
            session["seen"] = seen
        free = {"account.change_password", "account.log_out"}
        if current_user.must_change_password and guard != "public" and request.endpoint not in free:
            return redirect(url_for("account.change_password"))
        return None
    if guard != "public":
        wanted = request.full_path.rstrip("?") if request.method == "GET" else None
        return redirect(
            url_for("account.log_in", next=wanted, expired=1 if session.pop("expired", None) else None)
        )
    return None


def init_app(app: Flask) -> None:
    """Put the guards before every request."""
    login_manager.init_app(app)
    login_manager.session_protection = None
    app.before_request(_begin_request)
