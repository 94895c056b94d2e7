"""Stock on screen: the list of items, how one of them moved, losses, own numbers (R-STOCK-3)."""

from __future__ import annotations

import re
import secrets
from datetime import date, timedelta
from typing import Any

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response as AnyResponse

from clinic_orders.actions import losses as deeds
from clinic_orders.actions.loading import NotFound
from clinic_orders.actions.selling import take_back_entry
from clinic_orders.queries import stock as queries
from clinic_orders.queries.audit import times_done
from clinic_orders.queries.ordering import ItemRow, items_on
from clinic_orders.queries.stock import Movement, Show, losses
from clinic_orders.rules.days import parse_day
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.parties import Permission
from clinic_orders.rules.reasons import LossReason, ReversalReason, parse_reason, reason_label
from clinic_orders.rules.reordering import Keeping, parse_days
from clinic_orders.rules.stock_entries import EntryKind, MovementKind
from clinic_orders.web.display import register_labels
from clinic_orders.web.errors import say
from clinic_orders.web.goods_pages import frame
from clinic_orders.web.guards import actor, at, needs, today
from clinic_orders.web.listing import Column, as_file, page_cut, sort_order, wanted_file
from clinic_orders.web.reasons import loss_reason, return_reason, reversal_reason
from clinic_orders.web.report_lines import TypedLines
from clinic_orders.web.stock_words import formula_of, use_of

blueprint = Blueprint("stock", __name__, url_prefix="/stock")

_KEY = re.compile(r"[A-Za-z0-9_-]{16,64}")
MOVED_DAYS = 90
"""So many days of movements a page shows unless others are asked for."""

register_labels(
    {
        MovementKind.ACCEPTED: N_("Accepted into stock"),
        MovementKind.RETURNED: N_("Returned to the distributor"),
        MovementKind.SOLD: N_("Sold"),
        MovementKind.CUSTOMER_RETURN: N_("Customer's return"),
        MovementKind.LOST: N_("Lost"),
        MovementKind.TAKEN_BACK: N_("Taken back"),
        MovementKind.COUNT: N_("Counted"),
    }
)
SHOWS = (
    (Show.ORDER, N_("To order")),
    (Show.OUT, N_("None left")),
    (Show.EXPIRING, N_("Near expiry")),
)


def _own() -> int:
    found = actor().institution_id
    if found is None:
        abort(404)
    return found


COLUMNS = (
    Column(N_("Item code"), lambda row: row.item.code),
    Column(N_("Medicine"), lambda row: row.item.name),
    Column(N_("Strength"), lambda row: row.item.strength),
    Column(N_("Units of a pack"), lambda row: row.item.pack_size),
    Column(N_("Unit"), lambda row: row.item.base_unit),
    Column(N_("Manufacturer"), lambda row: row.item.manufacturer),
    Column(N_("There (smallest units)"), lambda row: row.on_hand),
    Column(N_("Lost since the last count"), lambda row: row.shelf.lost),
    Column(N_("Last count"), lambda row: row.shelf.counted_on),
    Column(N_("Used (smallest units)"), lambda row: row.use.base_units if row.use else None),
    Column(N_("Use counted over days"), lambda row: row.use.days if row.use else None),
    Column(N_("Lasts for days"), lambda row: row.days),
    Column(N_("Under way (packs)"), lambda row: row.coming),
    Column(N_("Suggested (packs)"), lambda row: row.order.packs if row.order else None),
    Column(N_("First expiry"), lambda row: row.expiry),
    Column(N_("Near expiry (smallest units)"), lambda row: sum(one.base_units for one in row.near)),
)


@blueprint.get("/")
@needs(Permission.REPORTS_MAKE)
def index() -> str | Response:
    """What is there of every item, how long it lasts, what to order, what is near its expiry."""
    stock = queries.stock_of(_own(), at=at(), on=today())
    asked = request.args.get("show", "")
    show = Show(asked) if asked in set(Show) else Show.ALL
    words = request.args.get("q", "")[:64].split()[:5]
    sort = sort_order(set(queries.SORTS), "name")
    rows = queries.in_order(stock.shown(show, words), sort)
    if wanted_file():
        return as_file("stock", COLUMNS, rows)
    page = page_cut(len(rows))
    return render_template(
        "stock/index.html",
        frame=frame(),
        stock=stock,
        rows=rows[page.offset : page.offset + page.limit],
        facts=[(kind.value, gettext(text), len(stock.shown(kind))) for kind, text in SHOWS],
        show=show,
        query=" ".join(words),
        page=page,
        sort=sort,
        today=today(),
    )


# One item -------------------------------------------------------------------------------------------------------


def _item(code: str) -> ItemRow:
    found = next((one for one in items_on(today(), every=True).items if one.code == code), None)
    if found is None:
        abort(404)
    return found


def _reason(one: Movement) -> str:
    """The reason of a movement in words."""
    if not one.reason:
        return ""
    words = {MovementKind.LOST: loss_reason, MovementKind.RETURNED: return_reason}
    return words.get(one.kind, reversal_reason)(one.reason)


