"""The quarterly bulletins: list, preview, what is demanded, publication, paper and workbook (R-STAT-3)."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from clinic_orders.actions import bulletins as deeds
from clinic_orders.documents.bulletins import annex_workbook, bulletin_pdf
from clinic_orders.queries import bulletins as questions
from clinic_orders.rules.bulletins import MOST_WORDS, USUAL_DEMANDS
from clinic_orders.rules.days import Quarter
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.parties import Permission
from clinic_orders.web.downloads import file_answer
from clinic_orders.web.errors import say
from clinic_orders.web.guards import actor, at, needs, today
from clinic_orders.web.listing import Column, as_file, page_cut, sort_order, wanted_file
from clinic_orders.web.papers import pdf

blueprint = Blueprint("bulletins", __name__, url_prefix="/bulletins")

QUARTERS_A_PAGE = 20
_FILE = (
    Column(N_("Quarter"), lambda row: str(row.quarter)),
    Column(N_("Letter number"), lambda row: row.number),
    Column(N_("Published at"), lambda row: row.published_at),
    Column(N_("Published by"), lambda row: row.published_by),
    Column(N_("Draft made at"), lambda row: row.drafted_at),
    Column(N_("Months not closed"), lambda row: " ".join(row.open_months)),
)


def _makes() -> bool:
    return actor().may(Permission.MONTH_CLOSE)


@blueprint.get("/")
@needs(Permission.STATISTICS_READ)
def index() -> str | Response:
    """The quarters that are over; who makes no bulletins sees those published."""
    words = request.args.get("q", "").strip()[:32]
    sort = sort_order(questions.SORTS, "-quarter")
    rows = questions.bulletins(on=today(), words=words, published_only=not _makes(), sort=sort)
    if wanted_file():
        return as_file("bulletins", _FILE, rows)
    cut = page_cut(len(rows), QUARTERS_A_PAGE)
    return render_template(
        "bulletins/index.html",
        rows=rows[cut.offset : cut.offset + cut.limit],
        page=cut,
        sort=sort,
        words=words,
        makes=_makes(),
    )


def _asked(text: str) -> Quarter:
    """The quarter of an address; 404 where it is none, is not over, or may not be seen yet."""
    try:
        quarter = Quarter.parse(text)
    except RuleBroken:
        abort(404)
    if quarter.last_day >= today():
        abort(404)
    if not _makes():
        kept = questions.find_bulletin(quarter)
        if kept is None or kept.number is None:
            abort(404)
    return quarter


def _page(quarter: Quarter, refusal: str = "", typed: str | None = None) -> str:
    kept = questions.find_bulletin(quarter)
    content, missing = None, ""
    try:
        content = questions.bulletin_content(quarter, on=today())
    except RuleBroken as error:
        missing = say(error)
    return render_template(
        "bulletins/show.html",
        quarter=quarter,
        kept=kept,
        content=content,
        missing=missing,
        refusal=refusal,
        typed=typed if typed is not None else (kept.demands if kept else ""),
        usual=USUAL_DEMANDS,
        most=MOST_WORDS,
        makes=_makes(),
    )


@blueprint.get("/<quarter>")
@needs(Permission.STATISTICS_READ)
def show(quarter: str) -> str:
    """A bulletin as it was published, or its draft with what can be done."""
    return _page(_asked(quarter))


@blueprint.post("/<quarter>/draft")
@needs(Permission.MONTH_CLOSE)
def draft(quarter: str) -> Response | tuple[str, int]:
    """Make the draft, where the clock has not made it."""
    asked = _asked(quarter)
    try:
        deeds.draft_bulletin(asked, by=actor(), at=at())
    except RuleBroken as refusal:
        return _page(asked, say(refusal)), 409
    return redirect(url_for(".show", quarter=str(asked)), 303)


@blueprint.post("/<quarter>/words")
@needs(Permission.MONTH_CLOSE)
def words(quarter: str) -> Response | tuple[str, int]:
    """Keep what the bulletin demands."""
    asked, typed = _asked(quarter), request.form.get("demands", "")
    seen = request.form.get("version", type=int)
    try:
        deeds.word_bulletin(asked, typed, seen_version=seen, by=actor(), at=at())
    except RuleBroken as refusal:
        return _page(asked, say(refusal), typed), 409
    flash(_("The draft is kept."), "ok")
    return redirect(url_for(".show", quarter=str(asked)), 303)


@blueprint.post("/<quarter>/publish")
@needs(Permission.MONTH_CLOSE)
def publish(quarter: str) -> Response | tuple[str, int]:
    """Number the bulletin and keep it as it is."""
    asked, seen = _asked(quarter), request.form.get("version", type=int)
    try:
        done = deeds.publish_bulletin(asked, seen_version=seen, by=actor(), at=at())
    except RuleBroken as refusal:
        return _page(asked, say(refusal)), 409
    flash(_("The bulletin is published as %(number)s.", number=done.number), "ok")
    return redirect(url_for(".show", quarter=str(asked)), 303)


@blueprint.get("/<quarter>/pdf")
@needs(Permission.STATISTICS_READ)
def paper(quarter: str) -> Response | tuple[str, int]:
    """The bulletin on paper; a draft says so on every page."""
    asked = _asked(quarter)
    try:
        content = questions.bulletin_content(asked, on=today())
    except RuleBroken as refusal:
        return _page(asked, say(refusal)), 409
    return pdf(f"bulletin-{asked}", lambda: bulletin_pdf(content))


@blueprint.get("/<quarter>/xlsx")
@needs(Permission.STATISTICS_READ)
def workbook(quarter: str) -> Response | tuple[str, int]:
    """The annexes with every institution."""
    asked = _asked(quarter)
    try:
        content = questions.bulletin_content(asked, on=today(), whole=True)
    except RuleBroken as refusal:
        return _page(asked, say(refusal)), 409
    return file_answer(annex_workbook(content), f"bulletin-{asked}.xlsx")
