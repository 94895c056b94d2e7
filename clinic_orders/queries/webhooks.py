"""Webhooks: whose they are, what waits to be told, who may hear of what, and how it went."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, exists, func, null, or_, select

from clinic_orders.models.accounts import RoleAssignment, User
from clinic_orders.models.api import ApiToken
from clinic_orders.models.base import db
from clinic_orders.models.deliveries import GoodsReturn, Shipment
from clinic_orders.models.orders import Order
from clinic_orders.models.payment_links import PaymentLink
from clinic_orders.models.payments import Payment
from clinic_orders.models.roster import County, Distributor, InstitutionRecord
from clinic_orders.models.webhooks import Webhook, WebhookAttempt, WebhookDelivery, WebhookEvent
from clinic_orders.queries.api_tokens import known_words, scopes_of
from clinic_orders.queries.lists import in_order, with_words
from clinic_orders.queries.roster import current
from clinic_orders.queries.visibility import (
    orders_visible_to,
    payments_visible_to,
    returns_visible_to,
    shipments_visible_to,
)
from clinic_orders.rules.parties import Actor, Permission
from clinic_orders.rules.webhooks import (
    DeliveryState,
    Event,
    Failure,
    PauseReason,
    WebhookState,
    scope_of,
)

_API: Final = "/api/v1"
ATTEMPTS_SHOWN: Final = 10
"""So many attempts stand with a webhook in an answer."""


# Who may hear of what ---------------------------------------------------------------------------------------


def scopes_in_force(assignment_ids: Iterable[int], *, at: datetime) -> dict[int, frozenset[Permission]]:
    """What the tokens of accounts in their organisations carry that hold at an instant; nothing: no entry."""
    found: dict[int, frozenset[Permission]] = {}
    for assignment_id, scopes in db.session.execute(
        select(ApiToken.assignment_id, ApiToken.scopes).where(
            ApiToken.assignment_id.in_(list(assignment_ids)),
            ApiToken.expires_at > at,
            ApiToken.revoked_at.is_(None),
        )
    ):
        found[assignment_id] = found.get(assignment_id, frozenset()) | scopes_of(scopes)
    return found


def events_of(kept: str) -> frozenset[Event]:
    """Events as they are kept; a word that is none any more is left out."""
    return known_words(kept, Event)


class Told(NamedTuple):
    """What a message says of a record: its number, and where a call reads it."""

    number: str
    href: str


def readable(
    actor: Actor, subjects: Mapping[str, Iterable[tuple[int | None, str]]], *, on: date
) -> dict[tuple[str, int | None], Told]:
    """Those of some records that the actor may read, by the very conditions of the calls that read them.

    Args:
        actor: who would hear of them.
        subjects: by the word of their table their row ids and numbers.
        on: the day.

    """
    found: dict[tuple[str, int | None], Told] = {}
    for kind, rows in subjects.items():
        if kind == "closed_month":
            found |= {(kind, row_id): Told(month, f"{_API}/statistics/{month}") for row_id, month in rows}
            continue
        make = _READABLE.get(kind)
        if make is not None:
            statement = make(actor, [row_id for row_id, _number in rows], on)
            for row_id, number, order_no in db.session.execute(statement):
                href = f"{_API}/payments" if order_no is None else f"{_API}/orders/{order_no}"
                found[kind, row_id] = Told(number, href)
    return found


def _orders(actor: Actor, ids: list[Any], on: date) -> Select[*tuple[Any, ...]]:
    return select(Order.id, Order.order_no, Order.order_no).where(
        Order.id.in_(ids), orders_visible_to(actor, on)
    )


def _shipments(actor: Actor, ids: list[Any], on: date) -> Select[*tuple[Any, ...]]:
    return (
        select(Shipment.id, Shipment.receipt_no, Order.order_no)
        .join(Order, Order.id == Shipment.order_id)
        .where(Shipment.id.in_(ids), shipments_visible_to(actor, on))
    )


def _returns(actor: Actor, ids: list[Any], on: date) -> Select[*tuple[Any, ...]]:
    return (
        select(GoodsReturn.id, GoodsReturn.return_no, Order.order_no)
        .join(Shipment, Shipment.id == GoodsReturn.shipment_id)
        .join(Order, Order.id == Shipment.order_id)
        .where(GoodsReturn.id.in_(ids), returns_visible_to(actor, on))
    )


def _payments(actor: Actor, ids: list[Any], on: date) -> Select[*tuple[Any, ...]]:
    return select(Payment.id, Payment.payment_no, null()).where(
        Payment.id.in_(ids), payments_visible_to(actor, on)
    )


def _linked(actor: Actor, ids: list[Any], on: date) -> Select[*tuple[Any, ...]]:
    """The audit of money by link names the link; what is told of is its payment."""
    return (
        select(PaymentLink.id, Payment.payment_no, null())
        .join(Payment, Payment.id == PaymentLink.payment_id)
        .where(PaymentLink.id.in_(ids), payments_visible_to(actor, on))
    )


_READABLE: Final = {
    "order": _orders,
    "shipment": _shipments,
    "goods_return": _returns,
    "payment": _payments,
    "payment_link": _linked,
}


def hears(events: frozenset[Event], scopes: frozenset[Permission], actor: Actor, event: Event) -> bool:
    """Whether a webhook asks for an event, and its account and one of its tokens may read such records."""
    scope = scope_of(event)
    return event in events and scope in scopes and actor.may(scope)


# What waits -------------------------------------------------------------------------------------------------


def due(at: datetime) -> ColumnElement[bool]:
    """The webhooks whose turn it is: active, in nobody's hands, their receiver not left alone, something to tell."""
    waits = exists().where(
        WebhookDelivery.webhook_id == Webhook.id,
        WebhookDelivery.state == DeliveryState.WAITING,
        WebhookDelivery.next_try_at <= at,
    )
    return and_(
        Webhook.state == WebhookState.ACTIVE,
        or_(Webhook.claimed_until.is_(None), Webhook.claimed_until <= at),
        or_(Webhook.not_before.is_(None), Webhook.not_before <= at),
        waits,
    )


