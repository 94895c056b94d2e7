"""Returns from files, agreed by the distributor (R-DEL-5)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, cast

from sqlalchemy import Table, select

from clinic_orders.actions.bulk import (
    NumberedRow,
    Problems,
    Stored,
    UnknownCode,
    delete_rows,
    in_parts,
    insert_rows,
    reserve_ids,
    update_rows,
)
from clinic_orders.actions.history.amounts import settle_returns
from clinic_orders.actions.history.shared import (
    Belongs,
    Change,
    Paper,
    RecordedHere,
    TooEarly,
    papers,
    touch_many,
    write_down,
)
from clinic_orders.actions.numbers import pass_over
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.deliveries import GoodsReturn, ReturnCode, ReturnLine, Shipment, ShipmentLine
from clinic_orders.models.orders import OrderLine
from clinic_orders.queries.files import return_rows
from clinic_orders.rules.delivery import check_return
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.parties import Actor, Permission

HEAD: Final = ("receipt_no", "agreed_at")
_LINE: Final = ("packs", "reason", "trace_codes")
_RETURNS: Final = cast("Table", GoodsReturn.__table__)
_LINES: Final = cast("Table", ReturnLine.__table__)
_CODES: Final = cast("Table", ReturnCode.__table__)
_SHIPMENTS: Final = cast("Table", Shipment.__table__)
_SHIPMENT_LINES: Final = cast("Table", ShipmentLine.__table__)
_ORDER_LINES: Final = cast("Table", OrderLine.__table__)


class NotReceived(RuleBroken):
    """Packs go back that the receipt does not have."""

    message = N_("%(number)s has no item %(code)s of batch “%(batch_no)s”. Correct the item or the batch.")


class BatchNeeded(RuleBroken):
    """The receipt has the item in several batches."""

    message = N_("%(number)s has this item in several batches: %(batches)s. Say which one goes back.")


class BatchReturnedTwice(RuleBroken):
    """Two rows of one return mean the same batch."""

    message = N_(
        "Row %(first)s of this return means the same batch %(batch_no)s. Put the packs into one row."
    )


@dataclass(slots=True)
class _Batch:
    """A received batch with its packs as they will be."""

    line_id: int
    order_line_id: int
    accepted: int
    returned: int
    changed: int = 0


@dataclass(slots=True)
class _Receipt:
    """A receipt that returns name; its batches by item code and batch number."""

    id: int
    institution_id: int
    distributor_id: int
    accepted_at: datetime | None
    batches: dict[tuple[str, str], _Batch] = field(default_factory=dict)

    def batches_of(self, item_code: str) -> list[str]:
        """The batch numbers of an item."""
        return [batch_no for code, batch_no in self.batches if code == item_code]


@dataclass(slots=True)
class _Known:
    """A return that is in the database, with its rows by shipment line."""

    id: int
    made_here: bool
    rows: dict[int, dict[str, Any]] = field(default_factory=dict)

    @property
    def head(self) -> Mapping[str, Any]:
        return next(iter(self.rows.values()))


@dataclass(frozen=True, slots=True)
class _Line:
    """A row that is new or says something new."""

    number: int
    batch: _Batch
    row: Mapping[str, Any]
    old: Mapping[str, Any] | None


@dataclass(slots=True)
class _Plan:
    """What is to be written."""

    returns: list[dict[str, Any]] = field(default_factory=list)
    lines: list[dict[str, Any]] = field(default_factory=list)
    changed_returns: list[dict[str, Any]] = field(default_factory=list)
    changed_lines: list[dict[str, Any]] = field(default_factory=list)
    codes: list[dict[str, Any]] = field(default_factory=list)
    coded_before: list[int] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)


def _receipts(receipt_nos: Sequence[str]) -> dict[str, _Receipt]:
    """The receipts that the file names, locked until the deed ends."""
    found: dict[str, _Receipt] = {}
    by_id: dict[int, _Receipt] = {}
    for part in in_parts(dict.fromkeys(receipt_nos)):
        for row in db.session.execute(
            select(
                Shipment.id,
                Shipment.receipt_no,
                Shipment.institution_id,
                Shipment.distributor_id,
                Shipment.accepted_at,
            )
            .where(Shipment.receipt_no.in_(part), Shipment.voided_at.is_(None))
            .with_for_update()
        ):
            found[row.receipt_no] = by_id[row.id] = _Receipt(
                row.id, row.institution_id, row.distributor_id, row.accepted_at
            )
    line = ShipmentLine
    for ids in in_parts(by_id):
        for batch in db.session.execute(
            select(
                line.id,
                line.shipment_id,
                line.order_line_id,
                Item.item_code,
                line.batch_no,
                line.accepted_packs,
                line.returned_packs,
            )
            .join(OrderLine, OrderLine.id == line.order_line_id)
            .join(Item, Item.id == OrderLine.item_id)
            .where(line.shipment_id.in_(ids))
            .order_by(line.id)
        ):
            by_id[batch.shipment_id].batches[batch.item_code, batch.batch_no] = _Batch(
                batch.id, batch.order_line_id, batch.accepted_packs or 0, batch.returned_packs
            )
    return found


def _known(return_nos: Sequence[str]) -> dict[str, _Known]:
    """The returns of a file that are in the database."""
    found: dict[str, _Known] = {}
    for part in in_parts(return_nos):
        for row in db.session.execute(
            select(
                GoodsReturn.id,
                GoodsReturn.return_no,
                GoodsReturn.import_batch_id,
                GoodsReturn.requested_by_id,
                GoodsReturn.agreed_at,
            )
            .where(GoodsReturn.return_no.in_(part))
            .with_for_update()
        ):
            made_here = row.import_batch_id is None or row.requested_by_id is not None or not row.agreed_at
            found[row.return_no] = _Known(row.id, made_here)
    by_id = {known.id: known for known in found.values()}
    for line in return_rows(by_id):
        by_id[line["return_id"]].rows[line["shipment_line_id"]] = line
    return found


def plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as it is compared and stored."""
    values = {column: row.get(column) for column in (*HEAD, *_LINE)}
    values["trace_codes"] = tuple(sorted(values["trace_codes"] or ()))
    return values


