"""The dashboard: pay, keep, buy and sell by county and kind over twelve months, each figure with its rows (R-STAT-2)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from flask import Blueprint, abort, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from clinic_orders.documents.bar_chart import BarChart, bar_chart
from clinic_orders.documents.statistics_words import BY_NAME, Value, value_of, written
from clinic_orders.queries import dashboard as questions
from clinic_orders.queries import institutions as roster
from clinic_orders.queries.dashboard import MonthFound
from clinic_orders.rules.days import Month
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.findings import CheckRule
from clinic_orders.rules.parties import InstitutionKind, Permission, Role
from clinic_orders.web.county_map import county_map
from clinic_orders.web.display import label
from clinic_orders.web.display import month as month_words
from clinic_orders.web.guards import actor, needs, today
from clinic_orders.web.listing import Column, as_file, wanted_file
from clinic_orders.web.statistics_words import INDICATORS

blueprint = Blueprint("dashboard", __name__, url_prefix="/dashboard")


class Duty(NamedTuple):
    """One of the four duties: its word, its seal, its indicators, the main one first, and the check behind it."""

    word: str
    title: str
    seal: str
    indicators: tuple[str, ...]
    rule: CheckRule


DUTIES = (
    Duty(
        "pay",
        N_("Payment"),
        "付",
        ("on_time_payment_rate", "overdue_amount", "amount_due"),
        CheckRule.PAYMENT_OVERDUE,
    ),
    Duty("keep", N_("Stocking"), "配", ("items_carried_average",), CheckRule.STOCKING_SHORT),
    Duty(
        "buy",
        N_("Agreed volume"),
        "采",
        ("fulfilment", "order_amount", "delivery_rate"),
        CheckRule.VOLUME_BEHIND,
    ),
    Duty("sell", N_("Price"), "价", ("over_markup_excess", "over_markup_lines"), CheckRule.OVER_MARKUP),
)
_BY_WORD = {duty.word: duty for duty in DUTIES}


@dataclass(frozen=True, slots=True)
class Asked:
    """Which figures are shown: of a county ("" = the city), a kind, a month, and the duty of map and tables."""

    county: str
    kind: InstitutionKind | None
    month: Month
    duty: Duty


def _asked() -> Asked:
    own = actor().role is Role.COUNTY
    county = actor().county_code or "" if own else request.args.get("county", "")[:12]
    kind, duty = request.args.get("kind", ""), request.args.get("duty", "")
    try:
        month = Month.parse(request.args.get("month", ""))
    except RuleBroken:
        month = questions.latest_with_figures(on=today())
    if month.first_day > today():
        abort(404)
    return Asked(
        county,
        InstitutionKind(kind) if kind in set(InstitutionKind) else None,
        month,
        _BY_WORD.get(duty, DUTIES[0]),
    )


def _value(name: str, block: dict[str, Any] | None) -> Value:
    return value_of(BY_NAME[name], block) if block else None


def _shown(name: str, block: dict[str, Any] | None) -> str:
    return written(BY_NAME[name], _value(name, block)) if block else "—"


class Line(NamedTuple):
    """A row of the file: a month of a place and kind."""

    found: MonthFound
    place: str
    kind: str
    block: dict[str, Any]


def _lines(months: list[MonthFound], names: dict[str, str], county: str) -> Iterator[Line]:
    """Every month by place and kind: the city and all counties, or one county."""
    places = [county] if county else ["", *names]
    for found in months:
        for code in places:
            place = names.get(code, code) if code else gettext("Whole city")
            whole = found.whole(code)
            if whole is None:
                continue
            yield Line(found, place, gettext("All kinds"), whole)
            for kind, block in found.kinds(code).items():
                yield Line(found, place, label(InstitutionKind(kind)), block)


def _columns(duty: Duty) -> list[Column]:
    def of(name: str) -> Column:
        return Column(INDICATORS[name], lambda line: _value(name, line.block))

    return [
        Column(N_("Month"), lambda line: str(line.found.month)),
        Column(
            N_("State"),
            lambda line: gettext(N_("Figures frozen") if line.found.frozen else N_("Not closed yet")),
        ),
        Column(N_("Where"), lambda line: line.place),
        Column(N_("Kind"), lambda line: line.kind),
        *(of(name) for name in duty.indicators),
    ]


def _rows_behind(name: str, asked: Asked, month: Month) -> str:
    """Where the rows behind a figure stand."""
    county, kind = asked.county or None, asked.kind.value if asked.kind else None
    if name in {"on_time_payment_rate", "amount_due", "overdue_amount"}:
        return url_for("payables.index", state="", due=str(month))
    if name == "items_carried_average":
        return url_for("stocking.lists", county=county, kind=kind)
    if name in {"order_amount", "delivery_rate"}:
        first, last = month.first_day.isoformat(), month.last_day.isoformat()
        return url_for("bureau_orders.index", first=first, last=last, county=county)
    rule = CheckRule.VOLUME_BEHIND if name == "fulfilment" else CheckRule.OVER_MARKUP
    return url_for("findings.index", rule=rule.value, state="all", county=county, kind=kind)


@dataclass(frozen=True, slots=True)
class Card:
    """A duty of the page: its figures of the month with their rows, and the chart of its main one."""

    duty: Duty
    figures: list[tuple[str, str, str]]
    chart: BarChart
    table: list[tuple[MonthFound, list[str]]]
    findings: int
    findings_url: str


def _card(duty: Duty, asked: Asked, months: list[MonthFound]) -> Card:
    blocks = [(found, found.whole(asked.county, asked.kind)) for found in months]
    now = next((block for found, block in blocks if found.month == asked.month), None)
    values: list[tuple[str, Decimal | None]] = []
    for found, block in blocks:
        value = _value(duty.indicators[0], block)
        values.append((str(found.month.number), None if value is None else Decimal(value)))
    return Card(
        duty,
        [
            (gettext(INDICATORS[name]), _shown(name, now), _rows_behind(name, asked, asked.month))
            for name in duty.indicators
        ],
        bar_chart(values),
        [(found, [_shown(name, block) for name in duty.indicators]) for found, block in blocks],
        (now or {}).get("findings", {}).get(duty.rule.value, 0),
        url_for(
            "findings.index",
            rule=duty.rule.value,
            state="all",
            county=asked.county or None,
            kind=asked.kind.value if asked.kind else None,
        ),
    )


@blueprint.get("/")
@needs(Permission.STATISTICS_READ)
def index() -> str | Response:
    """The four duties, the counties on a map, and both tables over the months."""
    asked = _asked()
    names = dict(roster.counties(actor()))
    if asked.county and asked.county not in names:
        abort(404)
    months = questions.twelve_months(asked.month, on=today())
    if wanted_file():
        rows = _lines(months, names, asked.county)
        return as_file(f"dashboard-{asked.duty.word}-{asked.month}", _columns(asked.duty), rows)
    chosen = next(found for found in months if found.month == asked.month)
    main = asked.duty.indicators[0]
    blocks = {
        code: block for code in chosen.counties() if (block := chosen.whole(code, asked.kind)) is not None
    }
    values = {
        code: Decimal(value) for code, block in blocks.items() if (value := _value(main, block)) is not None
    }
    options = [Month.of(today()).plus(-number) for number in range(24)]
    return render_template(
        "dashboard/index.html",
        asked=asked,
        cards=[_card(duty, asked, months) for duty in DUTIES],
        months=months,
        pale={str(found.month.number) for found in months if not found.frozen},
        chosen=chosen,
        duties=DUTIES,
        main=main,
        indicators=INDICATORS,
        map=county_map(values) if not asked.county and values else None,
        percent_shade=BY_NAME[main].form.value == "rate",
        names=names,
        values=values,
        shown=_shown,
        county_rows=[
            (code, names[code], [_shown(main, found.whole(code, asked.kind)) for found in months])
            for code in names
            if (not asked.county or code == asked.county) and any(found.whole(code) for found in months)
        ],
        kind_rows=[
            (kind, [_shown(main, found.whole(asked.county, kind)) for found in months])
            for kind in InstitutionKind
            if any(found.whole(asked.county, kind) for found in months)
        ],
        month_options=[(str(one), month_words(one.first_day)) for one in options],
        counties=[] if actor().role is Role.COUNTY else list(names.items()),
        kinds=[(one.value, label(one)) for one in InstitutionKind],
        filtered=bool(request.args.get("county") or request.args.get("kind")),
    )