MOVED_COLUMNS = (
    Column(N_("Day"), lambda one: one.day),
    Column(N_("Kind"), lambda one: one.kind),
    Column(
        N_("Moved (smallest units)"), lambda one: None if one.kind is MovementKind.COUNT else one.base_units
    ),
    Column(N_("There afterwards"), lambda one: one.balance),
    Column(N_("Difference of the count"), lambda one: one.difference),
    Column(N_("Paper"), lambda one: one.number),
    Column(N_("Batch number"), lambda one: one.batch_no),
    Column(N_("Reason"), _reason),
    Column(N_("Written down by"), lambda one: one.who),
    Column(N_("Written down at"), lambda one: one.at),
)
_MOVED_SORTS = ("day", "units")


def _day(name: str, default: date) -> date:
    try:
        return parse_day(request.args.get(name, ""))
    except RuleBroken:
        return default


def paper_of(one: Movement) -> str:
    """The address of the paper of a movement."""
    if one.kind is MovementKind.COUNT:
        return url_for("reports.stock", day=one.day.isoformat())
    if one.kind is MovementKind.ACCEPTED:
        return url_for("receiving.show", receipt_no=one.number)
    if one.kind is MovementKind.RETURNED:
        return url_for("returns.show", return_no=one.number)
    if one.number.startswith("SH"):
        return url_for("stock.loss", no=one.number)
    return url_for("sales.receipt", no=one.number)


@blueprint.get("/items/<code>")
@needs(Permission.REPORTS_MAKE)
def item(code: str) -> str | Response:
    """How an item moved: every movement with what was there afterwards and its paper."""
    found = _item(code)
    last = min(_day("last", today()), today())
    first = min(_day("first", last - timedelta(days=MOVED_DAYS)), last)
    moved = queries.movements_of(_own(), found.id, found.pack_size, first, last)
    kind = request.args.get("kind", "")
    words = request.args.get("q", "")[:64].split()[:5]
    rows = [
        one
        for one in moved.rows
        if (not kind or one.kind.value == kind)
        and all(word in f"{one.number} {one.batch_no} {one.who} {_reason(one)}" for word in words)
    ]
    sort = sort_order(set(_MOVED_SORTS), "-day")
    if sort.endswith("units"):
        rows.sort(key=lambda one: one.base_units, reverse=sort.startswith("-"))
    elif sort == "-day":
        rows.reverse()
    if wanted_file():
        return as_file("stock-movements", MOVED_COLUMNS, rows)
    page = page_cut(len(rows))
    stock = queries.stock_of(_own(), at=at(), on=today())
    return render_template(
        "stock/item.html",
        frame=frame(),
        item=found,
        row=next((one for one in stock.rows if one.item.id == found.id), None),
        moved=moved,
        rows=rows[page.offset : page.offset + page.limit],
        kinds=[(one.value, one) for one in MovementKind],
        kind=kind,
        query=" ".join(words),
        filtered=bool(kind or words),
        page=page,
        sort=sort,
        paper_of=paper_of,
        reason_of=_reason,
        formula_of=formula_of,
        use_of=use_of,
        today=today(),
    )


# Losses ---------------------------------------------------------------------------------------------------------


def _loss_page(
    *, errors: list[tuple[str, str]], key: str, filled: bool, status: int = 200
) -> tuple[str, int]:
    shelf = queries.shelf_of(_own(), today())
    asked = request.values.get("item", "")
    items = {one.code: one.id for one in items_on(today(), every=True).items}
    there = [one for one, place in shelf.items() if place.on_hand > 0]
    lines = TypedLines(
        _own(),
        on=today(),
        stored={},
        also=[*([items[asked]] if asked in items else []), *there],
        query=request.form.get("q", "").strip()[:64],
        filled=filled,
        in_packs=True,
    )
    if asked in items:
        lines.lines.sort(key=lambda one: one.item.code != asked)
    page = render_template(
        "stock/loss_new.html",
        frame="layout/phone.html",
        recorded=times_done(actor(), "record_loss"),
        lines=lines,
        shelf=shelf,
        errors=errors + lines.errors,
        wrong=dict(errors),
        reasons=[(one.value, gettext(reason_label(one))) for one in LossReason],
        typed=request.form,
        key=key,
        item=asked,
        today=today(),
    )
    return page, status


@blueprint.get("/loss/new")
@needs(Permission.REPORTS_MAKE)
def loss_new() -> tuple[str, int]:
    """What is gone: numbers beside medicines, and why."""
    return _loss_page(errors=[], key=secrets.token_urlsafe(18), filled=False)


