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

from flask import Flask, abort, current_app, g, redirect, render_template, request, session, url_for
from flask_login import LoginManager, current_user, login_user, logout_user
from sqlalchemy.exc import DBAPIError
from werkzeug.wrappers import Response

from clinic_orders import clock
from clinic_orders.actions.accounts import (
    choose_organisation,
    close_session,
    open_session,
    renew_session,
)
from clinic_orders.actions.transaction import end_reading
from clinic_orders.models.base import db, reading_only, set_reading_only
from clinic_orders.queries.accounts import Principal, has_second_step, principal
from clinic_orders.queries.remembered import learn
from clinic_orders.rules.accounts import token_digest
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.errors import RuleBroken
from clinic_orders.rules.parties import Actor, NotAllowed, Permission
from clinic_orders.rules.second_step import EXPECTED_OF, HALF_WAY, HalfWayTooLong
from clinic_orders.web import held as held_forms

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
    demo_data: bool
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


def signed(view: Callable[P, R]) -> Callable[P, R]:
    """Take messages of another machine, whose signature the view itself verifies; they carry no token of a form."""
    view.__signed__ = True  # type: ignore[attr-defined]
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


def log_in_as(found: Principal, *, keep: bool) -> None:
    """Begin a session of this person: a new one, so that nothing of an earlier one comes along.

    Args:
        found: who, in which organisation.
        keep: whether this phone stays logged in for ``session_days``.

    """
    chosen = {key: session[key] for key in ("language", "big_print") if key in session}
    session.clear()
    session.update(chosen)
    seconds = int(g.now.timestamp())
    session.update(since=seconds, seen=seconds, keep=keep, epoch=found.session_epoch)
    session["assignment"] = found.assignment_id
    session["device"] = open_session(request.user_agent.string or "", by=found.actor, at=g.now)
    session.permanent = keep
    person = _person(found)
    login_user(person)
    g.actor = person.actor
    look_at_second_step()


def way_in(found: Principal, target: str) -> str:
    """Where a log-in leads: to one's own password or organisation first, else to the page that was wanted."""
    if found.must_change_password:
        return url_for("account.change_password", next=target)
    if found.organisations > 1:
        return url_for("account.choose_organisation", next=target)
    return target


def go_on(found: Principal, target: str, held: str) -> Response | str:
    """The answer to a log-in: the way in, or what was typed when the log-in before had run out, ready to be sent.

    Args:
        found: who has logged in.
        target: the page that was wanted.
        held: the sealed form that the log-in page carried along, or nothing.

    """
    form = held_forms.unseal(held)
    ready = not found.must_change_password and "step_missing" not in session
    if form is None or not ready or form.user_id not in (None, found.user_id):
        return redirect(way_in(found, target))
    if found.organisations > 1 and form.assignment_id != found.assignment_id:
        try:
            if form.assignment_id is None:
                return redirect(way_in(found, target))
            choose_organisation(form.assignment_id, by=actor(), at=g.now)
        except RuleBroken:
            # They do not serve there any more, so what they typed for it has nobody to send it.
            return redirect(way_in(found, target))
        go_on_as(form.assignment_id)
    return typed_page(form)


def typed_page(form: held_forms.Held) -> str:
    """The page with everything that was typed and the one press that sends it."""
    return render_template("account/go_on.html", form=form, texts=form.texts() if form.files else [])


def wait_for_second_step(user_id: int, *, keep: bool) -> None:
    """Remember that the password was right; nobody is logged in yet."""
    _forget()
    session["half_way"] = {"user": user_id, "keep": keep, "since": int(g.now.timestamp())}


def half_way() -> tuple[int, bool]:
    """Whose password was right a moment ago, and whether they want to stay logged in.

    Raises:
        HalfWayTooLong: nobody's, or too long ago.

    """
    found = session.get("half_way")
    if found is None or g.now - datetime.fromtimestamp(found["since"], UTC) > HALF_WAY:
        raise HalfWayTooLong()
    return int(found["user"]), bool(found["keep"])


def go_on_as(assignment_id: int) -> None:
    """Let the session go on in another of the person's organisations, whose role may demand more."""
    session["assignment"] = assignment_id
    found = principal(current_user.id, assignment_id, on=today())
    if found is not None:
        g.actor = found.actor
        look_at_second_step()


def look_at_second_step() -> None:
    """Note whether this person has to set up the second step before anything else, as the settings may demand."""
    now = actor()
    demanded = current_app.extensions["settings"].second_step == "demanded" and now.role in EXPECTED_OF
    if demanded and now.user_id is not None and not has_second_step(now.user_id):
        session["step_missing"] = True
    else:
        session.pop("step_missing", None)


def device_token() -> str:
    """The token of this device's log-in."""
    return str(session.get("device", ""))


def go_on_after(epoch: int) -> None:
    """Let this device's session go on where all others of the person were ended."""
    session["epoch"] = epoch
    renew_session(device_token(), epoch, by=actor(), at=g.now)


def log_out_here() -> None:
    """End the session on this device, keeping the language and the size of letters."""
    close_session(device_token(), by=actor(), at=g.now)
    _forget()
    logout_user()
    g.actor = None


