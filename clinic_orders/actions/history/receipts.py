"""Receipts from files: goods under way and received (R-DEL-1, R-DEL-2), and what they make payable (R-PAY-1, R-PAY-2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, cast

from sqlalchemy import Table, select

from clinic_orders.actions.bulk import (
    NumberedRow,
    Problems,
    RowProblem,
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
    ComesTogether,
    Paper,
    RecordedHere,
    Standings,
    papers,
    touch_many,
    write_down,
)
from clinic_orders.actions.numbers import pass_over
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.deliveries import Shipment, ShipmentCode, ShipmentLine
from clinic_orders.models.orders import Order, OrderLine
from clinic_orders.queries.files import receipt_rows
from clinic_orders.queries.policy import policy_book
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.delivery import (
    AcceptanceDoesNotAddUp,
    AcceptedLine,
    GoodsExpired,
    RejectionNeedsReason,
    acceptance_day_for_payment,
    acceptance_refusals,
    is_short_dated,
)
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.ordering import LineQuantities, QuantitiesBroken, ReturnedTooMany, check_quantities
from clinic_orders.rules.parties import Actor, Permission
from clinic_orders.rules.payment_terms import DueRule, OwedLine, amount_owed, due_date
from clinic_orders.rules.policy import PolicyBook
from clinic_orders.rules.reasons import RejectReason, parse_reason

HEAD: Final = ("order_no", "shipped_at", "delivered_at", "accepted_at")
_LINE: Final = (
    "shipped_packs", "accepted_packs", "rejected_packs", "reject_reason", "short_expiry_reason", "expiry_date",
    "invoice_no", "trace_codes",
)  # fmt: skip
_SHIPMENTS: Final = cast("Table", Shipment.__table__)
_LINES: Final = cast("Table", ShipmentLine.__table__)
_CODES: Final = cast("Table", ShipmentCode.__table__)
_ORDERS: Final = cast("Table", Order.__table__)
_ORDER_LINES: Final = cast("Table", OrderLine.__table__)
_POLICY: Final = ("delivery.accept_days", "delivery.min_shelf_months", "payment.rule")


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


@dataclass(slots=True)
class _OrderLine:
    """A line of an order with its packs as they will be."""

    id: int
    order_id: int
    price: Any
    packs: LineQuantities
    changed: bool = False

    def add(self, row: Mapping[str, Any], sign: int = 1) -> None:
        """Count a row of a receipt, or take it out again."""
        self.packs = replace(
            self.packs,
            shipped=self.packs.shipped + sign * row["shipped_packs"],
            accepted=self.packs.accepted + sign * (row["accepted_packs"] or 0),
            rejected=self.packs.rejected + sign * (row["rejected_packs"] or 0),
        )
        self.changed = True


@dataclass(slots=True)
class _Order:
    """An order that receipts name."""

    id: int
    institution_id: int
    paying_id: int
    distributor_id: int
    lines: dict[str, _OrderLine] = field(default_factory=dict)


Key = tuple[str, str]


@dataclass(slots=True)
class _Known:
    """A receipt that is in the database, with its rows by item code and batch."""

    id: int
    made_here: bool
    rows: dict[Key, dict[str, Any]] = field(default_factory=dict)

    @property
    def head(self) -> Mapping[str, Any]:
        return next(iter(self.rows.values()))


@dataclass(slots=True)
class _Plan:
    """What is to be written."""

    shipments: list[dict[str, Any]] = field(default_factory=list)
    lines: list[dict[str, Any]] = field(default_factory=list)
    codes: list[dict[str, Any]] = field(default_factory=list)
    changed_shipments: list[dict[str, Any]] = field(default_factory=list)
    changed_lines: list[dict[str, Any]] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)


def plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as it is stored: of received goods both packs, the arrival at the latest with the acceptance.

    Goods under way without the instant of shipping left at the latest when they arrived, if that is known.
    """
    values = {column: row.get(column) for column in (*HEAD, *_LINE)}
    for column in ("reject_reason", "short_expiry_reason", "invoice_no"):
        values[column] = values[column] or ""
    if values["accepted_at"] is None:
        values["shipped_at"] = values["shipped_at"] or values["delivered_at"]
    else:
        values["delivered_at"] = values["delivered_at"] or values["accepted_at"]
        for column, other in (("rejected_packs", "accepted_packs"), ("accepted_packs", "rejected_packs")):
            if values[column] is None and values[other] is not None:
                values[column] = 0
    if not values["rejected_packs"]:
        values["reject_reason"] = ""
    if not values["accepted_packs"]:
        values["short_expiry_reason"] = ""
    values["trace_codes"] = tuple(sorted(values["trace_codes"] or ()))
    return values