@transactional
def put_returns(
    rows: Sequence[NumberedRow], *, by: Actor, at: datetime, batch_id: int | None = None
) -> Stored:
    """Add or change agreed returns by number and item (formats.md kind ``returns``), all or none.

    Without a batch number the packs are of the only batch of the item on the receipt. Rows of a known return that
    the file leaves out stay.

    Raises:
        RowsRefused: unknown receipts or batches, more packs than were accepted, rows of one return that disagree,
            or a change to what people recorded here.
    """
    by.need(Permission.FILES_IMPORT)
    problems, stored, plan = Problems(), Stored(), _Plan()
    returns = papers(rows, "return_no", HEAD, problems)
    receipts = _receipts([row["receipt_no"] for _, row in rows])
    known = _known(list(returns))
    changed = {
        paper.number: _check_paper(paper, known.get(paper.number), receipts, problems)
        for paper in returns.values()
    }
    _check_sums(changed, problems)
    problems.raise_if_any()
    stored.created = sum(1 for lines in changed.values() for line in lines if line.old is None)
    stored.updated = sum(len(lines) for lines in changed.values()) - stored.created
    stored.unchanged = len(rows) - stored.created - stored.updated
    line_ids = iter(reserve_ids(_LINES, stored.created))
    new = [paper for paper in returns.values() if paper.number not in known]
    for return_id, paper in zip(reserve_ids(_RETURNS, len(new)), new, strict=True):
        receipt = receipts[paper.first["receipt_no"]]
        plan.returns.append(_head(return_id, paper, receipt, at=at, batch_id=batch_id))
        _plan_lines(return_id, paper, changed[paper.number], receipt, plan, line_ids)
    for paper in returns.values():
        lines = changed[paper.number]
        if paper.number in known and lines:
            return_id, agreed_at = known[paper.number].id, paper.first["agreed_at"]
            plan.changed_returns.append({"id": return_id, "requested_at": agreed_at, "agreed_at": agreed_at})
            _plan_lines(return_id, paper, lines, receipts[paper.first["receipt_no"]], plan, line_ids)
    touched = {receipts[paper.first["receipt_no"]].id for paper in returns.values() if changed[paper.number]}
    _write(plan, [line.batch for lines in changed.values() for line in lines], touched, at)
    pass_over(returns)
    write_down("put_returns", "goods_return", plan.changes, by=by, at=at)
    return stored


def _check_paper(
    paper: Paper, known: _Known | None, receipts: Mapping[str, _Receipt], problems: Problems
) -> list[_Line]:
    """The rows of a return that are new or say something new; what stands against them becomes a problem."""
    lines: list[_Line] = []
    seen: dict[int, int] = {}
    for number, given in paper.rows:
        receipt = receipts.get(given["receipt_no"])
        if receipt is None:
            problems.add(number, "receipt_no", UnknownCode(code=given["receipt_no"]))
            continue
        batch = _batch(given, receipt, number, problems)
        if batch is None:
            continue
        first = seen.setdefault(batch.line_id, number)
        if first != number:
            refusal = BatchReturnedTwice(first=first, batch_no=given.get("batch_no") or "")
            problems.add(number, "batch_no", refusal)
            continue
        row = plain(given)
        old = known.rows.get(batch.line_id) if known is not None else None
        if receipt.accepted_at is not None and row["agreed_at"] < receipt.accepted_at:
            problems.add(number, "agreed_at", TooEarly(earlier="accepted_at"))
            continue
        if known is None:
            lines.append(_Line(number, batch, row, None))
            continue
        differs = [column for column in (*HEAD, *_LINE) if old is not None and row[column] != old[column]]
        if old is not None and not differs:
            continue
        if known.made_here:
            problems.add(number, differs[0] if old else "item_code", RecordedHere(number=paper.number))
        elif row["receipt_no"] != known.head["receipt_no"]:
            above = known.head["receipt_no"]
            problems.add(number, "receipt_no", Belongs(number=paper.number, above=above))
        else:
            lines.append(_Line(number, batch, row, old))
    return lines


