"""The life of an order: modes, states, steps and deadlines (rules section 3, R-ORD-1 to R-ORD-9).

A state is never stored as the truth. It is derived from dated events and quantities, as of an instant, and
an order lapses by the calendar whether or not a job has run. What is kept beside the rows (``StepNotAllowed``,
the buttons of a page, the docs table) comes from the one table ``TRANSITIONS``.

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
from clinic_orders.rules.parties import BUYER_ROLES, Actor, Role


class OrderMode(StrEnum):
    """Who orders for whom (R-ORD-1)."""

    DIRECT = "direct"
    PROXY = "proxy"
    MEDICAL_COMMUNITY = "medical_community"


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
    taken_back_at: datetime | None = None,
    at: datetime | None = None,
) -> ReturnState:
    """The state of a return as of an instant (None = all that is recorded)."""

    def had_happened(moment: datetime | None) -> bool:
        return moment is not None and (at is None or moment <= at)

    if had_happened(taken_back_at):
        return ReturnState.RETURNED
    if had_happened(agreed_at):
        return ReturnState.AGREED
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


# Steps ------------------------------------------------------------------------------------------------


class Side(StrEnum):
    """What somebody is to one order."""

    ORDERER = "orderer"
    RECEIVER = "receiver"
    PRINCIPAL = "principal"
    DISTRIBUTOR = "distributor"
    SYSTEM = "system"


SIDE_ROLES: Final[dict[Side, frozenset[Role]]] = {
    Side.ORDERER: BUYER_ROLES,
    Side.RECEIVER: BUYER_ROLES,
    # The receiver for whom another organisation ordered: it alone can say "not mine".
    Side.PRINCIPAL: BUYER_ROLES,
    Side.DISTRIBUTOR: frozenset({Role.DISTRIBUTOR}),
    Side.SYSTEM: frozenset({Role.SYSTEM}),
}


@dataclass(frozen=True, slots=True)
class OrderParties:
    """The organisations of one order, by row id."""

    ordering_id: int
    receiving_id: int
    distributor_id: int


def sides_of(actor: Actor, parties: OrderParties) -> frozenset[Side]:
    """What the actor is to the order; empty for bureaus and strangers, who only look on."""
    sides = set()
    if actor.role is Role.SYSTEM:
        sides.add(Side.SYSTEM)
    elif actor.role is Role.DISTRIBUTOR:
        if actor.distributor_id == parties.distributor_id:
            sides.add(Side.DISTRIBUTOR)
    elif actor.role in BUYER_ROLES and actor.institution_id is not None:
        if actor.institution_id == parties.ordering_id:
            sides.add(Side.ORDERER)
        if actor.institution_id == parties.receiving_id:
            sides.add(Side.RECEIVER)
            if parties.ordering_id != parties.receiving_id:
                sides.add(Side.PRINCIPAL)
    return frozenset(sides)


class Subject(StrEnum):
    """What a step is taken on."""

    ORDER = "order"
    SHIPMENT = "shipment"
    RETURN = "return"


class Step(StrEnum):
    """One deed in the life of an order."""

    SUBMIT = "submit"
    ANSWER = "answer"
    WITHDRAW = "withdraw"
    DISOWN = "disown"
    LAPSE = "lapse"
    RESEND_EMERGENCY = "resend_emergency"
    CLOSE_SHORT = "close_short"
    PREPARE_SHIPMENT = "prepare_shipment"
    SHIP = "ship"
    VOID_SHIPMENT = "void_shipment"
    DELIVER = "deliver"
    ACCEPT = "accept"
    REQUEST_RETURN = "request_return"
    AGREE_RETURN = "agree_return"
    REFUSE_RETURN = "refuse_return"
    TAKE_BACK = "take_back"


State = ResponseState | ShipmentState | ReturnState


@dataclass(frozen=True, slots=True)
class Transition:
    """One row of the table.

    Attributes:
        step: the deed.
        subject: whose state is looked at.
        before: the state from which it may be taken; None = the subject does not exist yet.
        after: the state it leads to; the quantities decide where a row names the usual one.
        sides: who may take it.
    """

    step: Step
    subject: Subject
    before: State | None
    after: State
    sides: frozenset[Side]

    @property
    def roles(self) -> frozenset[Role]:
        """The roles that may stand on one of the sides, for the docs and the buttons."""
        return frozenset().union(*(SIDE_ROLES[side] for side in self.sides))


def _row(step: Step, subject: Subject, before: State | None, after: State, *sides: Side) -> Transition:
    return Transition(step, subject, before, after, frozenset(sides))


_O, _S, _R = Subject.ORDER, Subject.SHIPMENT, Subject.RETURN
_ANSWER, _SHIPMENT, _RETURN = ResponseState, ShipmentState, ReturnState
# The orderer also acts for the receiver: chain headquarters keep one account for all their stores, and a
# hospital that orders for its villages splits the goods again on delivery.
_BUYERS = (Side.ORDERER, Side.RECEIVER)

TRANSITIONS: Final = (
    #    step                   on   from                 to                   who
    _row(Step.SUBMIT,           _O,  None,                _ANSWER.PENDING,     Side.ORDERER),
    _row(Step.ANSWER,           _O,  _ANSWER.PENDING,     _ANSWER.ANSWERED,    Side.DISTRIBUTOR),
    _row(Step.WITHDRAW,         _O,  _ANSWER.PENDING,     _ANSWER.WITHDRAWN,   Side.ORDERER),
    _row(Step.WITHDRAW,         _O,  _ANSWER.ANSWERED,    _ANSWER.ANSWERED,    Side.ORDERER),
    _row(Step.DISOWN,           _O,  _ANSWER.PENDING,     _ANSWER.DISOWNED,    Side.PRINCIPAL),
    _row(Step.LAPSE,            _O,  _ANSWER.LAPSED,      _ANSWER.LAPSED,      Side.SYSTEM),
    _row(Step.RESEND_EMERGENCY, _O,  _ANSWER.PENDING,     _ANSWER.WITHDRAWN,   Side.ORDERER),
    _row(Step.RESEND_EMERGENCY, _O,  _ANSWER.REFUSED,     _ANSWER.REFUSED,     Side.ORDERER),
    _row(Step.RESEND_EMERGENCY, _O,  _ANSWER.LAPSED,      _ANSWER.LAPSED,      Side.ORDERER),
    _row(Step.CLOSE_SHORT,      _O,  _ANSWER.ANSWERED,    _ANSWER.ANSWERED,    Side.DISTRIBUTOR),
    _row(Step.PREPARE_SHIPMENT, _O,  _ANSWER.ANSWERED,    _ANSWER.ANSWERED,    Side.DISTRIBUTOR),
    _row(Step.SHIP,             _O,  _ANSWER.ANSWERED,    _ANSWER.ANSWERED,    Side.DISTRIBUTOR),
    _row(Step.SHIP,             _S,  _SHIPMENT.PREPARED,  _SHIPMENT.SHIPPED,   Side.DISTRIBUTOR),
    _row(Step.VOID_SHIPMENT,    _S,  _SHIPMENT.PREPARED,  _SHIPMENT.VOID,      Side.DISTRIBUTOR),
    _row(Step.VOID_SHIPMENT,    _S,  _SHIPMENT.SHIPPED,   _SHIPMENT.VOID,      Side.DISTRIBUTOR),
    _row(Step.DELIVER,          _S,  _SHIPMENT.SHIPPED,   _SHIPMENT.SHIPPED,   Side.DISTRIBUTOR, *_BUYERS),
    _row(Step.ACCEPT,           _S,  _SHIPMENT.SHIPPED,   _SHIPMENT.RECEIVED,  *_BUYERS),
    _row(Step.REQUEST_RETURN,   _S,  _SHIPMENT.RECEIVED,  _SHIPMENT.RECEIVED,  *_BUYERS),
    _row(Step.AGREE_RETURN,     _R,  _RETURN.REQUESTED,   _RETURN.AGREED,      Side.DISTRIBUTOR),
    _row(Step.REFUSE_RETURN,    _R,  _RETURN.REQUESTED,   _RETURN.REFUSED,     Side.DISTRIBUTOR),
    _row(Step.TAKE_BACK,        _R,  _RETURN.AGREED,      _RETURN.RETURNED,    Side.DISTRIBUTOR),
)  # fmt: skip
"""Every step with the state it needs, the usual state after it, and who may take it."""


class StepNotAllowed(RuleBroken):
    """The step can't be taken now, or not by this actor."""


