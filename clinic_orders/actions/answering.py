"""The distributor's words to an order: confirm it line by line, confirm it whole, close the rest short (R-ORD-6, 7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert
from sqlalchemy.orm.attributes import flag_modified

from clinic_orders.actions import audit, notices
from clinic_orders.actions.loading import order_for_update
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.deliveries import Shipment
from clinic_orders.models.orders import EventKind, Order, OrderEvent, OrderLine
from clinic_orders.queries.deadlines import lapse_instant
from clinic_orders.queries.policy import policy_book
from clinic_orders.rules.answering import check_answer, check_closing, parse_close_reason
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.order_steps import Step, check_step, sides_of
from clinic_orders.rules.ordering import ResponseState, response_state
from clinic_orders.rules.parties import Actor, Permission


@dataclass(frozen=True, slots=True)
class Answer:
    """What the distributor says to one line: the packs it will bring, and the coded reason for fewer."""

    confirmed_packs: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class AnswerOutcome:
    """What became of one of many orders: answered, or why not."""

    order_no: str
    refusal: RuleBroken | None = None


class LinesNotPossible(RuleBroken):
    """Some lines of a form can't be taken as they are; ``problems`` says which and why, by line number."""

    message = N_("%(count)s lines of %(number)s can't be taken like this.")

    def __init__(self, number: str, problems: Mapping[int, RuleBroken]) -> None:
        super().__init__(number=number, count=len(problems))
        self.problems = dict(problems)


class LineNotAnswered(RuleBroken):
    """An answer is to the whole order; a line was left out."""

    message = N_("Say for this line too how many packs you confirm; 0 is an answer.")


class OrderLapsed(RuleBroken):
    """The last day to answer has passed (R-ORD-6)."""

    message = N_(
        "%(number)s was not answered in time and has lapsed. The institution can order again; nothing was changed."
    )


class NoSuchLine(RuleBroken):
    """The order has no line of this number."""

    message = N_("%(number)s has no line %(line)s.")


class NothingToClose(RuleBroken):
    """No packs were named."""

    message = N_("Write for at least one line how many packs will not come.")


class NothingStillOrdered(RuleBroken):
    """The buyer has taken everything back, so there is nothing to answer."""

    message = N_("Everything of %(number)s was withdrawn. There is nothing to answer.")


def touch(record: Order | Shipment, at: datetime) -> None:
    """Let the record's version rise even where two deeds fall on one instant."""
    record.updated_at = at
    flag_modified(record, "updated_at")


def state_of(order: Order, at: datetime) -> ResponseState:
    """The state of the answer at an instant; lapsing is a matter of date (R-ORD-6)."""
    lapsed = False
    if order.answered_at is None:
        ends = lapse_instant(
            emergency=order.emergency,
            submitted_at=order.submitted_at,
            answer_due_at=order.answer_due_at,
            book=policy_book("order.confirm_days"),
        )
        lapsed = at >= ends
    return response_state(
        [line.quantities for line in order.lines], lapsed=lapsed, disowned=order.disowned_at is not None
    )


def tell_buyers(
    kind: str, order: Order, facts: Mapping[str, str | int], *, at: datetime, link: str = ""
) -> None:
    """Tell the receiver, and whoever ordered for it, what became of the order; the link leads there by default."""
    whole = {"order_no": order.order_no, "distributor": order.distributor.name, **facts}
    for institution_id in dict.fromkeys((order.institution_id, order.ordering_id)):
        notices.tell(
            kind, at=at, facts=whole, link=link or f"/orders/{order.order_no}", institution_id=institution_id
        )


def note_events(
    order: Order, rows: Sequence[tuple[OrderLine, EventKind, int, str]], *, by: Actor, at: datetime
) -> None:
    """Write dated events of lines: line, kind, packs, reason (R-ORD-8)."""
    if rows:
        db.session.execute(
            insert(OrderEvent),
            [
                {
                    "order_id": order.id,
                    "line_id": line.id,
                    "kind": kind,
                    "packs": packs,
                    "reason": reason,
                    "at": at,
                    "user_id": by.user_id,
                    "actor_name": by.name,
                    "recorded_at": at,
                }
                for line, kind, packs, reason in rows
            ],
        )


def _check_may_answer(order: Order, *, by: Actor, at: datetime) -> None:
    state = state_of(order, at)
    if state is ResponseState.LAPSED:
        raise OrderLapsed(number=order.order_no)
    if state is ResponseState.WITHDRAWN:
        raise NothingStillOrdered(number=order.order_no)
    check_step(Step.ANSWER, state, sides_of(by, order.parties))


