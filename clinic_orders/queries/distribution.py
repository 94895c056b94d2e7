"""What a distributor has to do and what became of its orders: work list, order list, one order.

Lists read their rows in a fixed number of statements. Deadlines are worked out by the rules, in Python, over
the open orders only; a partial index finds those.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, or_, select, text
from sqlalchemy.orm import InstrumentedAttribute, aliased, selectinload

from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.deliveries import GoodsReturn, ReturnLine, Shipment
from clinic_orders.models.orders import UNSHIPPED, Order, OrderLine
from clinic_orders.models.roster import County, Distributor, InstitutionRecord
from clinic_orders.queries.deadlines import awaits_answer, has_lapsed, lapse_instant, still_ordered
from clinic_orders.queries.policy import policy_book
from clinic_orders.queries.roster import current
from clinic_orders.queries.visibility import orders_visible_to, returns_visible_to
from clinic_orders.rules.days import day_in_china, end_of_day, start_of_day
from clinic_orders.rules.delivery import DeliveryHours, delivery_limit
from clinic_orders.rules.parties import Actor, InstitutionKind, OrderMode
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


@dataclass(frozen=True, slots=True)
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


_receiver = aliased(InstitutionRecord)
_orderer = aliased(InstitutionRecord)


def _sum(expression: Any) -> Any:
    return func.coalesce(func.sum(expression), 0)


def _rows_statement(on: date) -> Select[*tuple[Any, ...]]:
    """Orders with their places and the sums of their lines; one row an order."""
    line = OrderLine
    to_answer = line.packs - line.withdrawn_before
    to_ship = (
        func.coalesce(line.confirmed_packs, 0) - line.closed_packs - line.withdrawn_after - line.shipped_packs
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
            _receiver.name.label("institution"),
            _receiver.township,
            _receiver.remote,
            County.name.label("county"),
            _orderer.name.label("ordering"),
            Distributor.name.label("distributor"),
            func.count(line.id).label("items"),
            _sum(line.packs).label("packs"),
            _sum(to_answer).label("to_answer"),
            _sum(case((to_answer > 0, 1), else_=0)).label("items_to_answer"),
            _sum(to_ship).label("to_ship"),
            _sum(case((to_ship > 0, 1), else_=0)).label("items_to_ship"),
            _sum(case((and_(to_ship > 0, Item.cold_chain.is_(False)), 1), else_=0)).label("warm_to_ship"),
            _sum(line.confirmed_packs).label("confirmed"),
            _sum(line.shipped_packs).label("shipped"),
            _sum(line.accepted_packs).label("accepted"),
            _sum(line.accepted_packs + line.rejected_packs).label("received"),
        )
        .join(line, line.order_id == Order.id)
        .join(Item, Item.id == line.item_id)
        .join(Distributor, Distributor.id == Order.distributor_id)
        .outerjoin(_receiver, and_(_receiver.institution_id == Order.institution_id, _current(_receiver, on)))
        .outerjoin(County, County.code == _receiver.county_code)
        .outerjoin(_orderer, and_(_orderer.institution_id == Order.ordering_id, _current(_orderer, on)))
        .group_by(Order.id, _receiver.id, County.code, _orderer.id, Distributor.id)
    )


def _current(record: Any, on: date) -> ColumnElement[bool]:
    return current(record, on)


def _status(row: Any, *, at: datetime, book: PolicyBook) -> OrderStatus:
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
    status = _status(row, at=at, book=book)
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


def _rows(statement: Select[*tuple[Any, ...]], *, at: datetime, book: PolicyBook) -> list[OrderRow]:
    return [_order_row(row, at=at, book=book) for row in db.session.execute(statement)]


# The work list ----------------------------------------------------------------------------------------


def open_orders(by: Actor, *, at: datetime) -> list[OrderRow]:
    """The orders that wait for an answer or for goods, the most urgent first; two statements."""
    on = day_in_china(at)
    book = policy_book(*PARAMETERS)
    statement = _rows_statement(on).where(
        orders_visible_to(by, on), or_(awaits_answer(at, book), Order.id.in_(_unshipped_ids()))
    )
    rows = _rows(statement, at=at, book=book)
    return sorted(rows, key=lambda row: (row.deadline or row.submitted_at, row.order_no))


def _unshipped_ids() -> Select[int]:
    return select(OrderLine.order_id).where(text(f"order_line.{UNSHIPPED}")).correlate(None)


@dataclass(frozen=True, slots=True)
class ReturnSums:
    """The returns that wait for the distributor's word."""

    returns: int
    packs: int