def _key(row: Mapping[str, Any]) -> Key:
    return row["item_code"], row["batch_no"]


def _orders(order_nos: Sequence[str]) -> dict[str, _Order]:
    """The orders that the file names, with their lines by item code; locked until the deed ends."""
    found: dict[str, _Order] = {}
    by_id: dict[int, _Order] = {}
    for part in in_parts(dict.fromkeys(order_nos)):
        for row in db.session.execute(
            select(Order.id, Order.order_no, Order.institution_id, Order.paying_id, Order.distributor_id)
            .where(Order.order_no.in_(part))
            .with_for_update()
        ):
            found[row.order_no] = by_id[row.id] = _Order(
                row.id, row.institution_id, row.paying_id, row.distributor_id
            )
    line = OrderLine
    for ids in in_parts(by_id):
        for found_line in db.session.execute(
            select(
                line.id, line.order_id, Item.item_code, line.pack_price, line.packs, line.withdrawn_before,
                line.confirmed_packs, line.withdrawn_after, line.closed_packs, line.shipped_packs,
                line.accepted_packs, line.rejected_packs, line.returned_packs,
            )
            .join(Item, Item.id == line.item_id)
            .where(line.order_id.in_(ids))
        ):  # fmt: skip
            packs = LineQuantities(*found_line[4:])
            by_id[found_line.order_id].lines[found_line.item_code] = _OrderLine(
                found_line.id, found_line.order_id, found_line.pack_price, packs
            )
    return found


def _known(receipt_nos: Sequence[str]) -> dict[str, _Known]:
    """The receipts of a file that are in the database."""
    found: dict[str, _Known] = {}
    for part in in_parts(receipt_nos):
        for row in db.session.execute(
            select(
                Shipment.id,
                Shipment.receipt_no,
                Shipment.import_batch_id,
                Shipment.shipped_by_id,
                Shipment.accepted_by_id,
                Shipment.voided_at,
            )
            .where(Shipment.receipt_no.in_(part))
            .with_for_update()
        ):
            made_here = row.import_batch_id is None or any(row[3:])
            found[row.receipt_no] = _Known(row.id, made_here)
    by_id = {receipt.id: receipt for receipt in found.values()}
    for receipt in receipt_rows(by_id):
        by_id[receipt["shipment_id"]].rows[_key(receipt)] = receipt
    return found


class _Policy:
    """What policy says on the days of the file, for the kinds of institution it names."""

    def __init__(self, orders: Mapping[str, _Order]) -> None:
        self._book: PolicyBook = policy_book(*_POLICY)
        self._standings = Standings(
            institution
            for order in orders.values()
            for institution in (order.institution_id, order.paying_id)
        )

    def min_shelf_months(self, order: _Order, accepted_at: datetime) -> int:
        """Months of shelf life that accepted goods should have left."""
        day = day_in_china(accepted_at)
        who = self._standings.on(order.institution_id, day)
        return self._book.whole("delivery.min_shelf_months", kind=who.kind, scale=who.scale, on=day)

    def terms(self, order: _Order, row: Mapping[str, Any]) -> dict[str, Any]:
        """Acceptance day, rule and due day of received goods (R-DEL-6, R-PAY-2)."""
        delivered = day_in_china(row["delivered_at"])
        receiver = self._standings.on(order.institution_id, delivered)
        days = self._book.whole(
            "delivery.accept_days", kind=receiver.kind, scale=receiver.scale, on=delivered
        )
        day = acceptance_day_for_payment(
            row["accepted_at"], delivered_at=row["delivered_at"], accept_days=days
        )
        payer = self._standings.on(order.paying_id, day)
        rule = DueRule(self._book.choice("payment.rule", kind=payer.kind, scale=payer.scale, on=day))
        return {"acceptance_day": day, "payment_rule": rule.value, "due_on": due_date(day, rule)}

    def name(self, order: _Order) -> str:
        """The receiver's name, which stands where a person's would."""
        return self._standings.name(order.institution_id)