@transactional
def answer_order(
    order_no: str, answers: Mapping[int, Answer], *, by: Actor, at: datetime, seen_version: int | None = None
) -> Order:
    """Answer every line of an order at once, in full, in part or with 0 (R-ORD-5, R-ORD-6, R-ORD-9).

    Args:
        order_no: the order.
        answers: line number → packs and reason; every line that is still ordered must be there.
        by: somebody of the order's distributor.
        at: the instant of the answer; before the order lapses.
        seen_version: the version of the page on which the answer was typed.

    Raises:
        NotFound, ChangedMeanwhile: see ``actions.loading``.
        OrderLapsed, NothingStillOrdered, StepNotAllowed: it is too late for an answer, or it was given.
        LinesNotPossible: with a refusal for each line that is not right.

    """
    by.need(Permission.ORDERS_ANSWER)
    order = order_for_update(order_no, by=by, at=at, seen_version=seen_version)
    _check_may_answer(order, by=by, at=at)
    problems: dict[int, RuleBroken] = {
        line_no: NoSuchLine(number=order_no, line=line_no)
        for line_no in answers.keys() - {line.line_no for line in order.lines}
    }
    reasons: dict[int, str] = {}
    for line in order.lines:
        answer = answers.get(line.line_no)
        if answer is None:
            if line.quantities.to_answer:
                problems[line.line_no] = LineNotAnswered()
            continue
        try:
            reasons[line.line_no] = check_answer(
                line.quantities, confirmed=answer.confirmed_packs, reason=answer.reason
            )
        except RuleBroken as refusal:
            problems[line.line_no] = refusal
    if problems:
        raise LinesNotPossible(order_no, problems)
    events = []
    for line in order.lines:
        answer = answers.get(line.line_no, Answer(0))
        line.confirmed_packs = answer.confirmed_packs
        line.answer_reason = reasons.get(line.line_no, "")
        if line.quantities.to_answer:
            events.append((line, EventKind.ANSWERED, answer.confirmed_packs, line.answer_reason))
    order.answered_at = at
    touch(order, at)
    note_events(order, events, by=by, at=at)
    confirmed = sum(packs for _line, _kind, packs, _reason in events)
    wanted = sum(line.quantities.to_answer for line in order.lines)
    audit.record(
        "answer_order",
        by=by,
        at=at,
        subject_type="order",
        subject_id=order.id,
        subject=order_no,
        institution_id=order.institution_id,
        distributor_id=order.distributor_id,
        before={"confirmed_packs": None},
        after={
            "confirmed_packs": {line.line_no: packs for line, _kind, packs, _reason in events},
            "reasons": {line.line_no: reason for line, _kind, _packs, reason in events if reason},
        },
    )
    if confirmed == wanted:
        kind = "order_confirmed"
    else:
        kind = "order_partly_confirmed" if confirmed else "order_refused"
    tell_buyers(kind, order, {"confirmed": confirmed, "ordered": wanted}, at=at)
    return order


@transactional
def answer_order_in_full(order_no: str, *, by: Actor, at: datetime, seen_version: int | None = None) -> Order:
    """Confirm every line of one order as ordered; errors as for ``answer_order``."""
    by.need(Permission.ORDERS_ANSWER)
    order = order_for_update(order_no, by=by, at=at, seen_version=seen_version)
    answers = {line.line_no: Answer(line.quantities.to_answer) for line in order.lines}
    return answer_order(order_no, answers, by=by, at=at)


def answer_in_full(
    order_nos: Sequence[str],
    *,
    by: Actor,
    at: datetime,
    seen_versions: Mapping[str, int] | None = None,
) -> list[AnswerOutcome]:
    """Confirm many orders as ordered, each in its own transaction: one refusal does not stop the others.

    Gives for each number, in the order asked and once each, whether it was answered or why not.
    """
    outcomes = []
    for order_no in dict.fromkeys(order_nos):
        try:
            answer_order_in_full(order_no, by=by, at=at, seen_version=(seen_versions or {}).get(order_no))
        except RuleBroken as refusal:
            outcomes.append(AnswerOutcome(order_no, refusal))
        else:
            outcomes.append(AnswerOutcome(order_no))
    return outcomes


@transactional
def close_short(
    order_no: str,
    packs: Mapping[int, int],
    reason: str,
    *,
    by: Actor,
    at: datetime,
    seen_version: int | None = None,
) -> Order:
    """Close packs that will not be shipped any more, with one coded reason (R-ORD-7).

    Args:
        order_no: the order.
        packs: line number → packs to close, at least 1, at most what is still to be shipped.
        reason: a code of ``CloseReason``, or ``other:text``.
        by: somebody of the order's distributor.
        at: the instant.
        seen_version: the version of the page on which it was typed.

    Raises:
        NotFound, ChangedMeanwhile: see ``actions.loading``.
        StepNotAllowed: the order is not answered.
        NothingToClose, LinesNotPossible: the packs can't be closed.
        ReasonMissing and its like: the reason is none of the list.

    """
    by.need(Permission.ORDERS_ANSWER)
    order = order_for_update(order_no, by=by, at=at, seen_version=seen_version)
    check_step(Step.CLOSE_SHORT, state_of(order, at), sides_of(by, order.parties))
    if not packs:
        raise NothingToClose()
    lines = {line.line_no: line for line in order.lines}
    problems: dict[int, RuleBroken] = {}
    for line_no, count in packs.items():
        if line_no not in lines:
            problems[line_no] = NoSuchLine(number=order_no, line=line_no)
            continue
        try:
            check_closing(lines[line_no].quantities, count)
        except RuleBroken as refusal:
            problems[line_no] = refusal
    if problems:
        raise LinesNotPossible(order_no, problems)
    stored = parse_close_reason(reason)
    before = {line_no: lines[line_no].closed_packs for line_no in packs}
    for line_no, count in packs.items():
        lines[line_no].closed_packs += count
    touch(order, at)
    note_events(
        order,
        [(lines[line_no], EventKind.CLOSED, count, stored) for line_no, count in sorted(packs.items())],
        by=by,
        at=at,
    )
    audit.record(
        "close_short",
        by=by,
        at=at,
        subject_type="order",
        subject_id=order.id,
        subject=order_no,
        institution_id=order.institution_id,
        distributor_id=order.distributor_id,
        before={"closed_packs": before},
        after={"closed_packs": {no: lines[no].closed_packs for no in packs}, "reason": stored},
    )
    tell_buyers("order_closed_short", order, {"packs": sum(packs.values()), "reason": stored}, at=at)
    return order
