"""The life of an order: its quantities, states and deadlines (rules section 3, R-ORD-1 to R-ORD-9).

A state is never stored as the truth. It is derived from dated events and quantities, as of an instant, and
an order lapses by the calendar whether or not a job has run. Who may do what when stands in
``rules.order_steps``; what stands against an order line in ``rules.order_refusals``.

>>> line = LineQuantities(ordered=10, withdrawn_before=2, confirmed=8, shipped=5)
>>> line_state(line), line.to_ship
(<LineState.PART_SHIPPED: 'part_shipped'>, 3)
>>> response_state([line])
<ResponseState.ANSWERED: 'answered'>
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from clinic_orders.rules.days import day_in_china, end_of_nth_working_day
from clinic_orders.rules.errors import N_, RuleBroken

OWN_CHANNEL: Final = "clinic_orders"
"""The channel of orders made here; any other text names the outside channel of an imported order (R-ORD-1)."""


class ResponseState(StrEnum):
    """Where the distributor's answer to an order stands."""

    PENDING = "pending"
    ANSWERED = "answered"
    REFUSED = "refused"
    LAPSED = "lapsed"
    WITHDRAWN = "withdrawn"
    DISOWNED = "disowned"


class OrderStanding(StrEnum):
    """Where an order stands for who waits for goods; lists of orders are narrowed to one of them."""

    UNANSWERED = "unanswered"
    UNDER_WAY = "under_way"
    DONE = "done"
    ENDED = "ended"


class LineState(StrEnum):
    """Where an order line stands."""

    AWAITING = "awaiting"
    PART_SHIPPED = "part_shipped"
    SHIPPED = "shipped"
    OUT_OF_STOCK = "out_of_stock"
    VOID = "void"


class ShipmentState(StrEnum):
    """Where a shipment stands."""

    PREPARED = "prepared"
    SHIPPED = "shipped"
    RECEIVED = "received"
    VOID = "void"


class ReturnState(StrEnum):
    """Where a return stands; it counts from the day it is agreed (R-DEL-5)."""

    REQUESTED = "requested"
    AGREED = "agreed"
    RETURNED = "returned"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


# Quantities (R-ORD-5) ---------------------------------------------------------------------------------


class QuantitiesBroken(RuleBroken):
    """One of the inequalities of R-ORD-5 does not hold."""


class QuantityNegative(QuantitiesBroken):
    """A number of packs below 0."""

    message = N_("A number of packs can't be below 0.")


class WithdrawnTooMany(QuantitiesBroken):
    """More withdrawn before the answer than ordered."""

    message = N_("%(withdrawn)s packs can't be withdrawn: %(ordered)s were ordered.")


class ConfirmedTooMany(QuantitiesBroken):
    """Confirmed > ordered − withdrawn before the answer."""

    message = N_("%(confirmed)s packs can't be confirmed: %(open)s are still ordered.")


class ShippedTooMany(QuantitiesBroken):
    """Shipped > confirmed − closed − withdrawn after the answer."""

    message = N_("%(shipped)s packs can't be shipped, closed or withdrawn: %(open)s are open.")


class AcceptedTooMany(QuantitiesBroken):
    """Accepted + rejected > shipped."""

    message = N_("%(accepted)s packs can't be accepted and %(rejected)s rejected: %(shipped)s were shipped.")


class ReturnedTooMany(QuantitiesBroken):
    """Returned > accepted (R-DEL-5)."""

    message = N_("%(returned)s packs can't be returned: %(accepted)s were accepted.")


