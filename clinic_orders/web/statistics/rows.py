"""The rows behind a figure: which institutions brought what into it, adding up to it exactly (R-STAT-2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from flask import abort, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from clinic_orders.documents.statistics_words import BY_NAME, Form, written
from clinic_orders.queries import institutions as roster
from clinic_orders.queries.month_rows import InstitutionRow, MonthRows
from clinic_orders.rules.errors import N_
from clinic_orders.rules.findings import CheckRule
from clinic_orders.rules.further_indicators import CONTRACT, FURTHER, MONEY, Parts, sums_of
from clinic_orders.rules.ladder import Level
from clinic_orders.rules.parties import InstitutionKind, OrderMode, Permission, Role
from clinic_orders.web.display import label
from clinic_orders.web.guards import actor, needs
from clinic_orders.web.listing import Column, as_file, page_cut, sort_order, wanted_file
from clinic_orders.web.statistics.door import asked_county, asked_figures, asked_month, blueprint
from clinic_orders.web.statistics_words import COLUMNS, INDICATORS
from clinic_orders.web.statistics_words import FURTHER as FURTHER_WORDS

_PARTS: Mapping[str, Parts] = {**CONTRACT, **FURTHER}
_WORDS: Mapping[str, str] = {**INDICATORS, **FURTHER_WORDS}
_TRADE = ("orders", "order_packs", "order_amount")


@dataclass(frozen=True, slots=True)
class Behind:
    """What is shown of each institution, and how it makes the figure.

    Attributes:
        title: the figure's name.
        columns: msgid by column.
        parts: how the columns make the figure; None where each column is a figure of its own.

    """

    title: str
    columns: Mapping[str, str]
    parts: Parts | None


def _behind(name: str) -> Behind:
    """What an address asks for; 404 where there is no such figure."""
    if name == "finding":
        rule = request.args.get("rule", "")
        if rule not in set(CheckRule):
            abort(404)
        return Behind(label(CheckRule(rule)), {"number": N_("Findings")}, None)
    if name == "cases":
        return Behind(label(_level()), {"number": N_("Cases (number)")}, None)
    if name == "trade":
        mode = request.args.get("mode", "")
        if mode not in set(OrderMode):
            abort(404)
        channel = request.args.get("channel", "")
        shown = _("This system") if channel == "clinic_orders" else channel
        return Behind(f"{label(OrderMode(mode))} · {shown}", {one: COLUMNS[one] for one in _TRADE}, None)
    parts = _PARTS.get(name)
    if parts is None:
        abort(404)
    return Behind(_(_WORDS[name]), {one: COLUMNS[one] for one in parts.columns}, parts)


def _level() -> Level:
    """The level of an address; 404 where there is none."""
    asked = request.args.get("level", "")
    if asked not in {str(level.value) for level in Level}:
        abort(404)
    return Level(int(asked))


def _values(name: str, row: InstitutionRow) -> dict[str, Any]:
    """What a row brings into the figure, by column."""
    if name == "finding":
        return {"number": row.by_rule.get(request.args["rule"], 0)}
    if name == "cases":
        return {"number": row.cases.get(_level(), 0)}
    if name == "trade":
        one = row.trade.get((request.args["mode"], request.args.get("channel", "")))
        return dict(zip(_TRADE, one or (0, 0, Decimal(0)), strict=True))
    return dict(row.columns)


def _kept(rows: MonthRows, county: str, kind: str) -> Sequence[InstitutionRow]:
    return [
        row
        for row in rows.institutions
        if county in {"", row.county} and kind in {"", row.kind} and (row.county or not (county or kind))
    ]


def shown_value(column: str, value: Any) -> str:
    """A column's value for the reader."""
    return f"{value:,.2f}" if column in MONEY else f"{value:,}"


