"""Why an order line is refused, and what an emergency passes over (R-ORD-3, R-ORD-4, R-ORD-9, R-PAY-5).

The caller gathers the facts of a line as of the submission; this module says what stands against it. A line
that is refused stays in the cart with its reasons, the others go (R-ORD-2).

>>> facts = LineRequest(packs_text="1.5", max_packs=9999, has_letter=False)
>>> [refusal.code for refusal in refusals(facts)]
['NoLetter', 'PacksNotWhole']
>>> emergency = LineRequest(packs_text="2", max_packs=9999, has_letter=False, emergency_reason="蛇咬伤")
>>> refusals(emergency)
[]
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.quantities import PacksRefused, parse_packs


class OrderRefused(RuleBroken):
    """A line can't be ordered."""


class BuyerRefused(OrderRefused):
    """What stands against the institution, whatever it orders."""


class LineRefused(OrderRefused):
    """What stands against this item."""


class NotOnRoster(BuyerRefused):
    """Not a member on the day of submission."""

    message = N_("This institution is not on the roster today. Ask the county medical-security bureau.")


class NoLetter(BuyerRefused):
    """No commitment letter in force (R-ROSTER-4)."""

    message = N_(
        "No commitment letter is in force. Hand one in at the county medical-security bureau; urgent medicines can be ordered now."
    )


class Suspended(BuyerRefused):
    """Suspended from procurement (R-CASE-4)."""

    message = N_("Ordering is suspended until %(until)s. Urgent medicines can be ordered now.")


class SuspendedWithoutEnd(BuyerRefused):
    """Suspended without a last day."""

    message = N_(
        "Ordering is suspended. Ask the county medical-security bureau; urgent medicines can be ordered now."
    )


class PaymentHold(BuyerRefused):
    """Money overdue for long stops orders that the institution would pay (R-PAY-5)."""

    message = N_(
        "%(amount)s yuan have been owed to %(distributor)s since %(since)s, for more than %(days)s days. Ordering is open again as soon as they are paid and recorded; urgent medicines can be ordered now."
    )


class NotInEdition(LineRefused):
    """Not in the edition in force (R-CAT-1)."""

    message = N_("This item is not in the catalogue in force. Choose another one.")


class NotForThisKind(LineRefused):
    """The item does not suit the kind of institution (R-CAT-1)."""

    message = N_("This item is not meant for this kind of institution. Choose another one.")


class NoPrice(LineRefused):
    """No price in force, so a line could not freeze one (R-CAT-2)."""

    message = N_("This item has no price in force. The city bureau has to enter one.")


class NoDistributor(LineRefused):
    """No delivery relation in force (R-CAT-3); the bureau gets an alarm."""

    message = N_("No distributor delivers this item to you yet. The bureau has been told.")


class EmergencyReasonMissing(OrderRefused):
    """An emergency order without a reason (R-ORD-9)."""

    message = N_("Say why this is urgent.")


class DuplicateNotConfirmed(LineRefused):
    """The same item was ordered a few days ago, and the buyer has not said that it is meant (R-ORD-4)."""

    message = N_(
        "%(packs)s packs of this item were ordered on %(day)s (order %(order_no)s). Confirm if you want more."
    )


@dataclass(frozen=True, slots=True)
class Hold:
    """An undisputed amount that has been overdue for too long, after a notice (R-PAY-5).

    Attributes:
        amount: yuan overdue.
        days: policy ``payment.hold_after_days``.
        distributor: to whom it is owed.
        since: the earliest due day.

    """

    amount: Decimal
    days: int
    distributor: str
    since: date

    @property
    def refusal(self) -> PaymentHold:
        """What it says to who would pay: how much, to whom, since when, how to be free again."""
        return PaymentHold(
            amount=f"{self.amount:.2f}", days=self.days, distributor=self.distributor, since=self.since
        )


@dataclass(frozen=True, slots=True)
class EarlierOrder:
    """Packs of the item that were ordered for the same institution before, through any channel or mode.

    Attributes:
        order_no: the number shown to the buyer.
        submitted_at: the instant of submission.
        packs: what is still meant, i.e. ordered less withdrawn; 0 for a lapsed or declined line.

    """

    order_no: str
    submitted_at: datetime
    packs: int


