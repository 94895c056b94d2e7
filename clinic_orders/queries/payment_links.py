"""Payment links as pages and jobs ask for them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, func, select

from clinic_orders.models.base import db
from clinic_orders.models.deliveries import Shipment
from clinic_orders.models.payment_links import GatewayMessage, PaymentLink
from clinic_orders.models.payments import Payment
from clinic_orders.models.roster import Distributor, InstitutionRecord
from clinic_orders.queries.lists import in_order, with_words
from clinic_orders.queries.roster import current
from clinic_orders.queries.visibility import links_visible_to
from clinic_orders.rules.parties import Actor
from clinic_orders.rules.payment_links import LinkState, Verdict


class LinkRow(NamedTuple):
    """A link with the names of both sides, and whether something about it is to be looked at."""

    id: int
    number: str
    token: str
    state: LinkState
    amount: Decimal
    paying_id: int
    payer: str
    distributor_id: int
    distributor_code: str
    distributor: str
    receipt_no: str
    created_by_name: str
    created_at: datetime
    expires_at: datetime
    closed_at: datetime | None
    paid_at: datetime | None
    payment_id: int | None
    payment_no: str
    version: int


def _links(on: date) -> Select[*tuple[Any, ...]]:
    record = InstitutionRecord
    return (
        select(
            PaymentLink.id,
            PaymentLink.number,
            PaymentLink.token,
            PaymentLink.state,
            PaymentLink.amount,
            PaymentLink.paying_id,
            func.coalesce(record.name, ""),
            PaymentLink.distributor_id,
            Distributor.code,
            Distributor.name,
            func.coalesce(Shipment.receipt_no, ""),
            PaymentLink.created_by_name,
            PaymentLink.created_at,
            PaymentLink.expires_at,
            PaymentLink.closed_at,
            PaymentLink.paid_at,
            PaymentLink.payment_id,
            func.coalesce(Payment.payment_no, ""),
            PaymentLink.version,
        )
        .join(Distributor, Distributor.id == PaymentLink.distributor_id)
        .outerjoin(record, and_(record.institution_id == PaymentLink.paying_id, current(record, on)))
        .outerjoin(Shipment, Shipment.id == PaymentLink.shipment_id)
        .outerjoin(Payment, Payment.id == PaymentLink.payment_id)
    )


def find_link(number: str, actor: Actor, *, on: date) -> LinkRow | None:
    """One link, if the actor may see it; one statement."""
    statement = _links(on).where(PaymentLink.number == number, links_visible_to(actor, on))
    row = db.session.execute(statement).one_or_none()
    return None if row is None else LinkRow._make(row)


def link_by_token(token: str, *, on: date) -> LinkRow | None:
    """The link that whoever knows its token may pay."""
    row = db.session.execute(_links(on).where(PaymentLink.token == token)).one_or_none()
    return None if row is None else LinkRow._make(row)


def distributor_code_of(number: str) -> str | None:
    """Whose account a message about a link is to be verified by; None where there is no such link."""
    return db.session.scalar(
        select(Distributor.code)
        .join(PaymentLink, PaymentLink.distributor_id == Distributor.id)
        .where(PaymentLink.number == number)
    )


def open_links() -> list[tuple[str, str, datetime]]:
    """Number, distributor's code and last instant of every open link, the oldest first."""
    rows = db.session.execute(
        select(PaymentLink.number, Distributor.code, PaymentLink.expires_at)
        .join(Distributor, Distributor.id == PaymentLink.distributor_id)
        .where(PaymentLink.state == LinkState.OPEN)
        .order_by(PaymentLink.created_at)
    )
    return [(number, code, expires) for number, code, expires in rows]


def verdicts_of(link_id: int) -> list[tuple[Verdict, datetime]]:
    """What the messages about a link were taken for, the newest first."""
    rows = db.session.execute(
        select(GatewayMessage.verdict, GatewayMessage.received_at)
        .where(GatewayMessage.link_id == link_id)
        .order_by(GatewayMessage.id.desc())
        .limit(20)
    )
    return [(verdict, at) for verdict, at in rows]


@dataclass(frozen=True, slots=True)
class MessagesWanted:
    """Which messages of the gateway a list shows: what they were taken for (None = all), part of a number or name."""

    verdict: Verdict | None = None
    search: str = ""


class MessageRow(NamedTuple):
    """A message of the gateway with the link it speaks of, if it speaks of one of ours."""

    id: int
    received_at: datetime
    verdict: Verdict
    asked: bool
    number: str
    link_id: int | None
    payer: str
    distributor: str
    amount: Decimal | None
    fields: str


MESSAGE_SORTS = ("received", "number")


def _messages(on: date, wanted: MessagesWanted) -> Select[*tuple[Any, ...]]:
    record, message = InstitutionRecord, GatewayMessage
    conditions: list[ColumnElement[bool]] = []
    if wanted.verdict is not None:
        conditions.append(message.verdict == wanted.verdict)
    conditions += with_words(wanted.search, message.number, record.name, Distributor.name, message.fields)
    return (
        select(
            message.id,
            message.received_at,
            message.verdict,
            message.asked,
            message.number,
            message.link_id,
            func.coalesce(record.name, ""),
            func.coalesce(Distributor.name, ""),
            PaymentLink.amount,
            message.fields,
        )
        .outerjoin(PaymentLink, PaymentLink.id == message.link_id)
        .outerjoin(Distributor, Distributor.id == PaymentLink.distributor_id)
        .outerjoin(record, and_(record.institution_id == PaymentLink.paying_id, current(record, on)))
        .where(*conditions)
    )


def messages(
    *,
    on: date,
    wanted: MessagesWanted,
    sort: str = "-received",
    limit: int | None = None,
    offset: int = 0,
) -> list[MessageRow]:
    """The messages of a page or a file, believed or not; one statement. For whoever watches over the whole."""
    by: dict[str, ColumnElement[Any]] = {
        "received": GatewayMessage.received_at.expression,
        "number": GatewayMessage.number.expression,
    }
    order = in_order(sort, by, GatewayMessage.id)
    statement = _messages(on, wanted).order_by(*order).limit(limit).offset(offset)
    return [MessageRow._make(row) for row in db.session.execute(statement)]


def messages_count(*, on: date, wanted: MessagesWanted) -> int:
    """How many messages the filters leave; one statement."""
    listed = _messages(on, wanted).with_only_columns(GatewayMessage.id).subquery()
    return db.session.scalar(select(func.count()).select_from(listed)) or 0