def something_to_do(at: datetime) -> bool:
    """Whether events wait to be spread or messages to be sent; one statement."""
    unspread = exists().where(WebhookEvent.spread_at.is_(None))
    return bool(db.session.scalar(select(or_(unspread, exists().where(due(at))))))


# What there is ----------------------------------------------------------------------------------------------


class AttemptRow(NamedTuple):
    """One posting of a message."""

    id: int
    webhook_id: int
    delivery_id: int
    at: datetime
    duration_ms: int
    status: int | None
    failure: Failure | None
    answer: str
    event_key: str
    event: Event
    number: str


@dataclass(frozen=True, slots=True)
class WebhookRow:
    """A webhook with its owner; ``waiting`` messages are still to be taken, ``attempts`` are its newest."""

    id: int
    code: str
    url: str
    events: str
    state: WebhookState
    paused_because: PauseReason | None
    state_since: datetime
    created_at: datetime
    created_by_name: str
    failing_since: datetime | None
    username: str
    person: str
    org_name: str
    waiting: int
    last_at: datetime | None
    attempts: tuple[AttemptRow, ...] = ()


@dataclass(frozen=True, slots=True)
class WebhooksWanted:
    """Which webhooks a list shows: words, a state or "" for all, those of one account in its organisation."""

    words: str = ""
    state: str = ""
    assignment_id: int | None = None
    code: str = ""
    after: int = 0


SORTS: Final = ("url", "account", "org", "state", "created", "last", "waiting")
_ORG: Final = func.coalesce(InstitutionRecord.name, Distributor.name, County.name, "")
_WAITING: Final = (
    select(func.count())
    .where(WebhookDelivery.webhook_id == Webhook.id, WebhookDelivery.state == DeliveryState.WAITING)
    .scalar_subquery()
)
_LAST: Final = (
    select(func.max(WebhookAttempt.at)).where(WebhookAttempt.webhook_id == Webhook.id).scalar_subquery()
)