@dataclass(frozen=True, slots=True)
class LineQuantities:
    """The packs of one order line as of an instant.

    Attributes:
        ordered: as submitted; never changes.
        withdrawn_before: taken back by the buyer before the answer.
        confirmed: what the distributor promised; None = not answered, 0 = declined.
        withdrawn_after: unshipped rest taken back by the buyer after the answer.
        closed: unshipped rest closed short by the distributor (R-ORD-7).
        shipped: on shipments that are not void.
        accepted, rejected: on receipts.
        returned: on returns that were agreed.

    """

    ordered: int
    withdrawn_before: int = 0
    confirmed: int | None = None
    withdrawn_after: int = 0
    closed: int = 0
    shipped: int = 0
    accepted: int = 0
    rejected: int = 0
    returned: int = 0

    @property
    def is_answered(self) -> bool:
        """Whether the distributor has answered the line."""
        return self.confirmed is not None

    @property
    def to_answer(self) -> int:
        """What is ordered and not withdrawn before the answer: the most that can be confirmed."""
        return self.ordered - self.withdrawn_before

    @property
    def declined(self) -> int:
        """What the distributor declined in the answer; 0 before it."""
        return 0 if self.confirmed is None else self.to_answer - self.confirmed

    @property
    def promised(self) -> int:
        """What is confirmed and neither closed nor withdrawn: the most that can be shipped in all."""
        return 0 if self.confirmed is None else self.confirmed - self.closed - self.withdrawn_after

    @property
    def to_ship(self) -> int:
        """What is still to be shipped; what can be closed short."""
        return self.promised - self.shipped

    @property
    def under_way(self) -> int:
        """What was shipped and not yet accepted or rejected."""
        return self.shipped - self.accepted - self.rejected

    @property
    def kept(self) -> int:
        """What was accepted and not returned: what can be returned, and what is owed for."""
        return self.accepted - self.returned

    @property
    def withdrawn(self) -> int:
        """What the buyer took back, before and after the answer."""
        return self.withdrawn_before + self.withdrawn_after


def check_quantities(line: LineQuantities) -> None:
    """Hold a line to the inequalities of R-ORD-5.

    Raises:
        QuantitiesBroken: the subclass says which one.

    >>> check_quantities(LineQuantities(ordered=5, confirmed=6))
    Traceback (most recent call last):
    clinic_orders.rules.ordering.ConfirmedTooMany: 6 packs can't be confirmed: 5 are still ordered.

    """
    confirmed = line.confirmed or 0
    numbers = (
        line.ordered,
        line.withdrawn_before,
        confirmed,
        line.withdrawn_after,
        line.closed,
        line.shipped,
        line.accepted,
        line.rejected,
        line.returned,
    )
    if min(numbers) < 0:
        raise QuantityNegative
    if line.withdrawn_before > line.ordered:
        raise WithdrawnTooMany(withdrawn=line.withdrawn_before, ordered=line.ordered)
    if confirmed > line.to_answer:
        raise ConfirmedTooMany(confirmed=confirmed, open=line.to_answer)
    if line.shipped > confirmed - line.closed - line.withdrawn_after:
        raise ShippedTooMany(
            shipped=line.shipped + line.closed + line.withdrawn_after,
            open=confirmed,
        )
    if line.accepted + line.rejected > line.shipped:
        raise AcceptedTooMany(accepted=line.accepted, rejected=line.rejected, shipped=line.shipped)
    if line.returned > line.accepted:
        raise ReturnedTooMany(returned=line.returned, accepted=line.accepted)


# States from quantities (R-ORD-5) ---------------------------------------------------------------------


def line_state(line: LineQuantities, *, lapsed: bool = False) -> LineState:
    """The state of a line.

    AWAITING holds before the answer too. SHIPPED means that nothing more is to be shipped and something was,
    so a line closed short after a first part is SHIPPED; what did not come stands beside it in packs.
    OUT_OF_STOCK means that the distributor declined or closed what the buyer still wanted, and nothing was
    shipped. VOID means that the buyer took everything back, or the order lapsed.

    Args:
        line: the quantities as of the instant.
        lapsed: whether the order had lapsed by then; matters only for a line that is not answered.

    >>> line_state(LineQuantities(ordered=3)), line_state(LineQuantities(ordered=3), lapsed=True)
    (<LineState.AWAITING: 'awaiting'>, <LineState.VOID: 'void'>)
    >>> line_state(LineQuantities(ordered=3, confirmed=0))
    <LineState.OUT_OF_STOCK: 'out_of_stock'>

    """
    if not line.is_answered:
        return LineState.VOID if lapsed or line.to_answer == 0 else LineState.AWAITING
    if line.to_ship > 0:
        return LineState.PART_SHIPPED if line.shipped else LineState.AWAITING
    if line.shipped:
        return LineState.SHIPPED
    return LineState.OUT_OF_STOCK if line.declined or line.closed else LineState.VOID


