"""Editions and prices as the city bureau keeps them: what is in force, what comes, what changes (R-CAT-1, R-CAT-2)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, NamedTuple
from urllib.parse import urlencode

from flask import Blueprint, Response, abort, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response as AnyResponse

from clinic_orders.actions import catalogue as deeds
from clinic_orders.actions import edition_choice
from clinic_orders.exchange import cells
from clinic_orders.models.catalogue import Edition, Item, Price
from clinic_orders.queries import catalogue as questions
from clinic_orders.queries.catalogue import EVERY, EditionLine, Place, Wanted
from clinic_orders.rules.catalogue import price_in_force
from clinic_orders.rules.days import DayNotUnderstood, parse_day
from clinic_orders.rules.parties import Permission
from clinic_orders.web import guards
from clinic_orders.web.guards import needs
from clinic_orders.web.import_files import as_import_file
from clinic_orders.web.listing import page_cut, sort_order, wanted_file
from clinic_orders.web.price_words import is_inferred, price_basis
from clinic_orders.web.typed import Typed

blueprint = Blueprint("editions", __name__, url_prefix="/editions")


def files_url() -> str:
    """Where files are imported; "" where that page is not built in or not the reader's."""
    endpoint = "files.index"
    open_to = guards.actor().may(Permission.FILES_IMPORT)
    return url_for(endpoint) if open_to and endpoint in current_app.view_functions else ""


# Editions ---------------------------------------------------------------------------------------------


@blueprint.get("/")
@needs(Permission.CATALOGUE_MANAGE)
def index() -> str | Response:
    """All editions, newest first."""
    query = request.args.get("q", "").strip()
    sort = sort_order({"edition", "from", "items"}, "-from")
    found = [
        line for line in questions.editions(guards.today()) if query.casefold() in line.edition.casefold()
    ]
    if wanted_file():
        return as_import_file("editions", questions.edition_rows([line.id for line in found]))
    orders = {
        "edition": lambda line: line.edition,
        "from": lambda line: (line.valid_from, line.id),
        "items": lambda line: line.items,
    }
    found.sort(key=orders[sort.removeprefix("-")], reverse=sort.startswith("-"))
    cut = page_cut(len(found))
    return render_template(
        "editions/index.html",
        rows=found[cut.offset : cut.offset + cut.limit],
        page=cut,
        sort=sort,
        q=query,
        files_url=files_url(),
    )


def _edition(edition_id: int) -> tuple[EditionLine, EditionLine | None, Edition]:
    """An edition with the one before it; 404 if there is none."""
    lines = questions.editions(guards.today())
    edition = questions.edition_by_id(edition_id)
    if edition is None:
        abort(404)
    place = next(place for place, line in enumerate(lines) if line.id == edition_id)
    return lines[place], lines[place + 1] if place + 1 < len(lines) else None, edition


@blueprint.get("/<int:edition_id>")
@needs(Permission.CATALOGUE_MANAGE)
def show(edition_id: int) -> str | Response:
    """One edition: its items, or what it changes against the edition before."""
    line, before, _edition_row = _edition(edition_id)
    wanted = Wanted(q=request.args.get("q", "").strip(), edition=line.edition)
    sort = sort_order(questions.ITEM_ORDERS, "fit" if wanted.q else "name")
    on = max(guards.today(), line.valid_from)
    if wanted_file():
        found = questions.find_items(wanted, Place(), on=on, sort=sort) if wanted.q else None
        return as_import_file("editions", questions.edition_rows([line.id], found))
    changes = questions.compare(line, before) if before is not None else []
    part = request.args.get("show", "")
    counts = {what: sum(change.what == what for change in changes) for what in ("added", "dropped", "price")}
    if part in counts:
        chosen = [change for change in changes if change.what == part]
        cut = page_cut(len(chosen))
        rows: list[Any] = chosen[cut.offset : cut.offset + cut.limit]
    else:
        part = ""
        ids = questions.find_items(wanted, Place(), on=on, sort=sort)
        cut = page_cut(len(ids))
        rows = questions.item_lines(ids[cut.offset : cut.offset + cut.limit], Place(), on=on)
    return render_template(
        "editions/show.html",
        line=line,
        before=before,
        counts=counts,
        part=part,
        rows=rows,
        page=cut,
        sort=sort,
        q=wanted.q,
        is_inferred=is_inferred,
    )


