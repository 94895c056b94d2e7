"""What a buyer can do to an order it sent: withdraw, disown, send an emergency to another (R-ORD-6, R-ORD-9)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select

from clinic_orders.actions import audit, notices, numbers, outbox
from clinic_orders.actions.answering import note_events, state_of, touch
from clinic_orders.actions.loading import NotFound, order_for_update
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.orders import EventKind, Order, OrderEvent, OrderLine
from clinic_orders.models.roster import Distributor, InstitutionRecord
from clinic_orders.queries.ordering import prices_on
from clinic_orders.queries.policy import policy_book
from clinic_orders.queries.roster import current
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.money import line_amount, total
from clinic_orders.rules.order_steps import Step, check_may_resend, check_step, sides_of
from clinic_orders.rules.ordering import (
    OWN_CHANNEL,
    ResponseState,
    answer_due_at,
    check_may_withdraw_unshipped,
)
from clinic_orders.rules.parties import Actor, Permission
from clinic_orders.rules.webhooks import Event


class NothingToWithdraw(RuleBroken):
    """No packs were named, or nothing is left to take back."""

    message = N_("Nothing of this order is left to withdraw.")


class WithdrawTooMany(RuleBroken):
    """More than is still open."""

    message = N_("%(name)s: at most %(open)s packs can be withdrawn. You wrote %(packs)s.")


class SameDistributor(RuleBroken):
    """An emergency order sent again to the one who did not bring it."""

    message = N_("Choose another distributor; this one has the order already.")


def _open_packs(line: OrderLine, *, answered: bool) -> int:
    quantities = line.quantities
    return quantities.to_ship if answered else quantities.to_answer


def _record(
    deed: str, order: Order, *, by: Actor, at: datetime, before: Mapping[str, Any], after: Mapping[str, Any]
) -> None:
    audit.record(
        deed,
        by=by,
        at=at,
        subject_type="order",
        subject_id=order.id,
        subject=order.order_no,
        institution_id=order.institution_id,
        distributor_id=order.distributor_id,
        before=before,
        after=after,
    )


def _tell_distributor(kind: str, order: Order, packs: int, *, by: Actor, at: datetime) -> None:
    notices.tell(
        kind,
        at=at,
        facts={"order_no": order.order_no, "institution": by.org_name, "packs": packs},
        link=f"/distribution/orders/{order.order_no}",
        distributor_id=order.distributor_id,
    )


def _event(order: Order, kind: EventKind, packs: int, reason: str, *, by: Actor, at: datetime) -> None:
    db.session.execute(
        insert(OrderEvent),
        [
            {
                "order_id": order.id,
                "line_id": None,
                "kind": kind,
                "packs": packs,
                "reason": reason,
                "at": at,
                "user_id": by.user_id,
                "actor_name": by.name,
                "recorded_at": at,
            }
        ],
    )


def _take_back(
    order: Order, packs: Mapping[int, int] | None, *, answered: bool, by: Actor, at: datetime
) -> int:
    """Raise the withdrawn packs of lines and note the events; how many packs in all."""
    kind = EventKind.WITHDRAWN_AFTER if answered else EventKind.WITHDRAWN_BEFORE
    rows = []
    for line in order.lines:
        free = _open_packs(line, answered=answered)
        wanted = free if packs is None else packs.get(line.line_no, 0)
        if wanted > free or wanted < 0:
            raise WithdrawTooMany(name=line.item.generic_name, open=free, packs=wanted)
        if not wanted:
            continue
        if answered:
            line.withdrawn_after += wanted
        else:
            line.withdrawn_before += wanted
        rows.append((line, kind, wanted, ""))
    if not rows:
        raise NothingToWithdraw
    note_events(order, rows, by=by, at=at)
    touch(order, at)
    return sum(row[2] for row in rows)


@transactional
def withdraw_order(
    order_no: str,
    packs: Mapping[int, int] | None = None,
    *,
    by: Actor,
    at: datetime,
    seen_version: int | None = None,
) -> int:
    """Take packs back: before the answer freely, after it the unshipped rest once it is late (R-ORD-6).

    Args:
        order_no: the order.
        packs: by line number; None = everything that can be.
        by: somebody of the ordering organisation.
        at: when.
        seen_version: the order's version on the page.

    Returns:
        How many packs were taken back.

    Raises:
        NotFound, ChangedMeanwhile: see actions.loading.
        StepNotAllowed: not by this party, or not any more.
        TooEarlyToWithdraw: the distributor still has time to ship.
        WithdrawTooMany, NothingToWithdraw: the packs.

    """
    by.need(Permission.ORDERS_PLACE)
    order = order_for_update(order_no, by=by, at=at, seen_version=seen_version)
    state = state_of(order, at)
    check_step(Step.WITHDRAW, state, sides_of(by, order.parties))
    answered = state is ResponseState.ANSWERED
    if answered:
        assert order.answered_at is not None
        days = policy_book("order.ship_days").whole("order.ship_days", on=day_in_china(order.answered_at))
        check_may_withdraw_unshipped(order.answered_at, ship_days=days, at=at)
    taken = _take_back(order, packs, answered=answered, by=by, at=at)
    _tell_distributor("order_withdrawn", order, taken, by=by, at=at)
    _record("withdraw_order", order, by=by, at=at, before={"state": state.value}, after={"withdrawn": taken})
    return taken


@transactional
def disown_order(
    order_no: str, reason: str = "", *, by: Actor, at: datetime, seen_version: int | None = None
) -> None:
    """Say "not mine": the receiver sends back an order that another made for it, before the answer.

    Raises:
        NotFound, ChangedMeanwhile, StepNotAllowed: as for a withdrawal.

    """
    by.need(Permission.ORDERS_PLACE)
    order = order_for_update(order_no, by=by, at=at, seen_version=seen_version)
    state = state_of(order, at)
    check_step(Step.DISOWN, state, sides_of(by, order.parties))
    order.disowned_at = at
    _event(order, EventKind.DISOWNED, order.packs, reason.strip()[:100], by=by, at=at)
    taken = _take_back(order, None, answered=False, by=by, at=at)
    facts = {"order_no": order.order_no, "institution": by.org_name, "packs": taken}
    notices.tell(
        "order_disowned",
        at=at,
        facts=facts,
        link=f"/orders/{order.order_no}",
        institution_id=order.ordering_id,
    )
    _tell_distributor("order_disowned", order, taken, by=by, at=at)
    _record("disown_order", order, by=by, at=at, before={"state": state.value}, after={"reason": reason})


@transactional
def resend_emergency(
    order_no: str,
    distributor_id: int,
    *,
    by: Actor,
    at: datetime,
    seen_version: int | None = None,
) -> str:
    """Send an emergency order that was refused, or not answered in its hours, to another distributor (R-ORD-9).

    What the first one has not answered is taken back from it; the new order has the same lines and prices of
    its own day, and its own hours.

    Returns:
        The number of the new order.

    Raises:
        NotFound, ChangedMeanwhile, StepNotAllowed: as for a withdrawal.
        ResendNotPossible: no emergency, or the distributor still has time.
        SameDistributor: it is the one who has it.

    """
    by.need(Permission.ORDERS_PLACE)
    order = order_for_update(order_no, by=by, at=at, seen_version=seen_version)
    state = state_of(order, at)
    check_step(Step.RESEND_EMERGENCY, state, sides_of(by, order.parties))
    book = policy_book("order.emergency_hours", "order.confirm_days")
    check_may_resend(
        emergency=order.emergency,
        state=state,
        submitted_at=order.submitted_at,
        emergency_hours=book.whole("order.emergency_hours", on=day_in_china(order.submitted_at)),
        at=at,
    )
    if distributor_id == order.distributor_id:
        raise SameDistributor
    distributor = db.session.get(Distributor, distributor_id)
    if distributor is None:
        raise NotFound(number=str(distributor_id))
    wanted = [(line, line.quantities.to_answer) for line in order.lines if line.quantities.to_answer]
    if db.session.scalar(select(Order.id).where(Order.resent_from_id == order.id)) is not None:
        raise NothingToWithdraw
    new = _copy(order, wanted, distributor_id, by=by, at=at)
    new.answer_due_at = answer_due_at(
        at,
        confirm_days=book.whole("order.confirm_days", on=day_in_china(at)),
        emergency=True,
        emergency_hours=book.whole("order.emergency_hours", on=day_in_china(at)),
    )
    db.session.add(new)
    db.session.flush()
    _event(new, EventKind.SUBMITTED, new.packs, order.emergency_reason, by=by, at=at)
    _event(order, EventKind.RESENT, new.packs, new.order_no, by=by, at=at)
    if state is ResponseState.PENDING:
        taken = _take_back(order, None, answered=False, by=by, at=at)
        _tell_distributor("order_withdrawn", order, taken, by=by, at=at)
        _announce(Event.ORDER_WITHDRAWN, order, at=at)
    touch(order, at)
    county = db.session.scalar(
        select(InstitutionRecord.county_code).where(
            InstitutionRecord.institution_id == order.institution_id,
            current(InstitutionRecord, day_in_china(at)),
        )
    )
    notices.tell(
        "emergency_order_resent",
        at=at,
        facts={"order_no": order.order_no, "new_order_no": new.order_no, "distributor": distributor.name},
        link=f"/bureau/orders/{new.order_no}",
        county_code=county,
    )
    _record(
        "resend_emergency",
        order,
        by=by,
        at=at,
        before={"state": state.value},
        after={"order_no": new.order_no},
    )
    _announce(Event.ORDER_SUBMITTED, new, at=at)
    return new.order_no


def _announce(event: Event, order: Order, *, at: datetime) -> None:
    """The audit tells of the old order only; webhooks tell whoever has to do with either."""
    outbox.note(event, at=at, subject_type="order", subject_id=order.id, subject=order.order_no)


def _copy(
    order: Order, wanted: list[tuple[OrderLine, int]], distributor_id: int, *, by: Actor, at: datetime
) -> Order:
    (order_no,) = numbers.next_numbers(numbers.ORDER, 1, at=at)
    prices = prices_on([line.item_id for line, _ in wanted], day_in_china(at))
    lines = [
        OrderLine(
            line_no=place,
            item_id=line.item_id,
            pack_price=prices.get(line.item_id, line.pack_price),
            packs=packs,
            amount=line_amount(prices.get(line.item_id, line.pack_price), packs),
        )
        for place, (line, packs) in enumerate(wanted, start=1)
    ]
    return Order(
        order_no=order_no,
        submission_id=order.submission_id,
        institution_id=order.institution_id,
        ordering_id=order.ordering_id,
        paying_id=order.paying_id,
        distributor_id=distributor_id,
        mode=order.mode,
        channel=OWN_CHANNEL,
        emergency=True,
        emergency_reason=order.emergency_reason,
        submitted_at=at,
        answer_due_at=at,
        resent_from_id=order.id,
        lines=lines,
        lines_count=len(lines),
        packs=sum(line.packs for line in lines),
        amount=total(line.amount for line in lines),
        created_by_id=by.user_id,
        recorded_at=at,
        updated_at=at,
    )
