"""Webhooks: what is told to other programs, how it is signed, when it is tried again (formats.md section 5).

A program that has registered an address hears of what happens to records that its account may read. It hears that
something happened to which record, never what stands in it: that it reads with its token, as it stands then.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Final

from clinic_orders.rules.days import SHANGHAI
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.parties import Permission


class Event(StrEnum):
    """What can have happened; the word stands in every message."""

    ORDER_SUBMITTED = "order.submitted"
    ORDER_ANSWERED = "order.answered"
    ORDER_WITHDRAWN = "order.withdrawn"
    ORDER_LAPSED = "order.lapsed"
    ORDER_CLOSED = "order.closed"
    SHIPMENT_MADE = "shipment.made"
    SHIPMENT_DELIVERED = "shipment.delivered"
    SHIPMENT_CANCELLED = "shipment.cancelled"
    SHIPMENT_ACCEPTED = "shipment.accepted"
    RETURN_REQUESTED = "return.requested"
    RETURN_WITHDRAWN = "return.withdrawn"
    RETURN_AGREED = "return.agreed"
    RETURN_REFUSED = "return.refused"
    RETURN_ARRIVED = "return.arrived"
    PAYMENT_ENTERED = "payment.entered"
    PAYMENT_CONFIRMED = "payment.confirmed"
    PAYMENT_DISPUTED = "payment.disputed"
    PAYMENT_UPHELD = "payment.upheld"
    PAYMENT_REJECTED = "payment.rejected"
    PAYMENT_WITHDRAWN = "payment.withdrawn"
    MONTH_CLOSED = "month.closed"
    PING = "ping"


WANTED: Final = tuple(event for event in Event if event is not Event.PING)
"""What can be asked for; a ping goes to who asks for one."""

EVENT_OF_DEED: Final[Mapping[str, Event]] = {
    "submit_draft": Event.ORDER_SUBMITTED,
    "answer_order": Event.ORDER_ANSWERED,
    "withdraw_order": Event.ORDER_WITHDRAWN,
    "disown_order": Event.ORDER_WITHDRAWN,
    "record_lapse": Event.ORDER_LAPSED,
    "close_short": Event.ORDER_CLOSED,
    "ship": Event.SHIPMENT_MADE,
    "mark_delivered": Event.SHIPMENT_DELIVERED,
    "void_shipment": Event.SHIPMENT_CANCELLED,
    "accept_shipment": Event.SHIPMENT_ACCEPTED,
    "request_return": Event.RETURN_REQUESTED,
    "withdraw_return": Event.RETURN_WITHDRAWN,
    "agree_return": Event.RETURN_AGREED,
    "refuse_return": Event.RETURN_REFUSED,
    "confirm_sent_back": Event.RETURN_ARRIVED,
    "record_payment": Event.PAYMENT_ENTERED,
    "record_refund": Event.PAYMENT_ENTERED,
    "pay_link": Event.PAYMENT_CONFIRMED,
    "confirm_payment": Event.PAYMENT_CONFIRMED,
    "dispute_payment": Event.PAYMENT_DISPUTED,
    "uphold_payment": Event.PAYMENT_UPHELD,
    "reject_payment": Event.PAYMENT_REJECTED,
    "withdraw_payment": Event.PAYMENT_WITHDRAWN,
    "close_month": Event.MONTH_CLOSED,
}
"""The event of a deed, by the name under which the audit knows it."""

_SCOPES: Final[Mapping[str, Permission]] = {
    "order": Permission.ORDERS_READ,
    "shipment": Permission.ORDERS_READ,
    "return": Permission.ORDERS_READ,
    "payment": Permission.PAYMENTS_READ,
    "month": Permission.STATISTICS_READ,
}


def object_of(event: Event) -> str:
    """The kind of record of which an event tells.

    >>> object_of(Event.SHIPMENT_MADE)
    'shipment'
    """
    return event.value.partition(".")[0]


def scope_of(event: Event) -> Permission:
    """What a token must carry for its account to hear of an event: the scope of the call that reads the record.

    >>> scope_of(Event.MONTH_CLOSED).value
    'statistics:read'
    """
    return _SCOPES.get(object_of(event), Permission.WEBHOOKS_MANAGE)


class WebhookState(StrEnum):
    """Whether messages are sent."""

    ACTIVE = "active"
    PAUSED = "paused"
    ENDED = "ended"


class PauseReason(StrEnum):
    """Why no messages are sent."""

    ASKED = "asked"
    FAILING = "failing"
    GONE = "gone"
    OWNER = "owner"
    SECRET = "secret"  # noqa: S105 - A word, no secret.


class DeliveryState(StrEnum):
    """How far a message has come."""

    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Failure(StrEnum):
    """Why an attempt has brought nothing."""

    STATUS = "status"
    REDIRECT = "redirect"
    TIMEOUT = "timeout"
    NO_CONNECTION = "no_connection"
    NAME_UNKNOWN = "name_unknown"
    ADDRESS_REFUSED = "address_refused"
    TLS = "tls"
    NOT_HTTP = "not_http"
    SECRET = "secret"  # noqa: S105 - A word, no secret.


AWAY: Final = frozenset(
    {Failure.TIMEOUT, Failure.NO_CONNECTION, Failure.NAME_UNKNOWN, Failure.TLS, Failure.NOT_HTTP}
)
"""Failures of a receiver that answers nobody: its other messages wait as well."""

BUSY: Final = frozenset({429, 503})
"""Statuses by which a receiver asks for a pause; its other messages wait as well."""
GONE: Final = 410
"""The status by which a receiver says that it wants no more."""
LONGEST_URL: Final = 500
MOST_WEBHOOKS: Final = 10
"""So many an account has in one organisation, those that have ended not counted."""
GIVEN_UP_AFTER: Final = timedelta(hours=24)
"""So long a message is tried again, and so long a receiver may take none at all before it is left alone."""
SECRETS_OVERLAP: Final = timedelta(hours=24)
"""So long messages are signed with the old secret too after a new one was made."""
KEPT: Final = timedelta(days=30)
"""So long messages and attempts can be looked at."""
TOLERANCE: Final = timedelta(minutes=5)
"""What a receiver should accept between the timestamp of a signature and its own clock."""
LEASE: Final = timedelta(minutes=5)
"""So long a process has to post what it has claimed; then another one takes it."""
ANSWER_KEPT: Final = 500
"""Characters of an answer that are kept to be looked at."""
SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - How secrets begin, no secret.
_FIRST_WAIT: Final = timedelta(seconds=30)
_LONGEST_WAIT: Final = timedelta(hours=4)


class UrlWrong(RuleBroken):
    """An address to which nothing is sent."""

    message = N_(
        "Give an address such as https://erp.example.cn/hooks, at most %(limit)s characters of ASCII, without a user "
        "name, a password or a “#”."
    )


class PortNotAllowed(RuleBroken):
    """A port that no web server of ours is known to have."""

    message = N_("The port %(port)s is not allowed here. Use one of these: %(ports)s; or ask the operator.")


class AddressNotAllowed(RuleBroken):
    """An address inside of somebody's network."""

    message = N_(
        "Nothing is sent to this address: it is not public. If it is a network of the bureau's own, ask the operator to allow it."
    )


