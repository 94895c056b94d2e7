"""What the nightly check of selling prices has to look at again: new sales, and sales whose inputs changed (section 12).

New lines are judged once; only institutions of which one is over, or with a correction, are looked at again as a whole.
Acceptances, prices, letters, the roster, policy and postings that came late widen that by institution and month. The
answer never is too narrow; the same findings come out as if everything were computed anew.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    bindparam,
    case,
    exists,
    func,
    or_,
    select,
    union,
)

from clinic_orders.models.base import UtcDateTime, db
from clinic_orders.models.deliveries import Shipment, ShipmentLine
from clinic_orders.models.exchange import BatchRecord, ImportBatch
from clinic_orders.models.expressions import china_day
from clinic_orders.models.orders import Order, OrderLine
from clinic_orders.models.price_marks import PriceMark
from clinic_orders.models.sales import SaleLine
from clinic_orders.models.stock import ShelfPrice
from clinic_orders.queries.checks.price_inputs import inputs_now, turned_since
from clinic_orders.queries.checks.price_looks import Look, Widening
from clinic_orders.queries.checks.price_news import add_new_sales
from clinic_orders.rules.days import Month
from clinic_orders.rules.findings import CheckRule

RULES: Final = (CheckRule.OVER_MARKUP, CheckRule.OVER_SHELF_PRICE)
"""The checks that a look makes."""

OVERLAP: Final = timedelta(hours=3)
"""Rows recorded so long before a look are looked at again: their transaction may have ended after it."""

_EVERY_ROW: Final = 0


@dataclass(frozen=True, slots=True)
class NewMark:
    """What ``actions.price_marks.keep_price_mark`` keeps after the looks are done.

    Attributes:
        as_of, looked_at: the day and the instant of this look.
        sale_line_id, shelf_price_id: every row up to these ids has surely been seen.
        digest, contents: of the inputs; ``contents`` by subject, None = the subject is gone.

    """

    as_of: date
    looked_at: datetime
    sale_line_id: int
    shelf_price_id: int
    digest: str
    contents: dict[str, str | None]


@dataclass(slots=True)
class Night:
    """The looks of a night, earliest month first, and the mark to keep; None for a day before the last look."""

    looks: list[Look]
    mark: NewMark | None


def _add_all(found: Widening, first: date) -> None:
    """Everybody from a day on, as far back as anything was sold or posted."""
    days = [
        db.session.connection().scalar(select(func.min(column)).where(table.replaced_at.is_(None)))
        for column, table in ((SaleLine.sold_on, SaleLine), (ShelfPrice.posted_on, ShelfPrice))
    ]
    earliest = min((day for day in days if day is not None), default=None)
    if earliest is not None:
        found.add_all(max(first, earliest))


def tonight(as_of: date, *, at: datetime) -> Night:
    """What has to be looked at as of a day so that the findings of all months are as if computed anew.

    Args:
        as_of: the day D of the look.
        at: the instant of the look; what is recorded later belongs to the next one.

    """
    mark = db.session.scalars(select(PriceMark)).one_or_none()
    found = Widening(as_of)
    if mark is not None and as_of < mark.as_of:
        _add_all(found, Month.of(as_of).first_day)
        return Night([look for look in found.looks() if look.as_of == as_of], None)
    # The new mark comes first: what is committed after it is seen again, never left out.
    inputs = inputs_now()
    new_mark = NewMark(
        as_of,
        at,
        seen_surely(SaleLine, mark.sale_line_id if mark else _EVERY_ROW, at),
        seen_surely(ShelfPrice, mark.shelf_price_id if mark else _EVERY_ROW, at),
        inputs.digest,
        {},
    )
    if mark is None:
        new_mark.contents.update((subject, inputs.content(subject)) for subject in inputs.rows)
        _add_all(found, date.min)
        return Night(found.looks(), new_mark)
    if inputs.digest != mark.digest:
        turned = turned_since(inputs)
        new_mark.contents.update(turned.contents)
        if turned.policy is not None:
            _add_all(found, turned.policy)
        _add_spans(found, _of_items(turned.items), _EVERY_ROW)
        for institution_id, first in turned.institutions.items():
            _add_spans(found, [(institution_id, None, first)], _EVERY_ROW)
    since = mark.looked_at - OVERLAP
    add_new_sales(found, mark)
    _add_corrections(found, since)
    _add_postings(found, mark)
    _add_acceptances(found, mark, since)
    _add_undone(found, mark, since)
    return Night(found.looks(), new_mark)


def seen_surely(table: type[SaleLine] | type[ShelfPrice], known: int, at: datetime) -> int:
    """The last id before the rows recorded so lately that others of their time may not be committed yet.

    What is recorded beside the first of those may have an id below it, so the last one seen before it counts.
    """
    late, before = _edges(table)
    values = {"known": known, "late": at - OVERLAP}
    first_late, last = db.session.connection().execute(late, values).one()
    if first_late is not None:
        last = db.session.connection().scalar(before, {"known": known, "first_late": first_late})
    return known if last is None else int(last)


@cache
def _edges(
    table: type[SaleLine] | type[ShelfPrice],
) -> tuple[Select[*tuple[Any, ...]], Select[*tuple[Any, ...]]]:
    """After :known: the first row that was recorded after :late, and the last of all; the last before :first_late."""
    after_known = table.id > bindparam("known")
    late = table.recorded_at > bindparam("late", type_=UtcDateTime())
    return (
        select(func.min(table.id).filter(late), func.max(table.id)).where(after_known),
        select(func.max(table.id)).where(after_known, table.id < bindparam("first_late")),
    )


_CORRECTED: Final = (
    select(SaleLine.institution_id, SaleLine.item_id, SaleLine.sold_on)
    .where(SaleLine.replaced_at > bindparam("since", type_=UtcDateTime()), SaleLine.item_id.is_not(None))
    .distinct()
)


def _add_corrections(found: Widening, since: datetime) -> None:
    """Lines that stood and were replaced or taken back: what they made may be gone."""
    for institution_id, item_id, day in db.session.connection().execute(_CORRECTED, {"since": since}).all():
        found.add(institution_id, item_id, day, day)


def _which_postings(*, come: bool) -> tuple[ColumnElement[bool], ...]:
    """The condition that a posting's day has come, or that it is new."""
    tag = ShelfPrice
    if come:
        days = (tag.posted_on > bindparam("seen_on"), tag.posted_on <= bindparam("as_of"))
        return *days, tag.replaced_at.is_(None)
    return tag.id > bindparam("shelf_price_id"), tag.posted_on <= bindparam("as_of")


