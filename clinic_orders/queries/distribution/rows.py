"""An order as a line of a list, with what can be done with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, and_, case, func, literal_column, or_, select
from sqlalchemy.orm import aliased

from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.expressions import china_day, one_of
from clinic_orders.models.orders import Order, OrderLine
from clinic_orders.models.roster import County, Distributor, InstitutionRecord
from clinic_orders.queries.deadlines import lapse_instant
from clinic_orders.queries.roster import current
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.delivery import DeliveryHours, delivery_limit
from clinic_orders.rules.parties import OrderMode
from clinic_orders.rules.policy import PolicyBook

PARAMETERS = (
    "order.confirm_days",
    "delivery.hours_normal",
    "delivery.hours_remote",
    "delivery.hours_emergency",
    "delivery.hours_emergency_remote",
)


class OrderStatus(StrEnum):
    """Where an order stands for its distributor; derived from dates and quantities, never stored."""

    TO_ANSWER = "to_answer"
    TO_SHIP = "to_ship"
    UNDER_WAY = "under_way"
    DONE = "done"
    REFUSED = "refused"
    LAPSED = "lapsed"
    WITHDRAWN = "withdrawn"
    DISOWNED = "disowned"


# Not frozen: a list makes fifty of them, and a frozen one takes three times as long to fill.
@dataclass(slots=True)
class OrderRow:
    """One order in a list, with its place and its sums.

    Attributes:
        order_no, version, mode, emergency, submitted_at, answered_at, answer_due_at, amount: of the order.
        institution, township, county: of the receiver, as of today.
        ordering: who ordered, where that is not the receiver.
        distributor: to whom it was sent.
        items, packs: as ordered.
        open_items, open_packs: still to be answered or shipped.
        confirmed, shipped, accepted: packs.
        status: where it stands.
        deadline: until when the answer is due or the goods are to be there; None where nothing is to be done.
        late: whether the deadline has passed.

    """

    id: int
    order_no: str
    version: int
    mode: OrderMode
    emergency: bool
    submitted_at: datetime
    answered_at: datetime | None
    answer_due_at: datetime
    amount: Decimal
    institution_id: int
    institution: str
    township: str
    county: str
    ordering: str
    distributor: str
    items: int
    packs: int
    open_items: int
    open_packs: int
    confirmed: int
    shipped: int
    accepted: int
    status: OrderStatus
    deadline: datetime | None
    late: bool


receiver = aliased(InstitutionRecord, name="receiver")
orderer = aliased(InstitutionRecord, name="orderer")
# Written into the statement: as parameters the same two numbers would be sent twenty times for every page.
_NONE, _ONE = literal_column("0", Integer), literal_column("1", Integer)


def _sum(expression: Any) -> Any:
    return func.coalesce(func.sum(expression), _NONE)


def _remote_then() -> Any:
    """Whether the receiver was a remote place on the day from which the delivery limit runs (R-DEL-3, R-ROSTER-3)."""
    record = aliased(InstitutionRecord)
    day = china_day(
        case(
            (Order.emergency, Order.submitted_at), else_=func.coalesce(Order.answered_at, Order.submitted_at)
        )
    )
    return (
        select(record.remote)
        .where(
            record.institution_id == Order.institution_id,
            record.valid_from <= day,
            or_(record.valid_before.is_(None), record.valid_before > day),
        )
        .correlate(Order)
        .scalar_subquery()
    )


@lru_cache(maxsize=8)
def rows_statement(on: date) -> Select[*tuple[Any, ...]]:
    """Orders with their places and the sums of their lines; one row an order. Made once for a day."""
    line = OrderLine
    to_answer = line.packs - line.withdrawn_before
    to_ship = (
        func.coalesce(line.confirmed_packs, _NONE)
        - line.closed_packs
        - line.withdrawn_after
        - line.shipped_packs
    )
    return (
        select(
            Order.id,
            Order.order_no,
            Order.version,
            Order.mode,
            Order.emergency,
            Order.submitted_at,
            Order.answered_at,
            Order.answer_due_at,
            Order.disowned_at,
            Order.amount,
            Order.institution_id,
            Order.ordering_id,
            receiver.name.label("institution"),
            receiver.township,
            _remote_then().label("remote"),
            County.name.label("county"),
            orderer.name.label("ordering"),
            Distributor.name.label("distributor"),
            func.count(line.id).label("items"),
            _sum(line.packs).label("packs"),
            _sum(to_answer).label("to_answer"),
            _sum(case((to_answer > _NONE, _ONE), else_=_NONE)).label("items_to_answer"),
            _sum(to_ship).label("to_ship"),
            _sum(case((to_ship > _NONE, _ONE), else_=_NONE)).label("items_to_ship"),
            _sum(case((and_(to_ship > _NONE, Item.cold_chain.is_(False)), _ONE), else_=_NONE)).label(
                "warm_to_ship"
            ),
            _sum(line.confirmed_packs).label("confirmed"),
            _sum(line.shipped_packs).label("shipped"),
            _sum(line.accepted_packs).label("accepted"),
            _sum(line.accepted_packs + line.rejected_packs).label("received"),
        )
        .join(line, line.order_id == Order.id)
        .join(Item, Item.id == line.item_id)
        .join(Distributor, Distributor.id == Order.distributor_id)
        .outerjoin(
            receiver, and_(receiver.institution_id == Order.institution_id, current_record(receiver, on))
        )
        .outerjoin(County, County.code == receiver.county_code)
        .outerjoin(orderer, and_(orderer.institution_id == Order.ordering_id, current_record(orderer, on)))
        .group_by(Order.id, receiver.id, County.code, orderer.id, Distributor.id)
    )


def current_record(record: Any, on: date) -> ColumnElement[bool]:
    """The condition that picks an aliased record's state of a day."""
    return current(record, on)


