"""Webhooks as their owners and the operator look after them: made, paused, resumed, removed, tried (formats.md section 5)."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import func, select, update

from clinic_orders.actions import audit, notices
from clinic_orders.actions.loading import NotFound
from clinic_orders.actions.outbox import new_key
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.accounts import RoleAssignment
from clinic_orders.models.base import db
from clinic_orders.models.webhooks import Webhook, WebhookDelivery, WebhookEvent
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.parties import Actor, Permission
from clinic_orders.rules.webhook_addresses import Reach, target_of
from clinic_orders.rules.webhooks import (
    MOST_WEBHOOKS,
    SECRET_PREFIX,
    SECRETS_OVERLAP,
    DeliveryState,
    Event,
    PauseReason,
    TooManyWebhooks,
    WebhookEnded,
    WebhookState,
    check_events,
)

Seal = Callable[[str], str]
"""Makes of a secret what stands in the database."""
_SUBJECT: Final = "webhook"


class NothingToSend(RuleBroken):
    """The message waits already."""

    message = N_("This message waits to be sent already.")


@dataclass(frozen=True, slots=True)
class MadeWebhook:
    """A webhook with its new secret, which is shown once and stands nowhere in plain words."""

    code: str
    secret: str


@transactional
def make_webhook(
    assignment_id: int,
    url: str,
    events: Iterable[str],
    *,
    scopes: Iterable[Permission],
    reach: Reach,
    seal: Seal,
    by: Actor,
    at: datetime,
) -> MadeWebhook:
    """Have messages sent to an address about what the account in its organisation may read. The organisation is told.

    Args:
        assignment_id: the account in its organisation.
        url: whither.
        events: their words.
        scopes: what the token of the call carries.
        reach: how far messages may go.
        seal: makes of the secret what is kept.
        by: in whose name.
        at: when.

    Raises:
        UrlWrong, PortNotAllowed, AddressNotAllowed: nothing is sent to this address.
        EventMissing, EventUnknown, EventNotCarried: what is wrong with the events.
        TooManyWebhooks: the account has enough.

    """
    by.need(Permission.WEBHOOKS_MANAGE)
    target = target_of(url, reach)
    wanted = check_events(events, scopes)
    # Two calls at once do not make one more than is allowed: the second waits here.
    post = db.session.get_one(RoleAssignment, assignment_id, with_for_update=True)
    known = db.session.scalar(
        select(func.count())
        .select_from(Webhook)
        .where(Webhook.assignment_id == assignment_id, Webhook.state != WebhookState.ENDED)
    )
    if (known or 0) >= MOST_WEBHOOKS:
        raise TooManyWebhooks(limit=MOST_WEBHOOKS)
    secret = _new_secret()
    made = Webhook(
        code=f"wh_{secrets.token_hex(8)}",
        user_id=post.user_id,
        assignment_id=assignment_id,
        url=url,
        events=" ".join(wanted),
        secret=seal(secret),
        state=WebhookState.ACTIVE,
        state_since=at,
        created_at=at,
        created_by_name=by.name,
    )
    db.session.add(made)
    db.session.flush()
    _write_down("make_webhook", made, by=by, at=at, after={"url": url, "events": list(wanted)})
    _tell("webhook_made", made, {"host": target.host, "program": by.name}, at=at)
    return MadeWebhook(made.code, secret)


def _new_secret() -> str:
    return SECRET_PREFIX + secrets.token_urlsafe(32)


@transactional
def renew_secret(code: str, *, assignment_id: int | None, seal: Seal, by: Actor, at: datetime) -> MadeWebhook:
    """Make a new secret; for a day messages are signed with the old one as well.

    A webhook that was paused because its secret could not be read any more goes on.

    Raises:
        NotFound: there is none of this account's.
        WebhookEnded: it was removed.

    """
    found = _open(code, assignment_id=assignment_id, by=by)
    secret = _new_secret()
    if found.paused_because is PauseReason.SECRET:
        found.old_secret, found.old_secret_until = "", None
        _go_on(found, at=at)
    else:
        found.old_secret, found.old_secret_until = found.secret, at + SECRETS_OVERLAP
    found.secret = seal(secret)
    _write_down("renew_webhook_secret", found, by=by, at=at)
    return MadeWebhook(code, secret)


@transactional
def pause_webhook(code: str, *, assignment_id: int | None, by: Actor, at: datetime) -> None:
    """Send nothing for now; what happens meanwhile waits. Paused twice, the first time counts.

    Raises:
        NotFound, WebhookEnded: there is none of this account's, or it was removed.

    """
    found = _open(code, assignment_id=assignment_id, by=by)
    if found.state is WebhookState.ACTIVE:
        found.state, found.paused_because, found.state_since = WebhookState.PAUSED, PauseReason.ASKED, at
        _write_down("pause_webhook", found, by=by, at=at)


@transactional
def resume_webhook(code: str, *, assignment_id: int | None, by: Actor, at: datetime) -> None:
    """Send again, what waits first, and what was given up while the receiver was silent.

    Raises:
        NotFound, WebhookEnded: there is none of this account's, or it was removed.

    """
    found = _open(code, assignment_id=assignment_id, by=by)
    if found.state is WebhookState.PAUSED:
        _go_on(found, at=at)
        _write_down("resume_webhook", found, by=by, at=at)


def _go_on(found: Webhook, *, at: datetime) -> None:
    given_up = WebhookDelivery.state == DeliveryState.FAILED
    if found.failing_since is not None:
        db.session.execute(
            update(WebhookDelivery)
            .where(
                WebhookDelivery.webhook_id == found.id,
                given_up,
                WebhookDelivery.ended_at >= found.failing_since,
            )
            .values(state=DeliveryState.WAITING, ended_at=None, next_try_at=at)
            .execution_options(synchronize_session=False)
        )
    db.session.execute(
        update(WebhookDelivery)
        .where(WebhookDelivery.webhook_id == found.id, WebhookDelivery.state == DeliveryState.WAITING)
        .values(begun_at=at, next_try_at=at, tries=0)
        .execution_options(synchronize_session=False)
    )
    found.state, found.paused_because, found.state_since = WebhookState.ACTIVE, None, at
    found.failing_since, found.failures, found.not_before = None, 0, None


@transactional
def end_webhook(code: str, *, assignment_id: int | None, by: Actor, at: datetime) -> None:
    """Remove a webhook: nothing is sent any more; its attempts can be looked at for a while.

    Removed twice, the first time counts.

    Raises:
        NotFound: there is none of this account's.

    """
    found = _locked(code, assignment_id=assignment_id, by=by)
    if found.state is WebhookState.ENDED:
        return
    found.state, found.paused_because, found.state_since = WebhookState.ENDED, None, at
    # What is not needed any more is not kept either.
    found.secret = found.old_secret = ""
    found.old_secret_until = None
    db.session.execute(
        update(WebhookDelivery)
        .where(WebhookDelivery.webhook_id == found.id, WebhookDelivery.state == DeliveryState.WAITING)
        .values(state=DeliveryState.CANCELLED, next_try_at=None, ended_at=at)
        .execution_options(synchronize_session=False)
    )
    _write_down("end_webhook", found, by=by, at=at, before={"url": found.url})


@transactional
def ping_webhook(code: str, *, assignment_id: int | None, by: Actor, at: datetime) -> str:
    """Send a message that says nothing, to try the way; answers the key of its event.

    Raises:
        NotFound, WebhookEnded: there is none of this account's, or it was removed.

    """
    found = _open(code, assignment_id=assignment_id, by=by)
    event = WebhookEvent(
        key=new_key(),
        event=Event.PING,
        at=at,
        subject_type=_SUBJECT,
        subject_id=found.id,
        subject=found.code,
        spread_at=at,
    )
    db.session.add(event)
    db.session.flush()
    db.session.add(
        WebhookDelivery(
            webhook_id=found.id,
            event_id=event.id,
            number=found.code,
            href=None,
            state=DeliveryState.WAITING,
            begun_at=at,
            next_try_at=at,
        )
    )
    # Whoever tries has put something right, and does not want to wait.
    found.not_before = None
    _write_down("ping_webhook", found, by=by, at=at)
    return event.key


@transactional
def send_again(code: str, key: str, *, assignment_id: int | None, by: Actor, at: datetime) -> None:
    """Send a message once more, whether it was taken or given up.

    Args:
        code: of the webhook.
        key: of the event.
        assignment_id: the account in its organisation; None for the operator.
        by: in whose name.
        at: when.

    Raises:
        NotFound, WebhookEnded: there is no such message of this account's, or the webhook was removed.
        NothingToSend: it waits already, and its next try is due.

    """
    found = _open(code, assignment_id=assignment_id, by=by)
    delivery = db.session.scalars(
        select(WebhookDelivery)
        .join(WebhookEvent, WebhookEvent.id == WebhookDelivery.event_id)
        .where(WebhookDelivery.webhook_id == found.id, WebhookEvent.key == key)
        .with_for_update(of=WebhookDelivery)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if delivery is None:
        raise NotFound(number=key)
    if delivery.next_try_at is not None and delivery.next_try_at <= at:
        raise NothingToSend
    delivery.state, delivery.ended_at = DeliveryState.WAITING, None
    delivery.begun_at, delivery.next_try_at, delivery.tries = at, at, 0
    found.not_before = None
    _write_down("send_webhook_again", found, by=by, at=at, after={"event": key})


def _open(code: str, *, assignment_id: int | None, by: Actor) -> Webhook:
    found = _locked(code, assignment_id=assignment_id, by=by)
    if found.state is WebhookState.ENDED:
        raise WebhookEnded
    return found


def _locked(code: str, *, assignment_id: int | None, by: Actor) -> Webhook:
    """The webhook, locked until the deed ends: one of an account's own, or any for the operator."""
    statement = select(Webhook).where(Webhook.code == code)
    if assignment_id is None:
        by.need(Permission.TOKENS_MANAGE)
    else:
        by.need(Permission.WEBHOOKS_MANAGE)
        statement = statement.where(Webhook.assignment_id == assignment_id)
    found = db.session.scalars(
        statement.with_for_update().execution_options(populate_existing=True)
    ).one_or_none()
    if found is None:
        raise NotFound(number=code)
    return found


