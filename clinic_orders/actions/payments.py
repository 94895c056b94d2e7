"""Payments and refunds: entered by one side, confirmed or disputed by the other, upheld by the bureau (R-PAY-7)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from clinic_orders.actions import audit, notices
from clinic_orders.actions.loading import ChangedMeanwhile, NotFound
from clinic_orders.actions.numbers import PAYMENT, REFUND, next_numbers
from clinic_orders.actions.payment_holds import free_if_paid
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.deliveries import Shipment
from clinic_orders.models.payments import Payment
from clinic_orders.models.roster import Institution
from clinic_orders.queries.doubles import counts_once
from clinic_orders.queries.payables.laying import Which, refundable
from clinic_orders.queries.payments import name_of_distributor, name_of_institution, payers_of
from clinic_orders.queries.visibility import payments_visible_to
from clinic_orders.rules.allocation import PaymentMade
from clinic_orders.rules.answering import ReasonTooLong
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.parties import Actor, NotAllowed, Permission, Role
from clinic_orders.rules.payments import (
    DisputeReasonMissing,
    NotDisputed,
    PaymentSide,
    PaymentState,
    ReceiptOfOthers,
    RejectionReasonMissing,
    check_answer,
    check_entry,
    check_refund,
    check_withdrawal,
    payment_state,
)

_REASON_LENGTH = 200
_LONGEST = {"method": 32, "reference": 64}


def _side(by: Actor) -> PaymentSide:
    """On which side of a payment the actor stands."""
    if by.role is Role.DISTRIBUTOR:
        return PaymentSide.DISTRIBUTOR
    if by.institution_id is not None:
        return PaymentSide.INSTITUTION
    raise NotAllowed()


@transactional
def record_payment(
    paying_id: int,
    distributor_id: int,
    amount: Decimal,
    paid_on: date,
    *,
    key: str,
    receipt_no: str = "",
    method: str = "",
    reference: str = "",
    by: Actor,
    at: datetime,
) -> Payment:
    """Enter a payment for one's own side; it counts on its day from now on, and the other side is told.

    Args:
        paying_id: the paying institution: the actor's own, or a store of its chain.
        distributor_id: to whom.
        amount: yuan with at most two decimals.
        paid_on: the day of payment, today or earlier.
        key: made when the form was rendered; the same key always answers with the same payment.
        receipt_no: the receipt it is for; empty if none.
        method: one of ``PaymentMethod``.
        reference: the bank's number.
        by: who enters it.
        at: when.

    Raises:
        NotFound: the other side is not one that the actor deals with.
        AmountNotPositive, PaidInFuture, ReceiptOfOthers: see ``rules.payments``.
        ReasonTooLong: the reference is too long.

    """
    entry = _Entry(paying_id, distributor_id, amount, paid_on, key, method, reference)
    known = _entered(entry, by=by, at=at)
    if known is not None:
        return known
    shipment_id = receipt_between(receipt_no, paying_id, distributor_id) if receipt_no else None
    payment = _enter(PAYMENT, entry, shipment_id, by=by, at=at)
    after = {"amount": amount, "paid_on": paid_on, "receipt_no": receipt_no, "reference": reference}
    _write_down("record_payment", payment, by=by, at=at, after=after)
    tell_other_side("payment_entered", payment, payment.entered_by, at=at)
    free_if_paid((payment.paying_id, payment.distributor_id), at=at)
    return payment


@transactional
def record_refund(
    paying_id: int,
    distributor_id: int,
    amount: Decimal,
    refunded_on: date,
    *,
    key: str,
    method: str = "",
    reference: str = "",
    by: Actor,
    at: datetime,
) -> Payment:
    """Enter for one's own side that money paid ahead went back (decision 0035); the other side is told.

    Args:
        paying_id: the paying institution: the actor's own, or a store of its chain.
        distributor_id: from whom the money came.
        amount: yuan with at most two decimals, above 0.
        refunded_on: the day, today or earlier.
        key: made when the form was rendered; the same key always answers with the same refund.
        method: one of ``PaymentMethod``.
        reference: the bank's number.
        by: who enters it.
        at: when.

    Raises:
        NotFound: the other side is not one that the actor deals with.
        AmountNotPositive, PaidInFuture, RefundAboveAdvance: see ``rules.payments``.
        ReasonTooLong: the reference is too long.

    """
    entry = _Entry(paying_id, distributor_id, amount, refunded_on, key, method, reference)
    known = _entered(entry, by=by, at=at)
    if known is not None:
        return known
    which = Which(
        (Shipment.paying_id == paying_id)
        & (Shipment.distributor_id == distributor_id)
        & counts_once(Shipment.order_id),
        (Payment.paying_id == paying_id) & (Payment.distributor_id == distributor_id),
    )
    wanted = PaymentMade("", refunded_on, amount, refund=True)
    possible = refundable(db.session.connection(), day_in_china(at), which, wanted)
    check_refund(amount, possible, refunded_on)
    refund = _enter(REFUND, entry, by=by, at=at)
    after = {"amount": amount, "paid_on": refunded_on, "reference": reference}
    _write_down("record_refund", refund, by=by, at=at, after=after)
    tell_other_side("payment_entered", refund, refund.entered_by, at=at)
    return refund


@dataclass(frozen=True, slots=True)
class _Entry:
    """What a form says about a payment or a refund."""

    paying_id: int
    distributor_id: int
    amount: Decimal
    on: date
    key: str
    method: str
    reference: str


def _entered(entry: _Entry, *, by: Actor, at: datetime) -> Payment | None:
    """What the same form has made already; None if it may be made now."""
    by.need(Permission.PAYMENTS_RECORD)
    # Asked before anything is looked for: whoever stands on no side enters nothing.
    _side(by)
    # One entry at a time for a paying institution, so that one form sent twice at once makes one payment.
    db.session.execute(select(Institution.id).where(Institution.id == entry.paying_id).with_for_update())
    known = db.session.execute(select(Payment).where(Payment.form_key == entry.key)).scalar_one_or_none()
    if known is not None:
        return _of(known.id, by=by, at=at)
    if not may_enter(by, entry.paying_id, entry.distributor_id, on=day_in_china(at)):
        raise NotFound(number=str(entry.paying_id))
    check_entry(entry.amount, entry.on, today=day_in_china(at))
    for name, longest in _LONGEST.items():
        if len(getattr(entry, name)) > longest:
            raise ReasonTooLong(limit=longest)
    return None


def _enter(series: str, entry: _Entry, shipment_id: int | None = None, *, by: Actor, at: datetime) -> Payment:
    """The row of an entry with the next number of a series."""
    (number,) = next_numbers(series, at=at)
    payment = Payment(
        payment_no=number,
        paying_id=entry.paying_id,
        distributor_id=entry.distributor_id,
        shipment_id=shipment_id,
        amount=entry.amount,
        is_refund=series == REFUND,
        paid_on=entry.on,
        method=entry.method,
        reference=entry.reference,
        entered_by=_side(by),
        entered_by_id=by.user_id,
        entered_by_name=by.name,
        form_key=entry.key,
        recorded_at=at,
    )
    db.session.add(payment)
    db.session.flush()
    return payment


def may_enter(by: Actor, paying_id: int, distributor_id: int, *, on: date) -> bool:
    """Whether the actor deals with the other side: it pays itself or for a store, or it has delivered to them."""
    if by.role is Role.DISTRIBUTOR and by.distributor_id != distributor_id:
        return False
    return any(
        (payer.paying_id, payer.distributor_id) == (paying_id, distributor_id)
        for payer in payers_of(by, on=on)
    )


def receipt_between(receipt_no: str, paying_id: int, distributor_id: int) -> int:
    """The receipt that a payment between these two names.

    Raises:
        ReceiptOfOthers: it is none of theirs.

    """
    found = db.session.scalar(
        select(Shipment.id).where(
            Shipment.receipt_no == receipt_no,
            Shipment.paying_id == paying_id,
            Shipment.distributor_id == distributor_id,
            Shipment.voided_at.is_(None),
        )
    )
    if found is None:
        raise ReceiptOfOthers(receipt_no=receipt_no)
    return found


@transactional
def confirm_payment(payment_id: int, *, by: Actor, at: datetime, seen_version: int | None = None) -> Payment:
    """Confirm what the other side entered; a dispute of one's own ends with it.

    Raises:
        NotFound, ChangedMeanwhile: see ``actions.loading``.
        OwnEntry, AlreadySettled: see ``rules.payments``.

    """
    by.need(Permission.PAYMENTS_RECORD)
    payment, side = _of(payment_id, by=by, at=at, seen_version=seen_version), _side(by)
    check_answer(payment, entered_by=payment.entered_by, side=side, payment_no=payment.payment_no)
    payment.confirmed_at, payment.confirmed_by_id, payment.confirmed_by_name = at, by.user_id, by.name
    _write_down("confirm_payment", payment, by=by, at=at, after={"confirmed_at": at})
    tell_other_side("payment_confirmed", payment, side, at=at)
    free_if_paid((payment.paying_id, payment.distributor_id), at=at)
    return payment


@transactional
def dispute_payment(
    payment_id: int, reason: str, *, by: Actor, at: datetime, seen_version: int | None = None
) -> Payment:
    """Say that a payment entered by the other side is wrong; after five working days it stops counting.

    Raises:
        NotFound, ChangedMeanwhile: see ``actions.loading``.
        OwnEntry, AlreadySettled, DisputeReasonMissing: see ``rules.payments``; a payment is disputed once.
        ReasonTooLong: a few words are enough.

    """
    by.need(Permission.PAYMENTS_RECORD)
    payment, side = _of(payment_id, by=by, at=at, seen_version=seen_version), _side(by)
    check_answer(payment, entered_by=payment.entered_by, side=side, payment_no=payment.payment_no)
    why = reason.strip()
    if not why:
        raise DisputeReasonMissing()
    if len(why) > _REASON_LENGTH:
        raise ReasonTooLong(limit=_REASON_LENGTH)
    if payment.disputed_at is not None:
        return payment
    payment.disputed_at, payment.disputed_by_id, payment.disputed_by_name = at, by.user_id, by.name
    payment.dispute_reason = why
    _write_down("dispute_payment", payment, by=by, at=at, after={"disputed_at": at, "reason": why})
    tell_other_side("payment_disputed", payment, side, {"reason": why}, at=at)
    return payment


@transactional
def uphold_payment(payment_id: int, *, by: Actor, at: datetime, seen_version: int | None = None) -> Payment:
    """Decide as the bureau that a disputed payment counts.

    Raises:
        NotFound, ChangedMeanwhile: see ``actions.loading``.
        NotAllowed: not the bureau.
        NotDisputed: nothing is to be decided.

    """
    by.need(Permission.PAYMENTS_UPHOLD)
    payment = _of(payment_id, by=by, at=at, seen_version=seen_version)
    if payment_state(payment) is not PaymentState.DISPUTED:
        raise NotDisputed(payment_no=payment.payment_no)
    payment.upheld_at, payment.upheld_by_id, payment.upheld_by_name = at, by.user_id, by.name
    _write_down("uphold_payment", payment, by=by, at=at, after={"upheld_at": at})
    for side in (PaymentSide.INSTITUTION, PaymentSide.DISTRIBUTOR):
        tell_other_side("payment_upheld", payment, side, at=at)
    free_if_paid((payment.paying_id, payment.distributor_id), at=at)
    return payment


@transactional
def reject_payment(
    payment_id: int, reason: str, *, by: Actor, at: datetime, seen_version: int | None = None
) -> Payment:
    """Decide as the bureau that a disputed payment does not count, from today on.

    Raises:
        NotFound, ChangedMeanwhile: see ``actions.loading``.
        NotAllowed: not the bureau.
        NotDisputed: nothing is to be decided.
        RejectionReasonMissing: both sides shall know why.
        ReasonTooLong: a few words are enough.

    """
    by.need(Permission.PAYMENTS_UPHOLD)
    payment = _of(payment_id, by=by, at=at, seen_version=seen_version)
    if payment_state(payment) is not PaymentState.DISPUTED:
        raise NotDisputed(payment_no=payment.payment_no)
    why = reason.strip()
    if not why:
        raise RejectionReasonMissing()
    if len(why) > _REASON_LENGTH:
        raise ReasonTooLong(limit=_REASON_LENGTH)
    payment.rejected_at, payment.rejected_by_id, payment.rejected_by_name = at, by.user_id, by.name
    payment.rejection_reason = why
    _write_down("reject_payment", payment, by=by, at=at, after={"rejected_at": at, "reason": why})
    for side in (PaymentSide.INSTITUTION, PaymentSide.DISTRIBUTOR):
        tell_other_side("payment_rejected", payment, side, {"reason": why}, at=at)
    return payment


@transactional
def withdraw_payment(payment_id: int, *, by: Actor, at: datetime, seen_version: int | None = None) -> Payment:
    """Take one's own entry back while it is not confirmed; it counts no more from today.

    Raises:
        NotFound, ChangedMeanwhile: see ``actions.loading``.
        NotOwnEntry, AlreadySettled: see ``rules.payments``.

    """
    by.need(Permission.PAYMENTS_RECORD)
    payment, side = _of(payment_id, by=by, at=at, seen_version=seen_version), _side(by)
    check_withdrawal(payment, entered_by=payment.entered_by, side=side, payment_no=payment.payment_no)
    payment.withdrawn_at, payment.withdrawn_by_id = at, by.user_id
    _write_down("withdraw_payment", payment, by=by, at=at, after={"withdrawn_at": at})
    tell_other_side("payment_withdrawn", payment, side, at=at)
    return payment


def _of(payment_id: int, *, by: Actor, at: datetime, seen_version: int | None = None) -> Payment:
    """The payment, locked until the deed ends, if the actor may see it."""
    found = db.session.execute(
        select(Payment)
        .where(Payment.id == payment_id, payments_visible_to(by, day_in_china(at)))
        .with_for_update()
        .execution_options(populate_existing=True)
    ).scalar_one_or_none()
    if found is None:
        raise NotFound(number=str(payment_id))
    if seen_version is not None and seen_version != found.version:
        raise ChangedMeanwhile(number=found.payment_no)
    return found


def _write_down(deed: str, payment: Payment, *, by: Actor, at: datetime, after: dict[str, Any]) -> None:
    audit.record(
        deed,
        by=by,
        at=at,
        subject_type="payment",
        subject_id=payment.id,
        subject=payment.payment_no,
        institution_id=payment.paying_id,
        distributor_id=payment.distributor_id,
        after=after,
    )


def tell_other_side(
    kind: str, payment: Payment, side: PaymentSide, more: dict[str, Any] | None = None, *, at: datetime
) -> None:
    """Tell the party across from a side; the name in the notice is that of the side itself.

    Of a refund it is told in the words of refunds, ``refund_entered`` for ``payment_entered``.
    """
    kind = kind.replace("payment_", "refund_", 1) if payment.is_refund else kind
    facts = {
        "payment_no": payment.payment_no,
        "amount": str(payment.amount),
        "paid_on": payment.paid_on.isoformat(),
        **(more or {}),
    }
    if side is PaymentSide.INSTITUTION:
        who = name_of_institution(payment.paying_id, on=day_in_china(at))
        notices.tell(
            kind,
            at=at,
            facts=facts | {"party": who},
            link=f"/payments/{payment.id}",
            distributor_id=payment.distributor_id,
        )
        return
    notices.tell(
        kind,
        at=at,
        facts=facts | {"party": name_of_distributor(payment.distributor_id)},
        link=f"/payments/{payment.id}",
        institution_id=payment.paying_id,
    )
