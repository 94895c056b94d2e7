"""Is no money made or lost when payments are laid over receipts? Σ payments = Σ applied + Σ advances + Σ refunds (R-PAY-3)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import Any

from sqlalchemy import func, select, type_coerce

from clinic_orders.models.base import Yuan, db
from clinic_orders.models.deliveries import GoodsReturn, Shipment
from clinic_orders.models.payments import Payment
from clinic_orders.models.roster import Distributor, Institution
from clinic_orders.queries.integrity.problem import Problem
from clinic_orders.rules.allocation import PaymentMade, ReceiptOwed, allocate
from clinic_orders.rules.days import day_in_china, end_of_day
from clinic_orders.rules.errors import N_
from clinic_orders.rules.money import ZERO
from clinic_orders.rules.payments import PaymentFacts, counts_on

# Payers are looked at so many at once, so that memory stays the same however many there are.
_PAYERS = 200
_UNEQUAL = N_("paid %(paid)s, but applied %(applied)s, waiting %(advance)s and refunded %(refunded)s")
_MORE_THAN_REFUNDED = N_(
    "refunded %(refunded)s, but taken from payments %(taken)s and not covered %(uncovered)s"
)
_MORE_THAN_OWED = N_("%(applied)s was applied to a receipt that owes %(owed)s")


def problems(on: date) -> Iterator[Problem]:
    """Every pair of payer and distributor whose payments are not all laid out, and every receipt paid too much."""
    ids = list(db.session.scalars(select(Payment.paying_id).distinct().order_by(Payment.paying_id)))
    for first in range(0, len(ids), _PAYERS):
        payers = ids[first], ids[min(first + _PAYERS, len(ids)) - 1]
        receipts = dict(_receipts(payers, on))
        for pair, payments in _payments(payers, on):
            yield from _of_pair(pair, receipts.get(pair, []), payments, on)


def _of_pair(
    pair: tuple[int, int], receipts: list[ReceiptOwed], payments: list[PaymentMade], on: date
) -> Iterator[Problem]:
    laid = allocate(receipts, payments, on=on)
    paid = sum((payment.amount for payment in payments if not payment.refund), ZERO)
    refunded = sum((payment.amount for payment in payments if payment.refund), ZERO)
    applied = sum((part.amount for part in laid.parts), ZERO)
    taken = sum((one.amount for one in laid.sent_back), ZERO)
    uncovered = laid.advance - laid.ahead
    if paid != applied + laid.advance + taken:
        facts = {"paid": paid, "applied": applied, "advance": laid.advance, "refunded": taken}
        yield Problem("allocation", named(pair), _UNEQUAL, facts)
    if refunded != taken + uncovered:
        more = {"refunded": refunded, "taken": taken, "uncovered": uncovered}
        yield Problem("allocation", named(pair), _MORE_THAN_REFUNDED, more)
    reached: dict[str, Decimal] = {}
    for part in laid.parts:
        reached[part.receipt_no] = reached.get(part.receipt_no, ZERO) + part.amount
    for receipt in receipts:
        got = reached.get(receipt.receipt_no, ZERO)
        if got > max(receipt.owed, ZERO):
            yield Problem(
                "allocation", receipt.receipt_no, _MORE_THAN_OWED, {"applied": got, "owed": receipt.owed}
            )


def named(pair: tuple[int, int]) -> str:
    """A pair by its codes, as a problem names it."""
    payer = db.session.scalar(select(Institution.code).where(Institution.id == pair[0]))
    distributor = db.session.scalar(select(Distributor.code).where(Distributor.id == pair[1]))
    return f"{payer} → {distributor}"


def _pair(row: Any) -> tuple[int, int]:
    return row.paying_id, row.distributor_id


def _receipts(payers: tuple[int, int], on: date) -> Iterator[tuple[tuple[int, int], list[ReceiptOwed]]]:
    returned = (
        select(func.sum(GoodsReturn.amount))
        .where(GoodsReturn.shipment_id == Shipment.id, GoodsReturn.agreed_at < end_of_day(on))
        .correlate(Shipment)
        .scalar_subquery()
    )
    rows = db.session.execute(
        select(
            Shipment.paying_id,
            Shipment.distributor_id,
            Shipment.receipt_no,
            Shipment.accepted_at,
            Shipment.due_on,
            type_coerce(Shipment.owed - func.coalesce(returned, 0), Yuan()).label("owes"),
        )
        .where(Shipment.paying_id.between(*payers), Shipment.accepted_at < end_of_day(on))
        .order_by(Shipment.paying_id, Shipment.distributor_id)
    )
    for pair, group in groupby(rows, key=_pair):
        yield (
            pair,
            [
                ReceiptOwed(
                    row.receipt_no, row.accepted_at, day_in_china(row.accepted_at), row.due_on, row.owes
                )
                for row in group
            ],
        )


def _payments(payers: tuple[int, int], on: date) -> Iterator[tuple[tuple[int, int], list[PaymentMade]]]:
    rows = db.session.execute(
        select(
            Payment.paying_id,
            Payment.distributor_id,
            Payment.payment_no,
            Payment.paid_on,
            Payment.amount,
            func.coalesce(Shipment.receipt_no, "").label("named"),
            Payment.is_refund,
            Payment.confirmed_at,
            Payment.disputed_at,
            Payment.upheld_at,
            Payment.withdrawn_at,
            Payment.rejected_at,
        )
        .outerjoin(Shipment, Shipment.id == Payment.shipment_id)
        .where(Payment.paying_id.between(*payers), Payment.paid_on <= on)
        .order_by(Payment.paying_id, Payment.distributor_id)
    )
    for pair, group in groupby(rows, key=_pair):
        yield (
            pair,
            [
                PaymentMade(row.payment_no, row.paid_on, row.amount, row.named, row.is_refund)
                for row in group
                if counts_on(
                    PaymentFacts(
                        row.confirmed_at, row.disputed_at, row.upheld_at, row.withdrawn_at, row.rejected_at
                    ),
                    on,
                )
            ],
        )
