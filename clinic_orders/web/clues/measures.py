"""The measures that were taken over all clues: recoveries, penalties, fines and the others, for the report of numbers."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import render_template, request, url_for
from werkzeug.wrappers import Response

from clinic_orders.queries import clues as queries
from clinic_orders.queries.clues import MeasureRow
from clinic_orders.rules.clues import WITH_AMOUNT, Measure
from clinic_orders.rules.days import parse_day
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.parties import Permission
from clinic_orders.web.clues.door import SHAPES, blueprint
from clinic_orders.web.display import label, yuan
from clinic_orders.web.guards import actor, needs, today
from clinic_orders.web.listing import Column, as_file, page_cut, sort_order, wanted_file

COLUMNS = (
    Column(N_("Clue"), lambda row: row.clue),
    Column(N_("Institutions"), lambda row: row.names),
    Column(N_("County"), lambda row: row.counties),
    Column(N_("Verdict"), lambda row: row.verdict),
    Column(N_("Measure"), lambda row: row.measure),
    Column(N_("Amount (yuan)"), lambda row: row.amount),
    Column(N_("Document"), lambda row: row.document_no),
    Column(N_("Day"), lambda row: row.day),
    Column(N_("Recorded by"), lambda row: row.by_name),
    Column(N_("State"), lambda row: row.state),
)


def _day(name: str, default: date) -> date:
    """A day of the filter; what is none is left as it was."""
    try:
        return parse_day(request.args.get(name, "").strip())
    except RuleBroken:
        return default


@blueprint.get("/clues/measures/")
@needs(Permission.CLUES_HANDLE)
def measures() -> str | Response:
    """The measures of some days with their numbers and sums; this year unless others are asked for."""
    on = today()
    first, last = _day("first", on.replace(month=1, day=1)), _day("last", on)
    everything = queries.all_measures(actor(), first=first, last=last, on=on)
    asked, words = request.args.get("measure", ""), request.args.get("q", "").strip()[:64]
    measure = Measure(asked) if asked in set(Measure) else None
    rows = [
        row
        for row in everything
        if measure in {None, row.measure}
        and words in f"{row.clue} {row.document_no} {row.names} {row.counties} {row.by_name}"
    ]
    sort = sort_order(set(queries.MEASURE_SORTS), "-day")
    rows = _sorted(rows, sort)
    if wanted_file():
        return as_file("clue-measures", COLUMNS, rows)
    cut = page_cut(len(rows))
    return render_template(
        "clues/measures.html",
        rows=rows[cut.offset : cut.offset + cut.limit],
        page=cut,
        sort=sort,
        words=words,
        measure=measure,
        measures=[(one.value, label(one)) for one in Measure],
        first=first,
        last=last,
        facts=_facts(everything, measure, first, last),
        sums=queries.measure_sums(rows),
        with_amount=WITH_AMOUNT,
        filtered=bool(words or measure or request.args.get("first") or request.args.get("last")),
        shapes=SHAPES,
        today=on,
    )


def _sorted(rows: list[MeasureRow], sort: str) -> list[MeasureRow]:
    key = queries.MEASURE_SORTS[sort.removeprefix("-")]
    return sorted(sorted(rows, key=lambda row: row.clue), key=key, reverse=sort.startswith("-"))


def _facts(rows: list[MeasureRow], chosen: Measure | None, first: date, last: date) -> list[dict[str, Any]]:
    """A figure for each measure that was taken: its yuan where it has any, else how often."""
    facts = []
    for one in queries.measure_sums(rows):
        money = one.measure in WITH_AMOUNT
        facts.append(
            {
                "k": label(one.measure),
                "v": yuan(one.amount) if money else f"{one.number:,}",
                "number": one.number if money else None,
                "href": url_for(
                    ".measures", measure=one.measure.value, first=first.isoformat(), last=last.isoformat()
                ),
                "current": one.measure is chosen,
            }
        )
    return facts