def duplicate_of(
    earlier: Iterable[EarlierOrder], *, at: datetime, duplicate_days: int
) -> EarlierOrder | None:
    """The latest earlier order of the item that the buyer is to be asked about, if any (R-ORD-4).

    Days are those of Asia/Shanghai: with 7 days an order of the 1st is asked about up to and including the 8th.

    >>> from datetime import UTC
    >>> first = EarlierOrder("1", datetime(2026, 11, 1, 2, 0, tzinfo=UTC), 5)
    >>> duplicate_of([first], at=datetime(2026, 11, 8, 15, 59, tzinfo=UTC), duplicate_days=7) is first
    True
    >>> duplicate_of([first], at=datetime(2026, 11, 8, 16, 0, tzinfo=UTC), duplicate_days=7)
    """
    since = day_in_china(at) - timedelta(days=duplicate_days)
    near = [
        order
        for order in earlier
        if order.packs > 0 and order.submitted_at <= at and day_in_china(order.submitted_at) >= since
    ]
    return max(near, key=lambda order: (order.submitted_at, order.order_no), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class LineRequest:
    """Everything that decides whether one line can be ordered, as of the submission.

    The defaults are those of a line that nothing stands against.

    Attributes:
        packs_text: the quantity as typed.
        max_packs: policy ``order.max_packs``.
        is_member: the receiving institution is on the roster that day.
        has_letter: it has a commitment letter in force.
        is_suspended: a suspension is in force.
        suspended_until: its last day, if it has one.
        hold: the payment hold on the paying organisation for this distributor, if any.
        in_edition: the item is in the edition in force.
        suits_kind: the item suits the institution's kind.
        has_price: a price is in force.
        has_distributor: a relation in force names one.
        picked_distributor: the buyer picked one (emergency without a relation).
        duplicate: what ``duplicate_of`` found.
        duplicate_confirmed: the buyer said that it is meant.
        emergency_reason: the reason of an emergency order; None = no emergency.

    """

    packs_text: str
    max_packs: int
    is_member: bool = True
    has_letter: bool = True
    is_suspended: bool = False
    suspended_until: date | None = None
    hold: Hold | None = None
    in_edition: bool = True
    suits_kind: bool = True
    has_price: bool = True
    has_distributor: bool = True
    picked_distributor: bool = False
    duplicate: EarlierOrder | None = None
    duplicate_confirmed: bool = False
    emergency_reason: str | None = None


def refusals(facts: LineRequest) -> list[RuleBroken]:
    """Everything that stands against a line, the institution's reasons first; empty if it can go.

    An emergency order of a member, with a reason, passes suspension, hold, missing letter, edition,
    suitability and duplicate confirmation; without a relation it goes to the distributor the buyer picks
    (R-ORD-9). Roster, price and quantity hold for it too. Nothing is raised: the list is the answer.
    """
    emergency = facts.emergency_reason is not None
    found: list[RuleBroken] = []
    if not facts.is_member:
        found.append(NotOnRoster())
    if emergency and not (facts.emergency_reason or "").strip():
        found.append(EmergencyReasonMissing())
    if not emergency:
        found += _passed_by_an_emergency(facts)
    if not facts.has_price:
        found.append(NoPrice())
    if not facts.has_distributor and not (emergency and facts.picked_distributor):
        found.append(NoDistributor())
    try:
        parse_packs(facts.packs_text, maximum=facts.max_packs)
    except PacksRefused as refusal:
        found.append(refusal)
    if facts.duplicate is not None and not facts.duplicate_confirmed and not emergency:
        found.append(
            DuplicateNotConfirmed(
                order_no=facts.duplicate.order_no,
                day=day_in_china(facts.duplicate.submitted_at),
                packs=facts.duplicate.packs,
            )
        )
    return found


def _passed_by_an_emergency(facts: LineRequest) -> list[RuleBroken]:
    found: list[RuleBroken] = []
    # Somebody who is not on the roster has no letter either; one reason says what to do.
    if facts.is_member and not facts.has_letter:
        found.append(NoLetter())
    if facts.is_suspended:
        until = facts.suspended_until
        found.append(SuspendedWithoutEnd() if until is None else Suspended(until=until))
    if facts.hold is not None:
        found.append(facts.hold.refusal)
    if not facts.in_edition:
        found.append(NotInEdition())
    elif not facts.suits_kind:
        found.append(NotForThisKind())
    return found
