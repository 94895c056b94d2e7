"""Monthly statistics: the list of months, a month with its tables, map and charts, its files, its closing (R-STAT-1)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from flask import Blueprint, abort, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from clinic_orders.actions.statistics import close_month
from clinic_orders.documents import statistics as papers
from clinic_orders.documents.statistics_words import BY_NAME, Value, value_of, written
from clinic_orders.queries import institutions as roster
from clinic_orders.queries import months as questions
from clinic_orders.queries.months import MonthRow, MonthsWanted
from clinic_orders.queries.statistics import MonthStatistics, closed_month, restated, statistics
from clinic_orders.rules.days import Month
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.findings import CheckRule
from clinic_orders.rules.parties import InstitutionKind, Permission, Role
from clinic_orders.web.bar_chart import BarChart, bar_chart
from clinic_orders.web.county_map import county_map
from clinic_orders.web.display import label
from clinic_orders.web.display import month as month_words
from clinic_orders.web.errors import say
from clinic_orders.web.guards import actor, at, needs, today
from clinic_orders.web.listing import Column, as_file, page_cut, sort_order, wanted_file
from clinic_orders.web.papers import pdf
from clinic_orders.web.statistics_words import INDICATORS

blueprint = Blueprint("statistics", __name__, url_prefix="/statistics")

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


def shown(name: str, block: dict[str, Any]) -> str:
    """An indicator of a block for the reader."""
    return written(BY_NAME[name], value_of(BY_NAME[name], block))


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


def _county() -> str:
    """The county whose figures are shown: a county's own, or the one that the city asks for; "" = the city."""
    if actor().role is Role.COUNTY:
        return actor().county_code or ""
    return request.args.get("county", "")[:12]


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


def _asked_month(text: str) -> Month:
    try:
        month = Month.parse(text)
    except RuleBroken:
        abort(404)
    if month.first_day > today():
        abort(404)
    return month


def _rows_behind(month: Month, county: str) -> dict[str, str]:
    """Where the rows behind an indicator stand, for those that have a page."""
    first, last = month.first_day.isoformat(), month.last_day.isoformat()
    orders = url_for("bureau_orders.index", first=first, last=last, county=county or None)
    due = url_for("payables.index", state="", due=str(month))
    return {
        **dict.fromkeys(("participating", "orders", "order_packs", "order_amount"), orders),
        **dict.fromkeys(("amount_due", "amount_paid_on_time", "on_time_payment_rate"), due),
        "institutions": url_for("roster.institutions", county=county or None),
    }


def _findings_url(rule: CheckRule, county: str) -> str:
    if "findings.index" not in current_app.view_functions:
        return ""
    return url_for("findings.index", rule=rule.value, state="all", county=county or None)


@blueprint.get("/<month>")
@needs(Permission.STATISTICS_READ)
def show(month: str) -> str:
    """A month: its figures, and beside frozen ones what is recorded otherwise now, where asked for."""
    asked, county = _asked_month(month), _county()
    found = statistics(asked, county or None)
    compared = found.frozen and request.args.get("compare") == "1"
    now = restated(asked, county or None) if compared else None
    names = dict(roster.counties(actor()))
    if county and county not in names:
        abort(404)
    shade = request.args.get("by", SHADES[0])
    shade = shade if shade in SHADES else SHADES[0]
    whole = papers.whole_block(found, county)
    values = {
        one["code"]: Decimal(value)
        for one in found.blocks["counties"]
        if (value := value_of(BY_NAME[shade], one)) is not None
    }
    return render_template(
        "statistics/show.html",
        month=asked,
        over=asked.last_day < today(),
        found=found,
        county=county,
        place=names[county] if county else gettext("Whole city"),
        names=names,
        whole=whole,
        facts=_facts(whole, _rows_behind(asked, county)),
        links=_rows_behind(asked, county),
        indicators=INDICATORS,
        shown=shown,
        counties=[(names.get(one["code"], one["code"]), one) for one in found.blocks["counties"]],
        kinds=[(label(InstitutionKind(one["kind"])), one) for one in found.blocks["kinds"]],
        findings=_findings(found, county),
        compared=compared,
        now=now,
        later=papers.whole_block(now, county) if now else None,
        changed=papers.changes(found, now, names),
        shade=shade,
        shades=SHADES,
        map=county_map(values) if not county else None,
        values=values,
        percent_shade=shade != "items_carried_average",
        charts=_charts(asked, county, whole),
        may_close=actor().may(Permission.MONTH_CLOSE) and not found.frozen and asked.last_day < today(),
        asked_county={"county": county} if county and actor().role is not Role.COUNTY else {},
    )