@blueprint.post("/loss/new")
@needs(Permission.REPORTS_MAKE)
def record_loss() -> AnyResponse | tuple[str, int]:
    """Write it down; the same form sent twice makes one."""
    form, errors = request.form, []
    key = form.get("key", "")
    if not _KEY.fullmatch(key):
        abort(400)
    if form.get("do") == "find":
        return _loss_page(errors=[], key=key, filled=True)
    lines = TypedLines(_own(), on=today(), stored={}, filled=True, in_packs=True)
    reason, lost_on = None, today()
    try:
        reason = parse_reason(LossReason, form.get("reason", ""), form.get("reason_text", "").strip())
    except RuleBroken as refusal:
        errors.append(("reason", say(refusal)))
    try:
        lost_on = parse_day(form.get("lost_on", ""))
    except RuleBroken as refusal:
        errors.append(("lost_on", say(refusal)))
    if reason is not None and not errors and not lines.errors:
        lost = [
            deeds.LostLine(code, units, reason, form.get("batch_no", "").strip()[:64])
            for code, units in lines.numbers.items()
            if units
        ]
        try:
            entry = deeds.record_loss(lost, lost_on=lost_on, key=key, by=actor(), at=at())
        except RuleBroken as refusal:
            errors.append(("lost_on" if refusal.code == "EntryInFuture" else "", say(refusal)))
        else:
            flash(gettext("The loss is written down: number %(number)s.", number=entry.entry_no), "ok")
            return redirect(url_for(".loss", no=entry.entry_no), 303)
    return _loss_page(errors=errors, key=key, filled=True, status=422)


def _loss() -> Any:
    found = losses.loss_of(_own(), request.args.get("no", "")[:64])
    if found is None:
        abort(404)
    return found


def _loss_paper(*, refusal: str = "", status: int = 200) -> tuple[str, int]:
    found = _loss()
    page = render_template(
        "stock/loss.html",
        frame=frame(),
        entry=found.entry,
        lines=found.lines,
        reasons=[(one.value, gettext(reason_label(one))) for one in ReversalReason],
        why=reversal_reason(found.entry.taken_back_reason),
        loss_reason=loss_reason,
        refusal=refusal,
        typed=request.form,
        year=today().year,
    )
    return page, status


@blueprint.get("/loss")
@needs(Permission.REPORTS_MAKE)
def loss() -> tuple[str, int]:
    """One loss: its lines, who wrote it down; here it is taken back."""
    return _loss_paper()


@blueprint.post("/loss")
@needs(Permission.REPORTS_MAKE)
def take_back_loss() -> AnyResponse | tuple[str, int]:
    """Take a loss back."""
    found, form = _loss(), request.form
    try:
        take_back_entry(
            found.entry.entry_no,
            parse_reason(ReversalReason, form.get("reason", ""), form.get("reason_text", "").strip()),
            kinds=frozenset({EntryKind.LOSS}),
            seen_version=form.get("version", type=int),
            by=actor(),
            at=at(),
        )
    except NotFound:
        abort(404)
    except RuleBroken as refusal:
        status = 409 if refusal.code in {"ChangedMeanwhile", "EntryTakenBack"} else 422
        return _loss_paper(refusal=say(refusal), status=status)
    flash(gettext("%(number)s is taken back. It stays on record.", number=found.entry.entry_no), "ok")
    return redirect(url_for(".loss", no=found.entry.entry_no), 303)


# Own numbers ----------------------------------------------------------------------------------------------------

_NUMBERS = (
    ("use_days", N_("Daily use is counted over so many days")),
    ("lead_days", N_("Days from the order until the goods are there")),
    ("cover_days", N_("An order should last for so many days")),
    ("expiry_days", N_("Near expiry: so many days before it")),
)


def _settings_page(
    typed: dict[str, str], errors: dict[str, str], version: int, status: int = 200
) -> tuple[str, int]:
    page = render_template(
        "stock/settings.html",
        frame="layout/phone.html",
        numbers=[(name, gettext(text)) for name, text in _NUMBERS],
        typed=typed,
        errors=errors,
        version=version,
    )
    return page, status


@blueprint.get("/settings")
@needs(Permission.REPORTS_MAKE)
def settings() -> tuple[str, int]:
    """An institution's own numbers for suggestions and notices."""
    own = queries.own_numbers(_own(), today())
    typed = {name: str(getattr(own.keeping, name)) for name, _ in _NUMBERS}
    return _settings_page(typed | {"tells": "1" if own.keeping.tells else ""}, {}, own.version)


@blueprint.post("/settings")
@needs(Permission.REPORTS_MAKE)
def set_settings() -> AnyResponse | tuple[str, int]:
    """Set them."""
    form, errors, numbers = request.form, {}, {}
    for name, _text in _NUMBERS:
        try:
            numbers[name] = parse_days(name, form.get(name, ""))
        except RuleBroken as refusal:
            errors[name] = say(refusal)
    version = form.get("version", 0, type=int)
    if not errors:
        try:
            deeds.set_keeping(
                Keeping(**numbers, tells=form.get("tells") == "1"), seen_version=version, by=actor(), at=at()
            )
        except RuleBroken as refusal:
            errors[""] = say(refusal)
            version = queries.own_numbers(_own(), today()).version
        else:
            flash(gettext("Your numbers are kept."), "ok")
            return redirect(url_for(".index"), 303)
    return _settings_page(dict(form.items()), errors, version, 409 if "" in errors else 422)
