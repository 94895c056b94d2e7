"""The price comparison of a month: what was posted for an item, over the city and county by county."""

from __future__ import annotations

from typing import Final

from flask import abort, request

from clinic_orders.queries.catalogue import items_of_codes
from clinic_orders.queries.publicity.comparison import (
    COMPARISON_SORTS,
    compared_items,
    counties_of,
    months_compared,
)
from clinic_orders.queries.publicity.roster import places
from clinic_orders.rules.days import Month
from clinic_orders.rules.publicity import Matter
from clinic_orders.web.guards import public
from clinic_orders.web.listing import page_cut, sort_order
from clinic_orders.web.public.door import blueprint, kept, needs_open, page

ITEMS: Final = 30


def _month(months: list[Month]) -> Month | None:
    asked = request.args.get("month", "")
    return next((month for month in months if str(month) == asked), months[0] if months else None)


@blueprint.get("/prices")
@public
@kept
def comparison() -> str:
    """All items of a month, to be searched."""
    found, months = needs_open(Matter.COMPARISON), months_compared()
    month, counties = _month(months), places()[0]
    words = request.args.get("q", "").strip()[:64]
    county = request.args.get("county", "") if request.args.get("county") in dict(counties) else ""
    sort = sort_order(COMPARISON_SORTS, "name").removeprefix("-")
    rows = compared_items(month, words=words, county=county, sort=sort) if month else []
    cut = page_cut(len(rows), ITEMS)
    return page(
        "public/comparison.html",
        found,
        month=month,
        months=[(str(one), str(one)) for one in months],
        words=words,
        counties=counties,
        county=county,
        sort=sort,
        rows=rows[cut.offset : cut.offset + cut.limit],
        page=cut,
        offers_open=Matter.OFFERS in found,
    )


@blueprint.get("/prices/<item_code>")
@public
@kept
def compared(item_code: str) -> str:
    """One item county by county."""
    found, months = needs_open(Matter.COMPARISON), months_compared()
    month = _month(months)
    item = items_of_codes([item_code[:64]]).get(item_code)
    if item is None or month is None:
        abort(404)
    whole = [row for row in compared_items(month) if row.item_id == item.id]
    if not whole:
        abort(404)
    return page(
        "public/compared.html",
        found,
        item=whole[0],
        month=month,
        rows=counties_of(month, item.id),
        offers_open=Matter.OFFERS in found,
    )
