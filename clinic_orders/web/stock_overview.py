"""The stock of many: a bureau's by county and item, a hospital's own with its villages; kept every night (decision 0050)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, Final

from flask import Blueprint, abort, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from clinic_orders.queries import institutions as roster
from clinic_orders.queries import stock_levels as queries
from clinic_orders.queries.ordering import ItemRow, items_on
from clinic_orders.queries.stock_levels import ItemSums, Lying, Place, Shelf
from clinic_orders.rules.errors import N_
from clinic_orders.rules.parties import InstitutionKind, Permission, Role
from clinic_orders.web.display import label
from clinic_orders.web.guards import actor, needs, today
from clinic_orders.web.listing import Column, as_file, page_cut, sort_order, wanted_file

blueprint = Blueprint("stock_overview", __name__, url_prefix="/stock-overview")

ITEM_SORTS: Final[Mapping[str, Callable[[ItemSums], Any]]] = {
    "name": lambda row: (row.item.initials, row.item.code),
    "keepers": lambda row: row.keepers,
    "there": lambda row: row.on_hand / row.item.pack_size,
    "out": lambda row: row.out,
    "near": lambda row: row.near,
}
SHELF_SORTS: Final[Mapping[str, Callable[[Shelf], Any]]] = {
    "name": lambda row: row.name,
    "items": lambda row: row.items,
    "out": lambda row: row.out,
    "near": lambda row: row.near,
    "counted": lambda row: row.counted_on,
}
PLACE_SORTS: Final[Mapping[str, Callable[[Place], Any]]] = {
    "name": lambda row: row.name,
    "there": lambda row: row.on_hand,
    "expiry": lambda row: row.expires_on,
    "counted": lambda row: row.counted_on,
}
LYING_SORTS: Final[Mapping[str, Callable[[Lying], Any]]] = {
    "name": lambda row: (row.item.initials, row.item.code),
    "there": lambda row: row.on_hand / row.item.pack_size,
    "expiry": lambda row: row.expires_on,
    "counted": lambda row: row.counted_on,
}
# Which rows: used up, near expiry; of institutions also those that never count.
SHOWS: Final = (("out", N_("None left")), ("near", N_("Near expiry")))
SHELF_SHOWS: Final = (*SHOWS, ("uncounted", N_("No count in 400 days")))

_ITEM = (
    Column(N_("Item code"), lambda row: row.item.code),
    Column(N_("Medicine"), lambda row: row.item.name),
    Column(N_("Strength"), lambda row: row.item.strength),
    Column(N_("Units of a pack"), lambda row: row.item.pack_size),
    Column(N_("Unit"), lambda row: row.item.base_unit),
    Column(N_("Manufacturer"), lambda row: row.item.manufacturer),
)
_ITEMS_FILE = (
    *_ITEM,
    Column(N_("Institutions that have it"), lambda row: row.keepers),
    Column(N_("There (smallest units)"), lambda row: row.on_hand),
    Column(N_("Institutions where it is used up"), lambda row: row.out),
    Column(N_("Institutions where it is near expiry"), lambda row: row.near),
    Column(N_("Near expiry (smallest units)"), lambda row: row.near_units),
)
_LEVEL = (
    Column(N_("There (smallest units)"), lambda row: row.on_hand),
    Column(N_("None left"), lambda row: _("yes") if row.out else _("no")),
    Column(N_("Near expiry (smallest units)"), lambda row: row.near_units),
    Column(N_("First expiry"), lambda row: row.expires_on),
    Column(N_("Last count"), lambda row: row.counted_on),
)


def _place_columns() -> tuple[Column, ...]:
    names = _counties()
    return (
        Column(N_("Code"), lambda row: row.code),
        Column(N_("Institution"), lambda row: row.name),
        Column(N_("Kind"), lambda row: row.kind),
        Column(N_("County"), lambda row: names.get(row.county, row.county)),
        Column(N_("Township or street"), lambda row: row.township),
    )


def _counties() -> dict[str, str]:
    return dict(roster.counties(actor()))


def _words() -> str:
    return request.args.get("q", "").strip()[:64]


def _fits(text: str) -> bool:
    """Whether every word of the search stands in a text."""
    lowered = text.casefold()
    return all(word in lowered for word in _words().casefold().split()[:5])


def _item_text(item: ItemRow) -> str:
    return f"{item.name} {item.initials} {item.manufacturer} {item.code}"


def _asked(shows: Sequence[tuple[str, str]]) -> str:
    show = request.args.get("show", "")
    return show if show in {value for value, _word in shows} else ""


def _county() -> str:
    """The county that the city's office asks for."""
    asked = request.args.get("county", "")
    return asked if actor().role is Role.CITY and asked in _counties() else ""


def _page(
    template: str,
    rows: Sequence[Any],
    sorts: Mapping[str, Callable[[Any], Any]],
    default: str,
    file: tuple[str, Sequence[Column]],
    **more: Any,
) -> str | Response:
    sort = sort_order(set(sorts), default)
    ordered = queries.in_order(queries.in_order(rows, "name", sorts), sort, sorts)
    if wanted_file():
        return as_file(*file, ordered)
    cut = page_cut(len(ordered))
    return render_template(
        template,
        rows=ordered[cut.offset : cut.offset + cut.limit],
        page=cut,
        sort=sort,
        words=_words(),
        looked_on=queries.looked_on(),
        today=today(),
        names=_counties(),
        filtered=bool(_words() or request.args.get("show") or request.args.get("county")),
        **more,
    )


