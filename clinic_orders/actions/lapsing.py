"""What the clock does to orders that nobody answered: record the lapse, alert the county (R-ORD-6, R-ORD-9)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import insert, select

from clinic_orders.actions import audit, notices
from clinic_orders.actions.alarms import raise_alarm
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.orders import EventKind, Order, OrderEvent
from clinic_orders.models.roster import InstitutionRecord
from clinic_orders.queries.deadlines import lapse_instant
from clinic_orders.queries.lapsing import EMERGENCY_ALARM
from clinic_orders.queries.policy import policy_book
from clinic_orders.queries.roster import current
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.order_steps import Side, Step, check_step
from clinic_orders.rules.ordering import ResponseState
from clinic_orders.rules.parties import Actor


def _locked(order_id: int) -> Order:
    return db.session.execute(select(Order).where(Order.id == order_id).with_for_update()).scalar_one()


@transactional
def record_lapse(order_id: int, *, by: Actor, at: datetime) -> bool:
    """Write a lapse into the order's history and tell both sides (R-ORD-6). It had lapsed by date already.

    The event carries the instant of the lapse, not of the recording. Safe to repeat: answers False where
    somebody answered in the meantime or the lapse is recorded.
    """
    order = _locked(order_id)
    lapsed_on = lapse_instant(
        emergency=order.emergency,
        submitted_at=order.submitted_at,
        answer_due_at=order.answer_due_at,
        book=policy_book("order.confirm_days"),
    )
    if order.answered_at is not None or order.lapse_recorded_at is not None or at < lapsed_on:
        return False
    check_step(Step.LAPSE, ResponseState.LAPSED, {Side.SYSTEM})
    order.lapse_recorded_at, order.updated_at = at, at
    db.session.execute(
        insert(OrderEvent),
        [
            {
                "order_id": order.id,
                "line_id": None,
                "kind": EventKind.LAPSED,
                "packs": None,
                "reason": "",
                "at": lapsed_on,
                "user_id": by.user_id,
                "actor_name": by.name,
                "recorded_at": at,
            }
        ],
    )
    facts = {"order_no": order.order_no, "lapsed_on": day_in_china(lapsed_on).isoformat()}
    notices.tell(
        "order_lapsed",
        at=at,
        facts=facts,
        link=f"/orders/{order.order_no}",
        institution_id=order.institution_id,
    )
    notices.tell(
        "order_lapsed",
        at=at,
        facts=facts,
        link=f"/distribution/orders/{order.order_no}",
        distributor_id=order.distributor_id,
    )
    audit.record(
        "record_lapse",
        by=by,
        at=at,
        subject_type="order",
        subject_id=order.id,
        subject=order.order_no,
        institution_id=order.institution_id,
        distributor_id=order.distributor_id,
        after={"lapsed_at": lapsed_on},
    )
    return True


@transactional
def alert_emergency(order_id: int, *, by: Actor, at: datetime) -> bool:
    """Raise the county's alarm for an emergency order without an answer in its hours (R-ORD-9). Safe to repeat."""
    order = _locked(order_id)
    if order.answered_at is not None or not order.emergency or at < order.answer_due_at:
        return False
    record = db.session.scalars(
        select(InstitutionRecord).where(
            InstitutionRecord.institution_id == order.institution_id,
            current(InstitutionRecord, day_in_china(at)),
        )
    ).one()
    raise_alarm(
        EMERGENCY_ALARM,
        f"order:{order.id}",
        county_code=record.county_code,
        at=at,
        facts={"order_no": order.order_no, "institution": record.name, "reason": order.emergency_reason},
        institution_id=order.institution_id,
        order_id=order.id,
    )
    notices.tell(
        "emergency_unanswered",
        at=at,
        facts={"order_no": order.order_no, "institution": record.name},
        link=f"/bureau/orders/{order.order_no}",
        county_code=record.county_code,
    )
    return True
