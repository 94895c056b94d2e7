"""What was ordered and accepted before: the last time, the usual list, duplicates (R-ORD-4), the average."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import (
    Integer,
    Subquery,
    bindparam,
    false,
    func,
    null,
    or_,
    select,
    type_coerce,
)

from clinic_orders.models.base import UtcDateTime, db
from clinic_orders.models.deliveries import Shipment, ShipmentLine
from clinic_orders.models.orders import DraftLine, Order, OrderLine, UsualItem
from clinic_orders.models.roster import (
    Membership,
)
from clinic_orders.queries.deadlines import lapse_instant
from clinic_orders.queries.ordering._common import DRAFT, INSTITUTION, SINCE, rows_of
from clinic_orders.rules.days import end_of_day, start_of_day
from clinic_orders.rules.order_refusals import EarlierOrder, duplicate_of
from clinic_orders.rules.policy import PolicyBook

HISTORY_DAYS = 400
"""How far back the page looks for "last time" and for what is usually ordered."""


class LastTime(NamedTuple):
    """An item's last regular order for the institution and how often it was ordered lately."""

    packs: int
    submitted_at: datetime
    times: int


def _last_time() -> Subquery:
    place = (
        func.row_number()
        .over(partition_by=OrderLine.item_id, order_by=(Order.submitted_at.desc(), OrderLine.id.desc()))
        .label("place")
    )
    return (
        select(
            OrderLine.item_id,
            OrderLine.packs,
            Order.submitted_at,
            func.count().over(partition_by=OrderLine.item_id).label("times"),
            place,
        )
        .join(Order, Order.id == OrderLine.order_id)
        .where(
            Order.institution_id == INSTITUTION,
            Order.submitted_at >= bindparam("long_since", type_=UtcDateTime),
            Order.emergency == false(),
            Order.disowned_at.is_(None),
        )
        .subquery()
    )


_ranked = _last_time()
_LAST = select(_ranked.c.item_id, _ranked.c.packs, _ranked.c.submitted_at, _ranked.c.times).where(
    _ranked.c.place == 1
)
_ACCEPTED = (
    select(OrderLine.item_id, func.sum(ShipmentLine.accepted_packs))
    .select_from(Shipment)
    .join(ShipmentLine, ShipmentLine.shipment_id == Shipment.id)
    .join(OrderLine, OrderLine.id == ShipmentLine.order_line_id)
    .where(
        Shipment.institution_id == INSTITUTION,
        Shipment.accepted_at >= SINCE,
        Shipment.accepted_at < bindparam("until", type_=UtcDateTime),
        ShipmentLine.accepted_packs > 0,
    )
    .group_by(OrderLine.item_id)
)
_USUAL = (
    select(UsualItem.item_id)
    .where(UsualItem.institution_id == INSTITUTION)
    .order_by(UsualItem.position, UsualItem.item_id)
)


def last_time(institution_id: int, *, on: date) -> dict[int, LastTime]:
    """For every item ordered within HISTORY_DAYS: packs, when, how often. Emergencies do not count."""
    rows = rows_of(
        _LAST, {"institution": institution_id, "long_since": start_of_day(on - timedelta(days=HISTORY_DAYS))}
    )
    return {row[0]: LastTime(row[1], row[2], row[3]) for row in rows}


def accepted_packs(institution_id: int, *, on: date, days: int) -> dict[int, int]:
    """Packs accepted per item in the days that end with ``on`` (R-STOCK-3's window; later returns stay in)."""
    rows = rows_of(
        _ACCEPTED,
        {
            "institution": institution_id,
            "since": start_of_day(on - timedelta(days=days - 1)),
            "until": end_of_day(on),
        },
    )
    return {row[0]: int(row[1] or 0) for row in rows}


def usual_items(institution_id: int) -> list[int]:
    """The item ids of the usual list 常用清单 in the institution's own order."""
    return [row[0] for row in rows_of(_USUAL, {"institution": institution_id})]


# Duplicates (R-ORD-4) --------------------------------------------------------------------------------------

_RECENT = (
    select(
        type_coerce(null(), Integer).label("times"),
        OrderLine.item_id,
        Order.order_no,
        Order.submitted_at,
        Order.answered_at,
        Order.answer_due_at,
        Order.emergency,
        OrderLine.packs,
        OrderLine.withdrawn_before,
        OrderLine.confirmed_packs,
        OrderLine.withdrawn_after,
        OrderLine.closed_packs,
    )
    .join(Order, Order.id == OrderLine.order_id)
    .where(
        Order.institution_id == INSTITUTION,
        Order.submitted_at >= SINCE,
        Order.submitted_at <= bindparam("at", type_=UtcDateTime),
        Order.disowned_at.is_(None),
        OrderLine.packs > OrderLine.withdrawn_before,
    )
)


