"""The dashboard: pay, keep, buy and sell by county and kind over twelve months, each figure with its rows (R-STAT-2)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from flask import Blueprint, abort, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from clinic_orders.documents.month_chart import MonthChart, MonthFigure, axis_of, month_chart
from clinic_orders.documents.statistics_words import BY_NAME, Form, Value, value_of, written
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
_AMOUNTS = ("order_amount", "orders")
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
    if name == "participating":
        return url_for("statistics.show", month=str(month), county=county)
    if name == "items_carried_average":
        return url_for("stocking.lists", county=county, kind=kind)
    if name in {"order_amount", "delivery_rate"}:
        first, last = month.first_day.isoformat(), month.last_day.isoformat()
        return url_for("bureau_orders.index", first=first, last=last, county=county)
    rule = CheckRule.VOLUME_BEHIND if name == "fulfilment" else CheckRule.OVER_MARKUP
    return url_for("findings.index", rule=rule.value, state="all", county=county, kind=kind)


@dataclass(frozen=True, slots=True)
class Drawn:
    """An indicator over the months: what it is called, its drawing and its table."""

    name: str
    chart: MonthChart
    table: list[tuple[MonthFound, list[str]]]


@dataclass(frozen=True, slots=True)
class Card:
    """A duty of the page: its main indicator over the months, and what was found."""

    duty: Duty
    drawn: Drawn
    findings: int
    findings_url: str


def _drawn(names: tuple[str, ...], asked: Asked, months: list[MonthFound]) -> Drawn:
    """The first of some indicators as a drawing, all of them as a table.

    Shares of the month that runs are not drawn: what is half over would make the line of a year flat. They stand in the
    table.
    """
    form = BY_NAME[names[0]].form
    running = Month.of(today())
    blocks = [(found, found.whole(asked.county, asked.kind)) for found in months]
    figures = []
    for found, block in blocks:
        value = _value(names[0], block)
        left_out = value is None or (form is Form.RATE and found.month == running and not found.frozen)
        figures.append(
            MonthFigure(
                str(found.month.number),
                None if left_out else Decimal(value or 0),
                _shown(names[0], block),
                not found.frozen,
            )
        )
    return Drawn(
        names[0],
        month_chart(figures, axis_of(form)),
        [(found, [_shown(name, block) for name in names]) for found, block in blocks],
    )


def _card(duty: Duty, asked: Asked, months: list[MonthFound]) -> Card:
    now = next(found for found in months if found.month == asked.month).whole(asked.county, asked.kind)
    return Card(
        duty,
        _drawn(duty.indicators, asked, months),
        (now or {}).get("findings", {}).get(duty.rule.value, 0),
        url_for(
            "findings.index",
            rule=duty.rule.value,
            state="all",
            county=asked.county or None,
            kind=asked.kind.value if asked.kind else None,
        ),
    )


def _since(name: str, now: dict[str, Any] | None, before: dict[str, Any] | None) -> str:
    """By how many points of a percent a share has risen or fallen since the month before; "" where one is missing."""
    later, earlier = _value(name, now), _value(name, before)
    if later is None or earlier is None:
        return ""
    points = (Decimal(later) - Decimal(earlier)) * 100
    if abs(points) < Decimal("0.05"):
        return str(gettext("as in the month before"))
    return str(gettext(N_("%(points)s points since the month before"), points=f"{points:+.1f}"))


def _summary(asked: Asked, months: list[MonthFound]) -> list[dict[str, str]]:
    """The month's main figures, each with what belongs to it and with its rows."""
    place = next(number for number, found in enumerate(months) if found.month == asked.month)
    found = months[place]
    now = found.whole(asked.county, asked.kind)
    before = months[place - 1].whole(asked.county, asked.kind) if place else None
    kinds = found.kinds(asked.county)

    def fact(name: str, note: str, unit: str = "") -> dict[str, str]:
        return {
            "k": gettext(INDICATORS[name]),
            "v": _shown(name, now),
            "unit": unit,
            "note": note,
            "href": _rows_behind(name, asked, asked.month),
        }

    of_kinds = " · ".join(
        f"{label(kind)} {_shown('items_carried_average', kinds.get(kind.value))}"
        for kind in (InstitutionKind.TOWNSHIP_HOSPITAL, InstitutionKind.VILLAGE_CLINIC)
        if kind.value in kinds and asked.kind is None
    )
    members = gettext(
        N_("of %(number)s, %(share)s"), number=_shown("institutions", now), share=_shown("coverage", now)
    )
    return [
        fact("participating", members),
        fact("items_carried_average", of_kinds),
        fact("order_amount", gettext(N_("%(number)s orders"), number=_shown("orders", now))),
        fact("delivery_rate", _since("delivery_rate", now, before)),
        fact(
            "on_time_payment_rate",
            gettext(N_("overdue %(amount)s yuan"), amount=_shown("overdue_amount", now)),
        ),
        fact("over_markup_excess", gettext(N_("%(number)s sales"), number=_shown("over_markup_lines", now))),
    ]


# The longer a debt is overdue, the graver its bar.
_AGES = (
    ("overdue_1_30", N_("1–30 days"), "bar"),
    ("overdue_31_60", N_("31–60 days"), "bar"),
    ("overdue_61_90", N_("61–90 days"), "bar-warn"),
    ("overdue_over_90", N_("over 90 days"), "bar-bad"),
)


def _ages(further: dict[str, Any] | None) -> list[tuple[str, float, str, str]]:
    """What was overdue at the end of the month by its days: word, part of the greatest in hundredths, yuan, class."""
    amounts = [Decimal((further or {}).get(name) or 0) for name, _, _ in _AGES]
    greatest = max(amounts)
    return [
        (gettext(word), float(amount * 100 / greatest) if greatest else 0.0, f"{amount:,.2f}", kind)
        for (_, word, kind), amount in zip(_AGES, amounts, strict=True)
    ]


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
        summary=_summary(asked, months),
        columns={duty.word: duty.indicators for duty in DUTIES} | {"amounts": _AMOUNTS},
        cards=[_card(duty, asked, months) for duty in DUTIES],
        amounts=_drawn(_AMOUNTS, asked, months),
        ages=_ages(further) if (further := chosen.further(asked.county, asked.kind)) else [],
        months=months,
        chosen=chosen,
        duties=DUTIES,
        main=main,
        indicators=INDICATORS,
        map=county_map(values) if not asked.county and values else None,
        percent_shade=BY_NAME[main].form is Form.RATE,
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
