"""The list of orders: searched, sorted, page by page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, and_, bindparam, exists, func, select
from sqlalchemy.orm import InstrumentedAttribute

from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.expressions import among
from clinic_orders.models.orders import Order, OrderLine
from clinic_orders.models.roster import County, Distributor, InstitutionRecord
from clinic_orders.queries.askers import Asking, anybody, asking, ids_of
from clinic_orders.queries.deadlines import awaits_answer, has_lapsed, still_ordered
from clinic_orders.queries.distribution.rows import (
    PARAMETERS,
    OrderRow,
    OrderStatus,
    current_record,
    receiver,
    rows_by_ids,
)
from clinic_orders.queries.distribution.work import unshipped_ids
from clinic_orders.queries.lists import stands_in, with_words
from clinic_orders.queries.policy import policy_book
from clinic_orders.queries.roster import current
from clinic_orders.queries.visibility import orders_visible_to
from clinic_orders.rules.days import day_in_china, end_of_day, start_of_day
from clinic_orders.rules.parties import Actor, InstitutionKind, OrderMode, Role
from clinic_orders.rules.policy import PolicyBook

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


_ALL = OrderFilter()
SORTS: dict[str, InstrumentedAttribute[Any]] = {
    "submitted": Order.submitted_at,
    "number": Order.order_no,
    "institution": receiver.name,
    "packs": Order.packs,
    "amount": Order.amount,
}


def _in_items(word: str) -> ColumnElement[bool]:
    return exists().where(
        OrderLine.order_id == Order.id,
        OrderLine.item_id == Item.id,
        stands_in(word, Item.generic_name, Item.item_code, Item.manufacturer),
    )


def _line_exists(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(OrderLine.order_id == Order.id, *conditions).correlate(Order)


def _status_condition(status: OrderStatus, *, at: datetime, book: PolicyBook) -> ColumnElement[bool]:
    unshipped = among(Order.id, unshipped_ids())
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
    conditions += with_words(wanted.words, Order.order_no, receiver.name, receiver.township, also=_in_items)
    if wanted.status is not None:
        conditions.append(_status_condition(wanted.status, at=at, book=book))
    if wanted.county:
        conditions.append(receiver.county_code == wanted.county)
    if wanted.first_day is not None:
        conditions.append(Order.submitted_at >= start_of_day(wanted.first_day))
    if wanted.last_day is not None:
        conditions.append(Order.submitted_at < end_of_day(wanted.last_day))
    if wanted.kind is not None:
        conditions.append(receiver.kind == wanted.kind)
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


def _ids(
    by: Actor, wanted: OrderFilter, *, at: datetime, book: PolicyBook, names: bool = False
) -> Select[int]:
    """The ids of the orders that are found; the receivers' names are joined only where something asks for them."""
    statement = select(Order.id).where(*_filtered(by, wanted, at=at, book=book))
    if names or wanted.words or wanted.county or wanted.kind is not None:
        known = current_record(receiver, day_in_china(at))
        return statement.outerjoin(receiver, and_(receiver.institution_id == Order.institution_id, known))
    return statement


@lru_cache(maxsize=64)
def _all_counted(kind: Asking, on: date) -> Select[int]:
    """How many orders an actor of a kind may see; made once for a day, and asked with ``ids_of``."""
    seen = orders_visible_to(anybody(kind), on)
    if kind.role is Role.COUNTY:
        # An index answers for each of its institutions; else PostgreSQL walks through everybody's orders.
        record = InstitutionRecord
        own = select(record.institution_id).where(
            current(record, on), record.county_code == anybody(kind).county_code
        )
        seen = among(Order.institution_id, own)
    return select(func.count()).select_from(Order).where(seen)


@lru_cache(maxsize=64)
def _all_sorted(kind: Asking, on: date, sort: str) -> Select[int]:
    """The ids of the orders that an actor of a kind may see, a page of them."""
    ids = select(Order.id).where(orders_visible_to(anybody(kind), on)).order_by(*_in_order(sort))
    return ids.offset(bindparam("before", type_=Integer)).limit(bindparam("most", type_=Integer))


def _in_order(sort: str) -> tuple[Any, ...]:
    column = SORTS.get(sort.removeprefix("-"), Order.submitted_at)
    return (column.desc() if sort.startswith("-") else column), Order.id.desc()


def count_orders(by: Actor, wanted: OrderFilter, *, at: datetime) -> int:
    """How many orders are found; two statements, one where all are wanted."""
    if wanted == _ALL:
        statement = _all_counted(asking(by), day_in_china(at))
        return db.session.connection().execute(statement, ids_of(by)).scalar_one()
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
    by_name, on = sort.removeprefix("-") == "institution", day_in_china(at)
    if wanted == _ALL and limit is not None and not by_name:
        # As a list is opened: that is asked most, by a statement made once.
        ordered, values = _all_sorted(asking(by), on, sort), {"before": offset, "most": limit}
    else:
        ordered, values = _ids(by, wanted, at=at, book=book, names=by_name).order_by(*_in_order(sort)), {}
        ordered = ordered if limit is None else ordered.offset(offset).limit(limit)
    found = db.session.connection().execute(ordered, ids_of(by) | values).all()
    return rows_by_ids([row_id for (row_id,) in found], at=at, on=on, book=book)


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


@lru_cache(maxsize=64)
def _counties(kind: Asking, on: date) -> Select[str, str]:
    """The question of ``counties_of``, made once for a day."""
    return (
        select(County.code, County.name)
        .where(
            # Of each county the first institution that is served is enough, of that its first order; two indexes lead there.
            exists().where(
                receiver.county_code == County.code,
                current_record(receiver, on),
                exists()
                .where(Order.institution_id == receiver.institution_id, orders_visible_to(anybody(kind), on))
                .correlate(receiver),
            )
        )
        .order_by(County.code)
    )


def counties_of(by: Actor, *, at: datetime) -> list[tuple[str, str]]:
    """The counties to which the distributor's orders go, for the filter; code and name."""
    statement = _counties(asking(by), day_in_china(at))
    rows = db.session.connection().execute(statement, ids_of(by)).all()
    return [(row.code, row.name) for row in rows]
