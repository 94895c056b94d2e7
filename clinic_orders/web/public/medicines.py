"""Who near me has this medicine, and at what price: search, list and drawn map."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlencode

from flask import abort, request

from clinic_orders.queries.catalogue import Place, Wanted, find_items, item_lines, items_of_codes, near_items
from clinic_orders.queries.publicity.offers import OFFER_SORTS, Offer, offers
from clinic_orders.queries.publicity.roster import places
from clinic_orders.rules.parties import InstitutionKind
from clinic_orders.rules.publicity import Matter
from clinic_orders.web.county_map import county_sketch
from clinic_orders.web.display import label
from clinic_orders.web.guards import public, today
from clinic_orders.web.listing import page_cut, sort_order
from clinic_orders.web.public.door import blueprint, kept, needs_open, page

FOUND: Final = 30
"""How many medicines stand on a page of the search."""
OFFERED: Final = 20
"""How many institutions stand on a page, and how many pins on its map."""
KINDS: Final = [(kind.value, kind) for kind in InstitutionKind]


def chosen_kind() -> InstitutionKind | None:
    """The kind of institution that the address asks for."""
    asked = request.args.get("kind", "")
    return next((kind for value, kind in KINDS if value == asked), None)


@blueprint.get("/medicines")
@public
@kept
def search() -> str:
    """Look for a medicine by name or pinyin."""
    found, on = needs_open(Matter.OFFERS), today()
    words = request.args.get("q", "").strip()[:64]
    near = False
    ids = find_items(Wanted(q=words), Place(), on=on, sort="fit") if words else []
    if words and not ids:
        ids, near = near_items(Wanted(q=words), Place(), on=on), True
    cut = page_cut(len(ids), FOUND)
    counties, _townships = places()
    county = _county(counties)
    return page(
        "public/search.html",
        found,
        words=words,
        near=near,
        items=item_lines(ids[cut.offset : cut.offset + cut.limit], Place(), on=on),
        page=cut,
        counties=counties,
        county=county,
    )


def _county(counties: list[tuple[str, str]]) -> str:
    asked = request.args.get("county", "")
    return asked if asked in {code for code, _ in counties} else ""


@blueprint.get("/medicines/<item_code>")
@public
@kept
def medicine(item_code: str) -> str:
    """The institutions of a county that have it, on a list and in a drawing."""
    found, on = needs_open(Matter.OFFERS), today()
    item = items_of_codes([item_code[:64]]).get(item_code)
    if item is None:
        abort(404)
    counties, townships = places()
    county, kind = _county(counties), chosen_kind()
    here = townships.get(county, [])
    township = request.args.get("township", "") if request.args.get("township") in here else ""
    sort = sort_order(OFFER_SORTS, "near" if township else "price").removeprefix("-")
    rows = offers(item, county=county, on=on, kind=kind, township=township, sort=sort) if county else []
    cut = page_cut(len(rows), OFFERED)
    shown = rows[cut.offset : cut.offset + cut.limit]
    (line,) = item_lines([item.id], Place(), on=on)
    return page(
        "public/medicine.html",
        found,
        item=line,
        counties=counties,
        county=county,
        county_name=dict(counties).get(county, ""),
        townships=[(name, name) for name in here],
        township=township,
        kinds=[(value, label(one)) for value, one in KINDS],
        kind=kind.value if kind else "",
        sort=sort,
        rows=shown,
        page=cut,
        sketch=county_sketch(county, [row.place for row in shown])
        if any(row.place for row in shown)
        else None,
        map_link=map_link,
        this_year=on.year,
    )


def map_link(offer: Offer) -> str:
    """The address that opens a place in a map application (高德地图), on a phone or in a browser."""
    if offer.place is None:
        return ""
    facts: dict[str, Any] = {
        "position": f"{offer.place[0]:.6f},{offer.place[1]:.6f}",
        "name": offer.name,
        "src": "clinic-orders",
        "coordinate": "wgs84",
        "callnative": 1,
    }
    return f"https://uri.amap.com/marker?{urlencode(facts)}"