def response_state(
    lines: Iterable[LineQuantities], *, lapsed: bool = False, disowned: bool = False
) -> ResponseState:
    """The state of the distributor's answer to the whole order.

    Lines that the buyer took back before the answer need none. While one of the others is unanswered the
    order is PENDING, or LAPSED once the deadline has passed and no line was answered at all.

    >>> response_state([LineQuantities(ordered=3, confirmed=0), LineQuantities(ordered=1, withdrawn_before=1)])
    <ResponseState.REFUSED: 'refused'>
    >>> response_state([LineQuantities(ordered=3)], lapsed=True)
    <ResponseState.LAPSED: 'lapsed'>
    """
    rows = list(lines)
    answered = [line for line in rows if line.is_answered]
    waiting = [line for line in rows if not line.is_answered and line.to_answer > 0]
    if waiting and not lapsed:
        return ResponseState.PENDING
    # A line withdrawn to 0 may carry an answer of 0 from an answer to the whole order; it refuses nothing.
    meant = [line for line in answered if line.to_answer > 0]
    if meant:
        return ResponseState.ANSWERED if any(line.confirmed for line in meant) else ResponseState.REFUSED
    if waiting:
        return ResponseState.LAPSED
    return ResponseState.DISOWNED if disowned else ResponseState.WITHDRAWN


def is_open(lines: Iterable[LineQuantities], *, lapsed: bool = False) -> bool:
    """Whether anything is still to be answered, shipped or accepted (R-ORD-7: no order stays open for ever).

    >>> is_open([LineQuantities(ordered=3, confirmed=3, shipped=3, accepted=2, rejected=1)])
    False
    """
    return any(
        (not lapsed and line.to_answer > 0)
        if not line.is_answered
        else (line.to_ship > 0 or line.under_way > 0)
        for line in lines
    )


def order_standing(lines: Iterable[LineQuantities], *, answered: bool, lapsed: bool = False) -> OrderStanding:
    """Where an order stands (R-ORD-5, R-ORD-6); ``queries.orders.narrowed`` says it in SQL.

    Args:
        lines: the quantities as of the instant.
        answered: whether the distributor has answered the order.
        lapsed: whether it had lapsed by then; matters only where it is not answered.

    >>> order_standing([LineQuantities(ordered=3, confirmed=3, shipped=3)], answered=True)
    <OrderStanding.UNDER_WAY: 'under_way'>
    >>> order_standing([LineQuantities(ordered=3)], answered=False, lapsed=True)
    <OrderStanding.ENDED: 'ended'>

    """
    rows = list(lines)
    if not answered:
        waits = not lapsed and any(line.to_answer > 0 for line in rows)
        return OrderStanding.UNANSWERED if waits else OrderStanding.ENDED
    if any(line.to_ship > 0 or line.under_way > 0 for line in rows):
        return OrderStanding.UNDER_WAY
    return OrderStanding.DONE if any(line.shipped for line in rows) else OrderStanding.ENDED


def shipment_state(
    *,
    shipped_at: datetime | None,
    accepted_at: datetime | None,
    voided_at: datetime | None = None,
    at: datetime | None = None,
) -> ShipmentState:
    """The state of a shipment as of an instant (None = all that is recorded)."""

    def had_happened(moment: datetime | None) -> bool:
        return moment is not None and (at is None or moment <= at)

    if had_happened(voided_at):
        return ShipmentState.VOID
    if had_happened(accepted_at):
        return ShipmentState.RECEIVED
    return ShipmentState.SHIPPED if had_happened(shipped_at) else ShipmentState.PREPARED


def return_state(
    *,
    agreed_at: datetime | None,
    refused_at: datetime | None = None,
    withdrawn_at: datetime | None = None,
    sent_back_at: datetime | None = None,
    at: datetime | None = None,
) -> ReturnState:
    """The state of a return as of an instant (None = all that is recorded)."""

    def had_happened(moment: datetime | None) -> bool:
        return moment is not None and (at is None or moment <= at)

    if had_happened(sent_back_at):
        return ReturnState.RETURNED
    if had_happened(agreed_at):
        return ReturnState.AGREED
    if had_happened(withdrawn_at):
        return ReturnState.WITHDRAWN
    return ReturnState.REFUSED if had_happened(refused_at) else ReturnState.REQUESTED


