"""Posted prices 标价: an institution types what hangs on its shelf, sees what is allowed, and what hung there before."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext, ngettext
from werkzeug.wrappers import Response

from clinic_orders.actions import shelf_prices as deeds
from clinic_orders.queries import ordering
from clinic_orders.queries import shelf_prices as queries
from clinic_orders.queries.ordering import ItemRow
from clinic_orders.queries.roster import standing
from clinic_orders.queries.selling import sale_terms, usually_sold
from clinic_orders.queries.shelf_prices import PostingsWanted, Tag
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.markup import posting_excess
from clinic_orders.rules.money import parse_price
from clinic_orders.rules.parties import Permission
from clinic_orders.rules.selling import Terms
from clinic_orders.web.display import price as price_words
from clinic_orders.web.errors import say
from clinic_orders.web.goods_pages import frame
from clinic_orders.web.guards import actor, at, needs, today
from clinic_orders.web.listing import Column, as_file, page_cut, sort_order, wanted_file
from clinic_orders.web.report_lines import found_items

blueprint = Blueprint("shelf_prices", __name__, url_prefix="/shelf-prices")

MOST = 60
"""How many medicines stand on the page beside those found and those that have a tag."""


@dataclass(slots=True)
class PriceLine:
    """A medicine with its tag, what is allowed, and what was typed."""

    item: ItemRow
    tag: Tag | None
    allowed: Decimal | None
    rate: Decimal | None
    typed: str
    error: str = ""
    price: Decimal | None = None
    excess: Decimal = Decimal(0)


def _own() -> int:
    found = actor().institution_id
    if found is None:
        abort(404)
    return found


def _lines(institution_id: int, query: str, *, filled: bool) -> tuple[list[PriceLine], int, bool]:
    """The medicines of the page, what changed meanwhile is told by, and whether the search found nothing."""
    on = today()
    kind = standing(institution_id, on=on).kind
    offered = {item.id: item for item in ordering.items_on(on).offered(kind, urgent=False)}
    tags = queries.current_tags(institution_id, on=on)
    hits = found_items(on, query) if query else []
    by_code = {item.code: item.id for item in offered.values()}
    typed = {
        by_code[name[2:]]: text.strip()
        for name, text in request.form.items()
        if name.startswith("p-") and name[2:] in by_code
    }
    kept = [one for one, text in typed.items() if text]
    usual = [one.item_id for one in usually_sold(institution_id, on=on)] or ordering.usual_items(
        institution_id
    )
    shown = [one for one in dict.fromkeys([*hits, *kept, *tags.by_item, *usual[:MOST]]) if one in offered]
    terms = sale_terms(institution_id, shown, on)
    lines = []
    for one in shown:
        tag, own = tags.by_item.get(one), terms.get(one)
        stood = "" if tag is None else f"{tag.price:.4f}".rstrip("0").rstrip(".")
        line = PriceLine(
            offered[one],
            tag,
            own.allowed(own.pack_size) if own else None,
            own.rate if own else None,
            typed.get(one, stood) if filled else stood,
        )
        if filled and line.typed:
            _read(line, own)
        lines.append(line)
    return lines, tags.seen, bool(query) and not hits


def _read(line: PriceLine, terms: Terms | None) -> None:
    try:
        line.price = parse_price(line.typed)
    except RuleBroken as refusal:
        line.error = say(refusal)
        return
    if terms is not None and (line.tag is None or line.tag.price != line.price):
        line.excess = posting_excess(
            line.price, base=terms.base, rate=terms.rate, pack_size=terms.pack_size, rounding=terms.rounding
        )


def _page(*, filled: bool, problem: str = "", ask: bool = False) -> str:
    institution_id = _own()
    query = request.form.get("q", "").strip()[:64]
    lines, seen, nothing = _lines(institution_id, query, filled=filled)
    errors = [
        (f"p-{line.item.code}", gettext("%(name)s: %(problem)s", name=line.item.name, problem=line.error))
        for line in lines
        if line.error
    ]
    return render_template(
        "shelf_prices/index.html",
        frame=frame(),
        lines=lines,
        seen=seen,
        query=query,
        nothing=nothing,
        errors=([("", problem)] if problem else []) + errors,
        above=[line for line in lines if line.excess] if ask else [],
        price_words=price_words,
        today=today(),
    )


@blueprint.get("/")
@needs(Permission.REPORTS_MAKE)
def index() -> str:
    """The tags of today, to type or to put right."""
    return _page(filled=False)


@blueprint.post("/")
@needs(Permission.REPORTS_MAKE)
def post() -> str | Response | tuple[str, int]:
    """Add what a search finds, or record what hangs on the shelf; above what is allowed only after a warning."""
    if request.form.get("do") == "find":
        return _page(filled=True)
    lines, _seen, _nothing = _lines(_own(), "", filled=True)
    if any(line.error for line in lines):
        return _page(filled=True), 422
    if any(line.excess for line in lines) and request.form.get("sure") != "1":
        return _page(filled=True, ask=True), 422
    prices = {line.item.code: line.price for line in lines if line.price is not None}
    try:
        changed = deeds.post_shelf_prices(
            prices, seen=request.form.get("seen", 0, type=int), by=actor(), at=at()
        )
    except RuleBroken as refusal:
        status = 409 if refusal.code == "ChangedMeanwhile" else 422
        return _page(filled=True, problem=say(refusal)), status
    flash(ngettext("%(num)d price posted.", "%(num)d prices posted.", changed), "ok")
    return redirect(url_for(".index"), 303)


COLUMNS = (
    Column(N_("Item code"), lambda row: row.item_code),
    Column(N_("Medicine"), lambda row: row.name),
    Column(N_("Strength"), lambda row: row.strength),
    Column(N_("Maker"), lambda row: row.manufacturer),
    Column(N_("Price of a pack (yuan)"), lambda row: row.price),
    Column(N_("Posted on"), lambda row: row.posted_on),
    Column(N_("Recorded at"), lambda row: row.recorded_at),
    Column(N_("Put right at"), lambda row: row.replaced_at),
)


@blueprint.get("/history")
@needs(Permission.REPORTS_MAKE)
def history() -> str | Response:
    """Every posting, the latest first, those put right too."""
    institution_id = _own()
    wanted = PostingsWanted(
        request.args.get("q", "").strip()[:64], request.args.get("state", "") == "standing"
    )
    sort = sort_order(queries.HISTORY_SORTS, "-posted")
    if wanted_file():
        return as_file("posted-prices", COLUMNS, queries.postings(institution_id, wanted, sort=sort))
    cut = page_cut(queries.count_postings(institution_id, wanted))
    return render_template(
        "shelf_prices/history.html",
        frame=frame(),
        rows=queries.postings(institution_id, wanted, sort=sort, limit=cut.limit, offset=cut.offset),
        page=cut,
        sort=sort,
        wanted=wanted,
        filtered=wanted != PostingsWanted(),
        today=today(),
    )
