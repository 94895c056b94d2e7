"""What was to be delivered in a month, and what came of it (R-DEL-4), added up by distributor or by institution.

Three questions, one for each instant from which a limit may run, each a range of an index of its own. No limit is
worked out for a row but for the few of which the buyer took something back.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, case, exists, false, func, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute

from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.deliveries import Shipment, ShipmentLine
from clinic_orders.models.expressions import china_day, instant
from clinic_orders.models.orders import Order, OrderEvent, OrderLine
from clinic_orders.models.roster import InstitutionRecord
from clinic_orders.queries.checks.limits import Beginnings, Span, beginnings, both, limit_day
from clinic_orders.queries.checks.order_lines import JUSTIFIED_REJECTIONS, WITHDRAWALS
from clinic_orders.queries.doubles import not_set_aside
from clinic_orders.rules.days import Month, day_in_china, end_of_day
from clinic_orders.rules.policy import PolicyBook

# Not more parameters in one statement than every database takes.
_AT_ONCE = 500


@dataclass(slots=True)
class Due:
    """Packs of order lines whose limit falls in the month.

    Attributes:
        asked: ordered, less what the buyer took back on or before the day of the limit.
        came: delivered by the day D, less rejections for a justified reason.

    """

    asked: int = 0
    came: int = 0


@dataclass(frozen=True, slots=True)
class _Part:
    """Orders whose limits run from one kind of instant.

    Attributes:
        begins: the instant.
        where: which orders.
        near, far: when it must lie for a line with the usual limit, and for one with the longer limit.
        answered: whether the orders are answered.
        emergency: whether they are emergencies; else cold chain has the longer limit, besides remote places.

    """

    begins: InstrumentedAttribute[Any]
    where: tuple[ColumnElement[bool], ...]
    near: tuple[Span, ...]
    far: tuple[Span, ...]
    answered: bool
    emergency: bool


def _parts(spans: Beginnings, ends: datetime) -> Iterator[_Part]:
    usual = Order.emergency.is_(False)
    answered = Order.answered_at < ends
    yield _Part(Order.answered_at, (usual, answered), spans.normal, spans.remote, True, False)
    # One comparison that the index of submissions answers; by OR the way would go through all answers.
    unanswered = func.coalesce(Order.answered_at, instant(ends)) >= ends
    yield _Part(Order.submitted_at, (usual, unanswered), spans.unanswered, spans.unanswered, False, False)
    yield _Part(
        Order.submitted_at, (Order.emergency == true(),), spans.emergency, spans.emergency_remote, True, True
    )


def _within(instant: Any, spans: tuple[Span, ...]) -> ColumnElement[bool]:
    return or_(false(), *(and_(instant >= span.begins, instant < span.ends) for span in spans))


def _refused(ends: datetime) -> ColumnElement[int]:
    """Packs of a shipment line that were rejected for a justified reason by an instant."""
    return case(
        (
            and_(
                # What is seldom stands first.
                ShipmentLine.rejected_packs > 0,
                Shipment.accepted_at < ends,
                ShipmentLine.reject_reason.in_(JUSTIFIED_REJECTIONS),
            ),
            ShipmentLine.rejected_packs,
        ),
        else_=0,
    )


def _delivered_by(ends: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        func.coalesce(Shipment.delivered_at, Shipment.accepted_at) < ends,
        or_(Shipment.voided_at.is_(None), Shipment.voided_at >= ends),
    )


def _delivered(ends: datetime) -> Any:
    """What of the line was delivered by an instant, less what was rejected for a justified reason by then.

    Goods whose delivery nobody noted were delivered at the latest when they were accepted.
    """
    return (
        select(func.sum(ShipmentLine.shipped_packs - _refused(ends)))
        .join(Shipment, Shipment.id == ShipmentLine.shipment_id)
        .where(ShipmentLine.order_line_id == OrderLine.id, *_delivered_by(ends))
        .correlate(OrderLine)
        .scalar_subquery()
    )


def _is_far(part: _Part) -> ColumnElement[bool]:
    """Whether the line has the longer limit of its part."""
    record = InstitutionRecord
    day = china_day(part.begins)
    remote = exists().where(
        record.institution_id == Order.institution_id,
        record.remote.is_(True),
        record.valid_from <= day,
        or_(record.valid_before.is_(None), record.valid_before > day),
    )
    return remote if part.emergency else or_(Item.cold_chain, remote)


def due_in_month(
    book: PolicyBook,
    month: Month,
    *,
    as_of: date,
    by: InstrumentedAttribute[int],
    where: ColumnElement[bool] = true(),  # noqa: B008 - never changed.
) -> Mapping[int, Due]:
    """What was due in a month, as seen on a day (R-DEL-3, R-DEL-4).

    Args:
        book: all rows of policy.
        month: in which the limits fall.
        as_of: the day D, by which something was delivered, rejected or taken back.
        by: ``Order.distributor_id`` or ``Order.institution_id``, the key of the answer.
        where: which orders.

    """
    ends = end_of_day(as_of)
    spans = beginnings(book, first=month.first_day, last=month.last_day)
    found: dict[int, Due] = defaultdict(Due)
    for part in _parts(spans, ends):
        if not part.near and not part.far:
            continue
        withdrawn: dict[int, int] = {}
        for key, line_id, packs, came in (
            db.session.connection().execute(_lines(part, by, ends).where(where)).all()
        ):
            one = found[key]
            one.asked += int(packs)
            one.came += int(came or 0)
            if line_id is not None:
                withdrawn[line_id] = key
        for line_id, packs in _taken_back(part, book, list(withdrawn), ends):
            found[withdrawn[line_id]].asked -= packs
    return found


def _in_the_month(part: _Part, ends: datetime) -> list[ColumnElement[bool]]:
    """The conditions on orders and lines of a part whose limit falls in the month."""
    hull = [*part.near, *part.far]
    falls_in = case(
        # Most lines belong to the month whatever they are.
        (_within(part.begins, both(part.near, part.far)), True),
        (_is_far(part), _within(part.begins, part.far)),
        else_=_within(part.begins, part.near),
    )
    return [
        part.begins >= min(span.begins for span in hull),
        part.begins < min(ends, max(span.ends for span in hull)),
        *part.where,
        not_set_aside(Order.id),
        falls_in,
    ]


class LineDue(NamedTuple):
    """An order line whose limit falls in the month, and what the limit rests on.

    Attributes:
        line_id, institution_id, distributor_id: row ids.
        packs, withdrawn: ordered, and taken back by the buyer, whenever.
        begins: the instant from which the limit runs.
        far: whether it is the longer one.
        answered, emergency: of the order.
        more: the columns that were asked for besides.

    """

    line_id: int
    institution_id: int
    distributor_id: int
    packs: int
    withdrawn: int
    begins: datetime
    far: bool
    answered: bool
    emergency: bool
    more: tuple[Any, ...] = ()


def lines_due(
    book: PolicyBook,
    month: Month,
    *,
    as_of: date,
    only: Sequence[ColumnElement[bool]] = (),
    more: Sequence[InstrumentedAttribute[Any]] = (),
) -> Iterator[tuple[list[LineDue], Select[Any]]]:
    """The lines themselves, in parts, and for each part what was delivered of them (R-DEL-3, R-STAT-3).

    Args:
        book: all rows of policy.
        month: in which the limits fall.
        as_of: the day D, by which something was delivered, rejected or taken back.
        only: which orders.
        more: further columns of order, order line and item.

    Returns:
        lines, and a statement for line id, instant of delivery, packs less rejections for a justified reason.

    """
    ends = end_of_day(as_of)
    delivered_at = func.coalesce(Shipment.delivered_at, Shipment.accepted_at)
    for part in _parts(beginnings(book, first=month.first_day, last=month.last_day), ends):
        if not part.near and not part.far:
            continue
        columns = (
            *(OrderLine.id, Order.institution_id, Order.distributor_id, OrderLine.packs),
            OrderLine.withdrawn_before + OrderLine.withdrawn_after,
            part.begins,
            _is_far(part),
        )
        statement = _of_lines(*columns, *more).where(*_in_the_month(part, ends), *only)
        came = (
            _of_lines(OrderLine.id, delivered_at, ShipmentLine.shipped_packs - _refused(ends))
            .join(ShipmentLine, ShipmentLine.order_line_id == OrderLine.id)
            .join(Shipment, Shipment.id == ShipmentLine.shipment_id)
            .where(*_in_the_month(part, ends), *_delivered_by(ends), *only)
        )
        lines = [
            LineDue(
                line,
                institution,
                distributor,
                packs,
                withdrawn,
                begins,
                bool(far),
                part.answered,
                part.emergency,
                tuple(others),
            )
            for line, institution, distributor, packs, withdrawn, begins, far, *others in db.session.connection()
            .execute(statement)
            .all()
        ]
        yield lines, came


def _of_lines(*columns: Any) -> Select[Any]:
    return (
        select(*columns)
        .select_from(Order)
        .join(OrderLine, OrderLine.order_id == Order.id)
        .join(Item, Item.id == OrderLine.item_id)
    )


def _lines(part: _Part, by: InstrumentedAttribute[int], ends: datetime) -> Select[Any]:
    """By order its key, packs and what came; lines of which something was taken back stand for themselves."""
    own_line = case((OrderLine.withdrawn_before + OrderLine.withdrawn_after > 0, OrderLine.id))
    return (
        select(by, own_line, func.sum(OrderLine.packs), func.sum(_delivered(ends)))
        .select_from(Order)
        .join(OrderLine, OrderLine.order_id == Order.id)
        .join(Item, Item.id == OrderLine.item_id)
        .where(*_in_the_month(part, ends))
        # Not by the key: the rows come order by order, and sorting them all costs more than adding up.
        .group_by(Order.id, own_line)
    )


def taken_back(ids: list[int], ends: datetime) -> Iterator[tuple[int, datetime, int]]:
    """What the buyer took back of lines by an instant: line id, when, packs."""
    event = OrderEvent
    for begin in range(0, len(ids), _AT_ONCE):
        statement = select(event.line_id, event.at, event.packs).where(
            event.line_id.in_(ids[begin : begin + _AT_ONCE]), event.kind.in_(WITHDRAWALS), event.at < ends
        )
        for line_id, at, packs in db.session.connection().execute(statement):
            if line_id is not None:
                yield line_id, at, packs or 0


def _taken_back(part: _Part, book: PolicyBook, ids: list[int], ends: datetime) -> Iterator[tuple[int, int]]:
    """What the buyer took back of lines on or before the day of their limits, by an instant: line and packs."""
    event = OrderEvent
    for begin in range(0, len(ids), _AT_ONCE):
        statement = (
            select(event.line_id, event.at, event.packs, part.begins, _is_far(part))
            .join(OrderLine, OrderLine.id == event.line_id)
            .join(Order, Order.id == OrderLine.order_id)
            .join(Item, Item.id == OrderLine.item_id)
            .where(
                event.line_id.in_(ids[begin : begin + _AT_ONCE]), event.kind.in_(WITHDRAWALS), event.at < ends
            )
        )
        for line_id, at, packs, begins, far in db.session.connection().execute(statement):
            limit = limit_day(
                book, begins, answered=part.answered, emergency=part.emergency, remote=bool(far)
            )
            if day_in_china(at) <= limit:
                yield line_id, packs