@transactional
def put_receipts(
    rows: Sequence[NumberedRow], *, by: Actor, at: datetime, batch_id: int | None = None
) -> Stored:
    """Add or change receipts by number, item and batch (formats.md kind ``receipts``), all or none.

    Goods with an acceptance are received; money is owed from then on. The others are under way. Rows of a known
    receipt that the file leaves out stay. A short shelf life is stored with a warning.

    Raises:
        RowsRefused: unknown orders or items, rows of one receipt that disagree, columns that do not fit each
            other, broken arithmetic (R-ORD-5, R-DEL-2), or a change to what people recorded here.
    """
    by.need(Permission.FILES_IMPORT)
    problems, stored, plan = Problems(), Stored(), _Plan()
    receipts = papers(rows, "receipt_no", HEAD, problems)
    orders = _orders([row["order_no"] for _, row in rows])
    known = _known(list(receipts))
    policy = _Policy(orders)
    changed: dict[str, list[tuple[int, Key, dict[str, Any]]]] = {}
    for paper in receipts.values():
        changed[paper.number] = _check_paper(
            paper, known.get(paper.number), orders, policy, problems, stored.warnings
        )
    _check_sums(receipts, known, changed, orders, problems)
    problems.raise_if_any()
    stored.created = sum(
        1
        for number, lines in changed.items()
        for _, key, _ in lines
        if number not in known or key not in known[number].rows
    )
    stored.updated = sum(len(lines) for lines in changed.values()) - stored.created
    stored.unchanged = len(rows) - stored.created - stored.updated
    line_ids = iter(reserve_ids(_LINES, stored.created))
    new = [paper for paper in receipts.values() if paper.number not in known]
    for receipt_id, paper in zip(reserve_ids(_SHIPMENTS, len(new)), new, strict=True):
        _plan_new(receipt_id, paper, changed[paper.number], orders, policy, plan, line_ids, at, batch_id)
    for paper in receipts.values():
        if paper.number in known and changed[paper.number]:
            lines = changed[paper.number]
            _plan_change(paper, known[paper.number], lines, orders, policy, plan, line_ids)
    _write(plan, orders, at)
    pass_over(receipts)
    write_down("put_receipts", "shipment", plan.changes, by=by, at=at)
    return stored