def pause_for(found: Webhook, reason: PauseReason, *, by: Actor, at: datetime) -> None:
    """Pause a locked webhook for a reason of ours, and tell whose it is. Called inside a deed."""
    found.state, found.paused_because, found.state_since = WebhookState.PAUSED, reason, at
    _write_down("pause_webhook", found, by=by, at=at, after={"reason": reason.value})
    _tell("webhook_paused", found, {"url": found.url[:120], "reason": reason.value}, at=at)


def _tell(kind: str, found: Webhook, facts: dict[str, Any], *, at: datetime) -> None:
    post = db.session.get_one(RoleAssignment, found.assignment_id)
    notices.tell(
        kind,
        at=at,
        facts=facts,
        institution_id=post.institution_id,
        distributor_id=post.distributor_id,
        county_code=post.county_code,
    )


def _write_down(
    deed: str,
    found: Webhook,
    *,
    by: Actor,
    at: datetime,
    before: dict[str, object] | None = None,
    after: dict[str, object] | None = None,
) -> None:
    post = db.session.get_one(RoleAssignment, found.assignment_id)
    audit.record(
        deed,
        by=by,
        at=at,
        subject_type=_SUBJECT,
        subject_id=found.id,
        subject=found.code,
        institution_id=post.institution_id,
        distributor_id=post.distributor_id,
        county_code=post.county_code,
        before=before,
        after=after,
    )
