"""Sales and customer returns entered on screen, once a form; taking one back is an event of its own (R-ORD-8, R-PRICE).

The lines are sale lines like those of files, so the checks see both alike. What is too dear or more than is there is
written down all the same: the form says so before, and a sale that happened is not made undone by refusing it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from clinic_orders.actions.bulk import update_rows
from clinic_orders.actions.loading import ChangedMeanwhile, NotFound
from clinic_orders.actions.reported.replacing import keep
from clinic_orders.actions.reported.sale_codes import SoldCode, store_codes
from clinic_orders.actions.reported.sales import SALES
from clinic_orders.actions.sale_drafts import empty_draft, refill_draft
from clinic_orders.actions.stock_entries import item_ids, moment_of, new_entry, own_institution, write_down
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.sales import SaleLine
from clinic_orders.models.stock_entries import StockEntry, StockLoss
from clinic_orders.queries.selling import ReceiptLine, entry_by_key, entry_of, receipt_of
from clinic_orders.rules.money import ZERO
from clinic_orders.rules.parties import Actor
from clinic_orders.rules.reasons import Reason, ReversalReason
from clinic_orders.rules.sales import check_sale_line
from clinic_orders.rules.stock_entries import (
    EntryKind,
    EntryTakenBack,
    HasReturns,
    ReceiptNotThere,
    RefundTooHigh,
    ReturnedTooMuch,
)


@dataclass(frozen=True, slots=True)
class SoldLine:
    """What was sold of an item: base units above 0, the amount in yuan, the trace codes of the packs.

    ``item_code`` empty: something outside the catalogue, whose name is ``other_product``.
    """

    item_code: str
    base_units: int
    amount: Decimal
    codes: tuple[str, ...] = ()
    other_product: str = ""


@dataclass(frozen=True, slots=True)
class BackLine:
    """What came back of a line of a receipt: base units above 0 and the amount given back, above or 0."""

    line_no: str
    base_units: int
    amount: Decimal
    codes: tuple[str, ...] = ()


@transactional
def record_sale(
    lines: Sequence[SoldLine], *, sold_on: date, insured: bool, key: str, by: Actor, at: datetime
) -> StockEntry:
    """Write down one sale of the actor's institution: several lines on one receipt.

    Args:
        lines: what was sold.
        sold_on: the day, today or earlier.
        insured: whether the insurance pays; the price is the same (R-PRICE-5).
        key: made when the form was rendered; the same key always answers with the same entry.
        by: who.
        at: when.

    Raises:
        NothingEntered, TooManyLines, EntryInFuture, NotFound, UnitsZero, SaleBelowZero: what is wrong with it.

    """
    institution_id = own_institution(by)
    known = entry_by_key(key)
    if known is not None and known.institution_id == institution_id:
        return known
    ids = item_ids([line.item_code for line in lines if line.item_code])
    for line in lines:
        check_sale_line(
            item_code=line.item_code,
            other_product=line.other_product,
            base_units=line.base_units,
            amount=line.amount,
        )
    total = sum((line.amount for line in lines), ZERO)
    entry = new_entry(
        EntryKind.SALE, institution_id, sold_on, key=key, lines=len(lines), amount=total, by=by, at=at
    )
    _put_lines(
        entry,
        [
            {
                "item_id": ids[line.item_code] if line.item_code else None,
                "other_product": line.other_product,
                "base_units": line.base_units,
                "amount": line.amount,
                "codes": line.codes,
            }
            for line in lines
        ],
        insured=insured,
        at=at,
    )
    write_down(
        "record_sale",
        entry,
        by=by,
        at=at,
        after={
            "sold_on": sold_on,
            "amount": total,
            "insured": insured,
            "quantities": [f"{line.item_code or line.other_product} {line.base_units}" for line in lines],
        },
    )
    empty_draft(institution_id, by, at=at, keep_fields={"insured": "1" if insured else "0"})
    return entry


def _put_lines(entry: StockEntry, lines: Sequence[Mapping[str, Any]], *, insured: bool, at: datetime) -> None:
    sold_at = moment_of(entry.happened_on, at)
    wanted = [
        {
            "institution_id": entry.institution_id,
            "sale_no": entry.entry_no,
            "line_no": str(number),
            "item_id": line["item_id"],
            "other_product": line.get("other_product", ""),
            "sold_at": sold_at,
            "sold_on": entry.happened_on,
            "base_units": line["base_units"],
            "amount": line["amount"],
            "insured": line.get("insured", insured),
            "codes": line["codes"],
        }
        for number, line in enumerate(lines, start=1)
    ]
    kept = keep(SALES, wanted, {}, at=at, batch_id=None)
    store_codes(
        SoldCode(code, line["id"], line["sold_on"])
        for line in kept.new
        for code in sorted(set(line["codes"]))
    )


@transactional
def record_customer_return(
    sale_no: str, lines: Sequence[BackLine], *, came_on: date, key: str, by: Actor, at: datetime
) -> StockEntry:
    """Write down what a customer brought back of a receipt: base units below 0 and the money given back.

    Args:
        sale_no: the receipt, made here or come with a file.
        lines: what came back of which line.
        came_on: the day, today or earlier.
        key: as for a sale.
        by: who.
        at: when.

    Raises:
        ReceiptNotThere, NothingEntered, EntryInFuture, ReturnedTooMuch, RefundTooHigh: what is wrong with it.

    """
    institution_id = own_institution(by)
    known = entry_by_key(key)
    if known is not None and known.institution_id == institution_id:
        return known
    receipt = receipt_of(institution_id, sale_no)
    if receipt is None or (receipt.entry is not None and receipt.entry.taken_back_at is not None):
        raise ReceiptNotThere(number=sale_no)
    sold = {line.line_no: line for line in receipt.lines if line.base_units > 0}
    rows = []
    for line in lines:
        of = sold.get(line.line_no)
        if of is None:
            raise ReceiptNotThere(number=f"{sale_no} {line.line_no}")
        _check_back(of, line)
        rows.append(
            {
                "item_id": of.item_id,
                "other_product": "" if of.item_id else of.name,
                "base_units": -line.base_units,
                "amount": -line.amount,
                "insured": of.insured,
                "codes": line.codes,
            }
        )
    total = -sum((line.amount for line in lines), ZERO)
    entry = new_entry(
        EntryKind.CUSTOMER_RETURN,
        institution_id,
        came_on,
        key=key,
        lines=len(rows),
        amount=total,
        of_sale_no=sale_no,
        by=by,
        at=at,
    )
    _put_lines(entry, rows, insured=False, at=at)
    write_down(
        "record_customer_return",
        entry,
        by=by,
        at=at,
        after={
            "sale_no": sale_no,
            "amount": total,
            "quantities": [
                f"{sold[line.line_no].item_code or sold[line.line_no].name} {line.base_units}"
                for line in lines
            ],
        },
    )
    return entry


def _check_back(of: ReceiptLine, line: BackLine) -> None:
    left = of.base_units - of.came_back
    if line.base_units > left:
        raise ReturnedTooMuch(name=of.name, left=left, unit=of.base_unit)
    money = of.amount - of.given_back
    if line.amount > money:
        raise RefundTooHigh(name=of.name, left=money)


@transactional
def take_back_entry(
    entry_no: str,
    reason: Reason[ReversalReason],
    *,
    kinds: frozenset[EntryKind] = frozenset({EntryKind.SALE, EntryKind.CUSTOMER_RETURN}),
    refill: bool = False,
    seen_version: int | None = None,
    by: Actor,
    at: datetime,
) -> StockEntry:
    """Take back an entry of the actor's institution; it stays on record with who did it, when and why (R-ORD-8).

    Its lines stand no more: the amounts that were mistyped are then no sale, so no check looks at them.

    Args:
        entry_no: which.
        reason: why.
        kinds: of which it may be.
        refill: whether the lines of a sale go back into the form, to be put right and saved anew.
        seen_version: the version that the page showed.
        by: who.
        at: when.

    Raises:
        NotFound, EntryTakenBack, ChangedMeanwhile, HasReturns: why it can't be.

    """
    institution_id = own_institution(by)
    entry = entry_of(institution_id, entry_no)
    if entry is None or entry.kind not in kinds:
        raise NotFound(number=entry_no)
    if entry.taken_back_at is not None:
        raise EntryTakenBack(number=entry_no)
    if seen_version is not None and seen_version != entry.version:
        raise ChangedMeanwhile(number=entry_no)
    if entry.kind is EntryKind.LOSS:
        ids = db.session.scalars(select(StockLoss.id).where(StockLoss.entry_id == entry.id)).all()
        update_rows(StockLoss.__table__, [{"id": row_id, "replaced_at": at} for row_id in ids])  # type: ignore[arg-type]
    else:
        receipt = receipt_of(institution_id, entry_no)
        if receipt is not None and receipt.returns:
            raise HasReturns(number=entry_no, other=receipt.returns[0].entry_no)
        rows = db.session.execute(
            select(
                SaleLine.id,
                SaleLine.base_units,
                SaleLine.amount,
                SaleLine.other_product,
                Item.item_code,
                Item.pack_size,
            )
            .outerjoin(Item, Item.id == SaleLine.item_id)
            .where(
                SaleLine.institution_id == institution_id,
                SaleLine.sale_no == entry_no,
                SaleLine.replaced_at.is_(None),
            )
        ).all()
        update_rows(SALES.table, [{"id": row.id, "replaced_at": at} for row in rows])
        if refill and entry.kind is EntryKind.SALE:
            refill_draft(institution_id, entry, rows, by=by, at=at)
    entry.taken_back_at, entry.taken_back_by_id, entry.taken_back_by_name = at, by.user_id, by.name
    entry.taken_back_reason = reason.stored
    write_down(
        "take_back_entry",
        entry,
        by=by,
        at=at,
        before={"amount": entry.amount},
        after={"reason": reason.stored},
    )
    db.session.flush()
    return entry