@blueprint.route("/new", methods=["GET", "POST"])
@needs(Permission.CATALOGUE_MANAGE)
def new() -> str | AnyResponse | tuple[str, int]:
    """Begin an edition: typed, looked at once more, made."""
    known = questions.editions(guards.today())
    typed = Typed()
    if request.method == "GET":
        copy = request.args.get("copy", known[0].edition if known else "")
        return _new_page(typed, known, {"edition": "", "valid_from": "", "copy_of": copy})
    values = {name: typed.text(name) for name in ("edition", "valid_from", "copy_of")}
    name, first = typed.read("edition", cells.code()), typed.read("valid_from", cells.day())
    source = next((line for line in known if line.edition == values["copy_of"]), None)
    if name and any(line.edition == name for line in known):
        typed.tried("edition", lambda: _refuse(deeds.EditionThere(edition=name)))
    if typed.errors:
        return _new_page(typed, known, values), 400
    if request.form.get("do") != "save":
        return render_template(
            "editions/new_check.html",
            values=values,
            first=first,
            source=source,
            past=first <= guards.today(),
        )
    made = deeds.make_edition(
        name,
        valid_from=first,
        copy_of=questions.edition_by_id(source.id) if source else None,
        by=guards.actor(),
        at=guards.at(),
    )
    flash(_("The edition %(edition)s has been begun. Add items or take some out.", edition=name), "ok")
    return redirect(url_for(".show", edition_id=made.id))


def _refuse(refusal: Exception) -> None:
    raise refusal


def _new_page(typed: Typed, known: list[EditionLine], values: dict[str, str]) -> str:
    return render_template("editions/new.html", typed=typed, known=known, values=values)


@blueprint.route("/<int:edition_id>/add", methods=["GET", "POST"])
@needs(Permission.CATALOGUE_MANAGE)
def add(edition_id: int) -> str | AnyResponse | tuple[str, int]:
    """Add an item: its code typed, the item shown, confirmed."""
    line, _before, edition = _edition(edition_id)
    code = request.values.get("code", "").strip()
    item = questions.item_by_code(code) if code else None
    problem = ""
    if code and item is None:
        problem = _("There is no item %(code)s. Look it up in the catalogue.", code=code)
    elif item is not None and questions.has_item(line.id, item.id):
        problem = _("%(code)s stands in this edition already.", code=item.item_code)
    if request.method == "POST" and item is not None and not problem:
        row = {"edition": edition.edition, "valid_from": edition.valid_from, "item_code": item.item_code}
        deeds.put_editions([(1, row)], by=guards.actor(), at=guards.at())
        flash(_("%(name)s (%(code)s) has been added.", name=item.generic_name, code=item.item_code), "ok")
        return redirect(url_for(".show", edition_id=line.id))
    page = render_template(
        "editions/add.html",
        line=line,
        item=None if problem else item,
        code=code,
        problem=problem,
        price=questions.price_of_day(item.id, max(guards.today(), line.valid_from)) if item else None,
    )
    return (page, 400) if problem or request.method == "POST" else page


@blueprint.get("/<int:edition_id>/choose")
@needs(Permission.CATALOGUE_MANAGE)
def choose(edition_id: int) -> str | Response:
    """All landed items with a tick for those of the edition, beside what the edition before had."""
    line, before, _edition_row = _edition(edition_id)
    q, part = request.args.get("q", "").strip(), request.args.get("part", "")
    sort = sort_order(questions.ITEM_ORDERS, "fit" if q else "name")
    on = max(guards.today(), line.valid_from)
    if wanted_file():
        return as_import_file("editions", questions.edition_rows([line.id]))
    held = set(questions.item_codes_of(line.id))
    held_before = set(questions.item_codes_of(before.id)) if before else set()
    codes = {"in": held, "added": held - held_before, "dropped": held_before - held}
    rows = questions.item_lines(
        questions.find_items(Wanted(q=q, edition=EVERY), Place(), on=on, sort=sort), Place(), on=on
    )
    if part in codes:
        rows = [row for row in rows if row.code in codes[part]]
    elif part == "out":
        rows = [row for row in rows if row.code not in held]
    cut = page_cut(len(rows))
    changes = questions.compare(line, before) if before is not None else []
    return render_template(
        "editions/choose.html",
        line=line,
        before=before,
        counts={
            what: sum(change.what == what for change in changes) for what in ("added", "dropped", "price")
        },
        rows=rows[cut.offset : cut.offset + cut.limit],
        page=cut,
        sort=sort,
        q=q,
        part=part,
        parts_of=[
            ("in", _("in this edition")),
            ("out", _("not in this edition")),
            ("added", _("new against the last one")),
            ("dropped", _("dropped against the last one")),
        ],
        held=held,
        held_before=held_before,
        is_inferred=is_inferred,
    )