def returns_to_agree(by: Actor, *, at: datetime) -> ReturnSums:
    """How many returns wait for agreement, and their packs; one statement."""
    row = db.session.execute(
        select(func.count(func.distinct(GoodsReturn.id)), func.coalesce(func.sum(ReturnLine.packs), 0))
        .outerjoin(ReturnLine, ReturnLine.return_id == GoodsReturn.id)
        .where(
            returns_visible_to(by, day_in_china(at)),
            GoodsReturn.agreed_at.is_(None),
            GoodsReturn.refused_at.is_(None),
            GoodsReturn.withdrawn_at.is_(None),
        )
    ).one()
    return ReturnSums(row[0], row[1])


def count_open(by: Actor, at: datetime) -> int:
    """The number beside the tab: open orders; one cheap statement and the policy."""
    on = day_in_china(at)
    statement = (
        select(func.count())
        .select_from(Order)
        .where(
            orders_visible_to(by, on),
            or_(
                awaits_answer(at, policy_book("order.confirm_days")),
                Order.id.in_(_unshipped_ids()),
            ),
        )
    )
    return db.session.execute(statement).scalar_one()


def lapsed_since(by: Actor, *, since: datetime, at: datetime) -> int:
    """How many orders lapsed unanswered in a span of time, for a word on the work list."""
    on, book = day_in_china(at), policy_book("order.confirm_days")
    statement = (
        select(func.count())
        .select_from(Order)
        .where(orders_visible_to(by, on), has_lapsed(at, book), ~has_lapsed(since, book))
    )
    return db.session.execute(statement).scalar_one()


# The order list ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """What the reader of the order list looks for; empty = all."""

    words: str = ""
    status: OrderStatus | None = None
    county: str = ""
    first_day: date | None = None
    last_day: date | None = None
    kind: InstitutionKind | None = None
    mode: OrderMode | None = None
    distributor: str = ""
    institution_id: int | None = None
    emergency: bool = False
    answer_due_by: datetime | None = None


SORTS: dict[str, InstrumentedAttribute[Any]] = {
    "submitted": Order.submitted_at,
    "number": Order.order_no,
    "institution": _receiver.name,
    "packs": Order.packs,
    "amount": Order.amount,
}


def _contains(column: Any, word: str) -> ColumnElement[bool]:
    found: ColumnElement[bool] = column.icontains(word, autoescape=True)
    return found


def _word_condition(word: str) -> ColumnElement[bool]:
    """A word may be part of the number, of the receiver's name or township, or of an item of the order."""
    item = exists().where(
        OrderLine.order_id == Order.id,
        OrderLine.item_id == Item.id,
        or_(
            _contains(Item.generic_name, word),
            _contains(Item.item_code, word),
            _contains(Item.manufacturer, word),
        ),
    )
    return or_(
        _contains(Order.order_no, word),
        _contains(_receiver.name, word),
        _contains(_receiver.township, word),
        item,
    )


