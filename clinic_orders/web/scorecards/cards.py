"""Scorecards of distributors: all of them for a bureau, each its own, by township (R-STAT-3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from flask import abort, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from clinic_orders.documents import scorecards as papers
from clinic_orders.documents.month_chart import Axis, MonthChart, MonthFigure, month_chart
from clinic_orders.queries import institutions as roster
from clinic_orders.queries.month_rows import ScoreRow
from clinic_orders.queries.score_lines import Where, due_lines
from clinic_orders.queries.score_trend import MonthScore, trend
from clinic_orders.queries.scorecards import Scored
from clinic_orders.queries.statistics import MonthStatistics, shown_statistics
from clinic_orders.rules.bulletins import written
from clinic_orders.rules.days import Month
from clinic_orders.rules.errors import N_
from clinic_orders.rules.parties import SYSTEM, Permission
from clinic_orders.rules.scorecard import Score, sum_of
from clinic_orders.web.display import month as month_words
from clinic_orders.web.guards import at, needs
from clinic_orders.web.listing import Column, as_file, page_cut, sort_order, wanted_file
from clinic_orders.web.papers import pdf
from clinic_orders.web.scorecards.door import (
    address_of,
    asked_month,
    blueprint,
    distributor,
    months_to_choose,
    own_county,
)


@dataclass(frozen=True, slots=True)
class Card:
    """A line: a distributor, or one of its townships; ``code`` is empty for a township, ``place`` for a distributor."""

    code: str
    name: str
    sub: str
    score: Score
    place: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of a scorecard.

    Attributes:
        key, word: its name in addresses, its msgid.
        value: of a score.
        percent: whether it is a share.
        page, show: where its rows stand: the page of a distributor, and which of its lines.

    """

    key: str
    word: str
    value: Callable[[Score], Any]
    percent: bool
    page: str
    show: str

    def text(self, score: Score) -> str:
        """The figure for the reader."""
        return written(self.value(score), percent=self.percent)


FIGURES: Final = (
    Figure(
        "confirmation", N_("Confirmation rate"), lambda score: score.confirmation_rate, True, "answers", "all"
    ),
    Figure("delivery", N_("Delivery rate"), lambda score: score.delivery_rate, True, "lines", "all"),
    Figure("in_time", N_("On-time delivery rate"), lambda score: score.on_time_rate, True, "lines", "all"),
    Figure(
        "late",
        N_("Late item-days (packs × days)"),
        lambda score: score.late_item_days,
        False,
        "lines",
        "late",
    ),
    Figure("missing", N_("Never came (packs)"), lambda score: score.never_came, False, "lines", "missing"),
    Figure("asked", N_("To be delivered (packs)"), lambda score: score.asked, False, "lines", "all"),
)
SORTS = {"name", *(figure.key for figure in FIGURES)}
IN_CHARTS: Final = ("in_time", "late")


def _column(figure: Figure) -> Column:
    return Column(figure.word, lambda card: figure.text(card.score))


_FILE = (
    Column(N_("Code"), lambda card: card.code),
    Column(N_("Name"), lambda card: card.name),
    Column(N_("More about it"), lambda card: card.sub),
    *(_column(figure) for figure in FIGURES),
)


def _rows(found: MonthStatistics | None) -> list[ScoreRow]:
    rows = found.rows if found is not None else None
    if rows is None:
        return []
    county = own_county()
    return [row for row in rows.scores if county in {None, row.county}]


def _sorted(cards: list[Card], sort: str) -> list[Card]:
    key = sort.removeprefix("-")
    values = {figure.key: figure.value for figure in FIGURES}

    def figure(card: Card) -> Any:
        value = values[key](card.score)
        return Fraction(-1) if value is None else Fraction(value)

    cards.sort(key=lambda card: (card.name, card.sub, card.code))
    cards.sort(key=(lambda card: card.name) if key == "name" else figure, reverse=sort.startswith("-"))
    return cards


def _shown(cards: list[Card]) -> tuple[list[Card], str, str]:
    """The lines that fit the search in the order asked for; the words and the order."""
    words = request.args.get("q", "").strip()[:64]
    sort = sort_order(SORTS, "-late")
    fitting = [card for card in cards if words in f"{card.name} {card.sub} {card.code}"]
    return _sorted(fitting, sort), words, sort


def _page(
    cards: list[Card],
    month: Month,
    found: MonthStatistics | None,
    title: str,
    url_of: Callable[..., Callable[..., str]],
    paper: str,
    **more: Any,
) -> str | Response:
    total = sum_of(card.score for card in cards)
    cards, words, sort = _shown(cards)
    if wanted_file():
        return as_file(f"scorecards-{month}", _FILE, cards)
    cut = page_cut(len(cards))
    return render_template(
        "scorecards/show.html",
        title=title,
        month=month,
        months=months_to_choose(month),
        found=found,
        total=total,
        rows=cards[cut.offset : cut.offset + cut.limit],
        page=cut,
        sort=sort,
        words=words,
        figures=FIGURES,
        url_of=url_of,
        paper=paper,
        **{"own": False, "charts": [], **more},
    )