def _conditions(wanted: WebhooksWanted) -> list[ColumnElement[bool]]:
    found = with_words(
        wanted.words,
        Webhook.url,
        Webhook.code,
        User.username,
        User.name,
        InstitutionRecord.name,
        Distributor.name,
    )
    if wanted.state in set(WebhookState):
        found.append(Webhook.state == WebhookState(wanted.state))
    if wanted.assignment_id is not None:
        found.append(Webhook.assignment_id == wanted.assignment_id)
    if wanted.code:
        found.append(Webhook.code == wanted.code)
    if wanted.after:
        found.append(Webhook.id > wanted.after)
    return found


def _from(statement: Any, on: date) -> Any:
    record = InstitutionRecord
    return (
        statement.select_from(Webhook)
        .join(User, User.id == Webhook.user_id)
        .join(RoleAssignment, RoleAssignment.id == Webhook.assignment_id)
        .outerjoin(record, and_(record.institution_id == RoleAssignment.institution_id, current(record, on)))
        .outerjoin(Distributor, Distributor.id == RoleAssignment.distributor_id)
        .outerjoin(County, County.code == RoleAssignment.county_code)
    )


def count_webhooks(wanted: WebhooksWanted, *, on: date) -> int:
    """How many webhooks there are."""
    return int(db.session.execute(_from(select(func.count()), on).where(*_conditions(wanted))).scalar_one())


def list_webhooks(
    wanted: WebhooksWanted | None = None,
    *,
    on: date,
    sort: str = "created",
    limit: int | None = None,
    offset: int = 0,
) -> list[WebhookRow]:
    """The webhooks of a page or a file; one statement."""
    columns: dict[str, Any] = {
        "url": Webhook.url,
        "account": User.username,
        "org": _ORG,
        "state": Webhook.state,
        "created": Webhook.id,
        "last": _LAST,
        "waiting": _WAITING,
    }
    statement = _from(
        select(
            Webhook.id,
            Webhook.code,
            Webhook.url,
            Webhook.events,
            Webhook.state,
            Webhook.paused_because,
            Webhook.state_since,
            Webhook.created_at,
            Webhook.created_by_name,
            Webhook.failing_since,
            User.username,
            User.name,
            _ORG,
            _WAITING,
            _LAST,
        ),
        on,
    ).where(*_conditions(wanted or WebhooksWanted()))
    statement = statement.order_by(*in_order(sort, columns, Webhook.id)).limit(limit).offset(offset)
    return [WebhookRow(*row) for row in db.session.execute(statement)]


_ATTEMPTS: Final = (
    select(
        WebhookAttempt.id,
        WebhookAttempt.webhook_id,
        WebhookAttempt.delivery_id,
        WebhookAttempt.at,
        WebhookAttempt.duration_ms,
        WebhookAttempt.status,
        WebhookAttempt.failure,
        WebhookAttempt.answer,
        WebhookEvent.key,
        WebhookEvent.event,
        WebhookDelivery.number,
    )
    .join(WebhookDelivery, WebhookDelivery.id == WebhookAttempt.delivery_id)
    .join(WebhookEvent, WebhookEvent.id == WebhookDelivery.event_id)
)


def newest_attempts(webhook_ids: Iterable[int]) -> dict[int, tuple[AttemptRow, ...]]:
    """The newest attempts of each of a few webhooks, newest first; one statement."""
    place = func.row_number().over(partition_by=WebhookAttempt.webhook_id, order_by=WebhookAttempt.id.desc())
    placed = (
        select(WebhookAttempt.id.label("attempt_id"), place.label("place"))
        .where(WebhookAttempt.webhook_id.in_(list(webhook_ids)))
        .subquery()
    )
    statement = (
        _ATTEMPTS.join(placed, placed.c.attempt_id == WebhookAttempt.id)
        .where(placed.c.place <= ATTEMPTS_SHOWN)
        .order_by(WebhookAttempt.id.desc())
    )
    found: dict[int, tuple[AttemptRow, ...]] = {}
    for row in db.session.execute(statement):
        found[row.webhook_id] = (*found.get(row.webhook_id, ()), AttemptRow(*row))
    return found