def _check_paper(
    paper: Paper,
    known: _Known | None,
    orders: Mapping[str, _Order],
    policy: _Policy,
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
        row, key = plain(given), _key(given)
        if not _check_row(row, given, order, policy, number, problems, warnings):
            continue
        if known is None:
            changed.append((number, key, row))
            continue
        old = known.rows.get(key)
        differs = [column for column in (*HEAD, *_LINE) if old is not None and row[column] != old[column]]
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


def _check_complete(paper: Paper, known: _Known, problems: Problems) -> None:
    """Where a file changes the acceptance, it must say of all the receipt's rows what was accepted."""
    number, first = paper.rows[0]
    if first["accepted_at"] == known.head["accepted_at"]:
        return
    for item_code, batch_no in known.rows.keys() - {_key(row) for _, row in paper.rows}:
        refusal = ReceiptIncomplete(number=paper.number, code=item_code, batch_no=batch_no)
        problems.add(number, "accepted_at", refusal)


def _check_row(
    row: Mapping[str, Any],
    given: Mapping[str, Any],
    order: _Order,
    policy: _Policy,
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


def _check_sums(
    receipts: Mapping[str, Paper],
    known: Mapping[str, _Known],
    changed: Mapping[str, Sequence[tuple[int, Key, dict[str, Any]]]],
    orders: Mapping[str, _Order],
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


def _line_values(row: Mapping[str, Any]) -> dict[str, Any]:
    return {column: row[column] for column in _LINE if column != "trace_codes"}


def _codes_of(line_id: int, row: Mapping[str, Any]) -> list[dict[str, Any]]:
    accepted = None if row["accepted_at"] is None else True
    return [{"shipment_line_id": line_id, "code": code, "accepted": accepted} for code in row["trace_codes"]]


def _head_values(
    row: Mapping[str, Any], lines: Mapping[Key, Mapping[str, Any]], order: _Order, policy: _Policy
) -> dict[str, Any]:
    """The head of a receipt, with what its lines make payable."""
    values: dict[str, Any] = {
        "shipped_at": row["shipped_at"],
        "delivered_at": row["delivered_at"],
        "accepted_at": row["accepted_at"],
        "packs": sum(line["shipped_packs"] for line in lines.values()),
        "accepted_by_name": "",
        "acceptance_day": None,
        "payment_rule": "",
        "due_on": None,
        "owed": None,
    }
    if row["accepted_at"] is not None:
        values |= policy.terms(order, row)
        values["accepted_by_name"] = policy.name(order)
        values["owed"] = amount_owed(
            OwedLine(order.lines[key[0]].price, line["accepted_packs"]) for key, line in lines.items()
        )
    return values


def _facts(head: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: head[key] for key in ("shipped_at", "delivered_at", "accepted_at", "packs", "due_on", "owed")
    }


def _plan_new(
    receipt_id: int,
    paper: Paper,
    lines: Sequence[tuple[int, Key, dict[str, Any]]],
    orders: Mapping[str, _Order],
    policy: _Policy,
    plan: _Plan,
    line_ids: Iterator[int],
    at: datetime,
    batch_id: int | None,
) -> None:
    order = orders[paper.first["order_no"]]
    rows = {key: row for _, key, row in lines}
    head = _head_values(lines[0][2], rows, order, policy)
    plan.shipments.append(
        head
        | {
            "id": receipt_id,
            "receipt_no": paper.number,
            "order_id": order.id,
            "institution_id": order.institution_id,
            "paying_id": order.paying_id,
            "distributor_id": order.distributor_id,
            "version": 1,
            "import_batch_id": batch_id,
            "recorded_at": at,
            "updated_at": at,
        }
    )
    for key, row in rows.items():
        _plan_line(next(line_ids), receipt_id, key, row, order, plan)
    plan.changes.append(
        Change(receipt_id, paper.number, order.institution_id, order.distributor_id, None, _facts(head))
    )


def _plan_line(
    line_id: int, receipt_id: int, key: Key, row: Mapping[str, Any], order: _Order, plan: _Plan
) -> None:
    plan.lines.append(
        _line_values(row)
        | {
            "id": line_id,
            "shipment_id": receipt_id,
            "order_line_id": order.lines[key[0]].id,
            "batch_no": key[1],
            "returned_packs": 0,
        }
    )
    plan.codes += _codes_of(line_id, row)


def _plan_change(
    paper: Paper,
    known: _Known,
    lines: Sequence[tuple[int, Key, dict[str, Any]]],
    orders: Mapping[str, _Order],
    policy: _Policy,
    plan: _Plan,
    line_ids: Iterator[int],
) -> None:
    """Bring a known receipt in step with its rows; what the file does not name stays."""
    order = orders[paper.first["order_no"]]
    rows = {key: row for _, key, row in lines}
    merged: dict[Key, Mapping[str, Any]] = {**known.rows, **rows}
    head = _head_values(lines[0][2], merged, order, policy)
    plan.changed_shipments.append(head | {"id": known.id})
    for key, row in rows.items():
        if key not in known.rows:
            _plan_line(next(line_ids), known.id, key, row, order, plan)
            continue
        line_id = known.rows[key]["line_id"]
        plan.changed_lines.append(_line_values(row) | {"id": line_id})
        plan.codes += _codes_of(line_id, row)
    plan.changes.append(
        Change(
            known.id,
            paper.number,
            order.institution_id,
            order.distributor_id,
            {" ".join(key): _shown(known.rows[key]) for key in rows if key in known.rows},
            {" ".join(key): _shown(row) for key, row in rows.items()},
        )
    )


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    return {column: row[column] for column in (*HEAD[1:], *_LINE[:-1]) if row[column] not in (None, "")} | {
        "codes": len(row["trace_codes"])
    }


def _write(plan: _Plan, orders: Mapping[str, _Order], at: datetime) -> None:
    """The statements, few whatever the number of rows."""
    line_ids = [line["id"] for line in plan.changed_lines]
    for part in in_parts(line_ids):
        delete_rows(_CODES, _CODES.c.shipment_line_id.in_(part))
    update_rows(_SHIPMENTS, plan.changed_shipments)
    touch_many(_SHIPMENTS, (head["id"] for head in plan.changed_shipments), at)
    update_rows(_LINES, plan.changed_lines)
    for table, rows in ((_SHIPMENTS, plan.shipments), (_LINES, plan.lines), (_CODES, plan.codes)):
        insert_rows(table, rows)
    changed = [line for order in orders.values() for line in order.lines.values() if line.changed]
    update_rows(
        _ORDER_LINES,
        [
            {
                "id": line.id,
                "shipped_packs": line.packs.shipped,
                "accepted_packs": line.packs.accepted,
                "rejected_packs": line.packs.rejected,
            }
            for line in changed
        ],
    )
    touch_many(_ORDERS, (line.order_id for line in changed), at)
    settle_returns(head["id"] for head in plan.changed_shipments)
    db.session.expire_all()
