"""Sales and customer returns entered on screen, once a form; taking one back is an event of its own (R-ORD-8, R-PRICE).

The lines are sale lines like those of files, so the checks see both alike. What is too dear or more than is there is
written down all the same: the form says so before, and a sale that happened is not made undone by refusing it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from clinic_orders.actions import audit
from clinic_orders.actions.bulk import update_rows
from clinic_orders.actions.loading import ChangedMeanwhile, NotFound
from clinic_orders.actions.numbers import LOSS, SALE, next_numbers
from clinic_orders.actions.reported.replacing import keep
from clinic_orders.actions.reported.sale_codes import SoldCode, store_codes
from clinic_orders.actions.reported.sales import SALES
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.roster import Institution
from clinic_orders.models.sales import SaleLine
from clinic_orders.models.stock_entries import SaleDraft, StockEntry, StockLoss
from clinic_orders.queries.selling import ReceiptLine, entry_by_key, entry_of, receipt_of
from clinic_orders.rules.days import SHANGHAI, day_in_china
from clinic_orders.rules.money import ZERO
from clinic_orders.rules.parties import Actor, Permission
from clinic_orders.rules.reasons import Reason, ReversalReason
from clinic_orders.rules.sales import check_sale_line
from clinic_orders.rules.stock_entries import (
    MOST_LINES,
    EntryKind,
    EntryTakenBack,
    HasReturns,
    NothingEntered,
    ReceiptNotThere,
    RefundTooHigh,
    ReturnedTooMuch,
    TooManyLines,
    check_day,
)

_NOON = time(12)


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


def own_institution(by: Actor) -> int:
    """The institution of the actor, locked: two of its people at once wait for each other.

    Raises:
        NotFound: the actor has none.

    """
    by.need(Permission.REPORTS_MAKE)
    found = db.session.scalar(
        select(Institution.id).where(Institution.id == by.institution_id).with_for_update()
    )
    if found is None:
        raise NotFound(number=by.org_name)
    return found


def new_entry(
    kind: EntryKind,
    institution_id: int,
    happened_on: date,
    *,
    key: str,
    lines: int,
    amount: Decimal = ZERO,
    of_sale_no: str = "",
    by: Actor,
    at: datetime,
) -> StockEntry:
    """Make the paper of an entry, after what holds for every kind of it was looked at.

    Raises:
        NothingEntered, TooManyLines, EntryInFuture: what is wrong with it.

    """
    if not lines:
        raise NothingEntered
    if lines > MOST_LINES:
        raise TooManyLines(most=MOST_LINES)
    check_day(happened_on, today=day_in_china(at))
    (number,) = next_numbers(LOSS if kind is EntryKind.LOSS else SALE, at=at)
    entry = StockEntry(
        institution_id=institution_id,
        kind=kind,
        entry_no=number,
        form_key=key,
        happened_on=happened_on,
        of_sale_no=of_sale_no,
        amount=amount,
        entered_by_id=by.user_id,
        entered_by_name=by.name,
        recorded_at=at,
    )
    db.session.add(entry)
    db.session.flush()
    return entry


def item_ids(codes: Sequence[str]) -> dict[str, int]:
    """Row ids of items by code.

    Raises:
        NotFound: one of them is not there.

    """
    known = {
        row.item_code: row.id
        for row in db.session.execute(select(Item.item_code, Item.id).where(Item.item_code.in_(codes)))
    }
    if missing := sorted(set(codes) - set(known)):
        raise NotFound(number=missing[0])
    return known


def _moment(day: date, at: datetime) -> datetime:
    """Now for what happens today; noon for what is written down later."""
    return at if day == day_in_china(at) else datetime.combine(day, _NOON, SHANGHAI).astimezone(UTC)


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
    sold_at = _moment(entry.happened_on, at)
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
            _refill(institution_id, entry, rows, by=by, at=at)
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


def write_down(
    deed: str,
    entry: StockEntry,
    *,
    by: Actor,
    at: datetime,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """One entry in the audit about one entry of stock."""
    audit.record(
        deed,
        by=by,
        at=at,
        subject_type="stock_entry",
        subject_id=entry.id,
        subject=entry.entry_no,
        institution_id=entry.institution_id,
        before=before,
        after=after,
    )


# Drafts: nothing of them has happened, so they are not in the audit. ------------------------------------------

_MOST_FIELDS = 6 * MOST_LINES
_LONGEST = 2_000


@transactional
def save_sale_draft(typed: Mapping[str, str], *, by: Actor, at: datetime) -> SaleDraft | None:
    """Keep what somebody is typing; an empty box is forgotten. None for who has no account.

    An amount belongs to the number beside it: where the number changes, the amount that was typed goes.
    """
    institution_id = own_institution(by)
    if by.user_id is None:
        return None
    draft = _draft(institution_id, by.user_id, at=at)
    fields: dict[str, Any] = dict(draft.fields)
    for name, value in typed.items():
        kind, _, code = name.partition("-")
        text = value[:_LONGEST]
        if kind in {"p", "u"} and not text.strip("0"):
            text = ""
        if fields.get(name, "") == text:
            continue
        if kind in {"p", "u"}:
            fields.pop(f"a-{code}", None)
        if text:
            fields[name] = text
        else:
            fields.pop(name, None)
    if fields != draft.fields and len(fields) <= _MOST_FIELDS:
        draft.fields, draft.updated_at = fields, at
        db.session.flush()
    return draft


def _draft(institution_id: int, user_id: int, *, at: datetime) -> SaleDraft:
    found = db.session.get(SaleDraft, (institution_id, user_id), populate_existing=True)
    if found is None:
        found = SaleDraft(institution_id=institution_id, user_id=user_id, fields={}, number=0, updated_at=at)
        db.session.add(found)
        db.session.flush()
    return found


def empty_draft(
    institution_id: int, by: Actor, *, at: datetime, keep_fields: Mapping[str, str] | None = None
) -> None:
    """Begin a new draft, because what it held is written down now."""
    if by.user_id is None:
        return
    draft = _draft(institution_id, by.user_id, at=at)
    draft.fields, draft.updated_at = dict(keep_fields or {}), at
    draft.number = draft.number + 1
    db.session.flush()


@transactional
def clear_sale_draft(*, by: Actor, at: datetime) -> None:
    """Throw away what somebody was typing, because they said so."""
    empty_draft(own_institution(by), by, at=at)


def _refill(institution_id: int, entry: StockEntry, rows: Sequence[Any], *, by: Actor, at: datetime) -> None:
    if by.user_id is None:
        return
    draft = _draft(institution_id, by.user_id, at=at)
    fields: dict[str, Any] = dict(draft.fields)
    fields["sold_on"] = entry.happened_on.isoformat()
    place = 0
    for row in rows:
        if row.item_code is None:
            place += 1
            fields[f"n-{place}"] = row.other_product
            fields[f"q-{place}"], fields[f"m-{place}"] = str(row.base_units), f"{row.amount:.2f}"
            continue
        packs, pieces = divmod(row.base_units, row.pack_size)
        for name, value in (("p", packs), ("u", pieces)):
            fields.pop(f"{name}-{row.item_code}", None)
            if value:
                fields[f"{name}-{row.item_code}"] = str(value)
        fields[f"a-{row.item_code}"] = f"{row.amount:.2f}"
    draft.fields, draft.updated_at = fields, at
