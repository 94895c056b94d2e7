"""Scorecards of distributors: all of them for a bureau, each its own, by township (R-STAT-3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from flask import Blueprint, abort, render_template, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from clinic_orders.queries import institutions as roster
from clinic_orders.queries.month_rows import ScoreRow
from clinic_orders.queries.scorecards import distributor_code
from clinic_orders.queries.statistics import MonthStatistics, shown_statistics
from clinic_orders.rules.bulletins import written
from clinic_orders.rules.days import Month
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.parties import SYSTEM, Permission, Role
from clinic_orders.rules.scorecard import Score
from clinic_orders.web.guards import actor, needs, today
from clinic_orders.web.listing import Column, as_file, page_cut, sort_order, wanted_file

blueprint = Blueprint("scorecards", __name__, url_prefix="/scorecards")


@dataclass(frozen=True, slots=True)
class Card:
    """A line: a distributor, or one of its townships; ``code`` is empty for a township."""

    code: str
    name: str
    sub: str
    score: Score


_FIGURES: tuple[tuple[str, str, Callable[[Score], Any], bool], ...] = (
    ("confirmation", N_("Confirmation rate"), lambda score: score.confirmation_rate, True),
    ("delivery", N_("Delivery rate"), lambda score: score.delivery_rate, True),
    ("in_time", N_("On-time delivery rate"), lambda score: score.on_time_rate, True),
    ("late", N_("Late item-days (packs × days)"), lambda score: score.late_item_days, False),
    ("missing", N_("Never came (packs)"), lambda score: score.never_came, False),
    ("asked", N_("To be delivered (packs)"), lambda score: score.asked, False),
)
SORTS = {"name", *(key for key, _word, _value, _percent in _FIGURES)}


def _column(word: str, value: Callable[[Score], Any], percent: bool) -> Column:
    return Column(
        word, lambda card: written(value(card.score), percent=True) if percent else value(card.score)
    )


_FILE = (
    Column(N_("Code"), lambda card: card.code),
    Column(N_("Name"), lambda card: card.name),
    Column(N_("More about it"), lambda card: card.sub),
    *(_column(word, value, percent) for _key, word, value, percent in _FIGURES),
)


def _month() -> Month:
    typed = request.args.get("month", "")
    try:
        month = Month.parse(typed) if typed else Month.of(today())
    except RuleBroken:
        abort(404)
    if month.first_day > today():
        abort(404)
    return month


def _rows(found: MonthStatistics | None) -> list[ScoreRow]:
    rows = found.rows if found is not None else None
    if rows is None:
        return []
    county = actor().county_code if actor().role is Role.COUNTY else None
    return [row for row in rows.scores if county in {None, row.county}]


def _sorted(cards: list[Card], sort: str) -> list[Card]:
    key = sort.removeprefix("-")
    values = {name: value for name, _word, value, _percent in _FIGURES}

    def figure(card: Card) -> Any:
        value = values[key](card.score)
        return Fraction(-1) if value is None else Fraction(value)

    cards.sort(key=lambda card: (card.name, card.sub, card.code))
    cards.sort(key=(lambda card: card.name) if key == "name" else figure, reverse=sort.startswith("-"))
    return cards


def _page(
    cards: list[Card], month: Month, found: MonthStatistics | None, title: str, own: bool
) -> str | Response:
    words = request.args.get("q", "").strip()[:64]
    sort = sort_order(SORTS, "-late")
    cards = _sorted([card for card in cards if words in f"{card.name} {card.sub} {card.code}"], sort)
    if wanted_file():
        return as_file(f"scorecards-{month}", _FILE, cards)
    cut = page_cut(len(cards))
    return render_template(
        "scorecards/show.html",
        title=title,
        own=own,
        month=month,
        months=[(str(one), str(one)) for one in (Month.of(today()).plus(-back) for back in range(13))],
        found=found,
        rows=cards[cut.offset : cut.offset + cut.limit],
        page=cut,
        sort=sort,
        words=words,
        figures=_FIGURES,
        written=written,
    )


@blueprint.get("/")
@needs(Permission.STATISTICS_READ)
def index() -> str | Response:
    """All distributors in a month; for a county what they did in it."""
    month = _month()
    found = shown_statistics(month)
    cards: dict[str, Card] = {}
    for row in _rows(found):
        cards.setdefault(row.code, Card(row.code, row.name, "", Score())).score.add(row.score)
    return _page(list(cards.values()), month, found, _("Distributors' scorecards"), False)


@blueprint.get("/own")
@needs(Permission.ORDERS_ANSWER)
def own() -> str | Response:
    """The distributor's own, by township."""
    return _townships(distributor_code(actor().distributor_id), _("Our scorecard"), own=True)


@blueprint.get("/<path:code>")
@needs(Permission.STATISTICS_READ)
def show(code: str) -> str | Response:
    """One distributor, by township."""
    return _townships(code, "", own=False)


def _townships(code: str, title: str, *, own: bool) -> str | Response:
    month = _month()
    found = shown_statistics(month)
    rows = [row for row in _rows(found) if row.code == code]
    if not rows and not own:
        abort(404)
    names = dict(roster.counties(SYSTEM))
    cards = [
        Card("", row.township or _("No township"), names.get(row.county, row.county), row.score)
        for row in rows
    ]
    return _page(cards, month, found, title or _("Scorecard of %(name)s", name=rows[0].name), own)
