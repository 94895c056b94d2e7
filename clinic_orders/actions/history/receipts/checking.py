"""What stands against the rows of a receipt (R-DEL-2), and against their sums on the orders (R-ORD-5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from clinic_orders.actions.bulk import (
    Problems,
    RowProblem,
    UnknownCode,
)
from clinic_orders.actions.history.receipts.known import (
    HEAD,
    LINE,
    Key,
    KnownReceipt,
    NamedOrder,
    Policy,
    key_of,
    plain,
)
from clinic_orders.actions.history.shared import (
    Belongs,
    ComesTogether,
    Paper,
    RecordedHere,
)
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.delivery import (
    AcceptanceDoesNotAddUp,
    AcceptedLine,
    GoodsExpired,
    RejectionNeedsReason,
    acceptance_refusals,
    is_short_dated,
)
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.ordering import QuantitiesBroken, ReturnedTooMany, check_quantities
from clinic_orders.rules.reasons import RejectReason, parse_reason


class NotOrdered(RuleBroken):
    """Goods that are not on the order."""

    message = N_("%(order_no)s has no line %(code)s. Import its order first, or correct the number.")


class ReceiptIncomplete(RuleBroken):
    """Whether goods were received is said of the whole receipt."""

    message = N_(
        "The file changes when %(number)s was accepted but leaves out item %(code)s, batch %(batch_no)s. "
        "Put all its rows in."
    )


class ShortShelfLife(RuleBroken):
    """A warning: less shelf life left on the acceptance day than ``delivery.min_shelf_months``."""

    message = N_("Expires on %(expiry)s, less than %(months)s months after acceptance. Stored all the same.")


def check_paper(
    paper: Paper,
    known: KnownReceipt | None,
    orders: Mapping[str, NamedOrder],
    policy: Policy,
    problems: Problems,
    warnings: list[RowProblem],
) -> list[tuple[int, Key, dict[str, Any]]]:
    """The rows of a receipt that are new or say something new; what stands against them becomes a problem."""
    changed: list[tuple[int, Key, dict[str, Any]]] = []
    for number, given in paper.rows:
        order = orders.get(given["order_no"])
        if order is None:
            problems.add(number, "order_no", UnknownCode(code=given["order_no"]))
            continue
        if given["item_code"] not in order.lines:
            refusal = NotOrdered(order_no=given["order_no"], code=given["item_code"])
            problems.add(number, "item_code", refusal)
            continue
        row, key = plain(given), key_of(given)
        if not _check_row(row, given, order, policy, number, problems, warnings):
            continue
        if known is None:
            changed.append((number, key, row))
            continue
        old = known.rows.get(key)
        differs = [column for column in (*HEAD, *LINE) if old is not None and row[column] != old[column]]
        if old is not None and not differs:
            continue
        if known.made_here:
            problems.add(number, differs[0] if old else "item_code", RecordedHere(number=paper.number))
        elif row["order_no"] != known.head["order_no"]:
            above = known.head["order_no"]
            problems.add(number, "order_no", Belongs(number=paper.number, above=above))
        else:
            changed.append((number, key, row))
    if known is not None and changed and not known.made_here:
        _check_complete(paper, known, problems)
    return changed


def _check_complete(paper: Paper, known: KnownReceipt, problems: Problems) -> None:
    """Where a file changes the acceptance, it must say of all the receipt's rows what was accepted."""
    number, first = paper.rows[0]
    if first["accepted_at"] == known.head["accepted_at"]:
        return
    for item_code, batch_no in known.rows.keys() - {key_of(row) for _, row in paper.rows}:
        refusal = ReceiptIncomplete(number=paper.number, code=item_code, batch_no=batch_no)
        problems.add(number, "accepted_at", refusal)


def _check_row(
    row: Mapping[str, Any],
    given: Mapping[str, Any],
    order: NamedOrder,
    policy: Policy,
    number: int,
    problems: Problems,
    warnings: list[RowProblem],
) -> bool:
    """Whether the columns of a row fit each other (R-DEL-2)."""
    if row["accepted_at"] is None:
        for column in ("accepted_packs", "rejected_packs"):
            if given.get(column) is not None:
                problems.add(number, "accepted_at", ComesTogether(given=column))
                return False
        return True
    if row["accepted_packs"] is None:
        problems.add(number, "accepted_packs", ComesTogether(given="accepted_at"))
        return False
    day = day_in_china(row["accepted_at"])
    months = policy.min_shelf_months(order, row["accepted_at"])
    reason = row["reject_reason"]
    line = AcceptedLine(
        shipped=row["shipped_packs"],
        accepted=row["accepted_packs"],
        rejected=row["rejected_packs"],
        expiry=row["expiry_date"],
        reject_reason=parse_reason(RejectReason, reason) if reason else None,
    )
    refusals = acceptance_refusals(line, on=day, min_shelf_months=months, ask_for_short_expiry=False)
    for refusal in refusals:
        problems.add(number, _COLUMN_OF.get(type(refusal), "accepted_packs"), refusal)
    if not refusals and line.accepted and is_short_dated(line.expiry, on=day, min_shelf_months=months):
        warning = ShortShelfLife(expiry=line.expiry, months=months)
        warnings.append(RowProblem(number, "expiry_date", warning))
    return not refusals


_COLUMN_OF: Final[Mapping[type[RuleBroken], str]] = {
    AcceptanceDoesNotAddUp: "accepted_packs",
    RejectionNeedsReason: "reject_reason",
    GoodsExpired: "expiry_date",
}


def check_sums(
    receipts: Mapping[str, Paper],
    known: Mapping[str, KnownReceipt],
    changed: Mapping[str, Sequence[tuple[int, Key, dict[str, Any]]]],
    orders: Mapping[str, NamedOrder],
    problems: Problems,
) -> None:
    """Count the rows on the lines of their orders; where R-ORD-5 breaks, the row that breaks it is refused."""
    for number, lines in changed.items():
        receipt = known.get(number)
        if receipt is not None and not receipt.made_here:
            for _, key, row in lines:
                if key in receipt.rows:
                    orders[row["order_no"]].lines[key[0]].add(receipt.rows[key], -1)
    for number in receipts:
        for row_number, key, row in changed[number]:
            line = orders[row["order_no"]].lines[key[0]]
            line.add(row)
            old = known[number].rows.get(key) if number in known else None
            try:
                if old is not None and old["returned_packs"] > (row["accepted_packs"] or 0):
                    raise ReturnedTooMany(returned=old["returned_packs"], accepted=row["accepted_packs"] or 0)
                check_quantities(line.packs)
            except ReturnedTooMany as refusal:
                problems.add(row_number, "accepted_packs", refusal)
            except QuantitiesBroken as refusal:
                problems.add(row_number, "shipped_packs", refusal)
