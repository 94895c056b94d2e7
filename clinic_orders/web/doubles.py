"""Orders of outside channels that may be known here already: the list, and the bureau's decision (R-ORD-4, R-VOL-2)."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from clinic_orders.actions import doubles as deeds
from clinic_orders.actions.loading import NotFound
from clinic_orders.queries import doubles as queries
from clinic_orders.queries.doubles import DoubleRow, DoublesWanted
from clinic_orders.rules.doubles import DoubleDecision, NotOfPair
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.parties import Permission
from clinic_orders.web.display import label, register_labels
from clinic_orders.web.errors import say
from clinic_orders.web.guards import actor, at, needs, today
from clinic_orders.web.listing import Column, as_file, page_cut, sort_order, wanted_file

blueprint = Blueprint("doubles", __name__, url_prefix="/bureau/doubles")

register_labels(
    {
        DoubleDecision.SAME: N_("The same order"),
        DoubleDecision.DIFFERENT: N_("Different orders"),
    }
)


def decided(row: DoubleRow) -> str:
    """What was decided about a pair, in words."""
    return label(row.decision) if row.decision else gettext("Not decided")


COLUMNS = (
    Column(N_("Institution"), lambda row: row.institution),
    Column(N_("County"), lambda row: row.county),
    Column(N_("Order of the outside channel"), lambda row: row.order_no),
    Column(N_("Channel"), lambda row: row.channel),
    Column(N_("Submitted at"), lambda row: row.submitted_at),
    Column(N_("Order known before"), lambda row: row.other_no),
    Column(N_("Submitted at"), lambda row: row.other_submitted_at),
    Column(N_("Decision"), decided),
    Column(N_("Counts no more"), lambda row: row.set_aside_no),
    Column(N_("Decided by"), lambda row: row.decided_by_name),
    Column(N_("Decided at"), lambda row: row.decided_at),
)


@blueprint.get("/")
@needs(Permission.ORDERS_MATCH)
def index() -> str | Response:
    """The pairs that look alike."""
    wanted = DoublesWanted(request.args.get("q", "").strip()[:64], request.args.get("state", "open")[:16])
    sort = sort_order(set(queries.SORTS), "-found")
    if wanted_file():
        return as_file("doubles", COLUMNS, queries.doubles(actor(), on=today(), wanted=wanted, sort=sort))
    page = page_cut(queries.count_doubles(actor(), on=today(), wanted=wanted))
    return render_template(
        "doubles/index.html",
        rows=queries.doubles(
            actor(), on=today(), wanted=wanted, sort=sort, limit=page.limit, offset=page.offset
        ),
        wanted=wanted,
        filtered=wanted != DoublesWanted(),
        states=[("open", gettext("Not decided"))] + [(one.value, label(one)) for one in DoubleDecision],
        decided=decided,
        page=page,
        sort=sort,
        year=today().year,
    )


def _page(double_id: int, refusal: str = "") -> str:
    found = queries.find_double(double_id, actor(), on=today())
    if found is None:
        abort(404)
    lines = queries.lines_of(found.order_no, found.other_no)
    received = sum(line.accepted or 0 for line in lines) > sum(line.other_accepted or 0 for line in lines)
    return render_template(
        "doubles/show.html",
        found=found,
        lines=lines,
        decided=decided(found),
        # What was received more of is mostly the one that counts.
        counted=request.form.get("counted") or (found.order_no if received else found.other_no),
        refusal=refusal,
        year=today().year,
    )


@blueprint.get("/<int:double_id>")
@needs(Permission.ORDERS_MATCH)
def show(double_id: int) -> str:
    """One pair with its lines side by side."""
    return _page(double_id)


@blueprint.post("/<int:double_id>")
@needs(Permission.ORDERS_MATCH)
def decide(double_id: int) -> Response | tuple[str, int]:
    """Say whether the two are the same, or take that back."""
    step, seen = request.form.get("do", ""), request.form.get("version", type=int)
    if step not in {"same", "different", "take_back"}:
        abort(400)
    try:
        if step == "take_back":
            deeds.take_back_double(double_id, seen_version=seen, by=actor(), at=at())
        else:
            counted = request.form.get("counted", "") if step == "same" else ""
            if step == "same" and not counted:
                raise NotOfPair
            deeds.decide_double(double_id, counted, seen_version=seen, by=actor(), at=at())
    except NotFound:
        abort(404)
    except RuleBroken as refusal:
        return _page(double_id, say(refusal)), 409 if refusal.code == "ChangedMeanwhile" else 422
    done = {
        "same": gettext("Decided: the same order. It counts once from now on."),
        "different": gettext("Decided: different orders. Both count."),
        "take_back": gettext("The decision is taken back. Both count until somebody decides."),
    }
    flash(done[step], "ok")
    return redirect(url_for(".show", double_id=double_id), 303)