@blueprint.get("/<month>/rows/<name>")
@needs(Permission.STATISTICS_READ)
def rows(month: str, name: str) -> str | Response:
    """The institutions behind a figure of a block; those that bring nothing into it are left out."""
    asked, county = asked_month(month), asked_county()
    kind = request.args.get("kind", "")
    names = dict(roster.counties(actor()))
    if (county and county not in names) or (kind and kind not in set(InstitutionKind)):
        abort(404)
    behind = _behind(name)
    found = asked_figures(asked, "")
    kept = None if found is None else found.rows
    if found is None or kept is None:
        abort(404)
    words = request.args.get("q", "").strip()[:64]
    wanted = [
        (row, values)
        for row in _kept(kept, county, kind)
        if any((values := _values(name, row))[column] for column in behind.columns)
        and (not words or words in f"{row.name} {row.code} {row.township}")
    ]
    keys = {"name", "county", "township", *behind.columns}
    sort = sort_order(keys, f"-{next(iter(behind.columns))}")
    _in_order(wanted, sort, names)
    columns = [
        Column(N_("Code"), lambda one: one[0].code),
        Column(N_("Institution"), lambda one: one[0].name),
        Column(N_("County"), lambda one: names.get(one[0].county, one[0].county)),
        Column(N_("Township or street"), lambda one: one[0].township),
        Column(N_("Kind"), lambda one: _kind_word(one[0].kind)),
        *(_column(column, word) for column, word in behind.columns.items()),
    ]
    if wanted_file():
        return as_file(f"rows-{asked}-{name}", columns, wanted)
    cut = page_cut(len(wanted))
    sums = sums_of((values for _row, values in wanted), behind.columns)
    return render_template(
        "statistics/rows.html",
        month=asked,
        name=name,
        behind=behind,
        found=found,
        county=county,
        kind=kind,
        place=names[county] if county else _("Whole city"),
        names=names,
        counties=[] if actor().role is Role.COUNTY else list(names.items()),
        kinds=[(one.value, label(one)) for one in InstitutionKind],
        words=words,
        rows=wanted[cut.offset : cut.offset + cut.limit],
        sums={column: shown_value(column, value) for column, value in sums.items()},
        figure=_figure(name, behind.parts, sums),
        shown_value=shown_value,
        kind_word=_kind_word,
        page=cut,
        sort=sort,
        filtered=bool(words),
    )


def _in_order(
    wanted: list[tuple[InstitutionRow, dict[str, Any]]], sort: str, names: Mapping[str, str]
) -> None:
    key = sort.removeprefix("-")
    wanted.sort(key=lambda one: one[0].code)
    if key == "county":
        wanted.sort(key=lambda one: names.get(one[0].county, ""), reverse=sort.startswith("-"))
    elif key in {"name", "township"}:
        wanted.sort(key=lambda one: getattr(one[0], key), reverse=sort.startswith("-"))
    else:
        wanted.sort(key=lambda one: one[1][key], reverse=sort.startswith("-"))


def _column(column: str, word: str) -> Column:
    return Column(word, lambda one: one[1][column])


def _kind_word(kind: str) -> str:
    return label(InstitutionKind(kind)) if kind else _("Distributor")


def _figure(name: str, parts: Parts | None, sums: Mapping[str, Any]) -> str:
    """The figure that the rows make, as the statement writes it."""
    if parts is None:
        return ""
    value = parts.of(sums)
    indicator = BY_NAME[name]
    if value is None:
        return written(indicator, None)
    return written(indicator, int(value) if indicator.form is Form.COUNT else Decimal(str(value)))


@blueprint.get("/<month>/institutions/<path:code>")
@needs(Permission.STATISTICS_READ)
def institution(month: str, code: str) -> str:
    """One institution's part in a month: every indicator of its own, and where its records stand."""
    asked, county = asked_month(month), asked_county()
    found = asked_figures(asked, "")
    kept = None if found is None else found.rows
    row = next((one for one in (kept.institutions if kept else ()) if one.code == code and one.county), None)
    if found is None or row is None or county not in {"", row.county}:
        abort(404)
    sums = dict(row.columns)
    figures = [
        (_(_WORDS[name]), _figure(name, one, sums), _formula(one, sums)) for name, one in _PARTS.items()
    ]
    who = roster.institution_id_of(code)
    first, last = asked.first_day.isoformat(), asked.last_day.isoformat()
    links = [
        (_("Orders of the month"), url_for("bureau_orders.index", institution=who, first=first, last=last)),
        (_("Findings about it"), url_for("findings.index", q=row.name, state="all")),
        (_("Trace rate and its sales"), url_for("packs.rate", institution=code, month=asked)),
        (_("On the roster"), url_for("roster.institution", institution_id=who or 0)),
    ]
    return render_template(
        "statistics/institution.html",
        month=asked,
        found=found,
        row=row,
        county_name=dict(roster.counties(actor())).get(row.county, row.county),
        figures=figures,
        rules=[(label(CheckRule(rule)), number) for rule, number in row.by_rule.items()],
        kind_word=_kind_word,
        record_links=links if who is not None else [],
    )


def _formula(parts: Parts, sums: Mapping[str, Any]) -> str:
    """The numbers that a share is made of; "" for a sum."""
    if not parts.whole:
        return ""
    return f"{shown_value(parts.part, sums[parts.part])} ÷ {shown_value(parts.whole, sums[parts.whole])}"
