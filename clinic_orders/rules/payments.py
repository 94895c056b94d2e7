"""One payment between an institution and a distributor: whether it counts, who may say what about it (R-PAY-7).

A refund of an advance is answered, disputed, decided about and taken back in the same way (decision 0035).

>>> from datetime import UTC
>>> disputed = PaymentFacts(disputed_at=datetime(2026, 11, 2, 1, 0, tzinfo=UTC))
>>> [counts_on(disputed, date(2026, 11, day)) for day in (2, 9, 10)]
[True, True, False]
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final, Protocol

from clinic_orders.rules.days import add_working_days, day_in_china
from clinic_orders.rules.errors import N_, RuleBroken

# Stands in the rule itself, not among the policy parameters.
DISPUTE_DAYS: Final = 5


class PaymentSide(StrEnum):
    """Who entered a payment: one of the two parties, or a file."""

    INSTITUTION = "institution"
    DISTRIBUTOR = "distributor"
    FILE = "file"


class PaymentState(StrEnum):
    """Where a payment stands between the two parties."""

    WAITING = "waiting"
    CONFIRMED = "confirmed"
    DISPUTED = "disputed"
    UPHELD = "upheld"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class PaymentMethod(StrEnum):
    """How money was moved; files may say it in other words."""

    TRANSFER = "transfer"
    ALIPAY = "alipay"
    WECHAT = "wechat"
    CASH = "cash"
    CHEQUE = "cheque"
    OTHER = "other"


class HasPaymentEvents(Protocol):
    """The instants that decide about a payment."""

    @property
    def confirmed_at(self) -> datetime | None:
        """When the other side confirmed it."""

    @property
    def disputed_at(self) -> datetime | None:
        """When the other side disputed it."""

    @property
    def upheld_at(self) -> datetime | None:
        """When the bureau upheld it."""

    @property
    def rejected_at(self) -> datetime | None:
        """When the bureau decided that it does not count."""

    @property
    def withdrawn_at(self) -> datetime | None:
        """When the side that entered it took it back."""


@dataclass(frozen=True, slots=True)
class PaymentFacts:
    """The instants of a payment, as plain values."""

    confirmed_at: datetime | None = None
    disputed_at: datetime | None = None
    upheld_at: datetime | None = None
    withdrawn_at: datetime | None = None
    rejected_at: datetime | None = None


class PaymentRefused(RuleBroken):
    """A step that a payment does not allow."""


class AmountNotPositive(PaymentRefused):
    """A payment of nothing."""

    message = N_("A payment is above 0 yuan. Write the amount that was paid.")


class PaidInFuture(PaymentRefused):
    """A payment dated after today."""

    message = N_("%(day)s is still to come. Record the payment on the day it is made, or later.")


class RefundAboveAdvance(PaymentRefused):
    """More would be sent back than lies with the distributor."""

    message = N_(
        "Of what was paid ahead, %(possible)s yuan can be refunded as of %(day)s. Correct the amount or the day."
    )


class ReceiptOfOthers(PaymentRefused):
    """The receipt named is not one of this institution and distributor."""

    message = N_(
        "%(receipt_no)s is not a receipt between these two. Correct the number, or leave it empty: the money then goes to the oldest receipt."
    )


class AlreadySettled(PaymentRefused):
    """The payment was confirmed, decided about or withdrawn already."""

    message = N_("Nothing is to be said about %(payment_no)s any more. Look at its state below.")


class OwnEntry(PaymentRefused):
    """The side that entered a payment can't confirm or dispute it."""

    message = N_("You entered %(payment_no)s yourselves; the other side confirms or disputes it.")


class NotOwnEntry(PaymentRefused):
    """Only the side that entered a payment takes it back."""

    message = N_("%(payment_no)s was entered by the other side. If it is wrong, dispute it and say why.")


class DisputeReasonMissing(PaymentRefused):
    """A dispute without a reason."""

    message = N_("Say what is wrong with this payment, so that the other side can look.")