_OF_THE_PERSON = (
    "since",
    "seen",
    "keep",
    "epoch",
    "assignment",
    "_user_id",
    "_fresh",
    "_id",
    "csrf_token",
    "step_missing",
    "half_way",
    "device",
)


def _forget() -> None:
    for key in _OF_THE_PERSON:
        session.pop(key, None)


def _person(found: Principal) -> Person:
    return Person(
        id=found.user_id,
        actor=found.actor,
        assignment_id=found.assignment_id,
        organisations=found.organisations,
        must_change_password=found.must_change_password,
        language=found.language,
        big_print=found.big_print,
        demo_data=found.demo_data,
    )


def _session_is_over(now: datetime) -> bool:
    """Whether the session has run out: too long without a page, or too old in any case."""
    settings = current_app.extensions["settings"]
    longest = timedelta(days=settings.session_days)
    idle = longest if session.get("keep") else timedelta(hours=settings.session_hours)
    since = datetime.fromtimestamp(session["since"], UTC)
    seen = datetime.fromtimestamp(session["seen"], UTC)
    return now - seen > idle or now - since > longest


@login_manager.user_loader  # type: ignore[untyped-decorator]
def _load_person(user_id: str) -> Person | None:
    """The person of the session, unless the session is over: expired, ended everywhere, account closed."""
    if "since" not in session or "seen" not in session:
        return None
    if _session_is_over(g.now):
        g.session_over = "expired"
        return None
    # A deed takes the writer's place for itself; who asks for it is read before, and without it.
    with reading_only():
        found = principal(
            int(user_id),
            session.get("assignment"),
            on=day_in_china(g.now),
            device=token_digest(device_token()),
        )
        if request.method not in READING:
            end_reading()
        elif found is not None:
            learn(found.stamps)
    if found is None or not found.device_open or found.session_epoch != session.get("epoch"):
        g.session_over = "ended"
        return None
    return _person(found)


READING = frozenset({"GET", "HEAD", "OPTIONS"})
_BEFORE_SECOND_STEP = frozenset(
    {
        "account.change_password",
        "account.choose_organisation",
        "account.log_out",
        "second_step.begin",
        "second_step.confirm",
        "second_step.show",
    }
)
# What a person with a first password may do besides setting their own.
_BEFORE_FIRST_PASSWORD = frozenset({"account.change_password", "account.log_out"})


def _takes_tokens() -> bool:
    """Whether the endpoint is one for programs: it asks for a token itself and no session opens it."""
    return getattr(current_app.view_functions.get(request.endpoint or ""), "__bearer__", False)


def _begin_request() -> Response | tuple[str, int] | None:
    """Set the instant, the person and the kind of transaction; refuse what has no guard."""
    g.now = clock.now()
    g.actor = None
    set_reading_only(request.method in READING)
    if request.endpoint == "static" or _takes_tokens():
        return None
    if current_user.is_authenticated:
        g.actor = current_user.actor
        seconds = int(g.now.timestamp())
        # The cookie is renewed at most once a minute, so that most pages send none.
        if seconds - session["seen"] > 60:
            session["seen"] = seconds
    elif "session_over" in g:
        g.held = held_forms.typed_here(int(session["_user_id"]), session.get("assignment"))
        _forget()
    if request.endpoint is None:
        return None
    guard = getattr(current_app.view_functions[request.endpoint], "__guard__", None)
    if guard is None:
        abort(404)
    if guard == "public":
        return None
    if g.actor is None:
        return _to_log_in()
    if current_user.must_change_password and request.endpoint not in _BEFORE_FIRST_PASSWORD:
        return redirect(url_for("account.change_password"))
    if "step_missing" in session and request.endpoint not in _BEFORE_SECOND_STEP:
        return redirect(url_for("second_step.show"))
    return None


def _end_request(response: Response) -> Response:
    """Let go of what a page has read."""
    if request.method in READING and request.endpoint != "static":
        try:
            end_reading()
        except DBAPIError:
            # The database went away when the page was there already.
            db.session().invalidate()
    return response


def _forget_the_kind_of_transaction(_error: BaseException | None) -> None:
    """What this thread does after the request is no part of it."""
    set_reading_only(False)


def _to_log_in() -> Response | tuple[str, int]:
    """The log-in page, which says why and leads back; after a form, to the page on which it stood, with what was typed."""
    why = g.get("session_over")
    if request.method in READING:
        return redirect(url_for("account.log_in", next=request.full_path.rstrip("?"), why=why))
    wanted = held_forms.back_path()
    form: held_forms.Held | None = g.get("held") or held_forms.typed_here()
    if form is None or "text/html" not in request.accept_mimetypes.values():
        return redirect(url_for("account.log_in", next=wanted, why=why))
    page = render_template(
        "account/log_in.html",
        next=wanted or url_for("home.start"),
        why=why or "expired",
        username="",
        keep=True,
        error="",
        held=held_forms.seal(form),
    )
    return page, 401


def init_app(app: Flask) -> None:
    """Put the guards before every request, and before whatever else looks at it."""
    login_manager.init_app(app)
    login_manager.session_protection = None
    # The instant and the person must be known when a missing CSRF token or too many tries are answered.
    app.before_request_funcs.setdefault(None, []).insert(0, _begin_request)
    app.after_request(_end_request)
    app.teardown_request(_forget_the_kind_of_transaction)