def _all(found: MonthStatistics | None) -> list[Card]:
    """A line for each distributor."""
    cards: dict[str, Card] = {}
    for row in _rows(found):
        cards.setdefault(row.code, Card(row.code, row.name, "", Score())).score.add(row.score)
    return list(cards.values())


@blueprint.get("/")
@needs(Permission.STATISTICS_READ)
def index() -> str | Response:
    """All distributors in a month; for a county what they did in it."""
    month = asked_month()
    found = shown_statistics(month)

    def url_of(card: Card) -> Callable[..., str]:
        return address_of(card.code, month)

    paper = url_for(".paper_of_all", month=str(month))
    return _page(_all(found), month, found, _("Distributors' scorecards"), url_of, paper)


@blueprint.get("/all/pdf")
@needs(Permission.STATISTICS_READ)
def paper_of_all() -> Response | tuple[str, int]:
    """All distributors of a month on paper, side by side."""
    month = asked_month()
    found = shown_statistics(month)
    cards = _sorted(_all(found), "-late")
    if found is None or not cards:
        abort(404)
    rows = [papers.Row(f"{card.name}（{card.code}）", card.score) for card in cards]
    return pdf(
        f"scorecards-{month}",
        lambda: papers.scorecards_paper(papers.AllPaper(found, rows, own_county() or "", at())),
    )


@blueprint.get("/own")
@needs(Permission.ORDERS_ANSWER)
def own() -> str | Response:
    """The distributor's own, by township."""
    return _townships(None)


@blueprint.get("/<path:code>")
@needs(Permission.STATISTICS_READ)
def show(code: str) -> str | Response:
    """One distributor, by township."""
    return _townships(code)


def _cards_of(who: Scored, found: MonthStatistics | None) -> list[Card]:
    """A line for each township of a distributor."""
    names = dict(roster.counties(SYSTEM))
    return [
        Card(
            "",
            row.township or _("No township"),
            names.get(row.county, row.county),
            row.score,
            (row.county, row.township),
        )
        for row in _rows(found)
        if row.code == who.code
    ]


def _townships(code: str | None) -> str | Response:
    month, who = asked_month(), distributor(code)
    found = shown_statistics(month)
    cards = _cards_of(who, found)
    url = address_of(code, month)

    def url_of(card: Card | None = None) -> Callable[..., str]:
        county, township = (card.place if card else None) or (None, None)

        def of_card(page: str, **asked: Any) -> str:
            return url(page, county=county, township=township, **asked)

        return of_card

    title = _("Our scorecard") if code is None else _("Scorecard of %(name)s", name=who.name)
    return _page(
        cards,
        month,
        found,
        title,
        url_of,
        url("paper"),
        own=code is None,
        charts=_charts(trend(month, code=who.code, county=own_county()), month, cards),
    )


def _charts(
    scores: list[MonthScore], month: Month, cards: list[Card]
) -> list[tuple[Figure, MonthChart, list[tuple[str, str, str]]]]:
    """Twelve months as columns and as tables; the month that is shown has the figures of the page."""
    found = []
    for figure in (one for one in FIGURES if one.key in IN_CHARTS):
        figures, table = [], []
        for one in scores:
            score = sum_of(card.score for card in cards) if one.month == month and cards else one.score
            value = None if score is None else figure.value(score)
            text = "—" if score is None else figure.text(score)
            figures.append(
                MonthFigure(
                    str(one.month.number), None if value is None else _decimal(value), text, not one.frozen
                )
            )
            table.append((str(one.month), month_words(one.month.first_day), text))
        found.append((figure, month_chart(figures, Axis.SHARE if figure.percent else Axis.NUMBER), table))
    return found


def _decimal(value: Fraction | int) -> Decimal:
    return Decimal(value.numerator) / value.denominator


@blueprint.get("/own/pdf")
@needs(Permission.ORDERS_ANSWER)
def own_paper() -> Response | tuple[str, int]:
    """The distributor's own on paper."""
    return _paper(None)


@blueprint.get("/<path:code>/pdf")
@needs(Permission.STATISTICS_READ)
def paper(code: str) -> Response | tuple[str, int]:
    """One distributor on paper: its figures, its townships, twelve months, the lines that were late."""
    return _paper(code)


def _paper(code: str | None) -> Response | tuple[str, int]:
    month, who = asked_month(), distributor(code)
    found = shown_statistics(month)
    cards = _sorted(_cards_of(who, found), "-late")
    if found is None or not cards:
        abort(404)
    county = own_county()
    made = papers.ScorecardPaper(
        found=found,
        code=who.code,
        name=who.name,
        county=county or "",
        townships=[papers.Row(f"{card.sub} {card.name}", card.score) for card in cards],
        trend=trend(month, code=who.code, county=county),
        late=[line for line in due_lines(month, Where(who.id, county)) if not line.due.all_in_time],
        at=at(),
    )
    return pdf(f"scorecard-{month}", lambda: papers.scorecard_paper(made))
