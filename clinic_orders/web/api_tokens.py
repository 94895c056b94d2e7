"""Tokens of other programs, as the operator makes, sees and revokes them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as AnyResponse

from clinic_orders.actions import api_tokens as deeds
from clinic_orders.queries import api_tokens as questions
from clinic_orders.queries.api_tokens import Owner, TokensWanted
from clinic_orders.rules.api import LONGEST_NAME, MOST_DAYS, SCOPES, USUAL_DAYS
from clinic_orders.rules.days import parse_day
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.parties import GRANTS, Permission
from clinic_orders.web import guards
from clinic_orders.web.display import label, register_labels
from clinic_orders.web.errors import say
from clinic_orders.web.guards import needs
from clinic_orders.web.listing import Column, as_file, page_cut, sort_order, wanted_file

blueprint = Blueprint("api_tokens", __name__, url_prefix="/tokens")

register_labels(
    {
        Permission.CATALOGUE_READ: N_("read the catalogue and prices"),
        Permission.ORDERS_READ: N_("read orders"),
        Permission.ORDERS_PLACE: N_("place orders"),
        Permission.ORDERS_ANSWER: N_("answer orders"),
        Permission.DELIVERIES_SHIP: N_("ship goods"),
        Permission.DELIVERIES_ACCEPT: N_("accept goods and ask for returns"),
        Permission.PAYMENTS_READ: N_("read payments"),
        Permission.PAYMENTS_RECORD: N_("enter payments"),
        Permission.REPORTS_MAKE: N_("report sales and stock counts"),
        Permission.FINDINGS_READ: N_("read findings"),
        Permission.STATISTICS_READ: N_("read statistics"),
        Permission.WEBHOOKS_MANAGE: N_("be told what happens (webhooks)"),
    }
)

_FILE = (
    Column(N_("Program"), lambda row: row.name),
    Column(N_("Begins with"), lambda row: row.mark),
    Column(N_("Log-in name"), lambda row: row.username),
    Column(N_("Name"), lambda row: row.person),
    Column(N_("Role"), lambda row: row.role),
    Column(N_("Organisation"), lambda row: row.org_name),
    Column(N_("May"), lambda row: row.scopes),
    Column(N_("Token made at"), lambda row: row.created_at),
    Column(N_("Made by"), lambda row: row.created_by_name),
    Column(N_("Ends at"), lambda row: row.expires_at),
    Column(N_("Last used"), lambda row: row.last_used_at),
    Column(N_("Revoked at"), lambda row: row.revoked_at),
)


class AccountUnknown(RuleBroken):
    """Nobody logs in with this name, or not any more."""

    message = N_("No open account has the log-in name %(name)s. Look it up under Accounts.")


@blueprint.get("/")
@needs(Permission.TOKENS_MANAGE)
def index() -> str | Response:
    """The tokens there are, and were."""
    wanted = TokensWanted(request.args.get("q", "").strip()[:64], request.args.get("state", ""))
    sort = sort_order(questions.SORTS, "-created")
    on, at = guards.today(), guards.at()
    if wanted_file():
        return as_file("tokens", _FILE, questions.list_tokens(wanted, on=on, at=at, sort=sort))
    cut = page_cut(questions.count_tokens(wanted, on=on, at=at))
    return render_template(
        "api_tokens/index.html",
        rows=questions.list_tokens(wanted, on=on, at=at, sort=sort, limit=cut.limit, offset=cut.offset),
        scopes=lambda row: [label(one) for one in SCOPES if one in questions.scopes_of(row.scopes)],
        page=cut,
        sort=sort,
        wanted=wanted,
        filtered=wanted != TokensWanted(),
        at=at,
    )


def _typed() -> dict[str, Any]:
    """What a form says, or the usual values of an empty one."""
    usual = guards.today() + timedelta(days=USUAL_DAYS)
    return {
        "username": request.values.get("username", "").strip()[:64],
        "name": request.form.get("name", ""),
        "expires_on": request.form.get("expires_on", usual.isoformat()),
        "scopes": request.form.getlist("scope"),
        "assignment": request.form.get("assignment", ""),
    }


def _new_page(error: RuleBroken | None = None, field: str = "username") -> str:
    typed = _typed()
    found = questions.owners(typed["username"], on=guards.today()) if typed["username"] else []
    possible = [one for one in SCOPES if any(one in GRANTS[owner.role] for owner in found)]
    if typed["username"] and not found and error is None:
        error = AccountUnknown(name=typed["username"])
    return render_template(
        "api_tokens/new.html",
        typed=typed,
        owners=[(str(owner.assignment_id), _words(owner)) for owner in found],
        scopes=[(one.value, label(one)) for one in possible],
        latest=guards.today() + timedelta(days=MOST_DAYS),
        today=guards.today(),
        most=LONGEST_NAME,
        error="" if error is None else say(error),
        error_at=field,
    )


def _words(owner: Owner) -> str:
    where = f" · {owner.org_name}" if owner.org_name else ""
    return f"{owner.person} · {label(owner.role)}{where}"


@blueprint.get("/new")
@needs(Permission.TOKENS_MANAGE)
def new() -> str:
    """First whose token, then what it may do."""
    return _new_page()


_FIELDS = {
    "TokenNameWrong": "name",
    "ScopeMissing": "scope",
    "ScopeNotOfRole": "scope",
    "ExpiryWrong": "expires_on",
    "DayNotUnderstood": "expires_on",
}


@blueprint.post("/new")
@needs(Permission.TOKENS_MANAGE)
def make() -> str | tuple[str, int]:
    """Make a token and show it once."""
    typed = _typed()
    owners = questions.owners(typed["username"], on=guards.today())
    chosen = next((one for one in owners if str(one.assignment_id) == typed["assignment"]), None)
    known = {one.value: one for one in SCOPES}
    try:
        if chosen is None:
            raise AccountUnknown(name=typed["username"] or "—")
        made = deeds.make_token(
            chosen.assignment_id,
            typed["name"],
            [known[word] for word in typed["scopes"] if word in known],
            parse_day(typed["expires_on"]),
            by=guards.actor(),
            at=guards.at(),
        )
    except RuleBroken as refusal:
        if "scope" in refusal.facts:
            refusal.facts["scope"] = label(Permission(refusal.facts["scope"]))
        return _new_page(refusal, _FIELDS.get(refusal.code, "username")), 422
    return render_template(
        "api_tokens/made.html",
        made=made,
        name=typed["name"].strip(),
        owner=_words(chosen),
        on=made.expires_at,
    )


@blueprint.post("/<int:token_id>/revoke")
@needs(Permission.TOKENS_MANAGE)
def revoke(token_id: int) -> AnyResponse:
    """End a token at once."""
    token = deeds.revoke_token(token_id, by=guards.actor(), at=guards.at())
    flash(_("The token %(mark)s is revoked: its next call is refused.", mark=token.mark), "ok")
    return redirect(url_for(".index"))
