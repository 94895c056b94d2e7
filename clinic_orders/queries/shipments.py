"""A distributor's shipments and the returns it is asked to agree to, as lists and one by one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, select
from sqlalchemy.orm import InstrumentedAttribute, aliased, selectinload

from clinic_orders.models.base import db
from clinic_orders.models.deliveries import GoodsReturn, ReturnLine, Shipment, ShipmentLine
from clinic_orders.models.orders import Order, OrderLine
from clinic_orders.models.roster import County, InstitutionRecord
from clinic_orders.queries.distribution import Place, places_of
from clinic_orders.queries.lists import with_words
from clinic_orders.queries.roster import current
from clinic_orders.queries.visibility import returns_visible_to, shipments_visible_to
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.ordering import ReturnState, ShipmentState, return_state, shipment_state
from clinic_orders.rules.parties import Actor

_receiver = aliased(InstitutionRecord)


@dataclass(frozen=True, slots=True)
class ShipmentRow:
    """One shipment in a list; quantities in packs, ``owed`` in yuan before returns."""

    receipt_no: str
    order_no: str
    emergency: bool
    institution: str
    county: str
    township: str
    shipped_at: datetime | None
    delivered_at: datetime | None
    accepted_at: datetime | None
    packs: int
    due_on: date | None
    owed: Decimal | None
    state: ShipmentState


@dataclass(frozen=True, slots=True)
class ReturnRow:
    """One return in a list; packs, and the amount in yuan once it is agreed."""

    return_no: str
    receipt_no: str
    order_no: str
    institution: str
    county: str
    requested_at: datetime
    agreed_at: datetime | None
    packs: int
    amount: Decimal | None
    state: ReturnState


SHIPMENT_SORTS: dict[str, InstrumentedAttribute[Any]] = {
    "shipped": Shipment.shipped_at,
    "number": Shipment.receipt_no,
    "institution": _receiver.name,
    "packs": Shipment.packs,
    "due": Shipment.due_on,
}
RETURN_SORTS: dict[str, InstrumentedAttribute[Any]] = {
    "requested": GoodsReturn.requested_at,
    "number": GoodsReturn.return_no,
    "institution": _receiver.name,
}

_SHIPMENT_STATES: dict[ShipmentState, ColumnElement[bool]] = {
    ShipmentState.PREPARED: and_(
        Shipment.shipped_at.is_(None), Shipment.accepted_at.is_(None), Shipment.voided_at.is_(None)
    ),
    ShipmentState.SHIPPED: and_(
        Shipment.shipped_at.is_not(None), Shipment.accepted_at.is_(None), Shipment.voided_at.is_(None)
    ),
    ShipmentState.RECEIVED: Shipment.accepted_at.is_not(None),
    ShipmentState.VOID: Shipment.voided_at.is_not(None),
}
_RETURN_STATES: dict[ReturnState, ColumnElement[bool]] = {
    ReturnState.REQUESTED: and_(
        GoodsReturn.agreed_at.is_(None), GoodsReturn.refused_at.is_(None), GoodsReturn.withdrawn_at.is_(None)
    ),
    ReturnState.AGREED: and_(GoodsReturn.agreed_at.is_not(None), GoodsReturn.sent_back_at.is_(None)),
    ReturnState.RETURNED: GoodsReturn.sent_back_at.is_not(None),
    ReturnState.REFUSED: GoodsReturn.refused_at.is_not(None),
    ReturnState.WITHDRAWN: GoodsReturn.withdrawn_at.is_not(None),
}


def _joined(statement: Select[*tuple[Any, ...]], institution_id: Any, on: date) -> Select[*tuple[Any, ...]]:
    return statement.outerjoin(
        _receiver, and_(_receiver.institution_id == institution_id, current(_receiver, on))
    ).outerjoin(County, County.code == _receiver.county_code)


def _paged(
    statement: Select[*tuple[Any, ...]],
    column: Any,
    tie: Any,
    sort: str,
    offset: int,
    limit: int | None,
    *,
    bare: bool,
) -> tuple[list[Any], int]:
    """The rows of a page and how many there are in all; ``bare`` where no condition asks for another table's columns."""
    listed = statement.order_by(None)
    if bare and statement.whereclause is not None:
        # Names are joined to each row at most once, so they change no number; without words nothing asks for them.
        listed = select(tie).where(statement.whereclause)
    total = db.session.execute(select(func.count()).select_from(listed.subquery())).scalar_one()
    if limit == 0:
        return [], total
    down = sort.startswith("-")
    order = (column.desc() if down else column, tie.desc() if down else tie)
    ordered = statement.order_by(*order)
    if bare and limit is not None and column.class_ is tie.class_:
        # The page is cut before the names are looked up: for fifty rows, not for all.
        cut = listed.order_by(*order).offset(offset).limit(limit)
        return list(db.session.execute(ordered.where(tie.in_(cut)))), total
    if limit is not None:
        ordered = ordered.offset(offset).limit(limit)
    return list(db.session.execute(ordered)), total


