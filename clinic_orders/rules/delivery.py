"""Delivery limits, acceptance and returns (rules section 4, R-DEL-2 to R-DEL-6).

>>> check_acceptance(AcceptedLine(shipped=10, accepted=8, rejected=1, expiry=date(2028, 1, 31)),
...     on=date(2026, 11, 22), min_shelf_months=6)
Traceback (most recent call last):
clinic_orders.rules.delivery.AcceptanceDoesNotAddUp: Accepted and rejected must make 10 packs. You have 8 + 1 = 9.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from clinic_orders.rules.days import (
    add_hours_skipping_non_working_days,
    add_months,
    add_working_days,
    day_in_china,
    working_days_after,
)
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.ordering import lapses_at
from clinic_orders.rules.policy import PolicyBook
from clinic_orders.rules.reasons import Reason, RejectReason

# Delivery limit (R-DEL-3) -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DeliveryHours:
    """The hours a distributor has, policy ``delivery.hours_…``; the emergency ones run day and night."""

    normal: int
    remote: int
    emergency: int
    emergency_remote: int

    @classmethod
    def of(cls, book: PolicyBook, *, on: date) -> DeliveryHours:
        """The hours in force on the day from which the limit runs."""
        return cls(
            normal=book.whole("delivery.hours_normal", on=on),
            remote=book.whole("delivery.hours_remote", on=on),
            emergency=book.whole("delivery.hours_emergency", on=on),
            emergency_remote=book.whole("delivery.hours_emergency_remote", on=on),
        )


def delivery_limit(
    *,
    submitted_at: datetime,
    answered_at: datetime | None,
    hours: DeliveryHours,
    confirm_days: int,
    remote: bool = False,
    cold_chain: bool = False,
    emergency: bool = False,
) -> datetime:
    """The instant by which an order line is to be delivered (R-DEL-3).

    It runs from the answer and skips the hours of non-working days; to a remote place, or for cold chain, it is
    longer. For an emergency it runs from submission, day and night, answered or not (R-ORD-9). A line that is
    unanswered, or lapsed, has until 24:00 of its last day to answer.

    Args:
        submitted_at: when the order was submitted.
        answered_at: when the line was answered, None if it is not.
        hours: see ``DeliveryHours``.
        confirm_days: working days, policy ``order.confirm_days``.
        remote: the receiver is a remote place on that day.
        cold_chain: the item needs cold chain.
        emergency: the order is an emergency order.

    >>> from datetime import UTC
    >>> hours = DeliveryHours(normal=48, remote=72, emergency=12, emergency_remote=24)
    >>> friday = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
    >>> delivery_limit(submitted_at=friday, answered_at=friday, hours=hours, confirm_days=2)
    datetime.datetime(2026, 11, 24, 2, 0, tzinfo=datetime.timezone.utc)
    """
    if emergency:
        return submitted_at + timedelta(hours=hours.emergency_remote if remote else hours.emergency)
    if answered_at is None:
        return lapses_at(submitted_at, confirm_days=confirm_days)
    return add_hours_skipping_non_working_days(
        answered_at, hours.remote if remote or cold_chain else hours.normal
    )


# Acceptance (R-DEL-2) ---------------------------------------------------------------------------------


class AcceptanceRefused(RuleBroken):
    """A line of a receipt can't be recorded as typed."""


class AcceptanceNegative(AcceptanceRefused):
    """A number of packs below 0."""

    message = N_("The packs accepted and rejected can't be below 0.")


class AcceptanceDoesNotAddUp(AcceptanceRefused):
    """Accepted + rejected ≠ shipped."""

    message = N_(
        "Accepted and rejected must make %(shipped)s packs. You have %(accepted)s + %(rejected)s = %(sum)s."
    )


class RejectionNeedsReason(AcceptanceRefused):
    """Packs were rejected without a coded reason."""

    message = N_("Choose why %(rejected)s packs are rejected.")


class GoodsExpired(AcceptanceRefused):
    """The expiry date lies before the acceptance day."""

    message = N_("These packs expired on %(expiry)s and can't be accepted. Reject them.")


