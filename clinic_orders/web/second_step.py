"""The second step 两步登录: enter a code after the password; set it up, make a new sheet of codes, switch it off."""

from __future__ import annotations

import segno
from flask import Blueprint, current_app, flash, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from clinic_orders.actions import accounts as deeds
from clinic_orders.queries import accounts as questions
from clinic_orders.rules import second_step as rules
from clinic_orders.rules.errors import RuleBroken
from clinic_orders.rules.parties import SYSTEM, Permission
from clinic_orders.rules.second_step import HalfWayTooLong, SecondStepIsDemanded
from clinic_orders.web import guards
from clinic_orders.web.addresses import own_path
from clinic_orders.web.errors import say
from clinic_orders.web.guards import needs, public
from clinic_orders.web.limits import limiter, login_limit

blueprint = Blueprint("second_step", __name__, url_prefix="/account/second-step")

ISSUER = "三进药品采购"


@blueprint.route("/enter", methods=["GET", "POST"])
@public
@limiter.limit(login_limit, methods=["POST"])
def enter() -> Response | str | tuple[str, int]:
    """Six digits, after a right password."""
    target = own_path(request.values.get("next"), url_for("home.start"))
    held = request.form.get("held", "")
    try:
        user_id, keep = guards.half_way()
        if request.method != "POST":
            return render_template("second_step/enter.html", next=target, error="", over="", held="")
        found = deeds.finish_log_in(user_id, request.form.get("code", ""), by=SYSTEM, at=guards.at())
    except HalfWayTooLong as over:
        return render_template("second_step/enter.html", next=target, error="", over=say(over), held=""), 401
    except RuleBroken as error:
        return render_template(
            "second_step/enter.html", next=target, error=say(error), over="", held=held
        ), 401
    guards.log_in_as(found, keep=keep)
    return guards.go_on(found, target, held)


def _own_id() -> int:
    user_id = guards.actor().user_id
    assert user_id is not None
    return user_id


def _is_demanded() -> bool:
    settings = current_app.extensions["settings"]
    return settings.second_step == "demanded" and guards.actor().role in rules.EXPECTED_OF


def _page(error: RuleBroken | None = None, where: str = "") -> str:
    state = questions.second_step_of(_own_id())
    picture = ""
    if state.secret:
        address = rules.address(state.secret, guards.actor().name, ISSUER)
        picture = segno.make(address, error="m", micro=False).svg_data_uri(border=2, scale=5)
    return render_template(
        "second_step/show.html",
        state=state,
        letters=" ".join(state.secret[place : place + 4] for place in range(0, len(state.secret), 4)),
        picture=picture,
        demanded=_is_demanded(),
        missing="step_missing" in session,
        errors={} if error is None else {where: say(error)},
    )


@blueprint.get("/")
@needs(Permission.SELF)
def show() -> str:
    """How one's own second step stands; while it is set up, the picture for the phone."""
    return _page()


@blueprint.post("/begin")
@needs(Permission.SELF)
@limiter.limit(login_limit)
def begin() -> Response | tuple[str, int]:
    """Make the secret and show it, for who knows the password."""
    try:
        deeds.begin_second_step(request.form.get("password", ""), by=guards.actor(), at=guards.at())
    except RuleBroken as error:
        return _page(error, "password"), 400
    return redirect(url_for(".show"))


@blueprint.post("/confirm")
@needs(Permission.SELF)
@limiter.limit(login_limit)
def confirm() -> str | tuple[str, int]:
    """Show that the phone has it; the sheet of codes is shown this once."""
    try:
        epoch, codes = deeds.confirm_second_step(
            request.form.get("code", ""), by=guards.actor(), at=guards.at()
        )
    except RuleBroken as error:
        return _page(error, "code"), 400
    guards.go_on_after(epoch)
    session.pop("step_missing", None)
    return render_template("second_step/codes.html", codes=codes, first=True)


@blueprint.post("/codes")
@needs(Permission.SELF)
@limiter.limit(login_limit)
def codes() -> str | tuple[str, int]:
    """A new sheet; the old one is void."""
    try:
        made = deeds.renew_paper_codes(request.form.get("code", ""), by=guards.actor(), at=guards.at())
    except RuleBroken as error:
        return _page(error, "sheet"), 400
    return render_template("second_step/codes.html", codes=made, first=False)


@blueprint.post("/end")
@needs(Permission.SELF)
@limiter.limit(login_limit)
def end() -> Response | tuple[str, int]:
    """Switch it off, with the password once more."""
    try:
        if _is_demanded():
            raise SecondStepIsDemanded()
        deeds.end_second_step(request.form.get("password", ""), by=guards.actor(), at=guards.at())
    except RuleBroken as error:
        return _page(error, "password"), 400
    flash(_("The second step is off. The password alone opens this account."), "success")
    return redirect(url_for(".show"))
