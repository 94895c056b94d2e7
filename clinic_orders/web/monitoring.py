"""Price monitoring: what sentinels report, a month's figures and its publication, who and what is watched (R-STAT-4)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response

from clinic_orders.actions import monitoring as deeds
from clinic_orders.queries import monitoring as questions
from clinic_orders.queries.listed_products import LABEL_SORTS, labelled_products
from clinic_orders.queries.monitoring import CollectedLine, MonitoredItem
from clinic_orders.rules.days import Month, parse_day
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.findings import rounded
from clinic_orders.rules.money import parse_price
from clinic_orders.rules.parties import Permission
from clinic_orders.rules.price_labels import ProductStatus, RiskLabel
from clinic_orders.web.display import period, register_labels
from clinic_orders.web.errors import say
from clinic_orders.web.guards import actor, at, needs, today
from clinic_orders.web.listing import Column, as_file, page_cut, sort_order, wanted_file

blueprint = Blueprint("monitoring", __name__, url_prefix="/monitoring")

register_labels(
    {
        RiskLabel.NONE: N_("no label"),
        RiskLabel.YELLOW: N_("yellow label"),
        RiskLabel.RED: N_("red label"),
        RiskLabel.YELLOW_RED: N_("yellow-red label"),
        RiskLabel.UNKNOWN: N_("can't be said"),
    }
)
register_labels(
    {
        ProductStatus.SELECTED_ELSEWHERE: N_("selected, not supplying this province"),
        ProductStatus.REFERENCE: N_("reference preparation"),
        ProductStatus.PASSED: N_("passed the consistency evaluation"),
        ProductStatus.NOT_PASSED: N_("not passed"),
    }
)
LABEL_SHAPES = {"none": "ok", "yellow": "warn", "red": "bad", "yellow_red": "bad", "unknown": "off"}
MONTHS_SHOWN = 13


# What a sentinel reports ---------------------------------------------------------------------------------


@dataclass(slots=True)
class FormLine:
    """A watched item on the form with what was typed."""

    line: CollectedLine
    typed: str
    out: bool
    error: str = ""
    price: Decimal | None = None


def _own_lines(*, filled: bool) -> list[FormLine]:
    institution_id = actor().institution_id
    if institution_id is None:
        abort(404)
    if not questions.is_sentinel(institution_id, on=today()):
        return []
    lines = []
    for one in questions.to_collect(institution_id, on=today()):
        stands = one.price if one.said else one.before
        text = "" if stands is None else f"{stands:.4f}".rstrip("0").rstrip(".")
        line = FormLine(one, text, one.out)
        if filled:
            line.typed = request.form.get(f"p-{one.item.code}", "").strip()
            line.out = request.form.get(f"out-{one.item.code}") == "1"
            if line.typed:
                try:
                    line.price = parse_price(line.typed)
                except RuleBroken as refusal:
                    line.error = say(refusal)
        lines.append(line)
    return lines


def _form(lines: list[FormLine], refusal: str = "") -> str:
    errors = [(f"p-{one.line.item.code}", f"{one.line.item.name}：{one.error}") for one in lines if one.error]
    return render_template(
        "monitoring/collect.html",
        lines=lines,
        errors=([("", refusal)] if refusal else []) + errors,
        month=Month.of(today()),
        said=sum(one.line.said for one in lines),
    )


@blueprint.get("/collect")
@needs(Permission.REPORTS_MAKE)
def collect() -> str:
    """The watched items of today, filled in with the last price."""
    return _form(_own_lines(filled=False))


@blueprint.post("/collect")
@needs(Permission.REPORTS_MAKE)
def report() -> str | Response | tuple[str, int]:
    """Record today's prices."""
    lines = _own_lines(filled=True)
    if any(one.error for one in lines):
        return _form(lines), 422
    prices = {one.line.item.code: one.price for one in lines if one.price is not None}
    try:
        done = deeds.collect_prices(
            prices, [one.line.item.code for one in lines if one.out], by=actor(), at=at()
        )
    except RuleBroken as refusal:
        return _form(lines, say(refusal)), 409
    flash(ngettext("%(num)d price is reported.", "%(num)d prices are reported.", done), "ok")
    return redirect(url_for(".collect"), 303)


# A month -------------------------------------------------------------------------------------------------

_FILE = (
    Column(N_("Item code"), lambda row: row.item.code),
    Column(N_("Name"), lambda row: row.item.name),
    Column(N_("Strength"), lambda row: row.item.strength),
    Column(N_("Manufacturer"), lambda row: row.item.manufacturer),
    Column(N_("Sentinels"), lambda row: row.expected),
    Column(N_("Reported"), lambda row: row.figures.reported),
    Column(N_("Lowest"), lambda row: row.figures.lowest),
    Column(N_("Highest"), lambda row: row.figures.highest),
    Column(N_("Mean"), lambda row: row.figures.mean),
    Column(N_("Spread"), lambda row: _share(row.figures.spread)),
    Column(N_("Change to the month before"), lambda row: _share(row.figures.change)),
    Column(N_("Out of stock"), lambda row: row.figures.outs),
)
SORTS = {
    "name": lambda one: 0,
    "spread": lambda one: one.figures.spread or 0,
    "change": lambda one: one.figures.change or 0,
    "reported": lambda one: one.figures.reported,
}


def _share(value: Decimal | Fraction | None) -> Decimal | None:
    return None if value is None else rounded(value, Decimal("0.0001"))


def _asked_month() -> Month:
    text = request.args.get("month", "") or request.form.get("month", "")
    try:
        month = Month.parse(text) if text else Month.of(today())
    except RuleBroken:
        abort(404)
    return month