@blueprint.get("/")
@needs(Permission.STOCK_READ)
def index() -> str | Response:
    """Item by item: how many institutions have it, what is there together, where it is used up or near its expiry."""
    county, show = _county(), _asked(SHOWS)
    everything = queries.item_sums(actor(), on=today(), county=county)
    rows = [
        row
        for row in everything
        if _fits(_item_text(row.item)) and (not show or (row.out if show == "out" else row.near))
    ]
    return _page(
        "stock_overview/index.html",
        rows,
        ITEM_SORTS,
        "-out",
        ("stock-by-item", _ITEMS_FILE),
        county=county,
        counties=list(_counties().items()) if actor().role is Role.CITY else [],
        show=show,
        shows=SHOWS,
        facts=[
            _fact(_("Items that lie anywhere"), sum(1 for row in everything if row.on_hand), "", show),
            _fact(_("Used up somewhere"), sum(1 for row in everything if row.out), "out", show),
            _fact(_("Near expiry somewhere"), sum(1 for row in everything if row.near), "near", show),
        ],
    )


def _fact(word: str, number: int, show: str, shown: str, endpoint: str = ".index") -> dict[str, Any]:
    county = _county() or None
    return {
        "k": word,
        "v": f"{number:,}",
        "href": url_for(endpoint, show=show or None, county=county),
        "current": shown == show,
    }


@blueprint.get("/institutions")
@needs(Permission.STOCK_READ)
def institutions() -> str | Response:
    """Institution by institution: its items, how many are used up or near expiry, when it last counted."""
    county, show, kind = _county(), _asked(SHELF_SHOWS), request.args.get("kind", "")
    everything = [row for row in queries.shelves(actor(), on=today()) if county in {"", row.county}]
    fits: Mapping[str, Callable[[Shelf], bool]] = {
        "": lambda row: True,
        "out": lambda row: bool(row.out),
        "near": lambda row: bool(row.near),
        "uncounted": lambda row: row.uncounted,
    }
    rows = [
        row
        for row in everything
        if fits[show](row) and kind in {"", row.kind.value} and _fits(f"{row.name} {row.code} {row.township}")
    ]
    file = (
        *_place_columns(),
        Column(N_("Items"), lambda row: row.items),
        Column(N_("None left"), lambda row: row.out),
        Column(N_("Near expiry"), lambda row: row.near),
        Column(N_("Last count"), lambda row: row.counted_on),
    )
    at = ".institutions"
    return _page(
        "stock_overview/institutions.html",
        rows,
        SHELF_SORTS,
        "-out",
        ("stock-by-institution", file),
        county=county,
        counties=list(_counties().items()) if actor().role is Role.CITY else [],
        kind=kind,
        kinds=[(one.value, label(one)) for one in InstitutionKind],
        show=show,
        shows=SHELF_SHOWS,
        facts=[
            _fact(_("Institutions"), len(everything), "", show, at),
            _fact(_("With something used up"), sum(1 for row in everything if row.out), "out", show, at),
            _fact(
                _("With something near expiry"), sum(1 for row in everything if row.near), "near", show, at
            ),
            _fact(
                _("No count in 400 days"),
                sum(1 for row in everything if row.uncounted),
                "uncounted",
                show,
                at,
            ),
        ],
    )


@blueprint.get("/items/<code>")
@needs(Permission.STOCK_READ)
def item(code: str) -> str | Response:
    """Where one item lies, and where it is used up."""
    found = next((one for one in items_on(today(), every=True).items if one.code == code), None)
    if found is None:
        abort(404)
    county, show = _county(), _asked(SHOWS)
    rows = [
        row
        for row in queries.places(actor(), found.id, on=today())
        if county in {"", row.county}
        and _fits(f"{row.name} {row.code} {row.township}")
        and (not show or (row.out if show == "out" else row.near_units))
    ]
    return _page(
        "stock_overview/item.html",
        rows,
        PLACE_SORTS,
        "there",
        (f"stock-{code}", (*_place_columns(), *_LEVEL)),
        item=found,
        county=county,
        counties=list(_counties().items()) if actor().role is Role.CITY else [],
        show=show,
        shows=SHOWS,
        total=sum(max(0, row.on_hand) for row in rows),
    )


@blueprint.get("/institutions/<path:code>")
@needs(Permission.STOCK_READ)
def institution(code: str) -> str | Response:
    """What lies on one shelf."""
    found = queries.lying(actor(), code, on=today())
    if found is None:
        abort(404)
    shelf, everything = found
    show = _asked(SHOWS)
    rows = [
        row
        for row in everything
        if _fits(_item_text(row.item)) and (not show or (row.out if show == "out" else row.near_units))
    ]
    return _page(
        "stock_overview/institution.html",
        rows,
        LYING_SORTS,
        "name",
        ("stock-of-institution", (*_ITEM, *_LEVEL)),
        shelf=shelf,
        show=show,
        shows=SHOWS,
        expired=_expired,
    )


def _expired(day: date | None) -> bool:
    return day is not None and day < today()
