"""The deed that takes receipts from files, and what received goods make payable (R-PAY-1, R-PAY-2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, cast

from sqlalchemy import Table

from clinic_orders.actions.bulk import (
    NumberedRow,
    Problems,
    Stored,
    delete_rows,
    in_parts,
    insert_rows,
    reserve_ids,
    update_rows,
)
from clinic_orders.actions.history.amounts import settle_returns
from clinic_orders.actions.history.receipts.checking import check_paper, check_sums
from clinic_orders.actions.history.receipts.known import (
    HEAD,
    LINE,
    Key,
    KnownReceipt,
    NamedOrder,
    Policy,
    known_receipts,
    named_orders,
)
from clinic_orders.actions.history.shared import (
    Change,
    Paper,
    papers,
    touch_many,
    write_down,
)
from clinic_orders.actions.numbers import pass_over
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.deliveries import Shipment, ShipmentCode, ShipmentLine
from clinic_orders.models.orders import Order, OrderLine
from clinic_orders.rules.parties import Actor, Permission
from clinic_orders.rules.payment_terms import OwedLine, amount_owed

_SHIPMENTS: Final = cast("Table", Shipment.__table__)


_LINES: Final = cast("Table", ShipmentLine.__table__)


_CODES: Final = cast("Table", ShipmentCode.__table__)


_ORDERS: Final = cast("Table", Order.__table__)


_ORDER_LINES: Final = cast("Table", OrderLine.__table__)


@dataclass(slots=True)
class _Plan:
    """What is to be written."""

    shipments: list[dict[str, Any]] = field(default_factory=list)
    lines: list[dict[str, Any]] = field(default_factory=list)
    codes: list[dict[str, Any]] = field(default_factory=list)
    changed_shipments: list[dict[str, Any]] = field(default_factory=list)
    changed_lines: list[dict[str, Any]] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)


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
    orders = named_orders([row["order_no"] for _, row in rows])
    known = known_receipts(list(receipts))
    policy = Policy(orders)
    changed: dict[str, list[tuple[int, Key, dict[str, Any]]]] = {}
    for paper in receipts.values():
        changed[paper.number] = check_paper(
            paper, known.get(paper.number), orders, policy, problems, stored.warnings
        )
    check_sums(receipts, known, changed, orders, problems)
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


def _line_values(row: Mapping[str, Any]) -> dict[str, Any]:
    return {column: row[column] for column in LINE if column != "trace_codes"}


def _codes_of(line_id: int, row: Mapping[str, Any]) -> list[dict[str, Any]]:
    accepted = None if row["accepted_at"] is None else True
    return [{"shipment_line_id": line_id, "code": code, "accepted": accepted} for code in row["trace_codes"]]


def _head_values(
    row: Mapping[str, Any], lines: Mapping[Key, Mapping[str, Any]], order: NamedOrder, policy: Policy
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
    orders: Mapping[str, NamedOrder],
    policy: Policy,
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
    line_id: int, receipt_id: int, key: Key, row: Mapping[str, Any], order: NamedOrder, plan: _Plan
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
    known: KnownReceipt,
    lines: Sequence[tuple[int, Key, dict[str, Any]]],
    orders: Mapping[str, NamedOrder],
    policy: Policy,
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
    return {column: row[column] for column in (*HEAD[1:], *LINE[:-1]) if row[column] not in (None, "")} | {
        "codes": len(row["trace_codes"])
    }


def _write(plan: _Plan, orders: Mapping[str, NamedOrder], at: datetime) -> None:
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
