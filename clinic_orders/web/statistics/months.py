"""The list of months, a month with its tables, map and charts, its files, its closing (R-STAT-1)."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from clinic_orders.actions.statistics import ask_to_reckon, close_month
from clinic_orders.documents import statistics as papers
from clinic_orders.documents.month_chart import MonthChart, MonthFigure, axis_of, month_chart
from clinic_orders.documents.statistics_words import BY_NAME, Form, Value, value_of, written
from clinic_orders.queries import institutions as roster
from clinic_orders.queries import months as questions
from clinic_orders.queries.months import MonthRow, MonthsWanted
from clinic_orders.queries.statistics import (
    MonthStatistics,
    closed_month,
    reckoning_wanted,
    shown_statistics,
)
from clinic_orders.rules.days import Month
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.findings import CheckRule
from clinic_orders.rules.ladder import Level
from clinic_orders.rules.parties import InstitutionKind, OrderMode, Permission, Role
from clinic_orders.web.checklist import checklist
from clinic_orders.web.county_map import county_map
from clinic_orders.web.display import label
from clinic_orders.web.display import month as month_words
from clinic_orders.web.downloads import file_answer
from clinic_orders.web.errors import say
from clinic_orders.web.guards import actor, at, needs, today
from clinic_orders.web.listing import Column, as_file, page_cut, sort_order, wanted_file
from clinic_orders.web.papers import pdf
from clinic_orders.web.statistics.door import (
    asked_county,
    asked_month,
    blueprint,
    compared_with,
    shown,
)
from clinic_orders.web.statistics_words import FURTHER, INDICATORS

# Two years stand on a page.
MONTHS_A_PAGE = 24
# By what the map can be shaded.
SHADES = ("on_time_payment_rate", "coverage", "items_carried_average", "fulfilment", "delivery_rate")
IN_CHARTS = ("order_amount", "on_time_payment_rate")
FACTS = (
    "coverage",
    "items_carried_average",
    "order_amount",
    "delivery_rate",
    "on_time_payment_rate",
    "over_markup_excess",
)


def _number(name: str, row: MonthRow) -> Value:
    return None if row.block is None else value_of(BY_NAME[name], row.block)


def _figure_column(name: str) -> Column:
    """An indicator as a column of the file."""
    return Column(INDICATORS[name], lambda row: _number(name, row))


COLUMNS = (
    Column(N_("Month"), lambda row: str(row.month)),
    Column(N_("State"), lambda row: gettext(N_("Figures frozen") if row.closed else N_("Not closed yet"))),
    Column(N_("Cut-off"), lambda row: row.cut_off_at),
    Column(N_("Closed by"), lambda row: row.closed_by),
    _figure_column("institutions"),
    _figure_column("coverage"),
    _figure_column("order_amount"),
    _figure_column("delivery_rate"),
    _figure_column("on_time_payment_rate"),
)


@blueprint.get("/")
@needs(Permission.STATISTICS_READ)
def index() -> str | Response:
    """The months, closed and open."""
    own = actor().county_code if actor().role is Role.COUNTY else None
    wanted = MonthsWanted(request.args.get("q", "").strip()[:32], request.args.get("state", ""))
    sort = sort_order(questions.SORTS, "-month")
    rows = questions.months(wanted, on=today(), county=own, sort=sort)
    if wanted_file():
        return as_file("months", COLUMNS, rows)
    cut = page_cut(len(rows), MONTHS_A_PAGE)
    return render_template(
        "statistics/index.html",
        rows=rows[cut.offset : cut.offset + cut.limit],
        shown=shown,
        page=cut,
        sort=sort,
        wanted=wanted,
    )


def _rows_url(found: MonthStatistics, now: bool) -> Callable[..., str]:
    """Where the rows behind a figure stand, by its name and what it is about; "" where none were kept."""

    def url(name: str, county: str | None = None, kind: str | None = None, **more: str) -> str:
        if name in {"in_scope", "in_scope_members", "scheme_coverage"}:
            return url_for(
                ".scope", on=found.month.last_day.isoformat(), county=county or None, kind=kind or None
            )
        if found.kept is None:
            return ""
        asked: dict[str, Any] = {
            "county": county or None,
            "kind": kind or None,
            "now": "1" if now else None,
            **more,
        }
        return url_for(".rows", month=str(found.month), name=name, **asked)

    return url


@blueprint.get("/<month>")
@needs(Permission.STATISTICS_READ)
def show(month: str) -> str:
    """A month: its figures, and beside frozen ones what is recorded otherwise now, where asked for."""
    asked, county = asked_month(month), asked_county()
    names = dict(roster.counties(actor()))
    if county and county not in names:
        abort(404)
    found = shown_statistics(asked, county or None)
    if found is None:
        return render_template(
            "statistics/unreckoned.html", month=asked, wanted=reckoning_wanted(asked), closed=False
        )
    compared = found.frozen and request.args.get("compare") == "1"
    now = compared_with(found, county) if compared else None
    if compared and now is None:
        return render_template(
            "statistics/unreckoned.html", month=asked, wanted=reckoning_wanted(asked), closed=True
        )
    shade = request.args.get("by", SHADES[0])
    shade = shade if shade in SHADES else SHADES[0]
    blocks = papers.joined_blocks(found)
    whole = papers.whole_block(blocks, county)
    values = {
        one["code"]: Decimal(value)
        for one in blocks["counties"]
        if (value := value_of(BY_NAME[shade], one)) is not None
    }
    own = county or None
    return render_template(
        "statistics/show.html",
        month=asked,
        over=asked.last_day < today(),
        found=found,
        county=county,
        place=names[county] if county else gettext("Whole city"),
        names=names,
        whole=whole,
        facts=_facts(whole, _rows_url(found, False), own),
        rows_url=_rows_url(found, False),
        rows_url_now=_rows_url(now, True) if now else None,
        indicators=INDICATORS | (FURTHER if found.further is not None else {}),
        shown=shown,
        counties=[(names.get(one["code"], one["code"]), one) for one in blocks["counties"]],
        kinds=[(label(InstitutionKind(one["kind"])), one) for one in blocks["kinds"]],
        findings=_findings(blocks, county),
        trade=_trade(whole),
        cases=_cases(blocks, whole),
        compared=compared,
        now=now,
        later=papers.whole_block(papers.joined_blocks(now), county) if now else None,
        changed=papers.changes(found, now, names),
        shade=shade,
        shades=SHADES,
        map=county_map(values) if not county else None,
        values=values,
        percent_shade=shade != "items_carried_average",
        charts=_charts(asked, county, whole),
        may_close=actor().may(Permission.MONTH_CLOSE) and not found.frozen and asked.last_day < today(),
        wanted=reckoning_wanted(asked),
        asked_county={"county": county} if county and actor().role is not Role.COUNTY else {},
    )


def _cases(blocks: dict[str, Any], whole: dict[str, Any]) -> list[tuple[Level, int, list[tuple[str, int]]]]:
    """Each level of the ladder: its cases in the whole, and in each county; none where they were not kept."""
    if "cases" not in whole:
        return []
    return [
        (
            level,
            whole["cases"][str(level.value)],
            [(one["code"], one.get("cases", {}).get(str(level.value), 0)) for one in blocks["counties"]],
        )
        for level in Level
    ]


def _trade(whole: dict[str, Any]) -> list[tuple[str, str, str, str, dict[str, Any]]]:
    """Orders by mode and channel: both as they are stored and as they are called, and their sums."""
    return [
        (
            one["mode"],
            one["channel"],
            label(OrderMode(one["mode"])),
            gettext(N_("This system")) if one["channel"] == "clinic_orders" else one["channel"],
            one,
        )
        for one in whole.get("trade", ())
    ]


@blueprint.post("/<month>/reckon")
@needs(Permission.STATISTICS_READ)
def reckon(month: str) -> Response:
    """Ask for new figures; the clock makes them."""
    asked = asked_month(month)
    ask_to_reckon(asked, by=actor(), at=at())
    flash(gettext("%(month)s is reckoned anew within ten minutes. Look again then.", month=asked), "ok")
    compare = "1" if request.form.get("compare") == "1" else None
    return redirect(url_for(".show", month=str(asked), compare=compare), 303)


def _facts(whole: dict[str, Any], rows_url: Callable[..., str], county: str | None) -> list[dict[str, Any]]:
    if not whole:
        return []
    facts = []
    for name in FACTS:
        fact: dict[str, Any] = {"k": gettext(INDICATORS[name]), "v": shown(name, whole)}
        if url := rows_url(name, county):
            fact["href"] = url
        facts.append(fact)
    return facts


def _findings(blocks: dict[str, Any], county: str) -> list[tuple[CheckRule, int, list[tuple[str, int]]]]:
    """Each rule that found something: its number in the whole, and in each county."""
    whole = papers.whole_block(blocks, county)
    return [
        (
            rule,
            whole["findings"][rule.value],
            [(one["code"], one["findings"].get(rule.value, 0)) for one in blocks["counties"]],
        )
        for rule in CheckRule
        if whole and whole["findings"].get(rule.value)
    ]


def _charts(
    month: Month, county: str, whole: dict[str, Any]
) -> list[tuple[str, MonthChart, list[tuple[str, str]]]]:
    """The twelve months that end with this one: frozen figures, and those of the month itself."""
    rows = questions.months(MonthsWanted(), on=month.last_day, county=county or None, sort="month")[-12:]
    running = Month.of(today())
    found = []
    for name in IN_CHARTS:
        figures, table = [], []
        for row in rows:
            block = whole if row.month == month else row.block
            value = value_of(BY_NAME[name], block) if block else None
            text = written(BY_NAME[name], value)
            # Shares of a month that runs are half a month's: they stand in the table, not in the line of a year.
            left_out = value is None or (row.month >= running and BY_NAME[name].form is Form.RATE)
            figures.append(
                MonthFigure(
                    str(row.month.number),
                    None if left_out else Decimal(value or 0),
                    text,
                    row.cut_off_at is None,
                )
            )
            table.append((month_words(row.month.first_day), text))
        found.append((name, month_chart(figures, axis_of(BY_NAME[name].form)), table))
    return found


def _paper(month: Month, county: str) -> papers.StatisticsPaper | None:
    """What workbook and paper say: the figures of the page, never reckoned while somebody waits."""
    found = shown_statistics(month, county or None)
    if found is None:
        return None
    return papers.paper_of(found, compared_with(found, county) if found.frozen else None, county, at=at())


@blueprint.get("/<month>/xlsx")
@needs(Permission.STATISTICS_READ)
def workbook(month: str) -> Response:
    """The month as a workbook."""
    asked, county = asked_month(month), asked_county()
    made = _paper(asked, county)
    if made is None:
        return redirect(url_for(".show", month=str(asked)), 303)
    return file_answer(papers.statistics_workbook(made), f"statistics-{asked}.xlsx")


@blueprint.get("/<month>/pdf")
@needs(Permission.STATISTICS_READ)
def paper(month: str) -> Response | tuple[str, int]:
    """The month on paper."""
    asked, county = asked_month(month), asked_county()
    made = _paper(asked, county)
    if made is None:
        return redirect(url_for(".show", month=str(asked)), 303)
    return pdf(f"statistics-{asked}", lambda: papers.statistics_paper(made))


def _close_page(month: Month, refusal: str = "") -> str:
    return render_template(
        "statistics/close.html",
        month=month,
        points=checklist(month),
        refusal=refusal,
        closed=closed_month(month) is not None,
        over=month.last_day < today(),
    )


@blueprint.get("/<month>/close")
@needs(Permission.MONTH_CLOSE)
def ask_to_close(month: str) -> str:
    """What should be in order first, and the button."""
    return _close_page(asked_month(month))


@blueprint.post("/<month>/close")
@needs(Permission.MONTH_CLOSE)
def close(month: str) -> Response | tuple[str, int]:
    """Freeze the figures."""
    asked = asked_month(month)
    try:
        close_month(asked, by=actor(), at=at())
    except RuleBroken as refusal:
        return _close_page(asked, say(refusal)), 409
    flash(gettext("%(month)s is closed. Its figures stay as they are.", month=asked), "ok")
    return redirect(url_for(".show", month=str(asked)), 303)