@cache
def _new_postings(*, come: bool) -> Select[Any]:
    """The pairs of postings that are new, or whose day has come, with the first day."""
    tag = ShelfPrice
    pairs: Any = select(tag.institution_id, tag.item_id, func.min(tag.posted_on).label("first"))
    found: Select[Any] = pairs.where(*_which_postings(come=come)).group_by(tag.institution_id, tag.item_id)
    return found


_SOME_POSTINGS: Final = select(*(exists().where(*_which_postings(come=come)) for come in (False, True)))


def _add_postings(found: Widening, mark: PriceMark) -> None:
    """Postings that are new, or whose day has come: their own month, and the sales from their day on."""
    values = {"shelf_price_id": mark.shelf_price_id, "seen_on": mark.as_of, "as_of": found.as_of}
    for come, some in enumerate(db.session.connection().execute(_SOME_POSTINGS, values).one()):
        for statement in _of_pairs(_new_postings, come=bool(come)) if some else ():
            _add_found(found, statement, values)


@cache
def _touched_acceptances() -> Select[Any]:
    """The pairs of the acceptances recorded or changed after :since, with the first day that they matter for.

    A receipt from a file may have had another day before; it can't have been before its order was submitted.
    """
    since = bindparam("since", type_=UtcDateTime())
    changed_by_file = and_(Shipment.import_batch_id.is_not(None), Shipment.recorded_at <= since)
    first = case((changed_by_file, china_day(Order.submitted_at)), else_=china_day(Shipment.accepted_at))
    touched = union(
        select(Shipment.id).where(Shipment.updated_at > since),
        select(Shipment.id).join(Order, Order.id == Shipment.order_id).where(Order.updated_at > since),
    )
    pairs: Any = (
        select(Shipment.institution_id, OrderLine.item_id, func.min(first).label("first"))
        .select_from(Shipment)
        .join(Order, Order.id == Shipment.order_id)
        .join(ShipmentLine, ShipmentLine.shipment_id == Shipment.id)
        .join(OrderLine, OrderLine.id == ShipmentLine.order_line_id)
        .where(Shipment.id.in_(touched), or_(Shipment.accepted_at.is_not(None), changed_by_file))
        .group_by(Shipment.institution_id, OrderLine.item_id)
    )
    found: Select[Any] = pairs
    return found


