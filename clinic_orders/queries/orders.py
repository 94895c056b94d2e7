"""A buyer's orders: the list with its filters, and one order with its history (R-ORD)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, and_, bindparam, exists, func, or_, select
from sqlalchemy.orm import aliased

from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.deliveries import Shipment
from clinic_orders.models.expressions import one_of
from clinic_orders.models.orders import Order, OrderEvent, OrderLine
from clinic_orders.models.roster import Distributor, Institution, InstitutionRecord
from clinic_orders.queries.askers import Asking, anybody, asking, ids_of
from clinic_orders.queries.deadlines import lapse_instant, time_is_up
from clinic_orders.queries.lists import stands_in, with_words
from clinic_orders.queries.policy import policy_book
from clinic_orders.queries.roster import current
from clinic_orders.queries.visibility import orders_visible_to
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.ordering import (
    LineQuantities,
    LineState,
    OrderStanding,
    ResponseState,
    is_open,
    line_state,
    response_state,
)
from clinic_orders.rules.parties import Actor, OrderMode
from clinic_orders.rules.policy import PolicyBook


@dataclass(slots=True)
class OrderRow:
    """An order in a list; quantities and states as of the instant asked for."""

    id: int
    order_no: str
    submitted_at: datetime
    institution: str
    institution_id: int
    ordering_id: int
    paying_id: int
    distributor: str
    distributor_id: int
    mode: OrderMode
    channel: str
    emergency: bool
    emergency_reason: str
    answer_due_at: datetime
    answered_at: datetime | None
    disowned_at: datetime | None
    lines_count: int
    packs: int
    amount: Decimal
    version: int
    state: ResponseState = ResponseState.PENDING
    is_open: bool = False
    to_ship: int = 0
    under_way: int = 0
    accepted: int = 0


_receiver = aliased(InstitutionRecord)
_COLUMNS = (
    Order.id,
    Order.order_no,
    Order.submitted_at,
    _receiver.name,
    Order.institution_id,
    Order.ordering_id,
    Order.paying_id,
    Distributor.name,
    Order.distributor_id,
    Order.mode,
    Order.channel,
    Order.emergency,
    Order.emergency_reason,
    Order.answer_due_at,
    Order.answered_at,
    Order.disowned_at,
    Order.lines_count,
    Order.packs,
    Order.amount,
    Order.version,
)
SORTS = {
    "submitted": Order.submitted_at,
    "order_no": Order.order_no,
    "distributor": Distributor.name,
    "institution": _receiver.name,
    "amount": Order.amount,
    "packs": Order.packs,
}

_BY_NAME = frozenset({"distributor", "institution"})


def _values(row: Any) -> list[Any]:
    """A row as a plain list, to be spread over a record."""
    return list(row)


QUANTITIES = (
    OrderLine.packs,
    OrderLine.withdrawn_before,
    OrderLine.confirmed_packs,
    OrderLine.withdrawn_after,
    OrderLine.closed_packs,
    OrderLine.shipped_packs,
    OrderLine.accepted_packs,
    OrderLine.rejected_packs,
    OrderLine.returned_packs,
)
"""The columns of ``LineQuantities``, in its order."""

_LINES = select(OrderLine.order_id, *QUANTITIES).where(one_of(OrderLine.order_id, "orders"))


def _lines_by_order(ids: Iterable[int]) -> dict[int, list[LineQuantities]]:
    """The quantities of the lines of some orders, one statement."""
    found: dict[int, list[LineQuantities]] = {}
    rows = db.session.connection().execute(_LINES, {"orders": list(ids)})
    for row in rows.all():
        found.setdefault(row[0], []).append(LineQuantities(*_values(row)[1:]))
    return found


def _with_states(rows: Sequence[OrderRow], at: datetime) -> list[OrderRow]:
    book = policy_book("order.confirm_days")
    lines = _lines_by_order(row.id for row in rows)
    for row in rows:
        lapsed = has_lapsed(row, at, book)
        quantities = lines.get(row.id, [])
        row.state = response_state(quantities, lapsed=lapsed, disowned=row.disowned_at is not None)
        row.is_open = is_open(quantities, lapsed=lapsed)
        row.to_ship = sum(line.to_ship for line in quantities)
        row.under_way = sum(line.under_way for line in quantities)
        row.accepted = sum(line.accepted for line in quantities)
    return list(rows)


def has_lapsed(order: Any, at: datetime, book: PolicyBook) -> bool:
    """Whether an order had lapsed by an instant: unanswered after its last day to answer (R-ORD-6)."""
    return order.answered_at is None and at >= lapse_instant(
        emergency=order.emergency,
        submitted_at=order.submitted_at,
        answer_due_at=order.answer_due_at,
        book=book,
    )


def narrowed(chosen: OrderStanding, at: datetime) -> ColumnElement[bool]:
    """The condition of a filter; ``rules.ordering.order_standing`` as SQL (R-ORD-5, R-ORD-6)."""
    line = OrderLine
    wanted = exists().where(line.order_id == Order.id, line.packs > line.withdrawn_before)
    lapsed = time_is_up(at, policy_book("order.confirm_days"))
    open_line = exists().where(
        line.order_id == Order.id,
        line.confirmed_packs.is_not(None),
        or_(
            line.confirmed_packs - line.closed_packs - line.withdrawn_after > line.shipped_packs,
            line.shipped_packs > line.accepted_packs + line.rejected_packs,
        ),
    )
    came = exists().where(line.order_id == Order.id, line.shipped_packs > 0)
    unanswered = and_(Order.answered_at.is_(None), wanted)
    if chosen is OrderStanding.UNANSWERED:
        return and_(unanswered, ~lapsed)
    if chosen is OrderStanding.UNDER_WAY:
        return and_(Order.answered_at.is_not(None), open_line)
    if chosen is OrderStanding.DONE:
        return and_(Order.answered_at.is_not(None), ~open_line, came)
    return or_(
        and_(Order.answered_at.is_not(None), ~open_line, ~came),
        and_(unanswered, lapsed),
        and_(Order.answered_at.is_(None), ~wanted),
    )


def _named(on: date) -> Any:
    """Orders with the names of those they concern."""
    return (
        select(*_COLUMNS)
        .join(Distributor, Distributor.id == Order.distributor_id)
        .join(
            _receiver,
            and_(
                _receiver.institution_id == Order.institution_id,
                _receiver.valid_from <= on,
                or_(_receiver.valid_before.is_(None), _receiver.valid_before > on),
            ),
        )
    )


@lru_cache(maxsize=64)
def _base(kind: Asking, on: date) -> Any:
    """The orders that an actor of a kind may see; made once for a day, and asked with ``ids_of``."""
    return _named(on).where(orders_visible_to(anybody(kind), on))


@lru_cache(maxsize=64)
def _all_counted(kind: Asking, on: date) -> Select[int]:
    """How many orders an actor of a kind may see; the names are joined once a row and change no number."""
    return select(func.count()).select_from(Order).where(orders_visible_to(anybody(kind), on))


@lru_cache(maxsize=64)
def _all_sorted(kind: Asking, on: date, sort: str) -> Any:
    """The orders that an actor of a kind may see, a page of them; cut before the names of its rows are looked up."""
    before, most = bindparam("before", type_=Integer), bindparam("most", type_=Integer)
    if sort.removeprefix("-") in _BY_NAME:
        return _base(kind, on).order_by(*_in_order(sort)).offset(before).limit(most)
    seen = orders_visible_to(anybody(kind), on)
    page = select(Order.id).where(seen).order_by(*_in_order(sort)).offset(before).limit(most).subquery("page")
    return _named(on).join(page, page.c.id == Order.id).order_by(*_in_order(sort))


def _in_order(sort: str) -> tuple[Any, ...]:
    column = SORTS[sort.removeprefix("-")]
    return (column.desc() if sort.startswith("-") else column), Order.id.desc()


@dataclass(slots=True)
class OrderList:
    """The orders that an actor may see, narrowed; count them, then take a page or all."""

    actor: Actor
    at: datetime
    words: str = ""
    chosen: OrderStanding | None = None
    month: str = ""
    sort: str = "-submitted"

    def _statement(self) -> Any:
        statement = _base(asking(self.actor), day_in_china(self.at))
        if self.chosen is not None:
            statement = statement.where(narrowed(self.chosen, self.at))

        def in_lines(word: str) -> ColumnElement[bool]:
            return exists().where(
                OrderLine.order_id == Order.id,
                OrderLine.item_id == Item.id,
                stands_in(word, Item.search_text, Item.search_initials),
            )

        return statement.where(
            *with_words(self.words, Order.order_no, Distributor.name, _receiver.name, also=in_lines)
        )

    def count(self) -> int:
        """How many there are."""
        if self._is_whole:
            statement = _all_counted(asking(self.actor), day_in_china(self.at))
        else:
            statement = select(func.count()).select_from(self._statement().subquery())
        return db.session.connection().execute(statement, ids_of(self.actor)).scalar_one()

    @property
    def _is_whole(self) -> bool:
        """Whether all orders are wanted, as when a page is opened: that is asked most, by statements made once."""
        return self.chosen is None and not self.words.split()

    def rows(self, *, offset: int = 0, limit: int | None = None) -> list[OrderRow]:
        """The orders in the asked order, with their states; a fixed number of statements."""
        values = ids_of(self.actor)
        if self._is_whole and limit is not None:
            statement = _all_sorted(asking(self.actor), day_in_china(self.at), self.sort)
            values |= {"before": offset, "most": limit}
        else:
            statement = self._statement().order_by(*_in_order(self.sort))
            statement = statement if limit is None else statement.offset(offset).limit(limit)
        rows = db.session.connection().execute(statement, values).all()
        return _with_states([OrderRow(*row) for row in rows], self.at)


def unanswered_count(actor: Actor, at: datetime) -> int:
    """How many of the actor's orders wait for an answer."""
    return OrderList(actor, at, chosen=OrderStanding.UNANSWERED).count()