class StepOutOfTurn(StepNotAllowed):
    """The order, shipment or return is not in a state for this step."""

    message = N_("This is no longer possible: it has moved on. Look at it again, nothing was changed.")


class StepNotYours(StepNotAllowed):
    """Another party takes this step."""

    message = N_("This step is taken by another party of the order.")


def steps_open_to(sides: Iterable[Side], state: State | None) -> list[Step]:
    """The steps that somebody on these sides may take from a state, in the order of the table: the buttons.

    >>> steps_open_to({Side.DISTRIBUTOR}, ResponseState.PENDING)
    [<Step.ANSWER: 'answer'>]
    >>> steps_open_to({Side.RECEIVER, Side.PRINCIPAL}, ResponseState.PENDING)
    [<Step.DISOWN: 'disown'>]
    """
    mine = frozenset(sides)
    return [
        row.step
        for row in TRANSITIONS
        if row.before == state and type(row.before) is type(state) and row.sides & mine
    ]


def check_step(step: Step, state: State | None, sides: Iterable[Side]) -> Transition:
    """The row by which a step is taken.

    Raises:
        StepNotYours: no side of the actor ever takes this step.
        StepOutOfTurn: the state does not allow it (any more).

    >>> check_step(Step.ANSWER, ResponseState.LAPSED, {Side.DISTRIBUTOR})
    Traceback (most recent call last):
    clinic_orders.rules.ordering.StepOutOfTurn: This is no longer possible: it has moved on. Look at it again, nothing was changed.
    """
    mine = frozenset(sides)
    rows = [row for row in TRANSITIONS if row.step is step and row.sides & mine]
    if not rows:
        raise StepNotYours(step=step.value)
    for row in rows:
        if row.before == state and type(row.before) is type(state):
            return row
    raise StepOutOfTurn(step=step.value, state=None if state is None else state.value)


class ResendNotPossible(StepNotAllowed):
    """Only an emergency order that was refused, or not answered in time, goes to another distributor."""

    message = N_(
        "Only an emergency order that was refused or not answered in time can be sent to another distributor."
    )


def check_may_resend(
    *, emergency: bool, state: ResponseState, submitted_at: datetime, emergency_hours: int, at: datetime
) -> None:
    """Refuse to send an order to another distributor where R-ORD-9 does not allow it.

    Raises:
        ResendNotPossible: it is no emergency, or the distributor still has time.
    """
    out_of_time = at >= submitted_at + timedelta(hours=emergency_hours)
    if not emergency or (state is ResponseState.PENDING and not out_of_time):
        raise ResendNotPossible