def _facts(whole: dict[str, Any], links: dict[str, str]) -> list[dict[str, Any]]:
    if not whole:
        return []
    facts = []
    for name in FACTS:
        fact: dict[str, Any] = {"k": gettext(INDICATORS[name]), "v": shown(name, whole)}
        if name in links:
            fact["href"] = links[name]
        facts.append(fact)
    return facts


def _findings(found: MonthStatistics, county: str) -> list[tuple[str, int, str, list[int]]]:
    """Each rule that found something: its name, its number in the whole, where its rows are, a number a county."""
    whole = papers.whole_block(found, county)
    return [
        (
            label(rule),
            whole["findings"][rule.value],
            _findings_url(rule, county),
            [one["findings"].get(rule.value, 0) for one in found.blocks["counties"]],
        )
        for rule in CheckRule
        if whole and whole["findings"].get(rule.value)
    ]


def _charts(
    month: Month, county: str, whole: dict[str, Any]
) -> list[tuple[str, BarChart, list[tuple[str, str]]]]:
    """The twelve months that end with this one: frozen figures, and those of the month itself."""
    rows = questions.months(MonthsWanted(), on=month.last_day, county=county or None, sort="month")[-12:]
    found = []
    for name in IN_CHARTS:
        values, table = [], []
        for row in rows:
            block = whole if row.month == month else row.block
            value = value_of(BY_NAME[name], block) if block else None
            values.append((str(row.month.number), None if value is None else Decimal(value)))
            table.append((month_words(row.month.first_day), written(BY_NAME[name], value)))
        found.append((name, bar_chart(values), table))
    return found


@blueprint.get("/<month>/xlsx")
@needs(Permission.STATISTICS_READ)
def workbook(month: str) -> Response:
    """The month as a workbook."""
    asked, county = _asked_month(month), _county()
    content = papers.statistics_workbook(papers.load_paper(asked, county, at=at()))
    response = Response(
        content, content_type="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    )
    response.headers["Content-Disposition"] = f'attachment; filename="statistics-{asked}.xlsx"'
    return response


@blueprint.get("/<month>/pdf")
@needs(Permission.STATISTICS_READ)
def paper(month: str) -> Response | tuple[str, int]:
    """The month on paper."""
    asked, county = _asked_month(month), _county()
    return pdf(
        f"statistics-{asked}", lambda: papers.statistics_paper(papers.load_paper(asked, county, at=at()))
    )


def _close_page(month: Month, refusal: str = "") -> str:
    return render_template(
        "statistics/close.html",
        month=month,
        before=questions.before_closing(month, actor(), on=today()),
        refusal=refusal,
        closed=closed_month(month) is not None,
        over=month.last_day < today(),
    )


@blueprint.get("/<month>/close")
@needs(Permission.MONTH_CLOSE)
def ask_to_close(month: str) -> str:
    """What should be in order first, and the button."""
    return _close_page(_asked_month(month))


@blueprint.post("/<month>/close")
@needs(Permission.MONTH_CLOSE)
def close(month: str) -> Response | tuple[str, int]:
    """Freeze the figures."""
    asked = _asked_month(month)
    try:
        close_month(asked, by=actor(), at=at())
    except RuleBroken as refusal:
        return _close_page(asked, say(refusal)), 409
    flash(gettext("%(month)s is closed. Its figures stay as they are.", month=asked), "ok")
    return redirect(url_for(".show", month=str(asked)), 303)