class DeliveryRow(NamedTuple):
    """A message for one webhook."""

    id: int
    event_key: str
    event: Event
    number: str
    href: str | None
    happened_at: datetime
    state: DeliveryState
    tries: int
    next_try_at: datetime | None
    ended_at: datetime | None
    last_at: datetime | None
    last_status: int | None
    last_failure: Failure | None
    last_duration_ms: int | None
    last_answer: str | None


@dataclass(frozen=True, slots=True)
class DeliveriesWanted:
    """Which messages of a webhook a list shows; ``before``: those behind a row id, the newest first; ``key``: of one event."""

    words: str = ""
    state: str = ""
    event: str = ""
    before: int = 0
    key: str = ""


DELIVERY_SORTS: Final = ("at", "event", "number", "state", "tries", "next", "last")


def _of_deliveries(webhook_id: int, wanted: DeliveriesWanted) -> list[ColumnElement[bool]]:
    found = [WebhookDelivery.webhook_id == webhook_id]
    found += with_words(wanted.words, WebhookDelivery.number, WebhookEvent.key)
    if wanted.state in set(DeliveryState):
        found.append(WebhookDelivery.state == DeliveryState(wanted.state))
    if wanted.event in set(Event):
        found.append(WebhookEvent.event == Event(wanted.event))
    if wanted.key:
        found.append(WebhookEvent.key == wanted.key)
    if wanted.before:
        found.append(WebhookDelivery.id < wanted.before)
    return found


def count_deliveries(webhook_id: int, wanted: DeliveriesWanted) -> int:
    """How many messages there are."""
    statement = (
        select(func.count())
        .select_from(WebhookDelivery)
        .join(WebhookEvent, WebhookEvent.id == WebhookDelivery.event_id)
        .where(*_of_deliveries(webhook_id, wanted))
    )
    return int(db.session.execute(statement).scalar_one())


def list_deliveries(
    webhook_id: int,
    wanted: DeliveriesWanted | None = None,
    *,
    sort: str = "-at",
    limit: int | None = None,
    offset: int = 0,
) -> list[DeliveryRow]:
    """The messages of a webhook with the last attempt of each; one statement."""
    newest = (
        select(func.max(WebhookAttempt.id))
        .where(WebhookAttempt.delivery_id == WebhookDelivery.id)
        .correlate(WebhookDelivery)
        .scalar_subquery()
    )
    columns: dict[str, Any] = {
        "at": WebhookDelivery.id,
        "event": WebhookEvent.event,
        "number": WebhookDelivery.number,
        "state": WebhookDelivery.state,
        "tries": WebhookDelivery.tries,
        "next": WebhookDelivery.next_try_at,
        "last": WebhookAttempt.at,
    }
    statement = (
        select(
            WebhookDelivery.id,
            WebhookEvent.key,
            WebhookEvent.event,
            WebhookDelivery.number,
            WebhookDelivery.href,
            WebhookEvent.at,
            WebhookDelivery.state,
            WebhookDelivery.tries,
            WebhookDelivery.next_try_at,
            WebhookDelivery.ended_at,
            WebhookAttempt.at,
            WebhookAttempt.status,
            WebhookAttempt.failure,
            WebhookAttempt.duration_ms,
            WebhookAttempt.answer,
        )
        .select_from(WebhookDelivery)
        .join(WebhookEvent, WebhookEvent.id == WebhookDelivery.event_id)
        .outerjoin(WebhookAttempt, WebhookAttempt.id == newest)
        .where(*_of_deliveries(webhook_id, wanted or DeliveriesWanted()))
        .order_by(*in_order(sort, columns, WebhookDelivery.id))
        .limit(limit)
        .offset(offset)
    )
    return [DeliveryRow(*tuple(row)) for row in db.session.execute(statement)]


def attempts_of(delivery_ids: Iterable[int]) -> dict[int, list[AttemptRow]]:
    """All attempts of some messages, the oldest first; one statement."""
    found: dict[int, list[AttemptRow]] = {}
    statement = _ATTEMPTS.where(WebhookAttempt.delivery_id.in_(list(delivery_ids)))
    for row in db.session.execute(statement.order_by(WebhookAttempt.id)):
        found.setdefault(row.delivery_id, []).append(AttemptRow(*row))
    return found
