"""Double price tags to print: which items, how large (R-PRICE-5)."""

from __future__ import annotations

from flask import Blueprint, Response, abort, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response as AnyResponse

from clinic_orders.documents.price_tags import TagSize, price_tags, tags_of
from clinic_orders.rules.errors import N_
from clinic_orders.rules.parties import Permission
from clinic_orders.web.display import label, register_labels
from clinic_orders.web.goods_pages import frame
from clinic_orders.web.guards import actor, needs, today
from clinic_orders.web.listing import Column, as_file, page_cut, sort_order, wanted_file
from clinic_orders.web.papers import pdf

blueprint = Blueprint("tags", __name__, url_prefix="/stock/tags")

register_labels(
    {
        TagSize.SMALL: N_("Small: 24 on a sheet"),
        TagSize.MIDDLE: N_("Middle: 12 on a sheet"),
        TagSize.LARGE: N_("Large: 8 on a sheet"),
    }
)
COLUMNS = (
    Column(N_("Item code"), lambda tag: tag.item.code),
    Column(N_("Medicine"), lambda tag: tag.item.name),
    Column(N_("Strength"), lambda tag: tag.item.strength),
    Column(N_("Units of a pack"), lambda tag: tag.item.pack_size),
    Column(N_("Unit"), lambda tag: tag.item.base_unit),
    Column(N_("Manufacturer"), lambda tag: tag.item.manufacturer),
    Column(N_("Selected price"), lambda tag: tag.selected),
    Column(N_("Posted price"), lambda tag: tag.posted),
)
_SORTS = {
    "name": lambda tag: (tag.item.initials, tag.item.code),
    "posted": lambda tag: tag.posted,
}


def _own() -> int:
    found = actor().institution_id
    if found is None:
        abort(404)
    return found


@blueprint.get("/")
@needs(Permission.REPORTS_MAKE)
def index() -> str | Response:
    """What has a posted price, to be ticked."""
    words = [word.casefold() for word in request.args.get("q", "")[:64].split()[:5]]
    tags = [
        tag
        for tag in tags_of(_own(), today())
        if all(
            word in f"{tag.item.name} {tag.item.initials} {tag.item.manufacturer} {tag.item.code}".casefold()
            for word in words
        )
    ]
    sort = sort_order(set(_SORTS), "name")
    tags.sort(key=_SORTS[sort.removeprefix("-")], reverse=sort.startswith("-"))
    if wanted_file():
        return as_file("price-tags", COLUMNS, tags)
    page = page_cut(len(tags))
    return render_template(
        "tags/index.html",
        frame=frame(),
        rows=tags[page.offset : page.offset + page.limit],
        query=" ".join(words),
        sizes=[(size.value, label(size)) for size in TagSize],
        page=page,
        sort=sort,
    )


@blueprint.post("/")
@needs(Permission.REPORTS_MAKE)
def sheets() -> AnyResponse | tuple[str, int]:
    """The sheets as PDF: of what is ticked, or of everything that has a price."""
    form = request.form
    asked = form.get("size", "")
    size = TagSize(asked) if asked in set(TagSize) else TagSize.SMALL
    codes = None if form.get("do") == "all" else set(form.getlist("item"))
    tags = tags_of(_own(), today(), codes)
    if not tags:
        flash(gettext("Tick the medicines first."), "warn")
        return redirect(url_for(".index"), 303)
    phone = current_app.extensions["settings"].complaint_phone
    return pdf("price-tags", lambda: price_tags(_own(), tags, size, phone=phone, on=today()))
