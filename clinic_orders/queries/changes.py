"""What other programs read: orders, payments and findings in the order of their changes, page by page.

A page begins behind a row, never at a number, so that what comes in meanwhile neither hides a row nor shows one twice.
Who sees what is the same condition as on the pages for people (``visibility``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Select, and_, or_, select
from sqlalchemy.orm import aliased

from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.deliveries import Shipment, ShipmentCode, ShipmentLine
from clinic_orders.models.orders import Order, OrderLine
from clinic_orders.models.payments import Payment
from clinic_orders.models.roster import Distributor, Institution
from clinic_orders.models.supervision import FindingRecord
from clinic_orders.queries.findings import findings_visible_to
from clinic_orders.queries.orders import QUANTITIES, has_lapsed, narrowed
from clinic_orders.queries.policy import policy_book
from clinic_orders.queries.visibility import orders_visible_to, payments_visible_to, shipments_visible_to
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.finding_states import FindingState
from clinic_orders.rules.findings import CheckRule
from clinic_orders.rules.ordering import (
    LineQuantities,
    OrderStanding,
    line_state,
    order_standing,
    response_state,
    shipment_state,
)
from clinic_orders.rules.parties import Actor
from clinic_orders.rules.payments import PaymentFacts, payment_state

Row = dict[str, Any]
Place = tuple[datetime, int]
"""Behind which row a page begins: the instant of its last change and its row id."""

_receiver, _orderer, _payer = aliased(Institution), aliased(Institution), aliased(Institution)
_HEADS = (
    select(
        Order.id,
        Order.order_no,
        _receiver.code.label("institution_code"),
        _orderer.code.label("ordering_code"),
        _payer.code.label("paying_code"),
        Distributor.code.label("distributor_code"),
        Order.mode,
        Order.channel,
        Order.emergency,
        Order.emergency_reason,
        Order.submitted_at,
        Order.answer_due_at,
        Order.answered_at,
        Order.disowned_at,
        Order.packs,
        Order.amount,
        Order.version,
        Order.updated_at,
    )
    .join(_receiver, _receiver.id == Order.institution_id)
    .join(_orderer, _orderer.id == Order.ordering_id)
    .join(_payer, _payer.id == Order.paying_id)
    .join(Distributor, Distributor.id == Order.distributor_id)
)
_LINES = (
    select(
        OrderLine.order_id,
        OrderLine.line_no,
        Item.item_code,
        OrderLine.pack_price,
        OrderLine.amount,
        OrderLine.answer_reason,
        *QUANTITIES,
    )
    .join(Item, Item.id == OrderLine.item_id)
    .order_by(OrderLine.order_id, OrderLine.line_no)
)


def _as_rows(statement: Select[*tuple[Any, ...]]) -> list[Row]:
    return [dict(row._mapping) for row in db.session.connection().execute(statement)]


def changed_orders(
    actor: Actor,
    *,
    at: datetime,
    since: datetime | None = None,
    status: OrderStanding | None = None,
    after: Place | None = None,
    limit: int,
) -> list[Row]:
    """Orders that the actor may see, with their lines, those first that have not changed for longest.

    Args:
        actor: who asks.
        at: the instant of the states.
        since: only those that changed then or later.
        status: only those that stand so.
        after: behind which row the page begins.
        limit: how many at most.

    """
    statement = _HEADS.where(orders_visible_to(actor, day_in_china(at)))
    if since is not None:
        statement = statement.where(Order.updated_at >= since)
    if status is not None:
        statement = statement.where(narrowed(status, at))
    if after is not None:
        moment, number = after
        statement = statement.where(
            or_(Order.updated_at > moment, and_(Order.updated_at == moment, Order.id > number))
        )
    return _with_lines(_as_rows(statement.order_by(Order.updated_at, Order.id).limit(limit)), at)


def orders_of_numbers(order_nos: Sequence[str], *, at: datetime) -> list[Row]:
    """Orders by their numbers, in that order: of who has just made them."""
    found = {
        row["order_no"]: row for row in _with_lines(_as_rows(_HEADS.where(Order.order_no.in_(order_nos))), at)
    }
    return [found[number] for number in order_nos]


def one_order(order_no: str, actor: Actor, *, at: datetime) -> Row | None:
    """An order with its lines and shipments; None for a foreign one, as if there were none."""
    heads = _as_rows(_HEADS.where(Order.order_no == order_no, orders_visible_to(actor, day_in_china(at))))
    if not heads:
        return None
    (row,) = _with_lines(heads, at)
    return row | {"shipments": shipments_of(row["id"])}


def _with_lines(heads: list[Row], at: datetime) -> list[Row]:
    if not heads:
        return heads
    book = policy_book("order.confirm_days")
    lines: dict[int, list[Row]] = {head["id"]: [] for head in heads}
    for line in _as_rows(_LINES.where(OrderLine.order_id.in_(lines))):
        lines[line["order_id"]].append(line)
    for head in heads:
        lapsed = has_lapsed(SimpleNamespace(**head), at, book)
        quantities = [
            LineQuantities(*(line[column.key] for column in QUANTITIES)) for line in lines[head["id"]]
        ]
        for line, one in zip(lines[head["id"]], quantities, strict=True):
            line["state"] = line_state(one, lapsed=lapsed)
            line["withdrawn_packs"] = one.withdrawn_before + one.withdrawn_after
        head["response"] = response_state(quantities, lapsed=lapsed, disowned=head["disowned_at"] is not None)
        head["status"] = order_standing(quantities, answered=head["answered_at"] is not None, lapsed=lapsed)
        head["lines"] = lines[head["id"]]
    return heads


_SHIPMENTS = (
    select(
        Shipment.id,
        Shipment.receipt_no,
        Shipment.shipped_at,
        Shipment.delivered_at,
        Shipment.accepted_at,
        Shipment.voided_at,
        Shipment.packs,
        Shipment.owed,
        Shipment.due_on,
        Shipment.version,
    )
    .order_by(Shipment.id)
)  # fmt: skip
_SHIPMENT_LINES = (
    select(
        ShipmentLine.id,
        ShipmentLine.shipment_id,
        OrderLine.line_no,
        Item.item_code,
        ShipmentLine.batch_no,
        ShipmentLine.expiry_date,
        ShipmentLine.shipped_packs,
        ShipmentLine.invoice_no,
        ShipmentLine.accepted_packs,
        ShipmentLine.rejected_packs,
        ShipmentLine.reject_reason,
        ShipmentLine.short_expiry_reason,
        ShipmentLine.returned_packs,
    )
    .join(OrderLine, OrderLine.id == ShipmentLine.order_line_id)
    .join(Item, Item.id == OrderLine.item_id)
    .order_by(ShipmentLine.shipment_id, ShipmentLine.id)
)


def shipments_of(order_id: int) -> list[Row]:
    """The shipments of an order with their batches and trace codes; three statements."""
    return _with_batches(_as_rows(_SHIPMENTS.where(Shipment.order_id == order_id)))


def one_shipment(receipt_no: str, actor: Actor, *, at: datetime) -> Row | None:
    """A shipment with its batches; None for a foreign one, as if there were none."""
    visible = shipments_visible_to(actor, day_in_china(at))
    rows = _with_batches(_as_rows(_SHIPMENTS.where(Shipment.receipt_no == receipt_no, visible)))
    return rows[0] if rows else None


def institution_of_code(code: str) -> int | None:
    """The row id of an institution; whether it concerns the asker is for the deed to say."""
    return db.session.scalar(select(Institution.id).where(Institution.code == code))


def distributor_of_code(code: str) -> int | None:
    """The row id of a distributor."""
    return db.session.scalar(select(Distributor.id).where(Distributor.code == code))


def _with_batches(shipments: list[Row]) -> list[Row]:
    ids = [row["id"] for row in shipments]
    batches: dict[int, Row] = {}
    if ids:
        batches = {
            row["id"]: row for row in _as_rows(_SHIPMENT_LINES.where(ShipmentLine.shipment_id.in_(ids)))
        }
    codes: dict[int, list[str]] = {}
    if batches:
        statement = (
            select(ShipmentCode.shipment_line_id, ShipmentCode.code)
            .where(ShipmentCode.shipment_line_id.in_(batches))
            .order_by(ShipmentCode.shipment_line_id, ShipmentCode.code)
        )
        for line_id, code in db.session.connection().execute(statement):
            codes.setdefault(line_id, []).append(code)
    for shipment in shipments:
        shipment["state"] = shipment_state(
            shipped_at=shipment["shipped_at"],
            accepted_at=shipment["accepted_at"],
            voided_at=shipment["voided_at"],
        )
        shipment["lines"] = [
            batch | {"trace_codes": codes.get(line_id, [])}
            for line_id, batch in batches.items()
            if batch["shipment_id"] == shipment["id"]
        ]
    return shipments


_PAYMENTS = (
    select(
        Payment.id,
        Payment.payment_no,
        _payer.code.label("institution_code"),
        Distributor.code.label("distributor_code"),
        Payment.amount,
        Payment.is_refund,
        Payment.paid_on,
        Shipment.receipt_no,
        Payment.method,
        Payment.reference,
        Payment.entered_by,
        Payment.entered_by_name.label("recorded_by"),
        Payment.recorded_at,
        Payment.confirmed_at,
        Payment.disputed_at,
        Payment.upheld_at,
        Payment.rejected_at,
        Payment.withdrawn_at,
        Payment.version,
    )
    .join(_payer, _payer.id == Payment.paying_id)
    .join(Distributor, Distributor.id == Payment.distributor_id)
    .outerjoin(Shipment, Shipment.id == Payment.shipment_id)
)


def payments_after(actor: Actor, *, at: datetime, after: int, limit: int) -> list[Row]:
    """Payments that the actor may see in the order in which they were entered, behind one of them."""
    statement = _PAYMENTS.where(payments_visible_to(actor, day_in_china(at)), Payment.id > after)
    return _with_payment_states(_as_rows(statement.order_by(Payment.id).limit(limit)))


def payment_of_id(payment_id: int) -> Row:
    """A payment of who has just entered it."""
    (row,) = _with_payment_states(_as_rows(_PAYMENTS.where(Payment.id == payment_id)))
    return row


def _with_payment_states(rows: Iterable[Row]) -> list[Row]:
    names = ("confirmed_at", "disputed_at", "upheld_at", "withdrawn_at", "rejected_at")
    return [row | {"status": payment_state(PaymentFacts(*(row[name] for name in names)))} for row in rows]


def findings_after(
    actor: Actor,
    *,
    at: datetime,
    rule: CheckRule | None = None,
    state: FindingState | None = None,
    after: int,
    limit: int,
) -> list[Row]:
    """Findings that the actor may see in the order in which they were raised, behind one of them."""
    record = FindingRecord
    statement = (
        select(
            record.id,
            record.rule,
            record.grade,
            Institution.code.label("institution"),
            Distributor.code.label("distributor"),
            record.key,
            record.period,
            record.formula,
            record.figures,
            record.state,
            record.first_seen,
            record.last_seen,
            record.raised_at,
            record.ended_on,
        )
        .outerjoin(Institution, Institution.id == record.institution_id)
        .outerjoin(Distributor, Distributor.id == record.distributor_id)
        .where(findings_visible_to(actor, day_in_china(at)), record.id > after)
    )
    if rule is not None:
        statement = statement.where(record.rule == rule)
    if state is not None:
        statement = statement.where(record.state == state)
    return _as_rows(statement.order_by(record.id).limit(limit))
