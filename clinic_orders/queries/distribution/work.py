"""The work list of a distributor: what is open, late first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache

from sqlalchemy import CompoundSelect, Integer, Select, bindparam, func, select, text, union

from clinic_orders.models.base import db
from clinic_orders.models.deliveries import GoodsReturn, ReturnLine
from clinic_orders.models.expressions import among
from clinic_orders.models.orders import UNSHIPPED, Order, OrderLine
from clinic_orders.queries.counting import Question
from clinic_orders.queries.deadlines import awaits_answer_then, has_lapsed, instants_of
from clinic_orders.queries.distribution.rows import (
    PARAMETERS,
    OrderRow,
    order_rows,
    rows_statement,
)
from clinic_orders.queries.policy import policy_book
from clinic_orders.queries.visibility import orders_visible_to, returns_visible_to
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.parties import Actor

# The work list ----------------------------------------------------------------------------------------


def open_orders(by: Actor, *, at: datetime) -> list[OrderRow]:
    """The orders that wait for an answer or for goods, the most urgent first; two statements."""
    on = day_in_china(at)
    book = policy_book(*PARAMETERS)
    statement = rows_statement(on).where(among(Order.id, select(_open_ids().subquery().c.id)))
    instants = instants_of(at, policy_book("order.confirm_days"))
    values = {"asking_distributor": by.distributor_id, **instants}
    rows = order_rows(statement, values, at=at, book=book)
    return sorted(rows, key=lambda row: (row.deadline or row.submitted_at, row.order_no))


def unshipped_ids() -> Select[int]:
    """The row ids of orders of which something confirmed is still to be shipped."""
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


@cache
def _open_of_a_distributor() -> Select[int]:
    """Made once: every page of a distributor asks it."""
    return select(func.count()).select_from(_open_ids().subquery())


def _open_ids() -> CompoundSelect[int]:
    """The orders of a distributor that wait for an answer or for goods; filled in with ``instants_of`` and its id.

    Each by its own few rows; by OR PostgreSQL would hold all orders of the distributor against all lines there are.
    """
    own = select(Order.id).where(Order.distributor_id == bindparam("asking_distributor", type_=Integer))
    return union(own.where(awaits_answer_then()), own.where(among(Order.id, unshipped_ids())))


def count_open(by: Actor, at: datetime) -> Question:
    """The number beside the tab: open orders; asks only for the policy."""
    instants = instants_of(at, policy_book("order.confirm_days"))
    return Question(_open_of_a_distributor(), {"asking_distributor": by.distributor_id, **instants})


def lapsed_since(by: Actor, *, since: datetime, at: datetime) -> int:
    """How many orders lapsed unanswered in a span of time, for a word on the work list."""
    on, book = day_in_china(at), policy_book("order.confirm_days")
    statement = (
        select(func.count())
        .select_from(Order)
        .where(orders_visible_to(by, on), has_lapsed(at, book), ~has_lapsed(since, book))
    )
    return db.session.execute(statement).scalar_one()
