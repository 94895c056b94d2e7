"""Accounts as the bureaus and the operator look after them: list, one account, new ones, slips for a whole roster."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response, abort, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from itsdangerous import BadData, URLSafeTimedSerializer
from werkzeug.wrappers import Response as AnyResponse

from clinic_orders import documents
from clinic_orders.actions import accounts as deeds
from clinic_orders.actions.accounts import NewAccount
from clinic_orders.documents.slips import login_slips
from clinic_orders.queries import accounts as questions
from clinic_orders.queries.roster import has_demo_data
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.parties import Permission, Role
from clinic_orders.web import guards
from clinic_orders.web.display import label
from clinic_orders.web.downloads import file_answer
from clinic_orders.web.errors import say
from clinic_orders.web.guards import needs
from clinic_orders.web.listing import Column, as_file, page_cut, sort_order, wanted_file

blueprint = Blueprint("users", __name__, url_prefix="/accounts")

# Thirty sheets: hashing and printing them takes some seconds each; more are issued by pressing again.
AT_ONCE = 240
# The slips travel back once to become a PDF; afterwards the page itself is the only copy.
SLIPS_LIVE_FOR = 1800

_FILE = (
    Column(N_("Log-in name"), lambda row: row.username),
    Column(N_("Name"), lambda row: row.name),
    Column(N_("Role"), lambda row: row.role),
    Column(N_("Organisation"), lambda row: row.org_name),
    Column(N_("Code"), lambda row: row.org_code),
    Column(N_("Place"), lambda row: row.place),
    Column(N_("Telephone"), lambda row: row.phone),
    Column(N_("Role from"), lambda row: row.valid_from),
    Column(N_("Role to"), lambda row: row.valid_to),
    Column(N_("Last log-in"), lambda row: row.last_login_at),
    Column(N_("Closed at"), lambda row: row.disabled_at),
)


def _roles() -> list[Role]:
    """The roles whose accounts the actor looks after."""
    in_care = questions.ROLES_IN_CARE[guards.actor().role]
    return [role for role in Role if role in in_care]


def _counties() -> list[tuple[str, str]]:
    return [] if guards.actor().role is Role.COUNTY else questions.counties()


@blueprint.get("/")
@needs(Permission.ACCOUNTS_MANAGE)
def index() -> str | Response:
    """The accounts of one's scope."""
    role = request.args.get("role", "")
    sort = sort_order(questions.ACCOUNT_ORDERS, "username")
    wanted: dict[str, Any] = {
        "q": request.args.get("q", "").strip(),
        "role": Role(role) if role in set(_roles()) else None,
        "county_code": request.args.get("county", ""),
        "state": request.args.get("state", ""),
    }
    actor, day = guards.actor(), guards.today()
    if wanted_file():
        return as_file("accounts", _FILE, questions.list_accounts(actor, day, sort=sort, **wanted))
    cut = page_cut(questions.count_accounts(actor, day, **wanted))
    rows = questions.list_accounts(actor, day, sort=sort, offset=cut.offset, limit=cut.limit, **wanted)
    return render_template(
        "users/index.html",
        rows=rows,
        page=cut,
        sort=sort,
        roles=[(one.value, label(one)) for one in _roles()],
        counties=_counties(),
        waiting=questions.count_without_account(actor, day),
        filtered=any(wanted.values()),
        **wanted,
    )


@blueprint.get("/<int:user_id>")
@needs(Permission.ACCOUNTS_MANAGE)
def show(user_id: int) -> str:
    """One account with its roles."""
    return _account_page(user_id)


