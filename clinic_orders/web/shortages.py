"""The shortage watch: what is short, and who nearby has it (R-VOL-7, R-STAT-4)."""

from __future__ import annotations

from flask import Blueprint, abort, render_template, request
from werkzeug.wrappers import Response

from clinic_orders.queries.catalogue import items_of_codes
from clinic_orders.queries.publicity.offers import offers
from clinic_orders.queries.publicity.roster import places
from clinic_orders.queries.shortages import SHORTAGE_SORTS, out_at, short_items
from clinic_orders.queries.supply import ProblemsWanted, problems
from clinic_orders.rules.errors import N_
from clinic_orders.rules.parties import Permission
from clinic_orders.rules.publicity import OnShelf
from clinic_orders.web.guards import actor, needs, today
from clinic_orders.web.listing import Column, as_file, page_cut, sort_order, wanted_file

blueprint = Blueprint("shortages", __name__, url_prefix="/shortages")

_FILE = (
    Column(N_("Item code"), lambda row: row.code),
    Column(N_("Name"), lambda row: row.name),
    Column(N_("Strength"), lambda row: row.strength),
    Column(N_("Manufacturer"), lambda row: row.manufacturer),
    Column(N_("Supply problems"), lambda row: row.problems),
    Column(N_("Out by the books"), lambda row: row.told),
    Column(N_("Out at sentinels"), lambda row: row.seen),
)


@blueprint.get("/")
@needs(Permission.STATISTICS_READ)
def index() -> str | Response:
    """Every item that is short somewhere."""
    words = request.args.get("q", "").strip()[:64]
    sort = sort_order(SHORTAGE_SORTS, "-problems")
    rows = short_items(actor(), on=today(), words=words, sort=sort)
    if wanted_file():
        return as_file("shortages", _FILE, rows)
    cut = page_cut(len(rows))
    return render_template(
        "shortages/index.html",
        rows=rows[cut.offset : cut.offset + cut.limit],
        page=cut,
        sort=sort,
        words=words,
    )


@blueprint.get("/<item_code>")
@needs(Permission.STATISTICS_READ)
def item(item_code: str) -> str:
    """One item in a county: where it is out, what was reported, who has it."""
    found = items_of_codes([item_code[:64]]).get(item_code)
    if found is None:
        abort(404)
    own = actor().county_code
    counties = [pair for pair in places()[0] if own in {None, pair[0]}]
    asked = request.args.get("county", "") or own or ""
    county = asked if asked in dict(counties) else ""
    on = today()
    helpers = [
        row
        for row in (offers(found, county=county, on=on) if county else [])
        if row.shelf.state in {OnShelf.HAS, OnShelf.FEW}
    ]
    return render_template(
        "shortages/item.html",
        item=found,
        counties=counties,
        county=county,
        helpers=helpers,
        out=out_at(found.id, county, actor(), on=on) if county else [],
        problems=[
            row
            for row in problems(actor(), on=on, wanted=ProblemsWanted(words=found.item_code, county=county))
            if row.item_code == found.item_code
        ],
        today=on,
    )