@blueprint.post("/<int:edition_id>/choose")
@needs(Permission.CATALOGUE_MANAGE)
def choose_save(edition_id: int) -> AnyResponse:
    """Keep the ticks of one page of the list."""
    _line, _before, edition = _edition(edition_id)
    added, gone = edition_choice.choose_items(
        edition,
        shown=request.form.getlist("shown"),
        chosen=request.form.getlist("chosen"),
        by=guards.actor(),
        at=guards.at(),
    )
    flash(
        ngettext(
            "%(added)s item added, %(gone)s taken out. Tick or untick again to undo it.",
            "%(added)s items added, %(gone)s taken out. Tick or untick again to undo it.",
            added,
            added=added,
            gone=gone,
        ),
        "ok",
    )
    seen = {name: request.args[name] for name in ("q", "part", "sort", "page") if name in request.args}
    return redirect(url_for(".choose", edition_id=edition_id) + (f"?{urlencode(seen)}" if seen else ""))


@blueprint.route("/<int:edition_id>/take-out/<path:item_code>", methods=["GET", "POST"])
@needs(Permission.CATALOGUE_MANAGE)
def take_out(edition_id: int, item_code: str) -> str | AnyResponse:
    """Take an item out of an edition, after a look."""
    line, _before, edition = _edition(edition_id)
    item = _item(item_code)
    if not questions.has_item(line.id, item.id):
        flash(_("%(code)s does not stand in this edition.", code=item.item_code), "warn")
        return redirect(url_for(".show", edition_id=line.id))
    if request.method == "GET":
        return render_template("editions/take_out.html", line=line, item=item)
    deeds.take_out_of_edition(edition, item, by=guards.actor(), at=guards.at())
    flash(_("%(name)s (%(code)s) has been taken out.", name=item.generic_name, code=item.item_code), "ok")
    return redirect(url_for(".show", edition_id=line.id))


# Prices -----------------------------------------------------------------------------------------------


@blueprint.get("/prices")
@needs(Permission.CATALOGUE_MANAGE)
def prices() -> str | Response:
    """The items with today's price and the next one."""
    wanted = Wanted(
        q=request.args.get("q", "").strip(),
        edition=EVERY if request.args.get("edition") != "now" else "",
        priced=request.args.get("priced", "") if request.args.get("priced") in {"none", "soon"} else "",
    )
    sort, day = sort_order(questions.ITEM_ORDERS, "fit" if wanted.q else "name"), guards.today()
    ids = questions.find_items(wanted, Place(), on=day, sort=sort)
    if wanted_file():
        return as_import_file("prices", questions.price_rows(ids))
    cut = page_cut(len(ids))
    return render_template(
        "editions/prices.html",
        rows=questions.item_lines(ids[cut.offset : cut.offset + cut.limit], Place(), on=day),
        page=cut,
        sort=sort,
        wanted=wanted,
        files_url=files_url(),
        only_now=wanted.edition == "",
        filtered=wanted != Wanted(edition=EVERY),
        basis=lambda row: price_basis(row.price_document, row.batch, row.batch_year),
    )


class PriceEntry(NamedTuple):
    """A price as it was typed and understood; None where it was not."""

    valid_from: date | None
    pack_price: Any
    document_no: str


