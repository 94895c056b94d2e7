"""Until when an order is answered and delivered, seen from its stored facts (R-ORD-6, R-ORD-9, R-DEL-3)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, exists, or_

from clinic_orders.models.base import UtcDateTime
from clinic_orders.models.orders import Order, OrderLine
from clinic_orders.rules.days import day_in_china, end_of_day, start_of_day
from clinic_orders.rules.ordering import lapses_at
from clinic_orders.rules.policy import PolicyBook

# No policy gives more working days to answer than fit into this many calendar days.
_LONGEST_ANSWER = 120


def lapse_instant(
    *, emergency: bool, submitted_at: datetime, answer_due_at: datetime, book: PolicyBook
) -> datetime:
    """The instant from which an unanswered order has lapsed (R-ORD-6).

    For an ordinary order it is the stored end of the last day to answer. An emergency order stores the hour
    by which the answer is due (R-ORD-9); it lapses like any other, by the policy of its day of submission.
    """
    if not emergency:
        return answer_due_at
    days = book.whole("order.confirm_days", on=day_in_china(submitted_at))
    return max(lapses_at(submitted_at, confirm_days=days), answer_due_at)


def emergencies_up_before(at: datetime, book: PolicyBook) -> datetime:
    """The instant before whose submission every unanswered emergency's last day to answer is over at an instant."""
    day = day_in_china(at)
    for _step in range(_LONGEST_ANSWER):
        if lapses_at(start_of_day(day), confirm_days=book.whole("order.confirm_days", on=day)) <= at:
            break
        day -= timedelta(days=1)
    return end_of_day(day)


def time_is_up(at: datetime, book: PolicyBook) -> ColumnElement[bool]:
    """The condition on ``Order`` that its last day to answer is over at an instant; see ``lapse_instant``."""
    return _up(at, emergencies_up_before(at, book))


def _up(at: Any, emergencies_before: Any) -> ColumnElement[bool]:
    return and_(
        Order.answer_due_at <= at, or_(Order.emergency.is_(False), Order.submitted_at < emergencies_before)
    )


def still_ordered() -> ColumnElement[bool]:
    """The condition on ``Order`` that the buyer has not taken everything back before the answer."""
    return (
        exists()
        .where(OrderLine.order_id == Order.id, OrderLine.packs > OrderLine.withdrawn_before)
        .correlate(Order)
    )


def awaits_answer(at: datetime, book: PolicyBook) -> ColumnElement[bool]:
    """The condition on ``Order`` that the distributor may still answer it at an instant."""
    return _awaits(time_is_up(at, book))


def awaits_answer_then() -> ColumnElement[bool]:
    """The same for a statement that is made once; ``instants_of`` fills it in."""
    return _awaits(_up_then())


def _up_then() -> ColumnElement[bool]:
    return _up(bindparam("now", type_=UtcDateTime), bindparam("urgent_before", type_=UtcDateTime))


def instants_of(at: datetime, book: PolicyBook) -> dict[str, datetime]:
    """What is filled in for ``awaits_answer_then`` at an instant."""
    return {"now": at, "urgent_before": emergencies_up_before(at, book)}


def _awaits(is_up: ColumnElement[bool]) -> ColumnElement[bool]:
    return and_(_unanswered(), ~is_up)


def has_lapsed(at: datetime, book: PolicyBook) -> ColumnElement[bool]:
    """The condition on ``Order`` that it lapsed by an instant, whether or not a job has run (R-ORD-6)."""
    return and_(_unanswered(), time_is_up(at, book))


def has_lapsed_then() -> ColumnElement[bool]:
    """The same for a statement that is made once; ``instants_of`` fills it in."""
    return and_(_unanswered(), _up_then())


def _unanswered() -> ColumnElement[bool]:
    return and_(Order.answered_at.is_(None), Order.disowned_at.is_(None), still_ordered())