def _batch(row: Mapping[str, Any], receipt: _Receipt, number: int, problems: Problems) -> _Batch | None:
    """The batch that a row means; without a number it is the only one of the item."""
    code, batch_no = row["item_code"], row.get("batch_no") or ""
    possible = receipt.batches_of(code)
    if not batch_no and len(possible) > 1:
        refusal = BatchNeeded(number=row["receipt_no"], batches="、".join(possible))
        problems.add(number, "batch_no", refusal)
        return None
    if not batch_no and possible:
        batch_no = possible[0]
    batch = receipt.batches.get((code, batch_no))
    if batch is None:
        column = "batch_no" if possible else "item_code"
        problems.add(number, column, NotReceived(number=row["receipt_no"], code=code, batch_no=batch_no))
    return batch


def _check_sums(changed: Mapping[str, Sequence[_Line]], problems: Problems) -> None:
    """Count the packs on their batches; the row with which more goes back than was accepted is refused."""
    for lines in changed.values():
        for line in lines:
            if line.old is not None:
                line.batch.returned -= line.old["packs"]
                line.batch.changed -= line.old["packs"]
    for lines in changed.values():
        for line in lines:
            packs = line.row["packs"]
            try:
                check_return(packs, accepted=line.batch.accepted, returned=line.batch.returned)
            except RuleBroken as refusal:
                problems.add(line.number, "packs", refusal)
            line.batch.returned += packs
            line.batch.changed += packs


def _head(
    return_id: int, paper: Paper, receipt: _Receipt, *, at: datetime, batch_id: int | None
) -> dict[str, Any]:
    agreed_at = paper.first["agreed_at"]
    return {
        "id": return_id,
        "return_no": paper.number,
        "shipment_id": receipt.id,
        "institution_id": receipt.institution_id,
        "distributor_id": receipt.distributor_id,
        # A file does not say when it was asked for; that was at the latest when it was agreed.
        "requested_at": agreed_at,
        "agreed_at": agreed_at,
        # Settled below, together with the receipt's other returns.
        "amount": Decimal(0),
        "version": 1,
        "import_batch_id": batch_id,
        "recorded_at": at,
    }


def _plan_lines(
    return_id: int,
    paper: Paper,
    lines: Sequence[_Line],
    receipt: _Receipt,
    plan: _Plan,
    line_ids: Iterator[int],
) -> None:
    for line in lines:
        values = {"packs": line.row["packs"], "reason": line.row["reason"]}
        if line.old is not None:
            line_id = line.old["line_id"]
            plan.changed_lines.append(values | {"id": line_id})
            if line.old["trace_codes"]:
                plan.coded_before.append(line_id)
        else:
            line_id = next(line_ids)
            more = {"id": line_id, "return_id": return_id, "shipment_line_id": line.batch.line_id}
            plan.lines.append(values | more)
        plan.codes += [{"return_line_id": line_id, "code": code} for code in line.row["trace_codes"]]
    before = {str(line.old["batch_no"]): _shown(line.old) for line in lines if line.old is not None}
    plan.changes.append(
        Change(
            return_id,
            paper.number,
            receipt.institution_id,
            receipt.distributor_id,
            before or None,
            {"receipt_no": paper.first["receipt_no"], "rows": [_shown(line.row) for line in lines]},
        )
    )


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    return {column: row[column] for column in ("agreed_at", "packs", "reason")}


def _write(plan: _Plan, batches: Sequence[_Batch], shipment_ids: set[int], at: datetime) -> None:
    """The statements, few whatever the number of rows."""
    update_rows(_RETURNS, plan.changed_returns)
    touch_many(_RETURNS, (head["id"] for head in plan.changed_returns), at)
    update_rows(_LINES, plan.changed_lines)
    for ids in in_parts(plan.coded_before):
        delete_rows(_CODES, _CODES.c.return_line_id.in_(ids))
    for table, rows in ((_RETURNS, plan.returns), (_LINES, plan.lines), (_CODES, plan.codes)):
        insert_rows(table, rows)
    by_line = {batch.line_id: batch for batch in batches}
    update_rows(
        _SHIPMENT_LINES,
        [{"id": batch.line_id, "returned_packs": batch.returned} for batch in by_line.values()],
    )
    differences: dict[int, int] = {}
    for batch in by_line.values():
        differences[batch.order_line_id] = differences.get(batch.order_line_id, 0) + batch.changed
    _add_returned(differences)
    touch_many(_SHIPMENTS, shipment_ids, at)
    settle_returns(shipment_ids)
    db.session.expire_all()


def _add_returned(differences: Mapping[int, int]) -> None:
    """Bring the order lines' running sums in step."""
    rows: list[dict[str, Any]] = []
    for part in in_parts(differences):
        rows += [
            {"id": row.id, "returned_packs": row.returned_packs + differences[row.id]}
            for row in db.session.execute(
                select(OrderLine.id, OrderLine.returned_packs).where(OrderLine.id.in_(part))
            )
        ]
    update_rows(_ORDER_LINES, rows)
