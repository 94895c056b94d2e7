"""Published bulletins, to read."""

from __future__ import annotations

from typing import Final

from flask import abort

from clinic_orders.queries.bulletins import bulletin_content, find_bulletin
from clinic_orders.queries.bulletins import bulletins as all_bulletins
from clinic_orders.rules.days import Quarter
from clinic_orders.rules.errors import RuleBroken
from clinic_orders.rules.publicity import Matter
from clinic_orders.web.guards import public, today
from clinic_orders.web.listing import page_cut
from clinic_orders.web.public.door import blueprint, kept, needs_open, page

ROWS: Final = 20
"""How many rows of an annex stand on the page."""


@blueprint.get("/bulletins")
@public
@kept
def bulletins() -> str:
    """The published bulletins, the newest first."""
    found = needs_open(Matter.BULLETINS)
    rows = all_bulletins(on=today(), words="", published_only=True, sort="-quarter")
    cut = page_cut(len(rows), 20)
    return page("public/bulletins.html", found, rows=rows[cut.offset : cut.offset + cut.limit], page=cut)


@blueprint.get("/bulletins/<quarter>")
@public
@kept
def bulletin(quarter: str) -> str:
    """One bulletin as it was published."""
    found = needs_open(Matter.BULLETINS)
    try:
        asked = Quarter.parse(quarter)
    except RuleBroken:
        abort(404)
    kept_one = find_bulletin(asked)
    if kept_one is None or kept_one.number is None:
        abort(404)
    content = bulletin_content(asked, on=today())
    return page("public/bulletin.html", found, quarter=asked, kept=kept_one, content=content, most=ROWS)
