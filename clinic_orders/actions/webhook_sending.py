"""What the sender of webhooks writes: who is told of what, which messages a process has in hand, how they ended.

A process claims a webhook, not a message: the messages of one receiver go out one after the other, in the order in which
things happened, and two processes never post the same. If it dies between posting and writing down, its claim runs
out and the message is sent again; the receiver knows it by the key of its event.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast

from sqlalchemy import Table, delete, exists, insert, select, update

from clinic_orders.actions.transaction import transactional
from clinic_orders.actions.webhooks import pause_for
from clinic_orders.models.base import db
from clinic_orders.models.webhooks import Webhook, WebhookAttempt, WebhookDelivery, WebhookEvent
from clinic_orders.queries.accounts import principal
from clinic_orders.queries.webhooks import due, events_of, hears, readable, scopes_in_force
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.parties import Actor, Permission
from clinic_orders.rules.webhooks import (
    AWAY,
    BUSY,
    GIVEN_UP_AFTER,
    GONE,
    KEPT,
    LEASE,
    DeliveryState,
    Event,
    Failure,
    PauseReason,
    WebhookState,
    message,
    scope_of,
    wait_after,
)

_DELIVERIES: Final = cast("Table", WebhookDelivery.__table__)
_EVENTS_AT_ONCE: Final = 200
_MESSAGES_AT_ONCE: Final = 20
"""Of one webhook; the others have their turn between."""


@transactional
def spread_events(*, by: Actor, at: datetime) -> int:
    """Find out who is told of the oldest events that nobody has looked at, and make their messages; how many events.

    Only who may read the record now is told: the account's role, its organisation and what its tokens carry.
    """
    by.need(Permission.JOBS_RUN)
    # Events that another process is just spreading are passed over; SQLite has one writer in any case.
    events = db.session.scalars(
        select(WebhookEvent)
        .where(WebhookEvent.spread_at.is_(None))
        .order_by(WebhookEvent.id)
        .limit(_EVENTS_AT_ONCE)
        .with_for_update(skip_locked=True)
    ).all()
    if not events:
        return 0
    heard = {event.event for event in events}
    webhooks = [
        one
        for one in db.session.scalars(
            select(Webhook).where(Webhook.state != WebhookState.ENDED).order_by(Webhook.id)
        )
        if heard & events_of(one.events)
    ]
    scopes = scopes_in_force({one.assignment_id for one in webhooks}, at=at)
    rows = [row for one in webhooks for row in _messages(one, scopes, events, at=at)]
    if rows:
        db.session.execute(insert(_DELIVERIES), rows)
    db.session.execute(
        update(WebhookEvent)
        .where(WebhookEvent.id.in_([event.id for event in events]))
        .values(spread_at=at)
        .execution_options(synchronize_session=False)
    )
    return len(events)


def _messages(
    webhook: Webhook,
    scopes: dict[int, frozenset[Permission]],
    events: Sequence[WebhookEvent],
    *,
    at: datetime,
) -> list[dict[str, Any]]:
    """The messages of some events for one webhook."""
    carried = scopes.get(webhook.assignment_id, frozenset())
    wanted = events_of(webhook.events)
    on = day_in_china(at)
    owner = principal(webhook.user_id, webhook.assignment_id, on=on) if carried else None
    if owner is None:
        return []
    # What happened before there was the webhook is none of its matters.
    chosen = [
        one
        for one in events
        if hears(wanted, carried, owner.actor, one.event) and one.at >= webhook.created_at
    ]
    subjects: dict[str, list[tuple[int | None, str]]] = {}
    for one in chosen:
        subjects.setdefault(one.subject_type, []).append((one.subject_id, one.subject))
    told = readable(owner.actor, subjects, on=on)
    return [
        {
            "webhook_id": webhook.id,
            "event_id": one.id,
            "number": told[one.subject_type, one.subject_id].number,
            "href": told[one.subject_type, one.subject_id].href,
            "state": DeliveryState.WAITING,
            "tries": 0,
            "begun_at": at,
            "next_try_at": at,
        }
        for one in chosen
        if (one.subject_type, one.subject_id) in told
    ]


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it is posted."""

    delivery_id: int
    key: str
    event: Event
    body: bytes


@dataclass(frozen=True, slots=True)
class Claimed:
    """A webhook whose messages a process has in hand; ``secrets`` as they are kept, the newest first."""

    webhook_id: int
    claim: int
    url: str
    secrets: tuple[str, ...]
    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Posted:
    """How one posting ended; ``failure`` None: the message was taken."""

    delivery_id: int
    at: datetime
    duration_ms: int
    status: int | None
    failure: Failure | None
    answer: str = ""


@transactional
def claim_webhook(*, by: Actor, at: datetime) -> Claimed | None:
    """Take the webhook that has waited longest, with its oldest messages; None if none is due.

    One whose account or tokens have ended is paused instead, and told so.
    """
    by.need(Permission.JOBS_RUN)
    while True:
        found = db.session.scalars(
            select(Webhook)
            .where(due(at))
            .order_by(Webhook.claimed_until.asc().nulls_first(), Webhook.id)
            .limit(1)
            .with_for_update(skip_locked=True)
            .execution_options(populate_existing=True)
        ).one_or_none()
        if found is None:
            return None
        rows = db.session.execute(
            select(WebhookDelivery, WebhookEvent)
            .join(WebhookEvent, WebhookEvent.id == WebhookDelivery.event_id)
            .where(
                WebhookDelivery.webhook_id == found.id,
                WebhookDelivery.state == DeliveryState.WAITING,
                WebhookDelivery.next_try_at <= at,
            )
            .order_by(WebhookEvent.id)
            .limit(_MESSAGES_AT_ONCE)
        ).all()
        if not _may_still(found, {event.event for _delivery, event in rows}, at=at):
            pause_for(found, PauseReason.OWNER, by=by, at=at)
            db.session.flush()
            continue
        found.claim += 1
        found.claimed_until = at + LEASE
        old = found.old_secret_until is not None and found.old_secret_until > at
        return Claimed(
            found.id,
            found.claim,
            found.url,
            (found.secret, found.old_secret) if old else (found.secret,),
            tuple(
                Message(
                    delivery.id,
                    event.key,
                    event.event,
                    message(event.key, event.event, event.at, event.id, delivery.number, delivery.href),
                )
                for delivery, event in rows
            ),
        )