class ShortShelfLifeNeedsReason(AcceptanceRefused):
    """Less shelf life left than ``delivery.min_shelf_months``; on screen a reason is asked for."""

    message = N_(
        "These packs expire on %(expiry)s, in less than %(months)s months. Say why you accept them, or reject them."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedLine:
    """What was typed for one batch of a receipt.

    Attributes:
        shipped, accepted, rejected: packs.
        expiry: the last day on which the batch may be used.
        reject_reason: why packs were rejected.
        short_expiry_reason: why packs near expiry are accepted.
    """

    shipped: int
    accepted: int
    rejected: int
    expiry: date
    reject_reason: Reason[RejectReason] | None = None
    short_expiry_reason: str = ""


def is_expired(expiry: date, *, on: date) -> bool:
    """Whether goods may no longer be used; on the expiry date itself they still may.

    >>> is_expired(date(2026, 11, 22), on=date(2026, 11, 22)), is_expired(date(2026, 11, 21), on=date(2026, 11, 22))
    (False, True)
    """
    return expiry < on


def is_short_dated(expiry: date, *, on: date, min_shelf_months: int) -> bool:
    """Whether less than so many calendar months are left; exactly that many are enough.

    >>> is_short_dated(date(2027, 5, 22), on=date(2026, 11, 22), min_shelf_months=6)
    False
    >>> is_short_dated(date(2027, 5, 21), on=date(2026, 11, 22), min_shelf_months=6)
    True
    """
    return expiry < add_months(on, min_shelf_months)


def acceptance_refusals(
    line: AcceptedLine, *, on: date, min_shelf_months: int, ask_for_short_expiry: bool = True
) -> list[RuleBroken]:
    """Everything that stands against a line as typed; empty if it can be recorded (R-DEL-2).

    Args:
        line: what was typed.
        on: the acceptance day.
        min_shelf_months: policy ``delivery.min_shelf_months``.
        ask_for_short_expiry: False for imported history, where a short shelf life only warns.
    """
    if min(line.shipped, line.accepted, line.rejected) < 0:
        return [AcceptanceNegative()]
    found: list[RuleBroken] = []
    made = line.accepted + line.rejected
    if made != line.shipped:
        found.append(
            AcceptanceDoesNotAddUp(
                shipped=line.shipped, accepted=line.accepted, rejected=line.rejected, sum=made
            )
        )
    if line.rejected and line.reject_reason is None:
        found.append(RejectionNeedsReason(rejected=line.rejected))
    if line.accepted and is_expired(line.expiry, on=on):
        found.append(GoodsExpired(expiry=line.expiry))
    elif (
        line.accepted
        and ask_for_short_expiry
        and not line.short_expiry_reason.strip()
        and is_short_dated(line.expiry, on=on, min_shelf_months=min_shelf_months)
    ):
        found.append(ShortShelfLifeNeedsReason(expiry=line.expiry, months=min_shelf_months))
    return found


def check_acceptance(
    line: AcceptedLine, *, on: date, min_shelf_months: int, ask_for_short_expiry: bool = True
) -> None:
    """Raise the first thing that stands against a line; see ``acceptance_refusals``.

    Raises:
        AcceptanceRefused: the subclass says what is wrong.
    """
    for refusal in acceptance_refusals(
        line, on=on, min_shelf_months=min_shelf_months, ask_for_short_expiry=ask_for_short_expiry
    ):
        raise refusal


# When acceptance is due (R-DEL-6) ---------------------------------------------------------------------


def acceptance_due_day(delivered_at: datetime, *, accept_days: int) -> date:
    """The last day on which acceptance is in time: ``delivery.accept_days`` working days after delivery.

    >>> from datetime import UTC
    >>> acceptance_due_day(datetime(2026, 11, 20, 2, 0, tzinfo=UTC), accept_days=2)
    datetime.date(2026, 11, 24)
    """
    return add_working_days(day_in_china(delivered_at), accept_days)


def auto_acceptance_day(delivered_at: datetime, *, auto_accept_days: int | None) -> date | None:
    """The day on which goods stand as accepted without a word, open to dispute; None where it is not set."""
    if auto_accept_days is None:
        return None
    return day_in_china(delivered_at) + timedelta(days=auto_accept_days)


def acceptance_day_for_payment(
    accepted_at: datetime, *, delivered_at: datetime | None, accept_days: int
) -> date:
    """The acceptance day that R-PAY-2 counts from: never later than the last day acceptance was due.

    Without a known delivery it is the day of acceptance.

    >>> from datetime import UTC
    >>> delivered = datetime(2026, 11, 26, 2, 0, tzinfo=UTC)  # Thursday: due on Monday the 30th.
    >>> accepted = datetime(2026, 12, 3, 2, 0, tzinfo=UTC)
    >>> acceptance_day_for_payment(accepted, delivered_at=delivered, accept_days=2)
    datetime.date(2026, 11, 30)
    """
    day = day_in_china(accepted_at)
    if delivered_at is None:
        return day
    return min(day, acceptance_due_day(delivered_at, accept_days=accept_days))


def working_days_late(due_day: date, *, on: date) -> int:
    """How many working days acceptance is late on a day; 0 up to and including the due day."""
    return working_days_after(due_day, on)


# Returns (R-DEL-5) ------------------------------------------------------------------------------------


class ReturnRefused(RuleBroken):
    """A return can't be asked for as typed."""


class ReturnTooMany(ReturnRefused):
    """More than was accepted and not returned yet."""

    message = N_("At most %(left)s packs can go back: %(accepted)s accepted, %(returned)s returned already.")


class ReturnNothing(ReturnRefused):
    """No pack at all."""

    message = N_("Write how many packs go back.")


def check_return(packs: int, *, accepted: int, returned: int) -> None:
    """Refuse to return more of a receipt line than was accepted and not returned.

    Args:
        packs: what is to go back.
        accepted: packs accepted on the line.
        returned: packs of it on returns that are agreed or asked for.

    Raises:
        ReturnNothing, ReturnTooMany: with what is left.

    >>> check_return(3, accepted=10, returned=8)
    Traceback (most recent call last):
    clinic_orders.rules.delivery.ReturnTooMany: At most 2 packs can go back: 10 accepted, 8 returned already.
    """
    if packs < 1:
        raise ReturnNothing
    if packs > accepted - returned:
        raise ReturnTooMany(left=accepted - returned, accepted=accepted, returned=returned)