# Deadlines (R-ORD-6, R-ORD-9) -------------------------------------------------------------------------


def lapses_at(submitted_at: datetime, *, confirm_days: int) -> datetime:
    """24:00 of the last day to answer: from this instant on an unanswered order has lapsed (R-ORD-6).

    Args:
        submitted_at: when the order was submitted.
        confirm_days: working days, policy ``order.confirm_days``.

    >>> from datetime import UTC
    >>> lapses_at(datetime(2026, 9, 30, 2, 0, tzinfo=UTC), confirm_days=2)  # Over National Day.
    datetime.datetime(2026, 10, 9, 16, 0, tzinfo=datetime.timezone.utc)

    """
    return end_of_nth_working_day(submitted_at, confirm_days)


def answer_due_at(
    submitted_at: datetime, *, confirm_days: int, emergency: bool = False, emergency_hours: int = 0
) -> datetime:
    """The instant by which the answer is due.

    For an emergency order it is ``emergency_hours`` after submission, day and night (R-ORD-9): then the county
    bureau is alerted and the buyer may send the order to another distributor. It still lapses by R-ORD-6.
    """
    if emergency:
        return submitted_at + timedelta(hours=emergency_hours)
    return lapses_at(submitted_at, confirm_days=confirm_days)


def last_day_to_answer(
    submitted_at: datetime, *, confirm_days: int, emergency: bool = False, emergency_hours: int = 0
) -> date:
    """The last day (Asia/Shanghai) on which the answer is in time."""
    due = answer_due_at(
        submitted_at, confirm_days=confirm_days, emergency=emergency, emergency_hours=emergency_hours
    )
    # A deadline of 24:00 belongs to the day that ends with it.
    return day_in_china(due - timedelta(microseconds=1))


def lapsed_at(
    submitted_at: datetime, *, confirm_days: int, answered_at: datetime | None, at: datetime
) -> datetime | None:
    """When the order lapsed, seen at an instant; None if it had not.

    An answer that history dates after the deadline (an import) ends the lapse from then on.

    Args:
        submitted_at: when the order was submitted.
        confirm_days: working days, policy ``order.confirm_days``.
        answered_at: when the first line was answered, if it was.
        at: the instant for which the question is asked.

    """
    deadline = lapses_at(submitted_at, confirm_days=confirm_days)
    if at < deadline or (answered_at is not None and answered_at <= at):
        return None
    return deadline


def may_withdraw_unshipped(answered_at: datetime, *, ship_days: int, at: datetime) -> bool:
    """Whether the buyer may take back the unshipped rest: ``order.ship_days`` working days have passed (R-ORD-6).

    >>> from datetime import UTC
    >>> answered = datetime(2026, 11, 19, 2, 0, tzinfo=UTC)  # Thursday: until Monday 24:00.
    >>> may_withdraw_unshipped(answered, ship_days=2, at=datetime(2026, 11, 23, 15, 59, tzinfo=UTC))
    False
    >>> may_withdraw_unshipped(answered, ship_days=2, at=datetime(2026, 11, 23, 16, 0, tzinfo=UTC))
    True
    """
    return at >= end_of_nth_working_day(answered_at, ship_days)


class TooEarlyToWithdraw(RuleBroken):
    """The distributor still has time to ship (R-ORD-6)."""

    message = N_(
        "The distributor has until the end of %(day)s to ship. What is not shipped then can be withdrawn."
    )


def check_may_withdraw_unshipped(answered_at: datetime, *, ship_days: int, at: datetime) -> None:
    """Refuse to take back the unshipped rest too early.

    Raises:
        TooEarlyToWithdraw: with the last day to ship.

    """
    if not may_withdraw_unshipped(answered_at, ship_days=ship_days, at=at):
        last = end_of_nth_working_day(answered_at, ship_days) - timedelta(microseconds=1)
        raise TooEarlyToWithdraw(day=day_in_china(last))