def _account_page(user_id: int, error: RuleBroken | None = None) -> str:
    actor, day = guards.actor(), guards.today()
    user = questions.account(actor, user_id, day)
    if user is None:
        abort(404)
    posts = questions.roles_of(actor, user_id, day)
    return render_template(
        "users/show.html",
        user=user,
        posts=posts,
        own=user.id == actor.user_id,
        second_step=questions.has_second_step(user.id),
        manageable=user.id != actor.user_id and all(post.in_scope for post in posts if post.in_force),
        locked=user.locked_until is not None and user.locked_until > guards.at(),
        roles=[(one.value, label(one)) for one in _roles()],
        counties=questions.counties(),
        error="" if error is None else say(error),
    )


@blueprint.post("/<int:user_id>/second-step")
@needs(Permission.ACCOUNTS_MANAGE)
def remove_second_step(user_id: int) -> AnyResponse:
    """Take the second step from somebody who lost phone and paper."""
    deeds.remove_second_step(user_id, by=guards.actor(), at=guards.at())
    flash(_("The second step has been taken away; all devices are logged out."), "success")
    return redirect(url_for(".show", user_id=user_id))


@blueprint.post("/<int:user_id>/password")
@needs(Permission.ACCOUNTS_MANAGE)
def reset(user_id: int) -> str:
    """Set a first password again and show it once."""
    made = deeds.reset_password(user_id, by=guards.actor(), at=guards.at())
    posts = questions.posts_of(user_id, on=guards.today())
    slip = asdict(made) | {
        "org_name": posts[0].org_name if posts else "",
        "place": posts[0].place if posts else "",
    }
    return slips_page([NewAccount(**slip)], back=url_for(".show", user_id=user_id))


@blueprint.post("/<int:user_id>/close")
@needs(Permission.ACCOUNTS_MANAGE)
def close(user_id: int) -> AnyResponse:
    """Lock an account."""
    deeds.close_account(user_id, by=guards.actor(), at=guards.at())
    flash(_("The account is closed and logged out everywhere."), "ok")
    return redirect(url_for(".show", user_id=user_id))


@blueprint.post("/<int:user_id>/reopen")
@needs(Permission.ACCOUNTS_MANAGE)
def reopen(user_id: int) -> AnyResponse:
    """Open an account again."""
    deeds.reopen_account(user_id, by=guards.actor(), at=guards.at())
    flash(_("The account can be used again with its old password."), "ok")
    return redirect(url_for(".show", user_id=user_id))


@blueprint.post("/<int:user_id>/sessions")
@needs(Permission.ACCOUNTS_MANAGE)
def end_sessions(user_id: int) -> AnyResponse:
    """Log a person out everywhere."""
    deeds.end_all_sessions(user_id, by=guards.actor(), at=guards.at())
    flash(_("All devices have been logged out."), "ok")
    return redirect(url_for(".show", user_id=user_id))


@blueprint.post("/<int:user_id>/roles")
@needs(Permission.ACCOUNTS_MANAGE)
def assign_role(user_id: int) -> AnyResponse | tuple[str, int]:
    """Give a person a role in another organisation."""
    if questions.account(guards.actor(), user_id, guards.today()) is None:
        abort(404)
    try:
        deeds.assign_role(user_id, **_place(), by=guards.actor(), at=guards.at())
    except RuleBroken as error:
        return _account_page(user_id, error), 400
    flash(_("The role has been given. The person chooses the organisation at the next log-in."), "ok")
    return redirect(url_for(".show", user_id=user_id))


@blueprint.post("/<int:user_id>/roles/<int:assignment_id>/end")
@needs(Permission.ACCOUNTS_MANAGE)
def end_role(user_id: int, assignment_id: int) -> AnyResponse:
    """End a role."""
    deeds.end_role(assignment_id, by=guards.actor(), at=guards.at())
    flash(_("The role has ended."), "ok")
    # The last role of one's scope may be gone, and the account with it.
    found = questions.account(guards.actor(), user_id, guards.today())
    return redirect(url_for(".show", user_id=user_id) if found else url_for(".index"))


class OrganisationNotFound(RuleBroken):
    """No organisation of this code in the actor's scope."""

    message = N_(
        "No organisation with the code %(code)s was found for this role. Look the code up in the roster."
    )


