"""Find orders that came twice when a file brings some of an outside channel, and decide about them (R-ORD-4, R-VOL-2)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, cast

from sqlalchemy import Table, select

from clinic_orders.actions import audit
from clinic_orders.actions.bulk import in_parts, insert_rows
from clinic_orders.actions.loading import ChangedMeanwhile, NotFound
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.doubles import OrderDouble
from clinic_orders.models.orders import Order, OrderLine
from clinic_orders.queries.doubles import find_double, lines_of
from clinic_orders.queries.policy import policy_book
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.doubles import (
    DoubleDecided,
    DoubleDecision,
    DoubleNotDecided,
    NotOfPair,
    OrderSeen,
    SetAsideAlready,
    WouldVanish,
    may_be_double,
    what_would_vanish,
)
from clinic_orders.rules.parties import Actor, Permission

_TABLE: Final = cast("Table", OrderDouble.__table__)
HERE: Final = "clinic_orders"


def _seen(condition: Any) -> dict[int, OrderSeen]:
    """Orders with their packs, by row id."""
    found: dict[int, OrderSeen] = {}
    rows = db.session.execute(
        select(
            Order.id,
            Order.order_no,
            Order.channel,
            Order.institution_id,
            Order.submitted_at,
            OrderLine.item_id,
            OrderLine.packs,
        )
        .join(OrderLine, OrderLine.order_id == Order.id)
        .where(condition)
    )
    for row_id, number, channel, institution_id, submitted_at, item_id, packs in rows:
        order = found.get(row_id)
        if order is None:
            day = day_in_china(submitted_at)
            order = found[row_id] = OrderSeen(number, channel, institution_id, day, {})
        cast("dict[int, int]", order.packs)[item_id] = packs
    return found


def note_doubles(heads: Iterable[dict[str, Any]], *, at: datetime) -> None:
    """List the orders that new ones of outside channels may repeat. Called inside the deed that stores them.

    Args:
        heads: id, channel, institution_id and submitted_at of the new orders.
        at: when.

    """
    outside = sorted(
        (head for head in heads if head["channel"] != HERE),
        key=lambda head: (head["institution_id"], head["submitted_at"]),
    )
    if not outside:
        return
    book = policy_book("order.duplicate_days")
    pairs: dict[tuple[int, int], None] = {}
    for part in in_parts(outside, 200):
        _pairs_of(part, book.whole("order.duplicate_days", on=day_in_china(at)) or 0, pairs)
    insert_rows(
        _TABLE,
        [{"order_id": order_id, "other_id": other_id, "found_at": at} for order_id, other_id in pairs],
    )


def _pairs_of(part: Sequence[dict[str, Any]], days: int, pairs: dict[tuple[int, int], None]) -> None:
    """Pairs of some new orders with all that lie near them; a pair of two new ones stands once."""
    new = _seen(Order.id.in_([head["id"] for head in part]))
    instants = [head["submitted_at"] for head in part]
    reach = timedelta(days=days + 1)
    near = _seen(
        Order.institution_id.in_({head["institution_id"] for head in part})
        & Order.submitted_at.between(min(instants) - reach, max(instants) + reach)
    )
    by_institution: dict[int, list[int]] = {}
    for row_id, order in near.items():
        by_institution.setdefault(order.institution_id, []).append(row_id)
    for row_id, order in new.items():
        for other_id in sorted(by_institution.get(order.institution_id, ())):
            if (other_id, row_id) not in pairs and may_be_double(order, near[other_id], days=days):
                pairs[row_id, other_id] = None


def _for_decision(double_id: int, seen: int | None, *, by: Actor, at: datetime) -> OrderDouble:
    by.need(Permission.ORDERS_MATCH)
    if find_double(double_id, by, on=day_in_china(at)) is None:
        raise NotFound(number=str(double_id))
    found = db.session.execute(
        select(OrderDouble)
        .where(OrderDouble.id == double_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).scalar_one()
    if seen is not None and seen != found.version:
        raise ChangedMeanwhile(number=str(double_id))
    return found


@transactional
def decide_double(
    double_id: int, counted_no: str, *, seen_version: int | None = None, by: Actor, at: datetime
) -> OrderDouble:
    """Decide as the bureau whether two orders are the same; of the same only one counts from now on.

    Args:
        double_id: the pair.
        counted_no: the number of the order that counts; empty = they are different, both count.
        seen_version: the version on the page.
        by: who.
        at: when.

    Raises:
        NotFound, ChangedMeanwhile, DoubleDecided, NotOfPair: it can't be decided so.
        WouldVanish: the order that would count no more has packs, ordered or accepted, that the other lacks.

    """
    pair = _for_decision(double_id, seen_version, by=by, at=at)
    if pair.decision is not None:
        raise DoubleDecided
    order, other = db.session.get_one(Order, pair.order_id), db.session.get_one(Order, pair.other_id)
    if counted_no not in {"", order.order_no, other.order_no}:
        raise NotOfPair
    gone = other if counted_no == order.order_no else order
    if counted_no:
        _check_both_count(order, other)
        _check_nothing_vanishes(gone.order_no, counted_no)
    pair.decision = DoubleDecision.SAME if counted_no else DoubleDecision.DIFFERENT
    pair.set_aside_id = gone.id if counted_no else None
    pair.decided_at, pair.decided_by_id, pair.decided_by_name = at, by.user_id, by.name
    db.session.flush()
    _write_down("decide_double", pair, order, other, by=by, at=at, counted_no=counted_no)
    return pair


def _check_both_count(*orders: Order) -> None:
    """Three orders that are set aside for one another in a circle would all count nowhere."""
    for one in orders:
        if db.session.scalar(select(OrderDouble.id).where(OrderDouble.set_aside_id == one.id)) is not None:
            raise SetAsideAlready(number=one.order_no)


def _check_nothing_vanishes(gone_no: str, counted_no: str) -> None:
    lines = lines_of(gone_no, counted_no)
    names = {line.item_code: line.item for line in lines}
    ordered = what_would_vanish(
        {line.item_code: line.packs or 0 for line in lines},
        {line.item_code: line.other_packs or 0 for line in lines},
    )
    accepted = what_would_vanish(
        {line.item_code: line.accepted or 0 for line in lines},
        {line.item_code: line.other_accepted or 0 for line in lines},
    )
    vanishing = [names[code] for code in dict.fromkeys([*ordered, *accepted])]
    if vanishing:
        raise WouldVanish(number=gone_no, items=", ".join(vanishing[:5]))


@transactional
def take_back_double(
    double_id: int, *, seen_version: int | None = None, by: Actor, at: datetime
) -> OrderDouble:
    """Take the decision about a pair back: both orders count again, and the pair waits.

    Raises:
        NotFound, ChangedMeanwhile, DoubleNotDecided: there is nothing to take back.

    """
    pair = _for_decision(double_id, seen_version, by=by, at=at)
    if pair.decision is None:
        raise DoubleNotDecided
    order, other = db.session.get_one(Order, pair.order_id), db.session.get_one(Order, pair.other_id)
    pair.decision = pair.set_aside_id = pair.decided_at = pair.decided_by_id = None
    pair.decided_by_name = ""
    db.session.flush()
    _write_down("take_back_double", pair, order, other, by=by, at=at, counted_no="")
    return pair


def _write_down(
    deed: str, pair: OrderDouble, order: Order, other: Order, *, by: Actor, at: datetime, counted_no: str
) -> None:
    audit.record(
        deed,
        by=by,
        at=at,
        subject_type="order_double",
        subject_id=pair.id,
        subject=f"{order.order_no} {other.order_no}"[:128],
        institution_id=order.institution_id,
        after={"decision": pair.decision or "", "counted": counted_no},
    )
