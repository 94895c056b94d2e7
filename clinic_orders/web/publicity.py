"""The bureau opens matters to the public, one by one, and sees what stands there (decision 0043)."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response

from clinic_orders.actions import publicity as deeds
from clinic_orders.queries.publicity.comparison import months_compared
from clinic_orders.queries.publicity.matters import decisions
from clinic_orders.queries.publicity.roster import own_entry
from clinic_orders.rules.days import Month
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.parties import Permission
from clinic_orders.rules.publicity import Matter
from clinic_orders.web.display import period
from clinic_orders.web.errors import say
from clinic_orders.web.guards import actor, at, needs, today
from clinic_orders.web.public.door import PAGES

blueprint = Blueprint("publicity", __name__, url_prefix="/publicity")

WHAT = {
    Matter.OFFERS: N_(
        "Name, address, telephone and place of members with the medicine's posted price, and whether it is in stock; a number of packs only where fewer than three are left."
    ),
    Matter.COMPARISON: N_(
        "Lowest, highest and mean posted price of every medicine at the end of a month, by county; no names."
    ),
    Matter.ROSTER: N_("Name, kind, address and telephone of the members, and who is suspended."),
    Matter.BULLETINS: N_("The bulletins that the bureau has published, with their ranked annexes."),
    Matter.MONITORING: N_("The published months of price monitoring, by medicine; no names."),
    Matter.GRADES: N_(
        "Name, kind, place and grade of every institution in the published years of the annual assessment, and whether an appeal is undecided; no points."
    ),
}


def _page(refusal: str = "", typed: str = "") -> str:
    return render_template(
        "publicity/index.html",
        decisions=decisions(),
        what=WHAT,
        pages=PAGES,
        refusal=refusal,
        typed=typed,
        manages=actor().may(Permission.POLICY_MANAGE),
        last_month=Month.of(today()).previous(),
        months=months_compared(),
    )


@blueprint.get("/")
@needs(Permission.STATISTICS_READ)
def index() -> str:
    """Every matter with who opened it, when and on what document."""
    return _page()


@blueprint.post("/<matter>")
@needs(Permission.POLICY_MANAGE)
def decide(matter: str) -> Response | tuple[str, int]:
    """Open a matter or close it."""
    if matter not in {one.value for one in Matter}:
        abort(404)
    document = request.form.get("document_no", "")
    try:
        deeds.decide_matter(
            Matter(matter),
            open_it=request.form.get("open") == "1",
            seen=request.form.get("version", type=int, default=0),
            document_no=document,
            by=actor(),
            at=at(),
        )
    except RuleBroken as refusal:
        return _page(say(refusal), document), 409
    flash(_("Done. The public pages show it at once."), "ok")
    return redirect(url_for(".index"), 303)


@blueprint.post("/comparison/make")
@needs(Permission.MONTH_CLOSE)
def compare() -> Response:
    """Compare the prices posted at the end of the month before, without waiting for the clock."""
    month = Month.of(today()).previous()
    rows = deeds.keep_comparison(month, by=actor(), at=at())
    flash(
        ngettext(
            "The comparison of %(month)s has %(rows)s row.",
            "The comparison of %(month)s has %(rows)s rows.",
            rows,
            month=period(month),
            rows=rows,
        ),
        "ok",
    )
    return redirect(url_for(".index"), 303)


def _say_phone(institution_id: int) -> None:
    shown = request.form.get("shown") == "1"
    deeds.show_phone(institution_id, shown=shown, by=actor(), at=at())
    flash(
        _("The public sees the telephone.")
        if shown
        else _("The public does not see the telephone any more."),
        "ok",
    )


@blueprint.post("/phones/<int:institution_id>")
@needs(Permission.ROSTER_MANAGE)
def phone(institution_id: int) -> Response:
    """Show an institution's telephone to the public, or leave it unsaid."""
    _say_phone(institution_id)
    return redirect(url_for("roster.institution", institution_id=institution_id), 303)


@blueprint.get("/own")
@needs(Permission.REPORTS_MAKE)
def own() -> str:
    """What the public sees of the reader's own institution."""
    institution_id = actor().institution_id
    if institution_id is None:
        abort(404)
    return render_template(
        "publicity/own.html",
        own=own_entry(institution_id, on=today()),
        decisions=[one for one in decisions() if one.open],
    )


@blueprint.post("/own")
@needs(Permission.REPORTS_MAKE)
def own_phone() -> Response:
    """The same for the reader's own institution."""
    institution_id = actor().institution_id
    if institution_id is None:
        abort(404)
    _say_phone(institution_id)
    return redirect(url_for(".own"), 303)
