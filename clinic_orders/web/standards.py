"""Printable materials of the six unified standards 六统一, of one's own institution or of several in a county."""

from __future__ import annotations

from flask import Blueprint, abort, current_app, render_template, request
from werkzeug.wrappers import Response

from clinic_orders.documents.standards import Sheet, standards_pdf
from clinic_orders.queries.publicity.roster import places
from clinic_orders.queries.standards import StandardsOf, standards_of
from clinic_orders.rules.errors import N_
from clinic_orders.rules.parties import InstitutionKind, Permission
from clinic_orders.web.display import label, register_labels
from clinic_orders.web.guards import actor, needs, today
from clinic_orders.web.papers import pdf

blueprint = Blueprint("standards", __name__, url_prefix="/standards")

MOST = 30
"""So many institutions are printed while a page waits; the console makes those of a whole county."""

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
    return _paper(standards_of(actor(), on=today(), institution_id=institution_id))


def _chosen() -> list[StandardsOf]:
    kind = next((one for one in InstitutionKind if one.value == request.args.get("kind")), None)
    one = request.args.get("institution", type=int)
    county = request.args.get("county", "")[:12]
    if one is None and not county:
        return []
    return standards_of(
        actor(),
        on=today(),
        institution_id=one,
        county=county,
        township=request.args.get("township", "")[:64],
        kind=kind,
    )


@blueprint.get("/")
@needs(Permission.ROSTER_READ)
def index() -> str:
    """Whose sheets to print: one institution's, or those of a township or kind in a county."""
    own_county = actor().county_code
    counties, townships = places()
    county = request.args.get("county", "") or own_county or ""
    rows = _chosen()
    return render_template(
        "standards/index.html",
        sheets=list(Sheet),
        phone=_phone(),
        counties=[pair for pair in counties if own_county in {None, pair[0]}],
        county=county,
        townships=[(name, name) for name in townships.get(county, [])],
        township=request.args.get("township", ""),
        kinds=[(kind.value, label(kind)) for kind in InstitutionKind],
        kind=request.args.get("kind", ""),
        institution=request.args.get("institution", type=int),
        rows=rows,
        most=MOST,
    )


@blueprint.get("/many.pdf")
@needs(Permission.ROSTER_READ)
def many_pdf() -> Response | tuple[str, int]:
    """The sheets of the chosen institutions, at most so many while a page waits."""
    rows = _chosen()
    if not rows or len(rows) > MOST:
        abort(404)
    return _paper(rows)
