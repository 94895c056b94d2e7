"""Until when an order is answered and delivered, seen from its stored facts (R-ORD-6, R-ORD-9, R-DEL-3)."""

from __future__ import annotations

from datetime import datetime

from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.ordering import lapses_at
from clinic_orders.rules.policy import PolicyBook


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
