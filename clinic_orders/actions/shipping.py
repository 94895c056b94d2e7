"""Goods on their way: ship in parts and batches, mark as delivered, take a wrong delivery note back (R-DEL-1)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from clinic_orders.actions import audit
from clinic_orders.actions.answering import LinesNotPossible, state_of, tell_buyers, touch
from clinic_orders.actions.loading import order_for_update, shipment_for_update
from clinic_orders.actions.numbers import SHIPMENT, next_numbers
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.deliveries import Shipment, ShipmentCode, ShipmentLine
from clinic_orders.models.orders import Order, OrderLine
from clinic_orders.rules.answering import BatchTwice, NothingToShip, ShipTooMany, check_batch
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.order_steps import Step, check_step, sides_of
from clinic_orders.rules.ordering import ShipmentState, shipment_state
from clinic_orders.rules.parties import Actor, Permission
from clinic_orders.rules.tracing import TraceCodeTwice, parse_trace_code


@dataclass(frozen=True, slots=True)
class ShipLine:
    """Packs of one batch of one order line.

    Attributes:
        line_no: the line of the order.
        batch_no: as printed on the pack.
        expiry_date: the last day on which the goods are good.
        packs: how many packs, at least 1.
        invoice_no: number(s) of the invoice, if it is written already.
        codes: trace codes of the packs that carry them.

    """

    line_no: int
    batch_no: str
    expiry_date: date
    packs: int
    invoice_no: str = ""
    codes: tuple[str, ...] = ()


class ShipmentEmpty(RuleBroken):
    """A delivery note without goods."""

    message = N_("Write the packs of at least one batch.")


class ShippedInFuture(RuleBroken):
    """Goods can't have left before the answer or after now."""

    message = N_("The goods can leave between the answer and now. Check day and time.")


class DeliveredOutOfTime(RuleBroken):
    """Goods can't have arrived before they left or after now."""

    message = N_("The goods can arrive between their departure and now. Check day and time.")


class DeliveredAlready(RuleBroken):
    """The arrival was noted before."""

    message = N_("%(number)s is noted as delivered already.")


class VoidReasonMissing(RuleBroken):
    """A delivery note is taken back without saying why."""

    message = N_("Write in a few words why the delivery note is void.")


class VoidReasonTooLong(RuleBroken):
    """The reason does not fit."""

    message = N_("Keep the reason under %(limit)s characters.")


class RowsNotPossible(LinesNotPossible):
    """Some rows of a shipment can't be taken; ``problems`` counts the rows from 0."""


_REASON_LENGTH = 100


def _check_rows(order: Order, rows: Sequence[ShipLine], on: date) -> dict[int, RuleBroken]:
    """What is wrong with each row of a shipment (R-ORD-5, R-DEL-1), by its place in the form."""
    lines = {line.line_no: line for line in order.lines}
    left = {line_no: line.quantities.to_ship for line_no, line in lines.items()}
    batches: set[tuple[int, str]] = set()
    codes: set[str] = set()
    problems: dict[int, RuleBroken] = {}
    for place, row in enumerate(rows):
        try:
            check_batch(
                batch_no=row.batch_no,
                expiry_date=row.expiry_date,
                packs=row.packs,
                invoice_no=row.invoice_no,
                codes=row.codes,
                on=on,
            )
            if row.line_no not in lines:
                raise NothingToShip
            if row.packs > left[row.line_no]:
                raise ShipTooMany(packs=row.packs, open=left[row.line_no])
            if (row.line_no, row.batch_no) in batches:
                raise BatchTwice(batch_no=row.batch_no)
            for code in row.codes:
                if parse_trace_code(code) in codes:
                    raise TraceCodeTwice(code=code)
                codes.add(code)
        except RuleBroken as refusal:
            problems[place] = refusal
        else:
            left[row.line_no] -= row.packs
            batches.add((row.line_no, row.batch_no))
    return problems


def _shipment_line(line: OrderLine, row: ShipLine) -> ShipmentLine:
    return ShipmentLine(
        order_line_id=line.id,
        batch_no=row.batch_no,
        expiry_date=row.expiry_date,
        shipped_packs=row.packs,
        invoice_no=row.invoice_no,
        codes=[ShipmentCode(code=code) for code in row.codes],
    )