class RejectionReasonMissing(PaymentRefused):
    """A decision against a payment without its grounds."""

    message = N_("Say why this payment does not count; both sides read it.")


class NotDisputed(PaymentRefused):
    """The bureau decides only about what is disputed."""

    message = N_("%(payment_no)s is not disputed, so nothing is to be decided.")


def payment_state(payment: HasPaymentEvents) -> PaymentState:
    """Where a payment stands: what ends it comes first."""
    if payment.withdrawn_at is not None:
        return PaymentState.WITHDRAWN
    if payment.confirmed_at is not None:
        return PaymentState.CONFIRMED
    if payment.upheld_at is not None:
        return PaymentState.UPHELD
    if payment.rejected_at is not None:
        return PaymentState.REJECTED
    return PaymentState.WAITING if payment.disputed_at is None else PaymentState.DISPUTED


def last_day_of_disputed(disputed_at: datetime) -> date:
    """The last day on which a disputed payment still counts: the fifth working day after the dispute."""
    return add_working_days(day_in_china(disputed_at), DISPUTE_DAYS)


def counts_on(payment: HasPaymentEvents, day: date) -> bool:
    """Whether a payment counts as of a day, its paid date apart (R-PAY-7).

    It counts from entry. Taken back, it counts no more. Disputed, it counts to the end of the fifth working day
    after, and again from the day on which the other side confirms it after all or the bureau upholds it. From the day
    on which the bureau decides against it, it counts no more.
    """

    def happened(moment: datetime | None) -> bool:
        return moment is not None and day_in_china(moment) <= day

    if happened(payment.withdrawn_at) or happened(payment.rejected_at):
        return False
    if payment.disputed_at is None or happened(payment.confirmed_at) or happened(payment.upheld_at):
        return True
    return day <= last_day_of_disputed(payment.disputed_at)


def check_entry(amount: Decimal, paid_on: date, *, today: date) -> None:
    """Whether a payment can be entered.

    Raises:
        AmountNotPositive: nothing was paid.
        PaidInFuture: dated after today.

    """
    if amount <= 0:
        raise AmountNotPositive()
    if paid_on > today:
        raise PaidInFuture(day=paid_on.isoformat())


def check_refund(amount: Decimal, possible: Decimal, refunded_on: date) -> None:
    """Whether so much of what was paid ahead can be sent back (decision 0035).

    Args:
        amount: yuan.
        possible: what is there on that day, with every other refund still covered.
        refunded_on: the day.

    Raises:
        RefundAboveAdvance: it is not there.

    """
    if amount > possible:
        raise RefundAboveAdvance(possible=f"{possible:.2f}", day=refunded_on.isoformat())


def check_answer(
    payment: HasPaymentEvents, *, entered_by: PaymentSide, side: PaymentSide, payment_no: str
) -> None:
    """Whether a side can confirm or dispute a payment: the other side's, while nothing has been settled.

    Raises:
        OwnEntry: it entered the payment itself.
        AlreadySettled: confirmed, decided about or taken back already.

    """
    if entered_by is side:
        raise OwnEntry(payment_no=payment_no)
    if payment_state(payment) not in {PaymentState.WAITING, PaymentState.DISPUTED}:
        raise AlreadySettled(payment_no=payment_no)


def check_withdrawal(
    payment: HasPaymentEvents, *, entered_by: PaymentSide, side: PaymentSide, payment_no: str
) -> None:
    """Whether a side can take its own entry back: until it is confirmed or decided about.

    Raises:
        NotOwnEntry: the other side entered it.
        AlreadySettled: confirmed, decided about or taken back already.

    """
    if entered_by is not side:
        raise NotOwnEntry(payment_no=payment_no)
    if payment_state(payment) not in {PaymentState.WAITING, PaymentState.DISPUTED}:
        raise AlreadySettled(payment_no=payment_no)