_RECENT_OF_DRAFT = _RECENT.where(
    OrderLine.item_id.in_(select(DraftLine.item_id).where(DraftLine.draft_id == DRAFT))
)


_RECENT_AND_LAST = _RECENT.union_all(
    select(
        _ranked.c.times,
        _ranked.c.item_id,
        null(),
        _ranked.c.submitted_at,
        null(),
        null(),
        null(),
        _ranked.c.packs,
        null(),
        null(),
        null(),
        null(),
    ).where(_ranked.c.place == 1)
)


def duplicates(
    institution_id: int, *, at: datetime, on: date, book: PolicyBook, draft_id: int | None = None
) -> dict[int, EarlierOrder]:
    """Per item the earlier order that the buyer is to be asked about, through any channel or mode (R-ORD-4).

    With ``draft_id`` only the items of that draft are looked at.
    """
    values = _recent(institution_id, at=at, on=on, book=book)
    if draft_id is None:
        rows = rows_of(_RECENT, values).all()
    else:
        rows = rows_of(_RECENT_OF_DRAFT, {**values, "draft": draft_id}).all()
    return _asked(rows, at=at, on=on, book=book)


def duplicates_and_last_time(
    institution_id: int, *, at: datetime, on: date, book: PolicyBook
) -> tuple[dict[int, EarlierOrder], dict[int, LastTime]]:
    """What ``duplicates`` and ``last_time`` say, in one statement: every order page asks for both."""
    values = _recent(institution_id, at=at, on=on, book=book)
    rows = rows_of(
        _RECENT_AND_LAST, {**values, "long_since": start_of_day(on - timedelta(days=HISTORY_DAYS))}
    ).all()
    last = {
        row.item_id: LastTime(row.packs, row.submitted_at, row.times) for row in rows if row.times is not None
    }
    return _asked([row for row in rows if row.times is None], at=at, on=on, book=book), last


def _recent(institution_id: int, *, at: datetime, on: date, book: PolicyBook) -> dict[str, Any]:
    """What is filled in to find the orders that may make others duplicates."""
    days = book.whole("order.duplicate_days", on=on)
    return {"institution": institution_id, "since": start_of_day(on - timedelta(days=days)), "at": at}


def _asked(rows: Iterable[Any], *, at: datetime, on: date, book: PolicyBook) -> dict[int, EarlierOrder]:
    days = book.whole("order.duplicate_days", on=on)
    earlier: dict[int, list[EarlierOrder]] = {}
    for row in rows:
        earlier.setdefault(row.item_id, []).append(
            EarlierOrder(row.order_no, row.submitted_at, still_meant(row, at, book))
        )
    asked = {item: duplicate_of(orders, at=at, duplicate_days=days) for item, orders in earlier.items()}
    return {item: order for item, order in asked.items() if order is not None}


def still_meant(row: Any, at: datetime, book: PolicyBook) -> int:
    """Packs that are still to come or came: 0 for what lapsed, was declined, disowned or taken back."""
    if row.confirmed_packs is not None:
        return int(row.confirmed_packs - row.withdrawn_after - row.closed_packs)
    lapses = lapse_instant(
        emergency=row.emergency, submitted_at=row.submitted_at, answer_due_at=row.answer_due_at, book=book
    )
    if row.answered_at is None and at >= lapses:
        return 0
    return int(row.packs - row.withdrawn_before)


# The minimum (R-STOCK-1) ------------------------------------------------------------------------------------


def carried_average(on: date, *, days: int) -> Decimal | None:
    """Items carried, the mean over the city's members; None without members. A reference, never a demand."""
    members = db.session.scalar(
        select(func.count(func.distinct(Membership.institution_id))).where(
            Membership.joined_on <= on, or_(Membership.left_on.is_(None), Membership.left_on >= on)
        )
    )
    if not members:
        return None
    pairs = (
        select(Shipment.institution_id, OrderLine.item_id)
        .select_from(Shipment)
        .join(ShipmentLine, ShipmentLine.shipment_id == Shipment.id)
        .join(OrderLine, OrderLine.id == ShipmentLine.order_line_id)
        .where(
            Shipment.accepted_at >= start_of_day(on - timedelta(days=days - 1)),
            Shipment.accepted_at < end_of_day(on),
            ShipmentLine.accepted_packs > 0,
        )
        .distinct()
        .subquery()
    )
    carried = db.session.scalar(select(func.count()).select_from(pairs)) or 0
    return (Decimal(carried) / members).quantize(Decimal("0.1"))