def _item(item_code: str) -> Item:
    found = questions.item_by_code(item_code)
    if found is None:
        abort(404)
    return found


def _entry(typed: Typed) -> PriceEntry:
    return PriceEntry(
        typed.read("valid_from", cells.day()),
        typed.read("pack_price", cells.price()),
        typed.read("document_no", cells.text(128)) or "",
    )


@blueprint.route("/prices/<path:item_code>", methods=["GET", "POST"])
@needs(Permission.CATALOGUE_MANAGE)
def price(item_code: str) -> str | AnyResponse | tuple[str, int]:
    """The prices of an item; a new one is typed, compared with the old, announced."""
    item = _item(item_code)
    known, typed = questions.prices_of(item.id), Typed()
    if request.method == "GET":
        return _price_page(item, known, typed, {"valid_from": _tomorrow().isoformat()})
    entry = _entry(typed)
    there = next((one for one in known if one.valid_from == entry.valid_from), None)
    if there is not None:
        refusal = deeds.PriceThere(
            code=item.item_code, day=there.valid_from, price=f"{there.pack_price.normalize():f}"
        )
        typed.tried("valid_from", lambda: _refuse(refusal))
    if typed.errors or entry.valid_from is None:
        return _price_page(item, known, typed, request.form), 400
    if request.form.get("do") != "save":
        return render_template(
            "editions/price_check.html",
            item=item,
            entry=entry,
            old=price_in_force(known, on=entry.valid_from),
            following=next((one for one in known if one.valid_from > entry.valid_from), None),
            past=entry.valid_from <= guards.today(),
            reason="",
            action=url_for(".price", item_code=item.item_code),
            change=_change,
        )
    deeds.add_price(item, **entry._asdict(), by=guards.actor(), at=guards.at())
    flash(_("The price holds from 00:00 of %(day)s.", day=entry.valid_from.isoformat()), "ok")
    return redirect(url_for(".price", item_code=item.item_code))


def _tomorrow() -> date:
    return guards.today() + timedelta(days=1)


def _change(old: Any, new: Any) -> str:
    """By how much a price rises or falls, in per cent with a sign."""
    return f"{(new - old) / old * 100:+.1f}%"


def _price_page(item: Item, known: list[Price], typed: Typed, values: Any) -> str:
    day = guards.today()
    return render_template(
        "editions/price.html",
        item=item,
        prices=known[::-1],
        current=price_in_force(known, on=day),
        typed=typed,
        values=values,
        today=day,
    )


@blueprint.route("/corrections/<first_day>/<path:item_code>", methods=["GET", "POST"])
@needs(Permission.CATALOGUE_MANAGE)
def correct(first_day: str, item_code: str) -> str | AnyResponse | tuple[str, int]:
    """Put a wrong price right, with the reason."""
    item, typed = _item(item_code), Typed()
    old = next((one for one in questions.prices_of(item.id) if one.valid_from == _day(first_day)), None)
    if old is None:
        abort(404)
    if request.method == "GET":
        values = {"pack_price": f"{old.pack_price.normalize():f}", "document_no": old.document_no}
        return render_template("editions/correct.html", item=item, old=old, typed=typed, values=values)
    entry = PriceEntry(
        old.valid_from,
        typed.read("pack_price", cells.price()),
        typed.read("document_no", cells.text(128), required=False) or "",
    )
    reason = typed.read("reason", cells.text(200))
    if typed.errors:
        return (
            render_template("editions/correct.html", item=item, old=old, typed=typed, values=request.form),
            400,
        )
    if request.form.get("do") != "save":
        return render_template(
            "editions/price_check.html",
            item=item,
            entry=entry,
            old=old,
            following=None,
            past=old.valid_from <= guards.today(),
            reason=reason,
            action=url_for(".correct", first_day=first_day, item_code=item.item_code),
            change=_change,
        )
    deeds.correct_price(item, **entry._asdict(), reason=reason, by=guards.actor(), at=guards.at())
    flash(_("The price has been corrected. What was ordered keeps its price."), "ok")
    return redirect(url_for(".price", item_code=item.item_code))


def _day(text: str) -> date:
    try:
        return parse_day(text)
    except DayNotUnderstood:
        abort(404)