def shipments_page(
    by: Actor,
    *,
    at: datetime,
    words: str = "",
    state: ShipmentState | None = None,
    sort: str = "-shipped",
    offset: int = 0,
    limit: int | None = 25,
) -> tuple[list[ShipmentRow], int]:
    """One page of shipments and how many there are; two statements. ``words``: numbers, receiver, township."""
    on = day_in_china(at)
    statement = _joined(
        select(
            Shipment.receipt_no,
            Order.order_no,
            Order.emergency,
            func.coalesce(_receiver.name, "").label("institution"),
            func.coalesce(County.name, "").label("county"),
            func.coalesce(_receiver.township, "").label("township"),
            Shipment.shipped_at,
            Shipment.delivered_at,
            Shipment.accepted_at,
            Shipment.voided_at,
            Shipment.packs,
            Shipment.due_on,
            Shipment.owed,
        ).join(Order, Order.id == Shipment.order_id),
        Shipment.institution_id,
        on,
    ).where(
        shipments_visible_to(by, on),
        *with_words(words, Shipment.receipt_no, Order.order_no, _receiver.name, _receiver.township),
    )
    if state is not None:
        statement = statement.where(_SHIPMENT_STATES[state])
    column = SHIPMENT_SORTS.get(sort.removeprefix("-"), Shipment.shipped_at)
    rows, total = _paged(statement, column, Shipment.id, sort, offset, limit, bare=not words)
    return [
        ShipmentRow(
            receipt_no=row.receipt_no,
            order_no=row.order_no,
            emergency=row.emergency,
            institution=row.institution,
            county=row.county,
            township=row.township,
            shipped_at=row.shipped_at,
            delivered_at=row.delivered_at,
            accepted_at=row.accepted_at,
            packs=row.packs,
            due_on=row.due_on,
            owed=row.owed,
            state=shipment_state(
                shipped_at=row.shipped_at, accepted_at=row.accepted_at, voided_at=row.voided_at
            ),
        )
        for row in rows
    ], total


def shipment_counts(by: Actor, *, at: datetime) -> dict[ShipmentState, int]:
    """How many shipments are in each state; one statement."""
    statement = select(*(func.count().filter(condition) for condition in _SHIPMENT_STATES.values())).where(
        shipments_visible_to(by, day_in_china(at))
    )
    row = db.session.execute(statement).one()
    return dict(zip(_SHIPMENT_STATES, row, strict=True))