@transactional
def ship(
    order_no: str,
    lines: Sequence[ShipLine],
    *,
    by: Actor,
    at: datetime,
    seen_version: int | None = None,
    shipped_at: datetime | None = None,
) -> Shipment:
    """Send goods of an answered order, all or a part, in any number of batches (R-ORD-5, R-DEL-1).

    Args:
        order_no: the order.
        lines: one row a batch; together at most what is confirmed and neither shipped, closed nor withdrawn.
        by: somebody of the order's distributor.
        at: the instant of the deed.
        seen_version: the version of the page on which the rows were typed.
        shipped_at: when the goods left, if not now; between the answer and now.

    Raises:
        NotFound, ChangedMeanwhile: see ``actions.loading``.
        StepNotAllowed: the order is not answered.
        ShipmentEmpty, ShippedInFuture: there is nothing to ship, or the time is wrong.
        RowsNotPossible: with a refusal for each row that is not right, counted from 0.

    """
    by.need(Permission.DELIVERIES_SHIP)
    order = order_for_update(order_no, by=by, at=at, seen_version=seen_version)
    check_step(Step.SHIP, state_of(order, at), sides_of(by, order.parties))
    left_at = at if shipped_at is None else shipped_at
    if order.answered_at is None or not order.answered_at <= left_at <= at:
        raise ShippedInFuture()
    if not lines:
        raise ShipmentEmpty()
    rows = [replace(row, batch_no=row.batch_no.strip(), invoice_no=row.invoice_no.strip()) for row in lines]
    problems = _check_rows(order, rows, day_in_china(left_at))
    if problems:
        raise RowsNotPossible(order_no, problems)
    by_no = {line.line_no: line for line in order.lines}
    sums: dict[int, int] = defaultdict(int)
    for row in rows:
        by_no[row.line_no].shipped_packs += row.packs
        sums[row.line_no] += row.packs
    touch(order, at)
    shipment = Shipment(
        receipt_no=next_numbers(SHIPMENT, at=at)[0],
        order_id=order.id,
        institution_id=order.institution_id,
        paying_id=order.paying_id,
        distributor_id=order.distributor_id,
        shipped_at=left_at,
        packs=sum(sums.values()),
        shipped_by_id=by.user_id,
        recorded_at=at,
        updated_at=at,
        lines=[_shipment_line(by_no[row.line_no], row) for row in rows],
    )
    db.session.add(shipment)
    db.session.flush()
    audit.record(
        "ship",
        by=by,
        at=at,
        subject_type="shipment",
        subject_id=shipment.id,
        subject=shipment.receipt_no,
        institution_id=order.institution_id,
        distributor_id=order.distributor_id,
        after={
            "order_no": order_no,
            "shipped_at": left_at,
            "lines": [
                {
                    "line_no": row.line_no,
                    "batch_no": row.batch_no,
                    "expiry_date": row.expiry_date,
                    "packs": row.packs,
                    "invoice_no": row.invoice_no,
                    "codes": len(row.codes),
                }
                for row in rows
            ],
        },
    )
    facts: dict[str, str | int] = {"receipt_no": shipment.receipt_no, "packs": shipment.packs}
    tell_buyers("goods_shipped", order, facts, at=at, link=f"/receiving/{shipment.receipt_no}")
    return shipment


def _state(shipment: Shipment) -> ShipmentState:
    return shipment_state(
        shipped_at=shipment.shipped_at, accepted_at=shipment.accepted_at, voided_at=shipment.voided_at
    )


@transactional
def mark_delivered(
    receipt_no: str,
    *,
    by: Actor,
    at: datetime,
    seen_version: int | None = None,
    delivered_at: datetime | None = None,
) -> Shipment:
    """Note that the goods arrived; from then on acceptance is due (R-DEL-3, R-DEL-6).

    Raises:
        NotFound, ChangedMeanwhile: see ``actions.loading``.
        StepNotAllowed: the shipment is void or received.
        DeliveredAlready, DeliveredOutOfTime: it was noted before, or the time is wrong.

    """
    by.need(Permission.DELIVERIES_SHIP)
    shipment = shipment_for_update(receipt_no, by=by, at=at, seen_version=seen_version)
    order = shipment.order
    check_step(Step.DELIVER, _state(shipment), sides_of(by, order.parties))
    if shipment.delivered_at is not None:
        raise DeliveredAlready(number=receipt_no)
    arrived_at = at if delivered_at is None else delivered_at
    if shipment.shipped_at is None or not shipment.shipped_at <= arrived_at <= at:
        raise DeliveredOutOfTime()
    shipment.delivered_at = arrived_at
    shipment.updated_at = at
    audit.record(
        "mark_delivered",
        by=by,
        at=at,
        subject_type="shipment",
        subject_id=shipment.id,
        subject=receipt_no,
        institution_id=shipment.institution_id,
        distributor_id=shipment.distributor_id,
        before={"delivered_at": None},
        after={"delivered_at": arrived_at},
    )
    tell_buyers(
        "goods_delivered",
        order,
        {"receipt_no": receipt_no, "packs": shipment.packs},
        at=at,
        link=f"/receiving/{receipt_no}",
    )
    return shipment


@transactional
def void_shipment(
    receipt_no: str, reason: str, *, by: Actor, at: datetime, seen_version: int | None = None
) -> Shipment:
    """Take a delivery note back before the goods are received: its packs are to be shipped again (R-ORD-8).

    The shipment stays as it was written, marked void; nothing of it counts any more.

    Raises:
        NotFound, ChangedMeanwhile: see ``actions.loading``.
        StepNotAllowed: the goods were received, or the note is void already.
        VoidReasonMissing, VoidReasonTooLong: why it is void must be said in a few words.

    """
    by.need(Permission.DELIVERIES_SHIP)
    shipment = shipment_for_update(receipt_no, by=by, at=at, seen_version=seen_version)
    order = order_for_update(shipment.order.order_no, by=by, at=at)
    check_step(Step.VOID_SHIPMENT, _state(shipment), sides_of(by, order.parties))
    why = reason.strip()
    if not why:
        raise VoidReasonMissing()
    if len(why) > _REASON_LENGTH:
        raise VoidReasonTooLong(limit=_REASON_LENGTH)
    lines = {line.id: line for line in order.lines}
    for row in shipment.lines:
        lines[row.order_line_id].shipped_packs -= row.shipped_packs
    shipment.voided_at, shipment.void_reason, shipment.updated_at = at, why, at
    touch(order, at)
    audit.record(
        "void_shipment",
        by=by,
        at=at,
        subject_type="shipment",
        subject_id=shipment.id,
        subject=receipt_no,
        institution_id=shipment.institution_id,
        distributor_id=shipment.distributor_id,
        before={"voided_at": None, "packs": shipment.packs},
        after={"voided_at": at, "reason": why},
    )
    tell_buyers("shipment_void", order, {"receipt_no": receipt_no, "reason": why}, at=at)
    return shipment
