"""The published roster: who takes part, by county and kind."""

from __future__ import annotations

from flask import request

from clinic_orders.queries.publicity import roster as questions
from clinic_orders.rules.publicity import Matter
from clinic_orders.web.display import label
from clinic_orders.web.guards import public, today
from clinic_orders.web.listing import page_cut
from clinic_orders.web.public.door import blueprint, kept, needs_open, page
from clinic_orders.web.public.medicines import KINDS, chosen_kind


@blueprint.get("/institutions")
@public
@kept
def roster() -> str:
    """The members of today."""
    found, on = needs_open(Matter.ROSTER), today()
    counties, kind = questions.places()[0], chosen_kind()
    county = request.args.get("county", "") if request.args.get("county") in dict(counties) else ""
    words = request.args.get("q", "").strip()[:64]
    asked = questions.published_roster(on=on, words=words, county=county, kind=kind)
    cut = page_cut(questions.roster_count(asked))
    return page(
        "public/roster.html",
        found,
        rows=questions.roster_page(asked, limit=cut.limit, offset=cut.offset),
        page=cut,
        words=words,
        counties=counties,
        county=county,
        kinds=[(value, label(one)) for value, one in KINDS],
        kind=kind.value if kind else "",
        today=on,
    )