def status_of(row: Any, *, at: datetime, book: PolicyBook) -> OrderStatus:
    """Where the order of a row stands at an instant."""
    if row.disowned_at is not None:
        return OrderStatus.DISOWNED
    if row.answered_at is None:
        if not row.to_answer:
            return OrderStatus.WITHDRAWN
        ends = lapse_instant(
            emergency=row.emergency, submitted_at=row.submitted_at, answer_due_at=row.answer_due_at, book=book
        )
        return OrderStatus.LAPSED if at >= ends else OrderStatus.TO_ANSWER
    if row.to_ship:
        return OrderStatus.TO_SHIP
    if row.shipped > row.received:
        return OrderStatus.UNDER_WAY
    return OrderStatus.DONE if row.confirmed else OrderStatus.REFUSED


def _deadline(row: Any, status: OrderStatus, book: PolicyBook) -> datetime | None:
    if status is OrderStatus.TO_ANSWER:
        answer_due_at: datetime = row.answer_due_at
        return answer_due_at
    if status is not OrderStatus.TO_SHIP:
        return None
    runs_from = row.submitted_at if row.emergency else row.answered_at
    return delivery_limit(
        submitted_at=row.submitted_at,
        answered_at=row.answered_at,
        hours=DeliveryHours.of(book, on=day_in_china(runs_from)),
        confirm_days=book.whole("order.confirm_days", on=day_in_china(row.submitted_at)),
        remote=bool(row.remote),
        # The nearest limit of the lines counts: only where all that is left needs cold chain is it longer.
        cold_chain=not row.warm_to_ship,
        emergency=row.emergency,
    )


def _order_row(row: Any, *, at: datetime, book: PolicyBook) -> OrderRow:
    status = status_of(row, at=at, book=book)
    deadline = _deadline(row, status, book)
    answering = status is OrderStatus.TO_ANSWER
    return OrderRow(
        id=row.id,
        order_no=row.order_no,
        version=row.version,
        mode=row.mode,
        emergency=row.emergency,
        submitted_at=row.submitted_at,
        answered_at=row.answered_at,
        answer_due_at=row.answer_due_at,
        amount=row.amount,
        institution_id=row.institution_id,
        institution=row.institution or "",
        township=row.township or "",
        county=row.county or "",
        ordering=(row.ordering or "") if row.ordering_id != row.institution_id else "",
        distributor=row.distributor,
        items=row.items,
        packs=row.packs,
        open_items=row.items_to_answer if answering else row.items_to_ship,
        open_packs=row.to_answer if answering else row.to_ship,
        confirmed=row.confirmed,
        shipped=row.shipped,
        accepted=row.accepted,
        status=status,
        deadline=deadline,
        late=deadline is not None and at >= deadline,
    )


@lru_cache(maxsize=8)
def _some_rows(on: date) -> Select[*tuple[Any, ...]]:
    return rows_statement(on).where(one_of(Order.id, "orders"))


def order_rows(
    statement: Select[*tuple[Any, ...]],
    values: Mapping[str, Any] | None = None,
    *,
    at: datetime,
    book: PolicyBook,
) -> list[OrderRow]:
    """Ask a statement of ``rows_statement`` for its rows."""
    rows = db.session.connection().execute(statement, values or {}).all()
    return [_order_row(row, at=at, book=book) for row in rows]


def rows_by_ids(ids: Sequence[int], *, at: datetime, on: date, book: PolicyBook) -> list[OrderRow]:
    """The rows of some orders, in the order of their ids."""
    if not ids:
        return []
    # Long lists of ids are read in parts: databases limit the parameters of one statement.
    rows: dict[int, OrderRow] = {}
    for start in range(0, len(ids), 5000):
        found = order_rows(_some_rows(on), {"orders": ids[start : start + 5000]}, at=at, book=book)
        rows.update((row.id, row) for row in found)
    return [rows[id_] for id_ in ids]