class EventUnknown(RuleBroken):
    """A word that is no event."""

    message = N_("There is no event %(event)s. Known are: %(events)s.")


class EventNotCarried(RuleBroken):
    """An event about records that the token may not read."""

    message = N_("The token does not carry %(scope)s, without which %(event)s can't be told.")


class EventMissing(RuleBroken):
    """A webhook that would hear of nothing."""

    message = N_("Name at least one event.")


class TooManyWebhooks(RuleBroken):
    """More addresses than one account needs."""

    message = N_("An account has at most %(limit)s webhooks. Remove one that is not needed.")


class WebhookEnded(RuleBroken):
    """It was removed."""

    message = N_("This webhook was removed. Make a new one.")


def check_events(words: Iterable[str], scopes: Iterable[Permission]) -> tuple[Event, ...]:
    """The events of a webhook as they are kept, each once.

    Args:
        words: as they were sent.
        scopes: what the token carries.

    Raises:
        EventMissing, EventUnknown, EventNotCarried: what is wrong with them.

    >>> check_events(["order.answered", "order.submitted"], {Permission.ORDERS_READ})
    (<Event.ORDER_SUBMITTED: 'order.submitted'>, <Event.ORDER_ANSWERED: 'order.answered'>)

    """
    carried, known = set(scopes), {event.value: event for event in WANTED}
    found = set()
    for word in words:
        if word not in known:
            raise EventUnknown(event=word[:64], events=", ".join(known))
        if scope_of(known[word]) not in carried:
            raise EventNotCarried(event=word, scope=scope_of(known[word]).value)
        found.add(known[word])
    if not found:
        raise EventMissing
    return tuple(event for event in WANTED if event in found)


