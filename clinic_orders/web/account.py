"""One's own account: log in and out, the password, the organisation, the language, the size of letters."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response

from clinic_orders.actions import accounts as deeds
from clinic_orders.queries import accounts as questions
from clinic_orders.rules.accounts import (
    MIN_PASSWORD_LENGTH,
    AccountLocked,
    OldPasswordWrong,
    PasswordsDiffer,
)
from clinic_orders.rules.errors import RuleBroken
from clinic_orders.rules.parties import SYSTEM, Permission
from clinic_orders.rules.second_step import SecondStepNeeded
from clinic_orders.web import guards
from clinic_orders.web.addresses import own_path
from clinic_orders.web.errors import say
from clinic_orders.web.guards import needs, public
from clinic_orders.web.limits import limiter, login_limit

blueprint = Blueprint("account", __name__, url_prefix="/account")


@blueprint.route("/log-in", methods=["GET", "POST"])
@public
@limiter.limit(login_limit, methods=["POST"])
def log_in() -> Response | str | tuple[str, int]:
    """The log-in page."""
    target = own_path(request.values.get("next"), url_for("home.start"))
    if request.method != "POST":
        if current_user.is_authenticated:
            return redirect(target)
        return _log_in_page(target, why=request.args.get("why", ""))
    username, password = request.form.get("username", ""), request.form.get("password", "")
    try:
        found = deeds.log_in(username, password, by=SYSTEM, at=guards.at())
    except SecondStepNeeded as half:
        guards.wait_for_second_step(half.facts["user_id"], keep=bool(request.form.get("keep")))
        if held := request.form.get("held", ""):
            return render_template("second_step/enter.html", next=target, error="", over="", held=held)
        return redirect(url_for("second_step.enter", next=target))
    except RuleBroken as error:
        return _log_in_page(target, username=username, error=say(error)), 401
    guards.log_in_as(found, keep=bool(request.form.get("keep")))
    return guards.go_on(found, target, request.form.get("held", ""))


def _log_in_page(target: str, *, why: str = "", username: str = "", error: str = "") -> str:
    keep = request.form.get("keep") if request.method == "POST" else "1"
    return render_template(
        "account/log_in.html",
        next=target,
        why=why,
        username=username,
        keep=bool(keep),
        error=error,
        held=request.form.get("held", ""),
    )


@blueprint.post("/log-out")
@needs(Permission.SELF)
def log_out() -> Response:
    """Leave on this device."""
    deeds.log_out(by=guards.actor(), at=guards.at())
    guards.log_out_here()
    answer = redirect(url_for(".log_in", why="left"))
    # Pages that the browser kept are forgotten; what an inspector has not sent yet is not.
    answer.headers["Clear-Site-Data"] = '"cache"'
    return answer


@blueprint.route("/password", methods=["GET", "POST"])
@needs(Permission.SELF)
def change_password() -> Response | str | tuple[str, int]:
    """Set one's own password; the first log-in leads here."""
    target = own_path(request.values.get("next"), url_for("home.start"))
    if request.method != "POST":
        return _password_page(target)
    try:
        if request.form.get("new", "") != request.form.get("again", ""):
            raise PasswordsDiffer()
        epoch = deeds.change_password(
            request.form.get("old", ""), request.form.get("new", ""), by=guards.actor(), at=guards.at()
        )
    except RuleBroken as error:
        return _password_page(target, error), 400
    guards.go_on_after(epoch)
    flash(_("Your password has been changed. All other devices have been logged out."), "success")
    return redirect(target)


def _password_page(target: str, error: RuleBroken | None = None) -> str:
    fields = {OldPasswordWrong: "old", AccountLocked: "old", PasswordsDiffer: "again"}
    errors = {} if error is None else {fields.get(type(error), "new"): say(error)}
    return render_template(
        "account/change_password.html",
        next=target,
        errors=errors,
        first=current_user.must_change_password,
        least=MIN_PASSWORD_LENGTH,
    )


@blueprint.route("/organisation", methods=["GET", "POST"])
@needs(Permission.SELF)
def choose_organisation() -> Response | str:
    """Go on in another of one's organisations."""
    target = own_path(request.values.get("next"), url_for("home.start"))
    if request.method != "POST":
        posts = questions.posts_of(current_user.id, on=guards.today())
        return render_template(
            "account/choose_organisation.html",
            posts=posts,
            chosen=current_user.assignment_id,
            next=target,
        )
    assignment_id = request.form.get("assignment", type=int) or 0
    if assignment_id != current_user.assignment_id:
        deeds.choose_organisation(assignment_id, by=guards.actor(), at=guards.at())
        guards.go_on_as(assignment_id)
        # What the other organisation was about to see may not be this one's to see.
        target = url_for("home.start") if request.form.get("switch") else target
    return redirect(target)


@blueprint.post("/language")
@public
def language() -> Response:
    """Read in Chinese or English from now on."""
    chosen = "en" if request.form.get("locale") == "en" else "zh_CN"
    session["language"] = chosen
    if current_user.is_authenticated:
        deeds.set_language(chosen, by=guards.actor(), at=guards.at())
    return redirect(own_path(request.form.get("next"), url_for("home.start")))


@blueprint.post("/big-print")
@public
def big_print() -> Response:
    """Large letters on or off."""
    wanted = bool(request.form.get("big_print"))
    session["big_print"] = wanted
    if current_user.is_authenticated:
        deeds.set_big_print(wanted, by=guards.actor(), at=guards.at())
    return redirect(own_path(request.form.get("next"), url_for("home.start")))
