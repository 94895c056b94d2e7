"""Many webhooks, and many messages of one of them, for the tests that walk over all lists."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from clinic_orders.models.accounts import RoleAssignment
from clinic_orders.models.base import db
from clinic_orders.models.webhooks import Webhook, WebhookAttempt, WebhookDelivery, WebhookEvent
from clinic_orders.rules.webhooks import DeliveryState, Event, Failure, PauseReason, WebhookState
from tests.many_size import MANY
from tests.orders_in_work import NOW, World


def make_webhooks(world: World) -> None:
    """Webhooks of one account, every third one paused; the first one has many messages, each tried once."""
    posts = select(RoleAssignment).where(RoleAssignment.institution_id == world.clinic.id)
    post = db.session.scalars(posts.order_by(RoleAssignment.id)).first()
    assert post is not None
    for number in range(MANY):
        paused = number % 3 == 2
        db.session.add(
            Webhook(
                code=f"wh_{number:08}",
                user_id=post.user_id,
                assignment_id=post.id,
                url=f"https://erp{number:02}.example.cn/interfaces/clinic-orders/messages/incoming",
                events="order.answered shipment.made payment.confirmed",
                secret="-",
                state=WebhookState.PAUSED if paused else WebhookState.ACTIVE,
                paused_because=PauseReason.FAILING if paused else None,
                state_since=NOW,
                created_at=NOW - timedelta(minutes=number),
                created_by_name="王保田（收银台 co_00000000）",
            )
        )
    db.session.flush()
    webhook = db.session.scalars(select(Webhook).where(Webhook.code == "wh_00000000")).one()
    for number in range(MANY):
        at = NOW - timedelta(minutes=MANY - number)
        event = WebhookEvent(
            key=f"evt_{number:032}",
            event=Event.ORDER_ANSWERED if number % 2 else Event.SHIPMENT_MADE,
            at=at,
            subject_type="order",
            subject_id=number,
            subject=f"CG20261119-{number:04}",
            spread_at=at,
        )
        db.session.add(event)
        db.session.flush()
        waits = number % 4 == 0
        delivery = WebhookDelivery(
            webhook_id=webhook.id,
            event_id=event.id,
            number=event.subject,
            href=f"/api/v1/orders/{event.subject}",
            state=DeliveryState.WAITING if waits else DeliveryState.DONE,
            tries=1,
            begun_at=at,
            next_try_at=NOW + timedelta(hours=7) if waits else None,
            ended_at=None if waits else at,
        )
        db.session.add(delivery)
        db.session.flush()
        db.session.add(
            WebhookAttempt(
                webhook_id=webhook.id,
                delivery_id=delivery.id,
                at=at,
                duration_ms=120 + number,
                status=503 if waits else 204,
                failure=Failure.STATUS if waits else None,
                answer="Service Unavailable" if waits else "",
            )
        )