def returns_page(
    by: Actor,
    *,
    at: datetime,
    words: str = "",
    state: ReturnState | None = None,
    sort: str = "-requested",
    offset: int = 0,
    limit: int | None = 25,
) -> tuple[list[ReturnRow], int]:
    """One page of returns and how many there are; two statements. ``words``: numbers, institution."""
    on = day_in_china(at)
    packs = (
        select(func.coalesce(func.sum(ReturnLine.packs), 0))
        .where(ReturnLine.return_id == GoodsReturn.id)
        .scalar_subquery()
    )
    statement = _joined(
        select(
            GoodsReturn.return_no,
            Shipment.receipt_no,
            Order.order_no,
            func.coalesce(_receiver.name, "").label("institution"),
            func.coalesce(County.name, "").label("county"),
            GoodsReturn.requested_at,
            GoodsReturn.agreed_at,
            GoodsReturn.refused_at,
            GoodsReturn.withdrawn_at,
            GoodsReturn.sent_back_at,
            GoodsReturn.amount,
            packs.label("packs"),
        )
        .join(Shipment, Shipment.id == GoodsReturn.shipment_id)
        .join(Order, Order.id == Shipment.order_id),
        GoodsReturn.institution_id,
        on,
    ).where(
        returns_visible_to(by, on),
        *with_words(words, GoodsReturn.return_no, Shipment.receipt_no, Order.order_no, _receiver.name),
    )
    if state is not None:
        statement = statement.where(_RETURN_STATES[state])
    column = RETURN_SORTS.get(sort.removeprefix("-"), GoodsReturn.requested_at)
    rows, total = _paged(statement, column, GoodsReturn.id, sort, offset, limit, bare=not words)
    return [
        ReturnRow(
            return_no=row.return_no,
            receipt_no=row.receipt_no,
            order_no=row.order_no,
            institution=row.institution,
            county=row.county,
            requested_at=row.requested_at,
            agreed_at=row.agreed_at,
            packs=row.packs,
            amount=row.amount,
            state=return_state(
                agreed_at=row.agreed_at,
                refused_at=row.refused_at,
                withdrawn_at=row.withdrawn_at,
                sent_back_at=row.sent_back_at,
            ),
        )
        for row in rows
    ], total


def return_counts(by: Actor, *, at: datetime) -> dict[ReturnState, int]:
    """How many returns are in each state; one statement."""
    statement = select(*(func.count().filter(condition) for condition in _RETURN_STATES.values())).where(
        returns_visible_to(by, day_in_china(at))
    )
    row = db.session.execute(statement).one()
    return dict(zip(_RETURN_STATES, row, strict=True))


@dataclass(frozen=True, slots=True)
class ShipmentSheet:
    """One shipment with its batches, places and returns."""

    shipment: Shipment
    places: dict[int, Place]
    returns: list[GoodsReturn]

    @property
    def state(self) -> ShipmentState:
        """Where it stands."""
        return shipment_state(
            shipped_at=self.shipment.shipped_at,
            accepted_at=self.shipment.accepted_at,
            voided_at=self.shipment.voided_at,
        )


def shipment_sheet(receipt_no: str, by: Actor, *, at: datetime) -> ShipmentSheet | None:
    """One shipment; None if the actor may not see it."""
    on = day_in_china(at)
    shipment = db.session.scalars(
        select(Shipment)
        .where(Shipment.receipt_no == receipt_no, shipments_visible_to(by, on))
        .options(
            selectinload(Shipment.lines).joinedload(ShipmentLine.order_line).joinedload(OrderLine.item),
            selectinload(Shipment.lines).selectinload(ShipmentLine.codes),
        )
    ).one_or_none()
    if shipment is None:
        return None
    returns = db.session.scalars(
        select(GoodsReturn)
        .where(GoodsReturn.shipment_id == shipment.id)
        .options(selectinload(GoodsReturn.lines))
        .order_by(GoodsReturn.id)
    )
    return ShipmentSheet(
        shipment, places_of([shipment.institution_id, shipment.paying_id], on), list(returns)
    )


@dataclass(frozen=True, slots=True)
class ReturnSheet:
    """One return with the batches that go back and their place."""

    goods_return: GoodsReturn
    place: Place | None

    @property
    def state(self) -> ReturnState:
        """Where it stands."""
        return return_state(
            agreed_at=self.goods_return.agreed_at,
            refused_at=self.goods_return.refused_at,
            withdrawn_at=self.goods_return.withdrawn_at,
            sent_back_at=self.goods_return.sent_back_at,
        )


def return_sheet(return_no: str, by: Actor, *, at: datetime) -> ReturnSheet | None:
    """One return; None if the actor may not see it."""
    on = day_in_china(at)
    found = db.session.scalars(
        select(GoodsReturn)
        .where(GoodsReturn.return_no == return_no, returns_visible_to(by, on))
        .options(
            selectinload(GoodsReturn.lines)
            .joinedload(ReturnLine.shipment_line)
            .joinedload(ShipmentLine.order_line)
            .joinedload(OrderLine.item)
        )
    ).one_or_none()
    if found is None:
        return None
    return ReturnSheet(found, places_of([found.institution_id], on).get(found.institution_id))