def _may_still(webhook: Webhook, events: set[Event], *, at: datetime) -> bool:
    """Whether the account still has its role and a token that carries what these messages need."""
    carried = scopes_in_force([webhook.assignment_id], at=at).get(webhook.assignment_id, frozenset())
    owner = principal(webhook.user_id, webhook.assignment_id, on=day_in_china(at)) if carried else None
    return owner is not None and all(
        scope_of(event) in carried and owner.actor.may(scope_of(event)) for event in events
    )


@transactional
def note_posted(
    claimed: Claimed, posted: Sequence[Posted], *, shares: Sequence[float], by: Actor, at: datetime
) -> None:
    """Write down how postings ended, when failed ones are tried again, and give the webhook back.

    A message that was not taken for a day is given up; a receiver that took none for a day, or says that it wants no
    more, is left alone, and its owner is told.

    Args:
        claimed: what the process had in hand.
        posted: what it has posted; the rest waits.
        shares: a random number from 0 to 1 for each posting, so that tries spread.
        by: the system.
        at: when.

    """
    by.need(Permission.JOBS_RUN)
    found = db.session.get_one(Webhook, claimed.webhook_id, with_for_update=True, populate_existing=True)
    ours = found.claim == claimed.claim
    deliveries = {
        one.id: one
        for one in db.session.scalars(
            select(WebhookDelivery)
            .where(WebhookDelivery.id.in_([one.delivery_id for one in posted]))
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    }
    for one, share in zip(posted, shares, strict=True):
        delivery = deliveries.get(one.delivery_id)
        if delivery is None:
            continue
        db.session.add(
            WebhookAttempt(
                webhook_id=found.id,
                delivery_id=one.delivery_id,
                at=one.at,
                duration_ms=one.duration_ms,
                status=one.status,
                failure=one.failure,
                answer=one.answer,
            )
        )
        if delivery.state is DeliveryState.WAITING:
            _note(found, delivery, one, share, at=at)
    if ours:
        # Not empty: whoever was served least lately is served next.
        found.claimed_until = at
    if found.state is WebhookState.ACTIVE:
        reason = _reason_to_pause(found, posted, at=at)
        if reason is not None:
            pause_for(found, reason, by=by, at=at)


def _note(webhook: Webhook, delivery: WebhookDelivery, one: Posted, share: float, *, at: datetime) -> None:
    delivery.tries += 1
    if one.failure is None:
        delivery.state, delivery.next_try_at, delivery.ended_at = DeliveryState.DONE, None, at
        webhook.failing_since, webhook.failures, webhook.not_before = None, 0, None
        return
    webhook.failing_since = webhook.failing_since or one.at
    webhook.failures += 1
    wait = wait_after(delivery.tries, share)
    if one.at - delivery.begun_at >= GIVEN_UP_AFTER:
        delivery.state, delivery.next_try_at, delivery.ended_at = DeliveryState.FAILED, None, at
    else:
        delivery.next_try_at = at + wait
    if one.failure in AWAY or one.status in BUSY:
        webhook.not_before = at + wait_after(webhook.failures, share)


def _reason_to_pause(webhook: Webhook, posted: Sequence[Posted], *, at: datetime) -> PauseReason | None:
    if any(one.status == GONE for one in posted):
        return PauseReason.GONE
    if any(one.failure is Failure.SECRET for one in posted):
        return PauseReason.SECRET
    if webhook.failing_since is not None and at - webhook.failing_since >= GIVEN_UP_AFTER:
        return PauseReason.FAILING
    return None


@transactional
def forget_webhooks(*, by: Actor, at: datetime) -> int:
    """Forget messages and attempts that nobody looks at any more, and removed webhooks with them; how many messages."""
    by.need(Permission.JOBS_RUN)
    before = at - KEPT
    # Messages of a paused webhook wait no longer than that either.
    old = select(WebhookDelivery.id).where(WebhookDelivery.begun_at < before)
    db.session.execute(_silently(delete(WebhookAttempt).where(WebhookAttempt.delivery_id.in_(old))))
    gone = db.session.execute(
        _silently(
            delete(WebhookDelivery).where(WebhookDelivery.begun_at < before).returning(WebhookDelivery.id)
        )
    ).all()
    db.session.execute(
        _silently(
            delete(WebhookEvent).where(
                WebhookEvent.at < before,
                WebhookEvent.spread_at.is_not(None),
                ~exists().where(WebhookDelivery.event_id == WebhookEvent.id),
            )
        )
    )
    db.session.execute(
        _silently(
            delete(Webhook).where(
                Webhook.state == WebhookState.ENDED,
                Webhook.state_since < before,
                ~exists().where(WebhookDelivery.webhook_id == Webhook.id),
            )
        )
    )
    return len(gone)


def _silently(statement: Any) -> Any:
    """The rows are not in this session, so nothing there has to be told."""
    return statement.execution_options(synchronize_session=False)