def _add_acceptances(found: Widening, mark: PriceMark, since: datetime) -> None:
    """Acceptances recorded or changed: sales of their item from their day on that were judged before."""
    values = {"since": since, "as_of": found.as_of, "known": mark.sale_line_id}
    for statement in _of_pairs(_touched_acceptances, judged=True):
        _add_found(found, statement, values)


@cache
def _of_pairs(pairs: Callable[..., Select[Any]], *, judged: bool = False, **asked: Any) -> list[Select[Any]]:
    """Of pairs of institution and item, those with sales, and with postings, from a day on, up to :as_of.

    Args:
        pairs: makes the question for the pairs.
        judged: whether only sale lines up to :known are meant.
        asked: of ``pairs``.

    """
    pair = pairs(**asked).cte("pair")
    found = []
    for table, day in ((SaleLine, SaleLine.sold_on), (ShelfPrice, ShelfPrice.posted_on)):
        statement = (
            select(pair.c.institution_id, pair.c.item_id, func.min(day), func.max(day))
            .join(
                table,
                and_(
                    table.institution_id == pair.c.institution_id,
                    table.item_id == pair.c.item_id,
                    day >= pair.c.first,
                ),
            )
            .where(day <= bindparam("as_of"), table.replaced_at.is_(None))
            .group_by(pair.c.institution_id, pair.c.item_id)
        )
        if judged and table is SaleLine:
            # Not by the key itself: a range of all rows but the last would be taken for the best way in.
            statement = statement.where(SaleLine.id + 0 <= bindparam("known"))
        found.append(statement)
    return found


def _add_found(found: Widening, statement: Select[Any], values: Mapping[str, Any]) -> None:
    for row in db.session.connection().execute(statement, values).all():
        found.add(*row)


def _add_undone(found: Widening, mark: PriceMark, since: datetime) -> None:
    """Postings and receipts that a batch had made, and that went with it when it was undone."""
    connection = db.session.connection()
    undone = connection.scalars(select(ImportBatch.id).where(ImportBatch.undone_at > since)).all()
    if not undone:
        return
    tag = ShelfPrice
    _add_spans(
        found,
        connection.execute(
            select(tag.institution_id, tag.item_id, tag.posted_on).where(tag.import_batch_id.in_(undone))
        ),
        _EVERY_ROW,
    )
    records = connection.execute(
        select(BatchRecord.before, BatchRecord.after).where(
            BatchRecord.batch_id.in_(undone), BatchRecord.table_name.in_(["shipment", "purchase_order"])
        )
    )
    institutions = {
        side["institution_id"]
        for record in records
        for side in record
        if side is not None and side.get("institution_id") is not None
    }
    _add_spans(found, [(number, None, date.min) for number in institutions], mark.sale_line_id)


def _of_items(items: Any) -> Iterator[tuple[None, int, date]]:
    for item_id, first in items.items():
        yield None, item_id, first


def _add_spans(found: Widening, spans: Iterable[Any], known: int) -> None:
    """Widen by sales and postings from a day on.

    Args:
        found: what is widened.
        spans: institution id or None, item id or None, first day.
        known: only sale lines up to this id; 0 = all. Newer ones are judged as new.

    """
    connection = db.session.connection()
    line, tag = SaleLine, ShelfPrice
    for institution_id, item_id, first in _earliest_only(spans):
        if first > found.as_of:
            continue
        for table, day in ((line, line.sold_on), (tag, tag.posted_on)):
            where = [table.replaced_at.is_(None), day >= first, day <= found.as_of]
            if institution_id is not None:
                where.append(table.institution_id == institution_id)
            if item_id is not None:
                where.append(table.item_id == item_id)
            if known and table is line:
                where.append(line.id + 0 <= known)
            statement = (
                select(table.institution_id, func.min(day), func.max(day))
                .where(*where)
                .group_by(table.institution_id)
            )
            for number, earliest, latest in connection.execute(statement):
                found.add(number, item_id, earliest, latest)


def _earliest_only(spans: Iterable[Any]) -> Collection[tuple[int | None, int | None, date]]:
    """One span for each pair."""
    first: dict[tuple[int | None, int | None], date] = {}
    for institution_id, item_id, day in spans:
        key = (institution_id, item_id)
        first[key] = min(day, first.get(key, day))
    return [(*key, day) for key, day in first.items()]
