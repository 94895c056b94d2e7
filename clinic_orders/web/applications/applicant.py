"""The applicant's pages without a log-in: begin, come back with number and secret, send, withdraw, the published list."""

from __future__ import annotations

import secrets

from flask import abort, flash, redirect, render_template, request, session, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from clinic_orders.actions import applications as deeds
from clinic_orders.actions.loading import NotFound
from clinic_orders.models.applications import Application
from clinic_orders.queries import applications as queries
from clinic_orders.rules.applications import (
    APPLYING_KINDS,
    FILLED_IN,
    ApplicationSide,
    ApplicationState,
    ApplicationStep,
    application_steps_open_to,
    next_window,
    parts_of,
)
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.parties import InstitutionKind
from clinic_orders.web.applications.door import (
    HELD,
    SHAPES,
    as_download,
    blueprint,
    doer,
    held,
    letter_paper,
)
from clinic_orders.web.applications.words import NEXT_STEP
from clinic_orders.web.display import label
from clinic_orders.web.errors import say
from clinic_orders.web.guards import at, public, today
from clinic_orders.web.limits import limiter

# What the applicant reads of the bureau's steps; who thought what inside the bureau is its own matter.
TOLD = frozenset(
    {
        ApplicationStep.BEGIN,
        ApplicationStep.SIGN,
        ApplicationStep.SUBMIT,
        ApplicationStep.SEND_BACK,
        ApplicationStep.GIVE_OPINION,
        ApplicationStep.ADMIT,
        ApplicationStep.REFUSE,
        ApplicationStep.CONFIRM,
        ApplicationStep.STOP,
        ApplicationStep.ENROL,
        ApplicationStep.WITHDRAW,
    }
)


class SecretWrong(RuleBroken):
    """The same sentence for an unknown number and a wrong secret."""

    message = N_(
        "The application number or the code is not right. Both stand on the page that you were asked to write down or photograph; if it is lost, begin a new application."
    )


@blueprint.get("/apply/")
@public
def start() -> str:
    """Who may apply, what is needed, and where an application begins."""
    return _start()


def _start(error: RuleBroken | None = None) -> str:
    window = next_window(queries.terms(InstitutionKind.RETAIL_PHARMACY, on=today()).window, on=today())
    return render_template(
        "applications/start.html",
        kinds=[(kind.value, label(kind)) for kind in APPLYING_KINDS],
        counties=queries.all_counties(),
        window=window,
        open_now=window is None or window[0] <= today(),
        mine=held(),
        typed=request.form,
        key=request.form.get("key") or secrets.token_urlsafe(24),
        error=None if error is None else (_field_of(error), say(error)),
        today=today(),
    )


def _field_of(error: RuleBroken) -> str:
    return {"NameMissing": "name", "UnknownCounty": "county_code"}.get(error.code, "kind")


@blueprint.post("/apply/")
@public
@limiter.limit("20 per hour")
def begin() -> str | tuple[str, int]:
    """Begin an application; number and code are shown once."""
    kind = request.form.get("kind", "")
    if kind not in set(InstitutionKind):
        abort(400)
    name = request.form.get("name", "")
    try:
        begun = deeds.begin_application(
            InstitutionKind(kind),
            name,
            request.form.get("county_code", ""),
            chain=bool(request.form.get("chain")),
            key=request.form.get("key", "")[:64] or secrets.token_urlsafe(24),
            by=deeds.visitor("", " ".join(name.split())[:64]),
            at=at(),
        )
    except RuleBroken as error:
        return _start(error), 422
    session[HELD] = begun.number
    return render_template("applications/begun.html", begun=begun)


@blueprint.route("/apply/status", methods=["GET", "POST"])
@public
@limiter.limit("20 per minute", methods=["POST"])
def enter() -> str | Response | tuple[str, int]:
    """Open an application with its number and code."""
    if request.method == "GET":
        return render_template("applications/enter.html", typed=request.args, error="")
    found = queries.application_for_applicant(
        request.form.get("number", "")[:32], request.form.get("code", "")[:64]
    )
    if found is None:
        return render_template("applications/enter.html", typed=request.form, error=say(SecretWrong())), 401
    session[HELD] = found.number
    return redirect(url_for(".mine"), 303)


@blueprint.post("/apply/leave")
@public
def leave() -> Response:
    """Close the application on this device."""
    session.pop(HELD, None)
    flash(gettext("The application is closed on this device. Number and code open it again."), "ok")
    return redirect(url_for(".enter"), 303)


@blueprint.get("/apply/published")
@public
def published() -> str:
    """Those who are to be admitted, while anybody may object."""
    return render_template("applications/published.html", rows=queries.published(today()), today=today())


def mine_or_enter() -> Application | Response:
    """The application of this session, or the way to the page that opens one."""
    return held() or redirect(url_for(".enter"))


def sheet(found: Application, error: str = "") -> str:
    """The page of one application for the applicant: state, what is missing, what comes next, what happened."""
    steps = application_steps_open_to({ApplicationSide.APPLICANT}, found.state)
    writing = found.state in FILLED_IN
    missing = queries.missing_parts(found, on=today()) if writing else []
    events = [one for one in queries.events_of(found.id) if one.step in TOLD]
    back = next((one for one in reversed(events) if one.step is ApplicationStep.SEND_BACK), None)
    return render_template(
        "applications/mine.html",
        a=found,
        shape=SHAPES[found.state],
        writing=writing,
        parts=parts_of(chain=found.chain),
        missing=missing,
        asked=queries.terms(found.kind, on=today()),
        met=queries.conditions_of(found, queries.terms(found.kind, on=today())),
        may_send=ApplicationStep.SUBMIT in steps,
        may_withdraw=ApplicationStep.WITHDRAW in steps,
        next_step=NEXT_STEP[found.state],
        events=events,
        sent_back=back if found.state is ApplicationState.RETURNED else None,
        county=queries.county_name(found.county_code),
        error=error,
        today=today(),
    )


@blueprint.get("/apply/mine")
@public
def mine() -> str | Response:
    """The application of this session."""
    found = mine_or_enter()
    return sheet(found) if isinstance(found, Application) else found


@blueprint.post("/apply/mine")
@public
@limiter.limit("30 per hour")
def act() -> Response | tuple[str, int]:
    """Send the application, or withdraw it."""
    found = mine_or_enter()
    if not isinstance(found, Application):
        return found
    wanted = request.form.get("do", "")
    if wanted not in {"send", "withdraw"}:
        abort(400)
    number, version = found.number, request.form.get("version", type=int)
    try:
        if wanted == "send":
            deeds.submit_application(number, seen_version=version, by=doer(found), at=at())
            flash(gettext("The application has been sent to the county bureau."), "ok")
        else:
            reason = request.form.get("reason", "")
            deeds.withdraw_application(number, reason, seen_version=version, by=doer(found), at=at())
            flash(gettext("The application is withdrawn."), "ok")
    except NotFound:
        abort(404)
    except RuleBroken as error:
        again = queries.application_by_number(number)
        assert again is not None, "applications are never deleted"
        return sheet(again, say(error)), 422
    return redirect(url_for(".mine"), 303)


@blueprint.get("/apply/letter.pdf")
@public
def my_letter() -> Response | tuple[str, int]:
    """The signed letter as a paper."""
    found = mine_or_enter()
    return letter_paper(found) if isinstance(found, Application) else found


@blueprint.get("/apply/files/<int:file_id>")
@public
def my_file(file_id: int) -> Response:
    """One of the applicant's own papers."""
    found = mine_or_enter()
    return as_download(queries.file_of(found.id, file_id)) if isinstance(found, Application) else found