def _place() -> dict[str, Any]:
    """Role and organisation of a form, as the deeds want them.

    Raises:
        OrganisationNotFound: the code is not known here.

    """
    typed = request.form.get("role", "")
    role = Role(typed) if typed in set(_roles()) else Role.SYSTEM
    place: dict[str, Any] = {"role": role}
    code = request.form.get("code", "").strip()
    if role in {Role.INSTITUTION, Role.HOSPITAL, Role.DISTRIBUTOR}:
        found = questions.find_organisation(guards.actor(), role, code, guards.today())
        if found is None:
            raise OrganisationNotFound(code=code or "—")
        place["distributor_id" if role is Role.DISTRIBUTOR else "institution_id"] = found
    elif role is Role.COUNTY:
        place["county_code"] = request.form.get("county") or None
    return place


@blueprint.route("/new", methods=["GET", "POST"])
@needs(Permission.ACCOUNTS_MANAGE)
def open_new() -> str | tuple[str, int]:
    """Open one account."""
    if request.method == "GET":
        return _new_page()
    try:
        made = deeds.open_account(
            request.form.get("username", ""),
            request.form.get("name", "").strip(),
            **_place(),
            phone=request.form.get("phone", "").strip() or None,
            by=guards.actor(),
            at=guards.at(),
        )
    except RuleBroken as error:
        return _new_page(error), 400
    posts = questions.posts_of(made.user_id, on=guards.today())
    slip = asdict(made) | {"org_name": posts[0].org_name, "place": posts[0].place}
    return slips_page([NewAccount(**slip)], back=url_for(".show", user_id=made.user_id))


def _new_page(error: RuleBroken | None = None) -> str:
    return render_template(
        "users/open_new.html",
        roles=[(one.value, label(one)) for one in _roles()],
        counties=questions.counties(),
        typed=request.form,
        error="" if error is None else say(error),
    )


# Accounts for the whole roster, and their slips.


@blueprint.route("/issue", methods=["GET", "POST"])
@needs(Permission.ACCOUNTS_MANAGE)
def issue() -> str:
    """Accounts for all institutions without one; the passwords are shown once."""
    county = request.values.get("county", "")
    actor = guards.actor()
    if request.method == "POST":
        made = deeds.issue_accounts_for_roster(
            county_code=county or None, limit=AT_ONCE, by=actor, at=guards.at()
        )
        return slips_page(made, back=url_for(".issue", county=county or None))
    return render_template(
        "users/issue.html",
        waiting=questions.count_without_account(actor, guards.today(), county_code=county or None),
        county=county,
        counties=_counties(),
        at_once=AT_ONCE,
    )


def slips_page(slips: list[NewAccount], *, back: str) -> str:
    """The page that shows first passwords once, with the way to their paper."""
    return render_template(
        "users/slips.html",
        slips=slips,
        back=back,
        address=request.host_url.rstrip("/"),
        sealed=_seal().dumps([asdict(slip) for slip in slips]) if slips and documents.available() else "",
    )


def _seal() -> URLSafeTimedSerializer:
    """Signs the slips on their page, so that only what was issued here becomes a paper of ours."""
    return URLSafeTimedSerializer(current_app.config["SECRET_KEY"], salt="first-log-in-slips")


@blueprint.post("/slips.pdf")
@needs(Permission.ACCOUNTS_MANAGE)
def slips_pdf() -> Response:
    """The slips of the page as a PDF, eight on a sheet; nothing is stored."""
    try:
        slips = _seal().loads(request.form.get("slips", ""), max_age=SLIPS_LIVE_FOR)
    except BadData:
        abort(400)
    content = login_slips(
        slips, address=request.host_url.rstrip("/"), printed_at=guards.at(), demo=has_demo_data()
    )
    return file_answer(content, "first-log-in-slips.pdf")
