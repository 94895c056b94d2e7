"""What stands against the rows of an order (R-ORD-5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from clinic_orders.actions.bulk import (
    Problems,
)
from clinic_orders.actions.history.orders.known import (
    HEAD,
    LINE,
    KnownOrder,
    columns_that_differ,
    plain,
    quantities,
)
from clinic_orders.actions.history.shared import (
    Codes,
    Paper,
    RecordedHere,
    TooEarly,
    check_code,
    check_pair,
)
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.ordering import (
    ConfirmedTooMany,
    LineQuantities,
    QuantitiesBroken,
    WithdrawnTooMany,
    check_quantities,
)

# Left empty, these are the institution itself; what is wrong with it is told once.
SAME_AS: Final = {"ordering_code": "institution_code", "paying_code": "institution_code"}


PARTIES: Final = ("institution_code", "ordering_code", "paying_code", "distributor_code")


class ClosedWithoutAnswer(RuleBroken):
    """Only what was confirmed can be closed short (R-ORD-7)."""

    message = N_("Packs can only be closed after an answer. Fill in confirmed_packs and confirmed_at too.")


class ShippedFixed(RuleBroken):
    """Goods rest on what a file would change."""

    message = N_("Goods of %(number)s were shipped already, so this stays %(kept)s.")


def _check_row(row: Mapping[str, Any], given: Mapping[str, Any], number: int, problems: Problems) -> bool:
    """Whether the columns of a row fit each other; its arithmetic comes later."""
    before = len(problems.found)
    answered = check_pair(given, number, problems, "confirmed_packs", "confirmed_at")
    for packs, instant in (("closed_packs", "closed_at"), ("withdrawn_packs", "withdrawn_at")):
        if given.get(packs) != 0:
            check_pair(given, number, problems, packs, instant)
    if len(problems.found) > before:
        return False
    if row["closed_packs"] and not answered:
        problems.add(number, "closed_packs", ClosedWithoutAnswer())
    for later, earlier in (
        ("confirmed_at", "submitted_at"),
        ("closed_at", "confirmed_at"),
        ("withdrawn_at", "submitted_at"),
    ):
        if row[later] is not None and row[earlier] is not None and row[later] < row[earlier]:
            problems.add(number, later, TooEarly(earlier=earlier))
    return len(problems.found) == before


def _check_arithmetic(
    row: Mapping[str, Any], kept: LineQuantities | None, number: int, problems: Problems
) -> None:
    """Hold a line to R-ORD-5."""
    try:
        check_quantities(quantities(row, kept))
    except WithdrawnTooMany as refusal:
        problems.add(number, "withdrawn_packs", refusal)
    except ConfirmedTooMany as refusal:
        problems.add(number, "confirmed_packs", refusal)
    except QuantitiesBroken as refusal:
        column = "closed_packs" if row["closed_packs"] else "withdrawn_packs"
        problems.add(number, column if row["confirmed_packs"] else "confirmed_packs", refusal)


def check_paper(paper: Paper, known: KnownOrder | None, codes: Codes, problems: Problems) -> None:
    """Everything that stands against the rows of one order."""
    for number, given in paper.rows:
        for column in PARTIES[:3]:
            if column in SAME_AS and given[column] == given["institution_code"]:
                continue
            check_code(codes.institutions, given, number, column, problems)
        check_code(codes.distributors, given, number, "distributor_code", problems)
        check_code(codes.items, given, number, "item_code", problems)
        row = plain(given)
        if not _check_row(row, given, number, problems):
            continue
        kept = None
        if known is not None:
            old = known.rows.get(given["item_code"])
            kept = known.shipped.get(given["item_code"])
            differs = columns_that_differ(row, old or known.head, (*HEAD, *LINE) if old else HEAD)
            if old is not None and not differs:
                continue
            if known.made_here:
                problems.add(number, differs[0] if old else "item_code", RecordedHere(number=paper.number))
                continue
            _check_shipped(paper.number, differs, known, kept, number, problems)
        _check_arithmetic(row, kept, number, problems)


def _check_shipped(
    order_no: str,
    differs: Sequence[str],
    known: KnownOrder,
    kept: LineQuantities | None,
    number: int,
    problems: Problems,
) -> None:
    """Refuse to change parties of an order, or the price of a line, of which goods were shipped."""
    if any(line.shipped for line in known.shipped.values()):
        for column in PARTIES:
            if column in differs:
                problems.add(number, column, ShippedFixed(number=order_no, kept=known.head[column]))
    if kept is not None and kept.shipped and "pack_price" in differs:
        price = next(row for code, row in known.rows.items() if known.shipped[code] is kept)["pack_price"]
        problems.add(number, "pack_price", ShippedFixed(number=order_no, kept=price))
