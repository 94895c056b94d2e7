"""Webhooks: addresses that hear of what happens, how their messages went, and what can be done about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import current_app

from clinic_orders.actions import webhooks as deeds
from clinic_orders.actions.loading import NotFound
from clinic_orders.api.cursors import cursor, place_of
from clinic_orders.api.door import Asked, Doing, Reply, number, reads, removes, stores
from clinic_orders.config import Settings
from clinic_orders.exchange.schemas import filled
from clinic_orders.exchange.webhook_sender import reach_of, seal_secret
from clinic_orders.exchange.webhook_shapes import (
    ATTEMPT,
    DELIVERIES,
    DELIVERIES_QUERY,
    DELIVERY,
    NEW_WEBHOOK,
    NOTHING,
    WEBHOOK,
    WEBHOOKS,
    WEBHOOKS_QUERY,
)
from clinic_orders.queries import webhooks as questions
from clinic_orders.queries.webhooks import (
    AttemptRow,
    DeliveriesWanted,
    DeliveryRow,
    WebhookRow,
    WebhooksWanted,
)
from clinic_orders.rules.api import FieldsWrong
from clinic_orders.rules.errors import N_
from clinic_orders.rules.parties import Permission
from clinic_orders.rules.webhooks import (
    AddressNotAllowed,
    EventMissing,
    EventNotCarried,
    EventUnknown,
    PortNotAllowed,
    UrlWrong,
)

_MAY = Permission.WEBHOOKS_MANAGE
_MISSING = frozenset({404})


def _press(path: str, summary: str) -> Callable[[Doing], Doing]:
    """Declare a call that does something with one webhook and says nothing else."""
    return stores(
        f"/webhooks/{{no}}/{path}",
        _MAY,
        summary,
        body=NOTHING,
        answer=WEBHOOK,
        status=200,
        refusals=_MISSING,
    )


def _settings() -> Settings:
    found: Settings = current_app.extensions["settings"]
    return found


def _attempt(row: AttemptRow) -> dict[str, Any]:
    return filled(ATTEMPT, row._asdict() | {"event_id": row.event_key, "type": row.event, "no": row.number})


def _body(row: WebhookRow, attempts: Mapping[int, tuple[AttemptRow, ...]]) -> dict[str, Any]:
    values = {field.name: getattr(row, field.name, None) for field in WEBHOOK.fields}
    more = {
        "no": row.code,
        "events": row.events.split(),
        "attempts": [_attempt(one) for one in attempts.get(row.id, ())],
    }
    return filled(WEBHOOK, values | more)


def _one(asked: Asked, no: str) -> WebhookRow:
    """The webhook of the account in its organisation.

    Raises:
        NotFound: there is none, or it is another's.

    """
    wanted = WebhooksWanted(assignment_id=asked.assignment_id, code=number(no))
    rows = questions.list_webhooks(wanted, on=asked.on)
    if not rows:
        raise NotFound(number=no)
    return rows[0]


def _reply(asked: Asked, no: str, status: int = 200, secret: str | None = None) -> Reply:
    row = _one(asked, no)
    once = {} if secret is None else {"secret": secret}
    return Reply(_body(row, questions.newest_attempts([row.id])), status, once=once)


@reads(
    "/webhooks",
    _MAY,
    N_("The account's webhooks with their newest attempts"),
    answer=WEBHOOKS,
    query=WEBHOOKS_QUERY,
)
def list_webhooks(asked: Asked) -> Reply:
    """A page of them, the oldest first."""
    values = asked.values
    after = place_of(values["cursor"], int)[0] if values["cursor"] else 0
    wanted = WebhooksWanted(state=values["state"] or "", assignment_id=asked.assignment_id, after=after)
    rows = questions.list_webhooks(wanted, on=asked.on, limit=values["limit"] + 1)
    page = rows[: values["limit"]]
    attempts = questions.newest_attempts([row.id for row in page])
    return Reply(
        {
            "data": [_body(row, attempts) for row in page],
            "next": cursor(page[-1].id) if len(rows) > len(page) else None,
        }
    )


@stores("/webhooks", _MAY, N_("Register an address for messages"), body=NEW_WEBHOOK, answer=WEBHOOK)
def make_webhook(asked: Asked) -> Reply:
    """A webhook of the account; its secret is shown in this answer only."""
    try:
        made = deeds.make_webhook(
            asked.assignment_id,
            asked.values["url"],
            asked.values["events"],
            scopes=asked.scopes,
            reach=reach_of(_settings()),
            seal=lambda secret: seal_secret(_settings(), secret),
            by=asked.actor,
            at=asked.at,
        )
    except (UrlWrong, PortNotAllowed, AddressNotAllowed) as refused:
        raise FieldsWrong({"/url": refused}) from refused
    except (EventMissing, EventUnknown, EventNotCarried) as refused:
        raise FieldsWrong({"/events": refused}) from refused
    return _reply(asked, made.code, 201, made.secret)


@reads("/webhooks/{no}", _MAY, N_("One webhook with its newest attempts"), answer=WEBHOOK, refusals=_MISSING)
def show_webhook(asked: Asked, no: str) -> Reply:
    """The webhook."""
    return _reply(asked, no)


@removes("/webhooks/{no}", _MAY, N_("Remove a webhook; what waits is not sent any more"), answer=WEBHOOK)
def end_webhook(asked: Asked, no: str) -> Reply:
    """The webhook as it has ended; removed again, nothing happens."""
    deeds.end_webhook(number(no), assignment_id=asked.assignment_id, by=asked.actor, at=asked.at)
    return _reply(asked, no)


@reads(
    "/webhooks/{no}/deliveries",
    _MAY,
    N_("The messages of a webhook with their attempts, the newest first"),
    answer=DELIVERIES,
    query=DELIVERIES_QUERY,
    refusals=_MISSING,
)
def list_deliveries(asked: Asked, no: str) -> Reply:
    """A page of them."""
    values, row = asked.values, _one(asked, no)
    before = place_of(values["cursor"], int)[0] if values["cursor"] else 0
    wanted = DeliveriesWanted(state=values["state"] or "", before=before)
    rows = questions.list_deliveries(row.id, wanted, limit=values["limit"] + 1)
    page = rows[: values["limit"]]
    attempts = questions.attempts_of([one.id for one in page])
    return Reply(
        {
            "data": [_delivery(one, attempts.get(one.id, [])) for one in page],
            "next": cursor(page[-1].id) if len(rows) > len(page) else None,
        }
    )


def _delivery(row: DeliveryRow, attempts: list[AttemptRow]) -> dict[str, Any]:
    values = row._asdict() | {"event_id": row.event_key, "type": row.event, "no": row.number}
    return filled(DELIVERY, values | {"attempts": [_attempt(one) for one in attempts]})


@_press("deliveries/{event}/resend", N_("Send a message once more"))
def resend_delivery(asked: Asked, no: str, event: str) -> Reply:
    """Taken or given up: it waits again, and is sent within a minute."""
    deeds.send_again(
        number(no), number(event), assignment_id=asked.assignment_id, by=asked.actor, at=asked.at
    )
    return _reply(asked, no)


@_press("ping", N_("Send a message that says nothing, to try the way"))
def ping_webhook(asked: Asked, no: str) -> Reply:
    """It is sent within a minute; how it went stands with the attempts."""
    deeds.ping_webhook(number(no), assignment_id=asked.assignment_id, by=asked.actor, at=asked.at)
    return _reply(asked, no)


@_press("secret", N_("Make a new secret; the old one counts for another day"))
def renew_secret(asked: Asked, no: str) -> Reply:
    """The new secret is shown in this answer only."""
    made = deeds.renew_secret(
        number(no),
        assignment_id=asked.assignment_id,
        seal=lambda secret: seal_secret(_settings(), secret),
        by=asked.actor,
        at=asked.at,
    )
    return _reply(asked, no, secret=made.secret)


@_press("pause", N_("Send nothing for now; what happens meanwhile waits"))
def pause_webhook(asked: Asked, no: str) -> Reply:
    """The webhook as it is paused."""
    deeds.pause_webhook(number(no), assignment_id=asked.assignment_id, by=asked.actor, at=asked.at)
    return _reply(asked, no)


@_press("resume", N_("Send again, what has waited first"))
def resume_webhook(asked: Asked, no: str) -> Reply:
    """The webhook as it goes on."""
    deeds.resume_webhook(number(no), assignment_id=asked.assignment_id, by=asked.actor, at=asked.at)
    return _reply(asked, no)