# One order --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LineDetail:
    """A line of an order with its quantities and state."""

    line_id: int
    line_no: int
    item_code: str
    name: str
    form: str
    strength: str
    pack_size: int
    base_unit: str
    manufacturer: str
    pack_price: Decimal
    amount: Decimal
    answer_reason: str
    quantities: LineQuantities
    state: LineState


@dataclass(slots=True)
class OrderDetail:
    """One order as its page shows it."""

    row: OrderRow
    receiver_code: str
    ordering: str
    paying: str
    resent_to: str | None
    resent_from: str | None
    lines: list[LineDetail] = field(default_factory=list)
    events: list[Any] = field(default_factory=list)
    shipments: list[Any] = field(default_factory=list)


def order_detail(order_no: str, *, actor: Actor, at: datetime) -> OrderDetail | None:
    """An order with lines, events and shipments; None for a foreign one, as if there were none."""
    on = day_in_china(at)
    orderer, payer, newer, older = (
        aliased(InstitutionRecord),
        aliased(InstitutionRecord),
        aliased(Order),
        aliased(Order),
    )
    row = db.session.execute(
        _base(asking(actor), on)
        .add_columns(
            Institution.code,
            orderer.name,
            payer.name,
            select(newer.order_no).where(newer.resent_from_id == Order.id).limit(1).scalar_subquery(),
            older.order_no,
        )
        .join(Institution, Institution.id == Order.institution_id)
        .join(orderer, and_(orderer.institution_id == Order.ordering_id, current_of(orderer, on)))
        .join(payer, and_(payer.institution_id == Order.paying_id, current_of(payer, on)))
        .outerjoin(older, older.id == Order.resent_from_id)
        .where(Order.order_no == order_no),
        ids_of(actor),
    ).first()
    if row is None:
        return None
    width = len(_COLUMNS)
    (order,) = _with_states([OrderRow(*row[:width])], at)
    detail = OrderDetail(order, *row[width:])
    lapsed = order.state is ResponseState.LAPSED
    for found in db.session.execute(_DETAIL_LINES.where(OrderLine.order_id == order.id)):
        values = _values(found)
        quantities = LineQuantities(*values[12:])
        state = line_state(quantities, lapsed=lapsed)
        detail.lines.append(LineDetail(*[*values[:12], quantities, state]))
    detail.events = list(
        db.session.execute(
            select(
                OrderEvent.kind,
                OrderEvent.packs,
                OrderEvent.reason,
                OrderEvent.at,
                OrderEvent.actor_name,
                Item.generic_name.label("name"),
            )
            .outerjoin(OrderLine, OrderLine.id == OrderEvent.line_id)
            .outerjoin(Item, Item.id == OrderLine.item_id)
            .where(OrderEvent.order_id == order.id)
            .order_by(OrderEvent.at, OrderEvent.id)
        )
    )
    detail.shipments = list(
        db.session.execute(
            select(
                Shipment.receipt_no,
                Shipment.shipped_at,
                Shipment.delivered_at,
                Shipment.accepted_at,
                Shipment.accepted_by_name,
                Shipment.voided_at,
                Shipment.packs,
                Shipment.owed,
                Shipment.due_on,
            )
            .where(Shipment.order_id == order.id)
            .order_by(Shipment.id)
        )
    )
    return detail


def current_of(record: Any, on: date) -> ColumnElement[bool]:
    """The state of an institution on a day, for an alias of its records."""
    return current(record, on)


_DETAIL_LINES = (
    select(
        OrderLine.id,
        OrderLine.line_no,
        Item.item_code,
        Item.generic_name,
        Item.form,
        Item.strength,
        Item.pack_size,
        Item.base_unit,
        Item.manufacturer,
        OrderLine.pack_price,
        OrderLine.amount,
        OrderLine.answer_reason,
        *QUANTITIES,
    )
    .join(Item, Item.id == OrderLine.item_id)
    .order_by(OrderLine.line_no)
)
