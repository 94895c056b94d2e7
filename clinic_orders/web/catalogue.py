"""The catalogue for everybody: search, and all that is known of one item."""

from __future__ import annotations

from dataclasses import replace

from flask import Blueprint, Response, abort, current_app, render_template, request, url_for

from clinic_orders.models.catalogue import Price
from clinic_orders.queries import catalogue as questions
from clinic_orders.queries.catalogue import EVERY, ItemLine, Wanted
from clinic_orders.rules.catalogue import price_in_force
from clinic_orders.rules.parties import InstitutionKind, Permission, Role
from clinic_orders.web import guards
from clinic_orders.web.display import label
from clinic_orders.web.guards import needs
from clinic_orders.web.import_files import as_import_file
from clinic_orders.web.listing import page_cut, sort_order, wanted_file
from clinic_orders.web.price_chart import price_chart
from clinic_orders.web.price_words import is_inferred, price_basis

blueprint = Blueprint("catalogue", __name__, url_prefix="/catalogue")


def buys() -> bool:
    """Whether the reader orders medicines."""
    return guards.actor().may(Permission.ORDERS_PLACE)


def _wanted() -> Wanted:
    args = request.args
    kind, own = args.get("kind", ""), args.get("suits") == "1"
    known = {one.value for one in InstitutionKind}
    return Wanted(
        q=args.get("q", "").strip(),
        edition=args.get("edition", ""),
        form=args.get("form", ""),
        batch=args.get("batch", ""),
        kind=InstitutionKind(kind) if kind in known and not own else None,
        supplies=args.get("supplies", "") if args.get("supplies") in {"Y", "N"} else "",
        cold_chain=args.get("cold") == "1",
        delivered=args.get("delivered") == "1",
    )


@blueprint.get("/", strict_slashes=False)
@needs(Permission.CATALOGUE_READ)
def search() -> str | Response:
    """One search box over the items of the edition in force, or of any."""
    actor, day = guards.actor(), guards.today()
    place = questions.place_of(actor, day)
    wanted = _wanted()
    if request.args.get("suits") == "1" and place.kind is not None:
        wanted = replace(wanted, kind=place.kind)
    sort = sort_order(questions.ITEM_ORDERS, "fit" if wanted.q else "name")
    ids = questions.find_items(wanted, place, on=day, sort=sort)
    if wanted_file():
        return as_import_file("catalogue", questions.catalogue_rows(ids))
    cut = page_cut(len(ids))
    plain = Wanted(q=wanted.q, edition=wanted.edition)
    near: list[int] = []
    if not ids and wanted.q:
        near = questions.find_items(plain, place, on=day, sort="fit") if wanted != plain else []
        near = near or questions.near_items(wanted, place, on=day)
    forms, batches = questions.forms_and_batches()
    return render_template(
        "catalogue/search.html",
        rows=questions.item_lines(ids[cut.offset : cut.offset + cut.limit], place, on=day),
        near=questions.item_lines(near[: questions.NEAR_SHOWN], place, on=day) if near else [],
        near_count=len(near),
        page=cut,
        sort=sort,
        wanted=wanted,
        filtered=wanted != Wanted(),
        narrowed=wanted != Wanted(q=wanted.q),
        editions=questions.editions(day),
        every=EVERY,
        dosage_forms=forms,
        batches=batches,
        kinds=[(kind.value, label(kind)) for kind in InstitutionKind],
        place=place,
        phone=actor.role is Role.INSTITUTION,
        basis=_basis,
        is_inferred=is_inferred,
        today=day,
    )


def _basis(row: ItemLine) -> str:
    return price_basis(row.price_document, row.batch, row.batch_year)


@blueprint.get("/<path:item_code>")
@needs(Permission.CATALOGUE_READ)
def item(item_code: str) -> str:
    """One item: facts, prices, editions, who delivers it here."""
    found = questions.item_by_code(item_code)
    if found is None:
        abort(404)
    day, place = guards.today(), questions.place_of(guards.actor(), guards.today())
    prices = questions.prices_of(found.id)
    editions = questions.editions(day, item_id=found.id)
    return render_template(
        "catalogue/item.html",
        item=found,
        prices=prices[::-1],
        price=price_in_force(prices, on=day),
        coming=[price for price in prices if price.valid_from > day],
        chart=price_chart([(price.valid_from, price.pack_price) for price in prices], day)
        if len(prices) > 1
        else None,
        editions=editions,
        in_force=any(edition.state == "now" for edition in editions),
        deliverers=questions.deliverers(found.id, place, on=day),
        place=place,
        kinds=questions.suited_kinds(found.suits),
        suits=place.kind is None or found.suits_kind(place.kind),
        basis=lambda price: _price_basis(price, found.batch, found.batch_year),
        inferred=is_inferred(found.pack_size_basis),
        order_url=_order_url(found.item_code),
        manages=guards.actor().may(Permission.CATALOGUE_MANAGE),
        today=day,
    )


def _price_basis(price: Price, batch: str, year: int | None) -> str:
    return price_basis(price.document_no, batch, year)


def _order_url(code: str) -> str:
    """Where a buyer orders the item; "" for the others."""
    endpoint = "ordering.order_page"
    return url_for(endpoint, q=code) if buys() and endpoint in current_app.view_functions else ""
