"""Which unanswered orders the clock must look at (R-ORD-6, R-ORD-9)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Select, exists, select

from clinic_orders.models.base import db
from clinic_orders.models.notices import Alarm
from clinic_orders.models.orders import Order, OrderLine
from clinic_orders.queries.deadlines import lapse_instant
from clinic_orders.queries.policy import policy_book

EMERGENCY_ALARM = "emergency_unanswered"


def _unanswered(before: datetime) -> Select[int, bool, datetime, datetime]:
    """Orders whose answer was due before an instant and that still ask for something."""
    still_ordered = exists().where(
        OrderLine.order_id == Order.id, OrderLine.packs > OrderLine.withdrawn_before
    )
    return (
        select(Order.id, Order.emergency, Order.submitted_at, Order.answer_due_at)
        .where(
            Order.answered_at.is_(None),
            Order.disowned_at.is_(None),
            Order.answer_due_at <= before,
            still_ordered,
        )
        .order_by(Order.id)
    )


def lapsed_unrecorded(at: datetime) -> list[int]:
    """Ids of the orders that had lapsed by then and whose lapse is not yet in their history."""
    book = policy_book("order.confirm_days")
    rows = db.session.execute(_unanswered(at).where(Order.lapse_recorded_at.is_(None))).all()
    return [
        row.id
        for row in rows
        if lapse_instant(
            emergency=row.emergency, submitted_at=row.submitted_at, answer_due_at=row.answer_due_at, book=book
        )
        <= at
    ]


def unanswered_emergencies(at: datetime) -> list[int]:
    """Ids of emergency orders whose hours to answer are over and for which no alarm was ever raised."""
    alarmed = exists().where(Alarm.kind == EMERGENCY_ALARM, Alarm.order_id == Order.id)
    return [row.id for row in db.session.execute(_unanswered(at).where(Order.emergency.is_(True), ~alarmed))]