def wait_after(tries: int, share: float) -> timedelta:
    """How long to wait after so many tries in vain: twice as long each time, at most four hours.

    Args:
        tries: that were made, from 1.
        share: a random number from 0 to 1; receivers that fell silent together are not asked together.

    >>> [str(wait_after(tries, 0.5)) for tries in (1, 2, 5, 20)]
    ['0:00:30', '0:01:00', '0:08:00', '4:00:00']
    >>> str(wait_after(1, 0)), str(wait_after(1, 1))
    ('0:00:24', '0:00:36')

    """
    usual: timedelta = min(_FIRST_WAIT * int(2 ** min(tries - 1, 16)), _LONGEST_WAIT)
    return usual * (0.8 + 0.4 * share)


def message(key: str, event: Event, at: datetime, sequence: int, number: str, address: str | None) -> bytes:
    """The body of a message; it stays the same however often it is sent.

    Args:
        key: of the event; a message that comes twice has the same.
        event: what happened.
        at: when it happened.
        sequence: rises from event to event.
        number: of the record.
        address: under which the record can be read; None for a ping.

    """
    found = {
        "id": key,
        "type": event.value,
        "at": at.astimezone(SHANGHAI).isoformat(),
        "sequence": sequence,
        "object": {"type": object_of(event), "no": number, "href": address},
    }
    return json.dumps(found, ensure_ascii=False, separators=(",", ":")).encode()


def signature(body: bytes, secrets: Iterable[str], at: datetime) -> str:
    """The header by which the receiver knows that a message is ours and fresh.

    HMAC-SHA-256 of the timestamp, a full stop and the body; one for each secret that holds.

    >>> from datetime import UTC
    >>> signature(b"{}", ["whsec_x"], datetime(2026, 11, 20, tzinfo=UTC))
    't=1795132800,v1=bc020ac0426f59bae1ea599bcd5bbb1dd3e894ff885cada06da4bc5155601fed'
    """
    moment = int(at.timestamp())
    signed = f"{moment}.".encode() + body
    digests = [hmac.new(secret.encode(), signed, sha256).hexdigest() for secret in secrets]
    return ",".join([f"t={moment}", *(f"v1={digest}" for digest in digests)])


_CONTROL: Final = re.compile(r"[^\n\t\x20-\x7e\u00a0-\ud7ff\uf900-\ufffd]")


def beginning_of(answer: bytes) -> str:
    """The beginning of an answer as people may look at it.

    >>> beginning_of(bytes([111, 107, 7]))
    'ok�'
    """
    return _CONTROL.sub("\ufffd", answer.decode("utf-8", "replace"))[:ANSWER_KEPT]
