"""What a till or a stock system reports of its institution: sales and counts of the stock."""

from __future__ import annotations

from datetime import date
from typing import Any

from clinic_orders.actions.bulk import RowProblem, RowsRefused
from clinic_orders.actions.loading import NotFound
from clinic_orders.actions.reported import report_sales
from clinic_orders.actions.reports import report_stock_count
from clinic_orders.api.door import Asked, Reply, stores
from clinic_orders.api.lines import LineTwice
from clinic_orders.api.problems import say
from clinic_orders.exchange.api_shapes import COUNTED, NEW_COUNTS, NEW_SALES, STORED
from clinic_orders.exchange.schemas import filled
from clinic_orders.queries.changes import institution_of_code
from clinic_orders.queries.ordering import items_of_codes
from clinic_orders.queries.reports import counts_of
from clinic_orders.rules.api import FieldsWrong
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.parties import Permission


def _pointer(found: RowProblem) -> str:
    return f"/lines/{found.row}/{found.column}".rstrip("/")


@stores(
    "/sales",
    Permission.REPORTS_MAKE,
    N_("Report sales and customer returns, up to 5,000 lines, all or none"),
    body=NEW_SALES,
    answer=STORED,
    status=200,
)
def report_own_sales(asked: Asked) -> Reply:
    """Sale lines of the account's institution; a known line with other values is a correction."""
    rows = list(enumerate(asked.values["lines"]))
    try:
        stored = report_sales(rows, by=asked.actor, at=asked.at)
    except RowsRefused as refused:
        raise FieldsWrong({_pointer(one): one.refusal for one in refused.problems}) from refused
    return Reply(
        filled(
            STORED,
            {
                "created": stored.created,
                "updated": stored.updated,
                "unchanged": stored.unchanged,
                "warnings": [
                    {"pointer": _pointer(one), "detail": say(one.refusal)} for one in stored.warnings
                ],
            },
        )
    )


@stores(
    "/stock-counts",
    Permission.REPORTS_MAKE,
    N_("Report what was counted at the end of a day, all lines or none"),
    body=NEW_COUNTS,
    answer=COUNTED,
    status=200,
)
def report_own_counts(asked: Asked) -> Reply:
    """Counts of the account's institution; a figure that differs replaces the one before."""
    own, lines = asked.actor.institution_id, asked.values["lines"]
    known = {item.code for item in items_of_codes([line["item_code"] for line in lines], asked.on)}
    codes = {line["institution_code"] for line in lines} - {""}
    owned = {code for code in codes if own is not None and institution_of_code(code) == own}
    days: dict[date, dict[str, int]] = {}
    problems: dict[str, RuleBroken] = {}
    for place, line in enumerate(lines):
        counted = days.setdefault(line["counted_on"], {})
        problem = _wrong(line, known, codes - owned, counted)
        if problem is not None:
            problems[f"/lines/{place}{problem[0]}"] = problem[1]
        counted[line["item_code"]] = line["base_units"]
    if problems:
        raise FieldsWrong(problems)
    changed = 0
    for day, counts in sorted(days.items()):
        seen = counts_of(own, day).seen if own is not None else 0
        changed += report_stock_count(day, counts, seen=seen, by=asked.actor, at=asked.at)
    return Reply(filled(COUNTED, {"changed": changed}))


def _wrong(
    line: dict[str, Any], known: set[str], foreign: set[str], counted: dict[str, int]
) -> tuple[str, RuleBroken] | None:
    if line["institution_code"] in foreign:
        return "/institution_code", NotFound(number=line["institution_code"])
    if line["item_code"] not in known:
        return "/item_code", NotFound(number=line["item_code"])
    if line["item_code"] in counted:
        return "", LineTwice()
    return None
