"""Who may take which step of an order, and when: one table (rules sections 3 and 4).

The guard in the actions, the buttons of a page, the history and the table in the docs all come from
``TRANSITIONS``. States are derived by ``rules.ordering``; the quantities of R-ORD-5 decide beyond the table.

>>> steps_open_to({Side.DISTRIBUTOR}, ResponseState.PENDING)
[<Step.ANSWER: 'answer'>]
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.ordering import ResponseState, ReturnState, ShipmentState
from clinic_orders.rules.parties import BUYER_ROLES, Actor, Role


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
    WITHDRAW_RETURN = "withdraw_return"
    SEND_BACK = "send_back"


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
    _row(Step.WITHDRAW_RETURN,  _R,  _RETURN.REQUESTED,   _RETURN.WITHDRAWN,   *_BUYERS),
    _row(Step.SEND_BACK,        _R,  _RETURN.AGREED,      _RETURN.RETURNED,    Side.DISTRIBUTOR, *_BUYERS),
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
    clinic_orders.rules.order_steps.StepOutOfTurn: This is no longer possible: it has moved on. Look at it again, nothing was changed.

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
