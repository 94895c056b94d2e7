"""The order lines behind a scorecard: those that came late or never came, those answered and not (R-STAT-3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from flask import abort, render_template, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from clinic_orders.queries import institutions as roster
from clinic_orders.queries.score_lines import AnswerLine, ScoreLine, Where, answer_lines, due_lines
from clinic_orders.queries.statistics import closed_month
from clinic_orders.rules.errors import N_
from clinic_orders.rules.parties import SYSTEM, Permission, Role
from clinic_orders.web.guards import actor, needs
from clinic_orders.web.listing import Column, as_file, page_cut, sort_order, wanted_file
from clinic_orders.web.scorecards.door import (
    address_of,
    asked_month,
    blueprint,
    distributor,
    months_to_choose,
    own_county,
)

DUE: Final[Mapping[str, tuple[str, Callable[[ScoreLine], bool]]]] = {
    "late": (N_("Late or never came"), lambda line: not line.due.all_in_time),
    "came_late": (N_("Came late"), lambda line: line.due.came_late > 0),
    "missing": (N_("Never came"), lambda line: line.due.missing > 0),
    "all": (N_("All that were due"), lambda line: True),
}
ANSWERS: Final[Mapping[str, tuple[str, Callable[[AnswerLine], bool]]]] = {
    "late": (N_("Not answered in time"), lambda line: not line.in_time),
    "all": (N_("All that were to be answered"), lambda line: True),
}
_DUE_SORTS: Final[Mapping[str, Callable[[ScoreLine], Any]]] = {
    "order": lambda line: line.named.order_no,
    "institution": lambda line: line.named.institution,
    "item": lambda line: line.named.item,
    "limit": lambda line: line.limit,
    "asked": lambda line: line.due.asked,
    "came_late": lambda line: line.due.came_late,
    "missing": lambda line: line.due.missing,
    "late": lambda line: line.late,
}
_ANSWER_SORTS: Final[Mapping[str, Callable[[AnswerLine], Any]]] = {
    "order": lambda line: line.named.order_no,
    "institution": lambda line: line.named.institution,
    "item": lambda line: line.named.item,
    "submitted": lambda line: line.submitted_at,
    "last_day": lambda line: line.last_day,
}


def _columns(counties: Mapping[str, str]) -> tuple[Column, ...]:
    """What the files of both lists begin with."""
    return (
        Column(N_("Order number"), lambda line: line.named.order_no),
        Column(N_("County"), lambda line: counties.get(line.named.county, line.named.county)),
        Column(N_("Township or street"), lambda line: line.named.township),
        Column(N_("Code"), lambda line: line.named.code),
        Column(N_("Institution"), lambda line: line.named.institution),
        Column(N_("Item code"), lambda line: line.named.item_code),
        Column(N_("Medicine"), lambda line: line.named.item),
    )


_DUE_FILE: Final = (
    Column(N_("Delivery limit"), lambda line: line.limit),
    Column(N_("To be delivered (packs)"), lambda line: line.due.asked),
    Column(N_("Came in time (packs)"), lambda line: line.due.in_time),
    Column(N_("Came late (packs)"), lambda line: line.due.came_late),
    Column(N_("Never came (packs)"), lambda line: line.due.missing),
    Column(N_("Last came on"), lambda line: line.due.last_day),
    Column(N_("Late item-days (packs × days)"), lambda line: line.late),
)
_ANSWER_FILE: Final = (
    Column(N_("Submitted"), lambda line: line.submitted_at),
    Column(N_("Last day to answer"), lambda line: line.last_day),
    Column(N_("Answered"), lambda line: line.answered_at),
    Column(N_("In time"), lambda line: _("yes") if line.in_time else _("no")),
)


def _page(
    template: str,
    code: str | None,
    read: Callable[..., Sequence[Any]],
    kinds: Mapping[str, tuple[str, Callable[[Any], bool]]],
    sorts: Mapping[str, Callable[[Any], Any]],
    default: str,
    file: Sequence[Column],
) -> str | Response:
    """One of the two lists."""
    month, who = asked_month(), distributor(code)
    counties = dict(roster.counties(SYSTEM))
    county = own_county() or request.args.get("county")
    township = request.args.get("township")
    show = request.args.get("show", "late")
    if show not in kinds or (county and county not in counties):
        abort(404)
    everything = read(month, Where(who.id, county, township))
    words = request.args.get("q", "").strip()[:64]
    lines = [
        line
        for line in everything
        if kinds[show][1](line)
        and words
        in f"{line.named.order_no} {line.named.institution} {line.named.code} {line.named.township} {line.named.item} {line.named.item_code}"
    ]
    sort = sort_order(sorts, default)
    lines.sort(key=lambda line: (line.named.order_no, line.named.item_code))
    lines.sort(key=sorts[sort.removeprefix("-")], reverse=sort.startswith("-"))
    if wanted_file():
        return as_file(f"scorecard-{month}", (*_columns(counties), *file), lines)
    cut = page_cut(len(lines))
    url = address_of(code, month)
    return render_template(
        template,
        who=who,
        month=month,
        months=months_to_choose(month),
        counties=counties,
        county=county,
        township=township,
        show=show,
        kinds={key: word for key, (word, _fits) in kinds.items()},
        closed=closed_month(month) is not None,
        all_lines=lines,
        rows=lines[cut.offset : cut.offset + cut.limit],
        page=cut,
        sort=sort,
        words=words,
        url=url,
        order_page="distribution.order" if actor().role is Role.DISTRIBUTOR else "bureau_orders.order",
    )


def _lines(code: str | None) -> str | Response:
    return _page("scorecards/lines.html", code, due_lines, DUE, _DUE_SORTS, "-late", _DUE_FILE)


def _answers(code: str | None) -> str | Response:
    return _page(
        "scorecards/answers.html", code, answer_lines, ANSWERS, _ANSWER_SORTS, "last_day", _ANSWER_FILE
    )


@blueprint.get("/<path:code>/lines")
@needs(Permission.STATISTICS_READ)
def lines(code: str) -> str | Response:
    """The order lines that a distributor was to deliver in a month."""
    return _lines(code)


@blueprint.get("/own/lines")
@needs(Permission.ORDERS_ANSWER)
def own_lines() -> str | Response:
    """The distributor's own."""
    return _lines(None)


@blueprint.get("/<path:code>/answers")
@needs(Permission.STATISTICS_READ)
def answers(code: str) -> str | Response:
    """The order lines that a distributor was to answer in a month."""
    return _answers(code)


@blueprint.get("/own/answers")
@needs(Permission.ORDERS_ANSWER)
def own_answers() -> str | Response:
    """The distributor's own."""
    return _answers(None)
