"""Goods on their way to an institution, receipts, and what went back: lists and one record (R-DEL)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Integer,
    Select,
    and_,
    bindparam,
    exists,
    func,
    or_,
    select,
)
from sqlalchemy.orm import aliased, contains_eager, joinedload, selectinload

from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.deliveries import GoodsReturn, ReturnLine, Shipment, ShipmentLine
from clinic_orders.models.expressions import among
from clinic_orders.models.orders import Order, OrderLine
from clinic_orders.models.roster import Distributor, InstitutionRecord
from clinic_orders.queries.counting import Question
from clinic_orders.queries.lists import in_order, stands_in, with_words
from clinic_orders.queries.roster import current
from clinic_orders.queries.visibility import returns_visible_to, shipments_visible_to
from clinic_orders.rules.days import Month, day_in_china, end_of_day, start_of_day
from clinic_orders.rules.delivery import acceptance_due_day
from clinic_orders.rules.ordering import ReturnState, return_state
from clinic_orders.rules.parties import BUYER_ROLES, Actor, InstitutionKind
from clinic_orders.rules.policy import PolicyBook


class ReceiptState(StrEnum):
    """Which shipments a list of receipts shows."""

    WAITING = "waiting"
    RECEIVED = "received"
    VOID = "void"


def received_by(actor: Actor) -> ColumnElement[bool]:
    """The shipments that the actor's institution takes in: as receiver, or because it ordered them.

    Narrower than what it may see: a hospital sees what its villages ordered themselves, and does not receive it.
    """
    if actor.role not in BUYER_ROLES or actor.institution_id is None:
        return Shipment.id.is_(None)
    return _received_at(actor.institution_id)


def _received_at(institution: int | BindParameter[int]) -> ColumnElement[bool]:
    return or_(
        Shipment.institution_id == institution,
        # What it ordered for itself is above already.
        among(
            Shipment.order_id,
            select(Order.id).where(Order.ordering_id == institution, Order.institution_id != institution),
        ),
    )


def _waiting() -> ColumnElement[bool]:
    return and_(
        Shipment.shipped_at.is_not(None), Shipment.accepted_at.is_(None), Shipment.voided_at.is_(None)
    )


# Every page of a buyer asks, so it is made once.
_WAITING_COUNT = select(func.count(Shipment.id)).where(
    _waiting(), _received_at(bindparam("institution", type_=Integer))
)


def waiting_question(actor: Actor) -> Question | None:
    """How many shipments wait to be received, to be asked with others; None for whom none ever does."""
    if actor.role not in BUYER_ROLES:
        return None
    return Question(_WAITING_COUNT, {"institution": actor.institution_id})


class ReceiptRow(NamedTuple):
    """One shipment in a list."""

    receipt_no: str
    order_no: str
    institution_id: int
    institution: str
    distributor: str
    shipped_at: datetime | None
    delivered_at: datetime | None
    accepted_at: datetime | None
    accepted_by_name: str
    voided_at: datetime | None
    packs: int
    kinds: int
    accepted_packs: int
    rejected_packs: int
    returned_packs: int
    owed: Decimal | None
    due_on: date | None
    mine: bool
    kind: InstitutionKind | None
    scale: str | None


@dataclass(frozen=True, slots=True)
class ReceiptsWanted:
    """Filters of a list of receipts; ``search`` looks at numbers, distributor, receiver, item and batch."""

    state: ReceiptState
    month: Month | None = None
    search: str = ""


_receiver = aliased(InstitutionRecord, name="receiver")


def _of_lines(expression: Any) -> Any:
    return (
        select(func.coalesce(expression, 0))
        .where(ShipmentLine.shipment_id == Shipment.id)
        .correlate(Shipment)
        .scalar_subquery()
    )


def _in_lines(word: str) -> ColumnElement[bool]:
    """Whether an item (Chinese or pinyin initials) or a batch of the shipment contains the word."""
    return exists().where(
        ShipmentLine.shipment_id == Shipment.id,
        OrderLine.id == ShipmentLine.order_line_id,
        Item.id == OrderLine.item_id,
        stands_in(word, Item.generic_name, Item.search_initials, ShipmentLine.batch_no),
    )


def _in_returned_lines(word: str) -> ColumnElement[bool]:
    """The same of the lines of a return."""
    return exists().where(
        ReturnLine.return_id == GoodsReturn.id,
        ShipmentLine.id == ReturnLine.shipment_line_id,
        OrderLine.id == ShipmentLine.order_line_id,
        Item.id == OrderLine.item_id,
        stands_in(word, Item.generic_name, Item.search_initials, ShipmentLine.batch_no),
    )


def _receipts(actor: Actor, on: date, wanted: ReceiptsWanted) -> Select[*tuple[Any, ...]]:
    statement = (
        select(
            Shipment.receipt_no,
            Order.order_no,
            Shipment.institution_id,
            func.coalesce(_receiver.name, "").label("institution"),
            Distributor.name.label("distributor"),
            Shipment.shipped_at,
            Shipment.delivered_at,
            Shipment.accepted_at,
            Shipment.accepted_by_name,
            Shipment.voided_at,
            Shipment.packs,
            _of_lines(func.count(ShipmentLine.order_line_id.distinct())).label("kinds"),
            _of_lines(func.sum(ShipmentLine.accepted_packs)).label("accepted_packs"),
            _of_lines(func.sum(ShipmentLine.rejected_packs)).label("rejected_packs"),
            _of_lines(func.sum(ShipmentLine.returned_packs)).label("returned_packs"),
            Shipment.owed,
            Shipment.due_on,
            received_by(actor).label("mine"),
            _receiver.kind,
            _receiver.scale,
        )
        .join(Order, Order.id == Shipment.order_id)
        .join(Distributor, Distributor.id == Shipment.distributor_id)
        .outerjoin(
            _receiver, and_(_receiver.institution_id == Shipment.institution_id, current(_receiver, on))
        )
    )
    if wanted.state is ReceiptState.WAITING:
        statement = statement.where(_waiting(), received_by(actor))
    elif wanted.state is ReceiptState.RECEIVED:
        statement = statement.where(Shipment.accepted_at.is_not(None), shipments_visible_to(actor, on))
    else:
        statement = statement.where(Shipment.voided_at.is_not(None), shipments_visible_to(actor, on))
    if wanted.month is not None:
        first, last = wanted.month.first_day, wanted.month.last_day
        statement = statement.where(
            func.coalesce(Shipment.accepted_at, Shipment.shipped_at) >= start_of_day(first),
            func.coalesce(Shipment.accepted_at, Shipment.shipped_at) < end_of_day(last),
        )
    texts = (Shipment.receipt_no, Order.order_no, Distributor.name, _receiver.name)
    return statement.where(*with_words(wanted.search, *texts, also=_in_lines))


def to_be_received_by(row: ReceiptRow, book: PolicyBook) -> date | None:
    """The last day on which receiving is in time; None while nobody has said that the goods arrived (R-DEL-6)."""
    if row.delivered_at is None:
        return None
    days = book.whole(
        "delivery.accept_days", kind=row.kind, scale=row.scale, on=day_in_china(row.delivered_at)
    )
    return acceptance_due_day(row.delivered_at, accept_days=days)


SORTS = ("receipt", "shipped", "accepted", "distributor", "packs", "owed", "due")


def receipts(
    actor: Actor,
    *,
    on: date,
    wanted: ReceiptsWanted,
    sort: str,
    limit: int | None = None,
    offset: int = 0,
) -> list[ReceiptRow]:
    """The rows of a page or a file in their order; one statement.

    Args:
        actor: who looks.
        on: today, for names and for who looks after whom.
        wanted: the filters.
        sort: one of ``SORTS``, with ``-`` downwards.
        limit: at most so many; None = all.
        offset: how many to leave out before.

    """
    columns: dict[str, Any] = {
        "receipt": Shipment.receipt_no,
        "shipped": Shipment.shipped_at,
        # Not the column itself: PostgreSQL would walk through everybody's shipments by its index for the first fifty.
        "accepted": func.coalesce(Shipment.accepted_at, Shipment.accepted_at),
        "distributor": Distributor.name,
        "packs": Shipment.packs,
        "owed": Shipment.owed,
        "due": Shipment.due_on,
    }
    statement = (
        _receipts(actor, on, wanted)
        .order_by(*in_order(sort, columns, Shipment.id))
        .limit(limit)
        .offset(offset)
    )
    return [ReceiptRow(*row) for row in db.session.execute(statement)]


def receipts_count(actor: Actor, *, on: date, wanted: ReceiptsWanted) -> int:
    """How many rows the filters leave; one statement."""
    listed = _receipts(actor, on, wanted).with_only_columns(Shipment.id).subquery()
    return int(db.session.scalar(select(func.count()).select_from(listed)) or 0)


def find_shipment(receipt_no: str, actor: Actor, *, on: date) -> Shipment | None:
    """A shipment that the actor may see, with its order, lines, items and codes; a fixed number of statements."""
    return db.session.scalars(
        select(Shipment)
        .where(Shipment.receipt_no == receipt_no, shipments_visible_to(actor, on))
        .options(
            joinedload(Shipment.order).joinedload(Order.distributor),
            selectinload(Shipment.lines).joinedload(ShipmentLine.order_line).joinedload(OrderLine.item),
            selectinload(Shipment.lines).selectinload(ShipmentLine.codes),
        )
        .execution_options(populate_existing=True)
    ).one_or_none()


def names_of(institution_ids: Iterable[int], *, on: date) -> dict[int, str]:
    """The names of institutions on a day; one statement."""
    record = InstitutionRecord
    rows = db.session.execute(
        select(record.institution_id, record.name).where(
            record.institution_id.in_(set(institution_ids)), current(record, on)
        )
    )
    return {row.institution_id: row.name for row in rows}


class ReturnRow(NamedTuple):
    """One return in a list."""

    return_no: str
    receipt_no: str
    institution: str
    distributor: str
    requested_at: datetime
    agreed_at: datetime | None
    refused_at: datetime | None
    withdrawn_at: datetime | None
    sent_back_at: datetime | None
    packs: int
    amount: Decimal | None

    @property
    def state(self) -> ReturnState:
        """Where it stands."""
        return return_state(
            agreed_at=self.agreed_at,
            refused_at=self.refused_at,
            withdrawn_at=self.withdrawn_at,
            sent_back_at=self.sent_back_at,
        )


def _in_state(state: ReturnState) -> ColumnElement[bool]:
    """``rules.ordering.return_state`` in SQL."""
    sent, agreed = GoodsReturn.sent_back_at.is_not(None), GoodsReturn.agreed_at.is_not(None)
    withdrawn, refused = GoodsReturn.withdrawn_at.is_not(None), GoodsReturn.refused_at.is_not(None)
    return {
        ReturnState.RETURNED: sent,
        ReturnState.AGREED: and_(agreed, ~sent),
        ReturnState.WITHDRAWN: and_(withdrawn, ~agreed, ~sent),
        ReturnState.REFUSED: and_(refused, ~withdrawn, ~agreed, ~sent),
        ReturnState.REQUESTED: ~or_(sent, agreed, withdrawn, refused),
    }[state]


@dataclass(frozen=True, slots=True)
class ReturnsWanted:
    """Filters of a list of returns."""

    state: ReturnState | None = None
    search: str = ""


def _returns(actor: Actor, on: date, wanted: ReturnsWanted) -> Select[*tuple[Any, ...]]:
    packs = (
        select(func.sum(ReturnLine.packs))
        .where(ReturnLine.return_id == GoodsReturn.id)
        .correlate(GoodsReturn)
        .scalar_subquery()
    )
    statement = (
        select(
            GoodsReturn.return_no,
            Shipment.receipt_no,
            func.coalesce(_receiver.name, "").label("institution"),
            Distributor.name.label("distributor"),
            GoodsReturn.requested_at,
            GoodsReturn.agreed_at,
            GoodsReturn.refused_at,
            GoodsReturn.withdrawn_at,
            GoodsReturn.sent_back_at,
            packs.label("packs"),
            GoodsReturn.amount,
        )
        .join(Shipment, Shipment.id == GoodsReturn.shipment_id)
        .join(Distributor, Distributor.id == GoodsReturn.distributor_id)
        .outerjoin(
            _receiver, and_(_receiver.institution_id == GoodsReturn.institution_id, current(_receiver, on))
        )
        .where(returns_visible_to(actor, on))
    )
    if wanted.state is not None:
        statement = statement.where(_in_state(wanted.state))
    texts = (GoodsReturn.return_no, Shipment.receipt_no, Distributor.name, _receiver.name)
    return statement.where(*with_words(wanted.search, *texts, also=_in_returned_lines))


RETURN_SORTS = ("return", "requested", "distributor", "amount")


def returns(
    actor: Actor,
    *,
    on: date,
    wanted: ReturnsWanted,
    sort: str = "-requested",
    limit: int | None = None,
    offset: int = 0,
) -> list[ReturnRow]:
    """The returns of a page or a file in their order; one statement."""
    columns: dict[str, Any] = {
        "return": GoodsReturn.return_no,
        "requested": GoodsReturn.requested_at,
        "distributor": Distributor.name,
        "amount": GoodsReturn.amount,
    }
    statement = (
        _returns(actor, on, wanted)
        .order_by(*in_order(sort, columns, GoodsReturn.id))
        .limit(limit)
        .offset(offset)
    )
    return [ReturnRow(*row) for row in db.session.execute(statement)]


def returns_count(actor: Actor, *, on: date, wanted: ReturnsWanted) -> int:
    """How many returns the filters leave; one statement."""
    listed = _returns(actor, on, wanted).with_only_columns(GoodsReturn.id).subquery()
    return int(db.session.scalar(select(func.count()).select_from(listed)) or 0)


def find_return(return_no: str, actor: Actor, *, on: date) -> GoodsReturn | None:
    """A return that the actor may see, with receipt, order, lines and items; a fixed number of statements."""
    return db.session.scalars(
        select(GoodsReturn)
        .join(GoodsReturn.shipment)
        .where(GoodsReturn.return_no == return_no, returns_visible_to(actor, on))
        .options(
            contains_eager(GoodsReturn.shipment).joinedload(Shipment.order).joinedload(Order.distributor),
            selectinload(GoodsReturn.lines)
            .joinedload(ReturnLine.shipment_line)
            .joinedload(ShipmentLine.order_line)
            .joinedload(OrderLine.item),
        )
        .execution_options(populate_existing=True)
    ).one_or_none()


def returns_of(shipment_id: int) -> list[GoodsReturn]:
    """The returns of one receipt with their lines, in order of request; two statements."""
    return list(
        db.session.scalars(
            select(GoodsReturn)
            .where(GoodsReturn.shipment_id == shipment_id)
            .options(selectinload(GoodsReturn.lines))
            .order_by(GoodsReturn.requested_at, GoodsReturn.id)
        )
    )


def asked_back(shipment_id: int) -> dict[int, int]:
    """Packs of each line of a receipt that are asked back and not decided yet; one statement."""
    rows = db.session.execute(
        select(ReturnLine.shipment_line_id, func.sum(ReturnLine.packs))
        .join(GoodsReturn, GoodsReturn.id == ReturnLine.return_id)
        .where(GoodsReturn.shipment_id == shipment_id, _in_state(ReturnState.REQUESTED))
        .group_by(ReturnLine.shipment_line_id)
    )
    return {line_id: int(packs) for line_id, packs in rows}
