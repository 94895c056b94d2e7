"""Published months of price monitoring (R-STAT-4)."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from flask import request

from clinic_orders.queries.monitoring import publication, published_months
from clinic_orders.rules.publicity import Matter
from clinic_orders.web.guards import public
from clinic_orders.web.listing import page_cut
from clinic_orders.web.public.door import blueprint, kept, needs_open, page

ITEMS: Final = 30


@blueprint.get("/monitoring")
@public
@kept
def monitoring() -> str:
    """The figures of a published month, by item."""
    found, months = needs_open(Matter.MONITORING), published_months()
    asked = request.args.get("month", "")
    month = next((one for one in months if str(one) == asked), months[0] if months else None)
    published = None if month is None else publication(month)
    words = request.args.get("q", "").strip()[:64]
    rows = [row for row in (published.rows if published else []) if words in row["name"]]
    cut = page_cut(len(rows), ITEMS)
    return page(
        "public/monitoring.html",
        found,
        month=month,
        months=[(str(one), str(one)) for one in months],
        published=published,
        words=words,
        rows=rows[cut.offset : cut.offset + cut.limit],
        page=cut,
        exact=Decimal,
    )
