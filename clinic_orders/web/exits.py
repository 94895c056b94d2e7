"""Leaving the roster: an institution asks and sees what stays; the bureau's list and decision (R-ROSTER-3)."""

from __future__ import annotations

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response as AnyResponse

from clinic_orders.actions import exits as deeds
from clinic_orders.actions.loading import ChangedMeanwhile, NotFound
from clinic_orders.queries import exits as queries
from clinic_orders.queries.roster import standing
from clinic_orders.queries.roster_consequences import owed_by, when_leaving
from clinic_orders.rules.days import parse_day
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.exits import ExitState
from clinic_orders.rules.parties import PUBLIC_KINDS, Permission
from clinic_orders.web.display import label, register_labels
from clinic_orders.web.errors import say
from clinic_orders.web.guards import actor, at, needs, today
from clinic_orders.web.listing import Column, as_file, page_cut, sort_order, wanted_file
from clinic_orders.web.roster.consequence_words import said

blueprint = Blueprint("exits", __name__)

register_labels(
    {
        ExitState.ASKED: N_("Waiting for the bureau"),
        ExitState.WITHDRAWN: N_("Request taken back"),
        ExitState.AGREED: N_("Leaving agreed"),
        ExitState.REFUSED: N_("Leaving not agreed"),
    }
)
SHAPES = {
    ExitState.ASKED: "wait",
    ExitState.WITHDRAWN: "off",
    ExitState.AGREED: "ok",
    ExitState.REFUSED: "bad",
}
COLUMNS = (
    Column(N_("Code"), lambda row: row.code),
    Column(N_("Name"), lambda row: row.name),
    Column(N_("Kind"), lambda row: row.kind),
    Column(N_("County"), lambda row: row.county),
    Column(N_("State"), lambda row: row.state),
    Column(N_("Last day"), lambda row: row.last_day),
    Column(N_("Reason"), lambda row: row.reason),
    Column(N_("Asked at"), lambda row: row.asked_at),
    Column(N_("Answer of the bureau"), lambda row: row.answer),
)


def _own_page(error: RuleBroken | None = None) -> str:
    institution_id = actor().institution_id
    if institution_id is None:
        abort(404)
    held = standing(institution_id, on=today())
    found = when_leaving(institution_id, last_day=today(), owed=owed_by(institution_id, on=today()))
    requests = queries.requests_of(institution_id)
    fields = {"ExitNeedsReason": "reason", "ExitDayTooEarly": "last_day", "DayNotUnderstood": "last_day"}
    return render_template(
        "exits/own.html",
        name=held.name,
        public=held.kind in PUBLIC_KINDS,
        follows=[(said(one), one.names) for one in found],
        requests=requests,
        waiting=requests[0] if requests and requests[0].state is ExitState.ASKED else None,
        shapes=SHAPES,
        typed=request.form,
        errors=[] if error is None else [(fields.get(error.code, ""), say(error))],
        today=today(),
    )


@blueprint.route("/exit", methods=["GET", "POST"])
@needs(Permission.REPORTS_MAKE)
def own() -> str | AnyResponse | tuple[str, int]:
    """What stays when we leave, and the request itself."""
    if request.method == "GET":
        return _own_page()
    try:
        if request.form.get("do") == "withdraw":
            deeds.withdraw_exit(
                request.form.get("id", 0, int),
                seen_version=request.form.get("version", type=int),
                by=actor(),
                at=at(),
            )
            flash(gettext("The request is taken back."), "ok")
        else:
            day = parse_day(request.form.get("last_day", ""))
            deeds.ask_to_leave(request.form.get("reason", ""), day, by=actor(), at=at())
            flash(gettext("The request has been sent to the bureau."), "ok")
    except NotFound:
        abort(404)
    except RuleBroken as error:
        return _own_page(error), 422
    return redirect(url_for(".own"), 303)


def _index(error: RuleBroken | None = None) -> str:
    words, state = request.args.get("q", "").strip()[:64], request.args.get("state", "")
    sort = sort_order(set(queries.EXIT_SORTS), "-asked")
    page = page_cut(queries.count_exits(actor(), words=words, state=state, on=today()))
    return render_template(
        "exits/index.html",
        rows=queries.exit_lines(
            actor(), words=words, state=state, on=today(), sort=sort, limit=page.limit, offset=page.offset
        ),
        words=words,
        state=state,
        states=[(one.value, label(one)) for one in ExitState],
        filtered=bool(words or state),
        may_decide=actor().may(Permission.ROSTER_MANAGE),
        shapes=SHAPES,
        errors=[] if error is None else [("", say(error))],
        typed=request.form,
        page=page,
        sort=sort,
        today=today(),
    )


@blueprint.get("/exits/")
@needs(Permission.APPLICATIONS_HANDLE)
def index() -> str | Response:
    """Who asks to leave."""
    if wanted_file():
        words, state = request.args.get("q", "").strip()[:64], request.args.get("state", "")
        sort = sort_order(set(queries.EXIT_SORTS), "-asked")
        rows = queries.exit_lines(actor(), words=words, state=state, on=today(), sort=sort)
        return as_file("exits", COLUMNS, rows)
    return _index()


@blueprint.post("/exits/")
@needs(Permission.ROSTER_MANAGE)
def decide() -> AnyResponse | tuple[str, int]:
    """Agree or refuse."""
    form = request.form
    try:
        typed = form.get("last_day", "").strip()
        deeds.decide_exit(
            form.get("id", 0, int),
            agree=form.get("do") == "agree",
            answer=form.get("answer", ""),
            last_day=parse_day(typed) if typed and form.get("do") == "agree" else None,
            seen_version=form.get("version", type=int),
            by=actor(),
            at=at(),
        )
    except NotFound:
        abort(404)
    except RuleBroken as error:
        return _index(error), 409 if isinstance(error, ChangedMeanwhile) else 422
    flash(gettext("Decided; the institution has been told."), "ok")
    return redirect(url_for(".index"), 303)