def _month_page(month: Month, refusal: str = "") -> str | Response:
    words = request.args.get("q", "").strip()[:64]
    found = questions.monitored_month(month, actor(), words=words)
    sort = sort_order(set(SORTS), "name")
    rows: list[MonitoredItem] = list(found.items)
    key = SORTS[sort.removeprefix("-")]
    if sort.removeprefix("-") != "name":
        rows.sort(key=key)
    if sort.startswith("-"):
        rows.reverse()
    if not refusal and wanted_file():
        return as_file(f"monitoring-{month}", _FILE, rows)
    cut = page_cut(len(rows))
    running = Month.of(today())
    return render_template(
        "monitoring/index.html",
        found=found,
        rows=rows[cut.offset : cut.offset + cut.limit],
        page=cut,
        sort=sort,
        words=words,
        month=month,
        months=[(str(one), str(one)) for one in (running.plus(-back) for back in range(MONTHS_SHOWN))],
        missing=found.missing() if not words else [],
        published=questions.publication(month),
        over=month.last_day < today(),
        makes=actor().may(Permission.MONTH_CLOSE),
        refusal=refusal,
        share=_share,
    )


@blueprint.get("/")
@needs(Permission.STATISTICS_READ)
def index() -> str | Response:
    """A month: figures by item, completeness, who has not reported."""
    return _month_page(_asked_month())


@blueprint.post("/publish")
@needs(Permission.MONTH_CLOSE)
def publish() -> str | Response | tuple[str | Response, int]:
    """Keep a month's figures for the public."""
    month = _asked_month()
    try:
        deeds.publish_prices(month, by=actor(), at=at())
    except RuleBroken as refusal:
        return _month_page(month, say(refusal)), 409
    flash(_("The prices of %(month)s are published.", month=period(month)), "ok")
    return redirect(url_for(".index", month=str(month)), 303)


@blueprint.get("/items/<item_code>")
@needs(Permission.STATISTICS_READ)
def item(item_code: str) -> str:
    """One item in a month: what each sentinel asks."""
    month = _asked_month()
    found = questions.monitored_month(month, actor())
    one = next((row for row in found.items if row.item.code == item_code), None)
    if one is None:
        abort(404)
    seen = [(place, found.prices.get((place.institution_id, one.item.item_id))) for place in found.sentinels]
    return render_template("monitoring/item.html", one=one, month=month, seen=seen, share=_share)


# Who and what is watched ---------------------------------------------------------------------------------


def _settings(refusal: str = "", typed: str = "") -> str:
    on = today()
    return render_template(
        "monitoring/settings.html",
        places=[
            row for row in questions.sentinels(actor(), on=on) if row.valid_to is None or row.valid_to >= on
        ],
        items=questions.watched(first=on, last=date.max),
        refusal=refusal,
        typed=typed,
        tomorrow=on + timedelta(days=1),
        today=on,
        makes=actor().may(Permission.POLICY_MANAGE),
    )


@blueprint.get("/settings")
@needs(Permission.STATISTICS_READ)
def settings() -> str:
    """The sentinels and the watched items, each with its days."""
    return _settings()


@blueprint.post("/settings")
@needs(Permission.POLICY_MANAGE)
def change_settings() -> str | Response | tuple[str, int]:
    """Add or end a sentinel or a watched item."""
    what, code = request.form.get("what", ""), request.form.get("code", "").strip()[:64]
    try:
        day = parse_day(request.form.get("day", "") or today().isoformat())
        if what == "sentinel":
            deeds.add_sentinel(code, first=day, by=actor(), at=at())
        elif what == "item":
            deeds.add_watched_item(code, first=day, by=actor(), at=at())
        elif what == "end_sentinel":
            deeds.end_sentinel(request.form.get("id", 0, type=int), last=day, by=actor(), at=at())
        elif what == "end_item":
            deeds.end_watched_item(request.form.get("id", 0, type=int), last=day, by=actor(), at=at())
        else:
            abort(404)
    except RuleBroken as refusal:
        return _settings(say(refusal), code), 409
    flash(_("Stored."), "ok")
    return redirect(url_for(".settings"), 303)


# Labels --------------------------------------------------------------------------------------------------

_LABEL_FILE = (
    Column(N_("Code"), lambda row: row.code),
    Column(N_("Generic name"), lambda row: row.variety),
    Column(N_("Name"), lambda row: row.name),
    Column(N_("Manufacturer"), lambda row: row.manufacturer),
    Column(N_("Kind of product"), lambda row: row.status),
    Column(N_("Listed price"), lambda row: row.price),
    Column(N_("Label"), lambda row: row.label),
    Column(N_("Yellow above"), lambda row: _share(row.lines.yellow)),
    Column(N_("Red above"), lambda row: _share(row.lines.red)),
)


@blueprint.get("/labels")
@needs(Permission.STATISTICS_READ)
def labels() -> str | Response:
    """Listed products that are not selected ones, with their price-risk labels."""
    words, asked = request.args.get("q", "").strip()[:64], request.args.get("label", "")
    chosen = next((one for one in RiskLabel if one.value == asked), None)
    sort = sort_order(LABEL_SORTS, "label")
    rows = labelled_products(on=today(), words=words, label=chosen, sort=sort)
    if wanted_file():
        return as_file("price-labels", _LABEL_FILE, rows)
    cut = page_cut(len(rows))
    return render_template(
        "monitoring/labels.html",
        rows=rows[cut.offset : cut.offset + cut.limit],
        page=cut,
        sort=sort,
        words=words,
        label=asked,
        labels=list(RiskLabel),
        shapes=LABEL_SHAPES,
        share=_share,
    )
