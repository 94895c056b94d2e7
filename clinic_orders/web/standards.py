"""Printable materials of the six unified standards 六统一, of one's own institution or of several in a county."""

from __future__ import annotations

from flask import Blueprint, abort, current_app, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from clinic_orders.actions.standards_runs import request_standards_run
from clinic_orders.documents.standards import standards_pdf
from clinic_orders.queries.publicity.roster import places
from clinic_orders.queries.standards import StandardsOf, standards_of
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.parties import InstitutionKind, Permission
from clinic_orders.rules.standards import Sheet
from clinic_orders.web.display import label, register_labels
from clinic_orders.web.errors import say
from clinic_orders.web.guards import actor, at, needs, today
from clinic_orders.web.papers import pdf

blueprint = Blueprint("standards", __name__, url_prefix="/standards")

MOST = 30
"""So many institutions are printed while a page waits; those of a whole county are made behind the scenes."""

register_labels(
    {
        Sheet.SIGN: N_("Sign"),
        Sheet.ZONE: N_("Zone label"),
        Sheet.PROMISE: N_("Price promise"),
        Sheet.SLOGAN: N_("Slogan"),
        Sheet.RULES: N_("Daily management rules"),
        Sheet.DUTIES: N_("Duties of posts"),
    }
)


def _sheets() -> list[Sheet]:
    """The sheets that the address asks for; all of them where it names none."""
    asked = [sheet for sheet in Sheet if sheet.value in request.args.getlist("sheet")]
    return asked or list(Sheet)


def _phone() -> str:
    phone: str = current_app.extensions["settings"].complaint_phone
    return phone


def _paper(rows: list[StandardsOf]) -> Response | tuple[str, int]:
    return pdf("six-standards", lambda: standards_pdf(rows, _sheets(), phone=_phone(), on=today()))


@blueprint.get("/own")
@needs(Permission.REPORTS_MAKE)
def own() -> str:
    """Which sheets of one's own institution to print."""
    return render_template("standards/own.html", sheets=list(Sheet), phone=_phone())


@blueprint.get("/own.pdf")
@needs(Permission.REPORTS_MAKE)
def own_pdf() -> Response | tuple[str, int]:
    """The sheets of one's own institution."""
    institution_id = actor().institution_id
    if institution_id is None:
        abort(404)
    return _paper(standards_of(actor(), on=today(), among=[institution_id]))


def _township() -> str:
    return request.values.get("township", "")[:64]


def _kind() -> InstitutionKind | None:
    return next((one for one in InstitutionKind if one.value == request.values.get("kind")), None)


def _chosen() -> list[StandardsOf]:
    one = request.values.get("institution", type=int)
    county = request.values.get("county", "")[:12]
    if one is None and not county:
        return []
    return standards_of(
        actor(),
        on=today(),
        among=None if one is None else [one],
        county=county,
        township=_township(),
        kind=_kind(),
    )


def _page(refusal: str = "") -> str:
    own_county = actor().county_code
    counties, townships = places()
    county = request.values.get("county", "") or own_county or ""
    rows = _chosen()
    kind = _kind()
    return render_template(
        "standards/index.html",
        sheets=list(Sheet),
        ticked=[sheet for sheet in Sheet if sheet.value in request.form.getlist("sheet")]
        if request.form
        else list(Sheet),
        phone=_phone(),
        counties=[pair for pair in counties if own_county in {None, pair[0]}],
        county=county,
        townships=[(name, name) for name in townships.get(county, [])],
        township=_township(),
        kinds=[(one.value, label(one)) for one in InstitutionKind],
        kind=kind.value if kind else "",
        institution=request.values.get("institution", type=int),
        rows=rows,
        most=MOST,
        behind=len(rows) > MOST or request.method == "POST" or "behind" in request.args,
        refusal=refusal,
    )


@blueprint.get("/")
@needs(Permission.ROSTER_READ)
def index() -> str:
    """Whose sheets to print: one institution's, or those of a county, a township or a kind."""
    return _page()


@blueprint.post("/")
@needs(Permission.ROSTER_READ)
def start() -> Response | tuple[str, int]:
    """Ask that the sheets of many be made behind the scenes."""
    sheets = [sheet for sheet in Sheet if sheet.value in request.form.getlist("sheet")]
    county = request.form.get("county", "")[:12]
    try:
        run = request_standards_run(
            county, sheets, township=_township(), kind=_kind(), phone=_phone(), by=actor(), at=at()
        )
    except RuleBroken as refusal:
        return _page(say(refusal)), 422
    return redirect(url_for("standards_runs.show", number=run.id), 303)


@blueprint.get("/many.pdf")
@needs(Permission.ROSTER_READ)
def many_pdf() -> Response | tuple[str, int]:
    """The sheets of the chosen institutions, at most so many while a page waits."""
    rows = _chosen()
    if not rows or len(rows) > MOST:
        abort(404)
    return _paper(rows)