def _line_exists(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(OrderLine.order_id == Order.id, *conditions).correlate(Order)


def _status_condition(status: OrderStatus, *, at: datetime, book: PolicyBook) -> ColumnElement[bool]:
    unshipped = Order.id.in_(_unshipped_ids())
    under_way = _line_exists(OrderLine.shipped_packs > OrderLine.accepted_packs + OrderLine.rejected_packs)
    answered = Order.answered_at.is_not(None)
    confirmed = _line_exists(OrderLine.confirmed_packs > 0)
    conditions: dict[OrderStatus, ColumnElement[bool]] = {
        OrderStatus.TO_ANSWER: awaits_answer(at, book),
        OrderStatus.LAPSED: has_lapsed(at, book),
        OrderStatus.WITHDRAWN: and_(~answered, Order.disowned_at.is_(None), ~still_ordered()),
        OrderStatus.DISOWNED: Order.disowned_at.is_not(None),
        OrderStatus.TO_SHIP: and_(answered, unshipped),
        OrderStatus.UNDER_WAY: and_(answered, ~unshipped, under_way),
        OrderStatus.DONE: and_(answered, ~unshipped, ~under_way, confirmed),
        OrderStatus.REFUSED: and_(answered, ~unshipped, ~under_way, ~confirmed),
    }
    return conditions[status]


def _filtered(by: Actor, wanted: OrderFilter, *, at: datetime, book: PolicyBook) -> list[ColumnElement[bool]]:
    conditions = [orders_visible_to(by, day_in_china(at))]
    conditions.extend(_word_condition(word) for word in wanted.words.split()[:5])
    if wanted.status is not None:
        conditions.append(_status_condition(wanted.status, at=at, book=book))
    if wanted.county:
        conditions.append(_receiver.county_code == wanted.county)
    if wanted.first_day is not None:
        conditions.append(Order.submitted_at >= start_of_day(wanted.first_day))
    if wanted.last_day is not None:
        conditions.append(Order.submitted_at < end_of_day(wanted.last_day))
    if wanted.kind is not None:
        conditions.append(_receiver.kind == wanted.kind)
    if wanted.mode is not None:
        conditions.append(Order.mode == wanted.mode)
    if wanted.distributor:
        conditions.append(
            Order.distributor_id.in_(select(Distributor.id).where(Distributor.code == wanted.distributor))
        )
    if wanted.institution_id is not None:
        conditions.append(Order.institution_id == wanted.institution_id)
    if wanted.emergency:
        conditions.append(Order.emergency.is_(True))
    if wanted.answer_due_by is not None:
        conditions.append(awaits_answer(at, book))
        conditions.append(Order.answer_due_at <= wanted.answer_due_by)
    return conditions


def _ids(by: Actor, wanted: OrderFilter, *, at: datetime, book: PolicyBook) -> Select[int]:
    on = day_in_china(at)
    return (
        select(Order.id)
        .outerjoin(_receiver, and_(_receiver.institution_id == Order.institution_id, _current(_receiver, on)))
        .where(*_filtered(by, wanted, at=at, book=book))
    )


def count_orders(by: Actor, wanted: OrderFilter, *, at: datetime) -> int:
    """How many orders are found; two statements."""
    ids = _ids(by, wanted, at=at, book=policy_book(*PARAMETERS))
    return db.session.execute(select(func.count()).select_from(ids.subquery())).scalar_one()


def orders_listed(
    by: Actor,
    wanted: OrderFilter,
    *,
    at: datetime,
    sort: str = "-submitted",
    offset: int = 0,
    limit: int | None = 25,
) -> list[OrderRow]:
    """One page of the orders that the actor may see; three statements.

    Args:
        by: whose orders.
        wanted: what is looked for.
        at: the instant for which states are asked.
        sort: a key of ``SORTS``, with ``-`` in front for the other way round.
        offset: rows to leave out.
        limit: rows at most; None for all of them (exports).

    """
    book = policy_book(*PARAMETERS)
    column = SORTS.get(sort.removeprefix("-"), Order.submitted_at)
    ids = _ids(by, wanted, at=at, book=book)
    ordered = ids.order_by(column.desc() if sort.startswith("-") else column, Order.id.desc())
    if limit is not None:
        ordered = ordered.offset(offset).limit(limit)
    return _by_ids(list(db.session.scalars(ordered)), at=at, on=day_in_china(at), book=book)


def orders_page(
    by: Actor,
    wanted: OrderFilter,
    *,
    at: datetime,
    sort: str = "-submitted",
    offset: int = 0,
    limit: int | None = 25,
) -> tuple[list[OrderRow], int]:
    """The same with how many there are in all; five statements."""
    rows = orders_listed(by, wanted, at=at, sort=sort, offset=offset, limit=limit)
    return rows, count_orders(by, wanted, at=at)


def _by_ids(ids: Sequence[int], *, at: datetime, on: date, book: PolicyBook) -> list[OrderRow]:
    if not ids:
        return []
    # Long lists of ids are read in parts: databases limit the parameters of one statement.
    rows: dict[int, OrderRow] = {}
    for start in range(0, len(ids), 5000):
        statement = _rows_statement(on).where(Order.id.in_(ids[start : start + 5000]))
        rows.update((row.id, row) for row in _rows(statement, at=at, book=book))
    return [rows[id_] for id_ in ids]


def counties_of(by: Actor, *, at: datetime) -> list[tuple[str, str]]:
    """The counties to which the distributor's orders go, for the filter; code and name."""
    on = day_in_china(at)
    statement = (
        select(County.code, County.name)
        .where(
            County.code.in_(
                select(_receiver.county_code)
                .join(Order, Order.institution_id == _receiver.institution_id)
                .where(orders_visible_to(by, on), _current(_receiver, on))
            )
        )
        .order_by(County.code)
    )
    return [(row.code, row.name) for row in db.session.execute(statement)]


# Orders with their lines ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Place:
    """An institution as it stands on a paper or page."""

    name: str
    county: str
    township: str
    address: str
    phone: str
    remote: bool


def places_of(institution_ids: Iterable[int], on: date) -> dict[int, Place]:
    """Name and place of institutions on a day, by row id; one statement."""
    statement = (
        select(InstitutionRecord, County.name)
        .outerjoin(County, County.code == InstitutionRecord.county_code)
        .where(
            InstitutionRecord.institution_id.in_(sorted(set(institution_ids))), current(InstitutionRecord, on)
        )
    )
    return {
        record.institution_id: Place(
            record.name, county or "", record.township, record.address, record.phone, record.remote
        )
        for record, county in db.session.execute(statement)
    }


def orders_with_lines(order_nos: Collection[str], by: Actor, *, at: datetime) -> list[Order]:
    """The orders of these numbers that the actor may see, with lines and items, in the order of numbers."""
    statement = (
        select(Order)
        .where(Order.order_no.in_(sorted(order_nos)), orders_visible_to(by, day_in_china(at)))
        .options(selectinload(Order.lines).joinedload(OrderLine.item))
        .order_by(Order.order_no)
    )
    return list(db.session.scalars(statement))


@dataclass(frozen=True, slots=True)
class OrderSheet:
    """One order with all that a page about it shows."""

    order: Order
    row: OrderRow
    places: dict[int, Place]
    shipments: list[Shipment]


def order_sheet(order_no: str, by: Actor, *, at: datetime) -> OrderSheet | None:
    """One order with lines, history and shipments; None if the actor may not see it. A fixed number of statements."""
    on, book = day_in_china(at), policy_book(*PARAMETERS)
    order = db.session.scalars(
        select(Order)
        .where(Order.order_no == order_no, orders_visible_to(by, on))
        .options(selectinload(Order.lines).joinedload(OrderLine.item), selectinload(Order.events))
    ).one_or_none()
    if order is None:
        return None
    shipments = db.session.scalars(
        select(Shipment)
        .where(Shipment.order_id == order.id)
        .options(selectinload(Shipment.lines))
        .order_by(Shipment.id)
    )
    return OrderSheet(
        order=order,
        row=_by_ids([order.id], at=at, on=on, book=book)[0],
        places=places_of([order.institution_id, order.ordering_id, order.paying_id], on),
        shipments=list(shipments),
    )
