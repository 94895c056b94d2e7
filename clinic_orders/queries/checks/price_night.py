"""What the nightly check of selling prices has to look at again: new sales, and sales whose inputs changed (section 12).

New lines are judged once; only institutions of which one is over, or with a correction, are looked at again as a whole.
Acceptances, prices, letters, the roster, policy and postings that came late widen that by institution and month. The
answer never is too narrow; the same findings come out as if everything were computed anew.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import Enum
from functools import cache
from itertools import groupby
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    Select,
    and_,
    bindparam,
    case,
    exists,
    false,
    func,
    or_,
    select,
    true,
    type_coerce,
    union,
)

from clinic_orders.models.base import UtcDateTime, db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.deliveries import Shipment, ShipmentLine
from clinic_orders.models.exchange import BatchRecord, ImportBatch
from clinic_orders.models.expressions import china_day
from clinic_orders.models.orders import Order, OrderLine
from clinic_orders.models.price_marks import PriceMark
from clinic_orders.models.sales import SaleLine
from clinic_orders.models.stock import ShelfPrice
from clinic_orders.queries.checks.base_prices import Priced, price_spans, with_bases
from clinic_orders.queries.checks.over_markup import above, dated, in_their_order, over_line, sales
from clinic_orders.queries.checks.over_markup import may_be_over as is_above_selected
from clinic_orders.queries.checks.over_shelf_price import posted_price
from clinic_orders.queries.checks.price_inputs import inputs_now, turned_since
from clinic_orders.queries.checks.price_terms import TermsBook
from clinic_orders.queries.checks.scope import Scope
from clinic_orders.queries.policy import policy_book
from clinic_orders.rules.days import Month, end_of_day
from clinic_orders.rules.findings import CheckRule
from clinic_orders.rules.markup import MarkupBase

RULES: Final = (CheckRule.OVER_MARKUP, CheckRule.OVER_SHELF_PRICE)
"""The checks that a look makes."""

OVERLAP: Final = timedelta(hours=3)
"""Rows recorded so long before a look are looked at again: their transaction may have ended after it."""

_EVERY_ROW: Final = 0


@dataclass(frozen=True, slots=True)
class Look:
    """A question for ``queries.checks.check``: these institutions wholly, as of a day; None = everybody."""

    as_of: date
    institution_ids: frozenset[int] | None

    @property
    def scope(self) -> Scope:
        """As the checks take it."""
        return Scope(self.as_of, institution_ids=self.institution_ids)


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


@dataclass(slots=True)
class _Widening:
    """Institutions by month, gathered from all reasons."""

    as_of: date
    by_month: dict[Month, set[int]] = field(default_factory=dict)
    whole: set[Month] = field(default_factory=set)

    def add(self, institution_id: int, first: date, last: date) -> None:
        """An institution in every month from one day to another, none after the as-of day."""
        for month in months_between(first, min(last, self.as_of)):
            self.by_month.setdefault(month, set()).add(institution_id)

    def add_all(self, first: date) -> None:
        """Everybody from a day on, as far back as anything was sold or posted."""
        earliest = _earliest()
        if earliest is not None:
            self.whole.update(months_between(max(first, earliest), self.as_of))

    def looks(self) -> list[Look]:
        """As questions."""
        found = []
        for month in sorted(self.whole | self.by_month.keys(), key=lambda one: one.first_day):
            ids = None if month in self.whole else frozenset(self.by_month[month])
            found.append(Look(min(month.last_day, self.as_of), ids))
        return found


def months_between(first: date, last: date) -> Iterator[Month]:
    """The months from one day to another, both included."""
    month = Month.of(first)
    while month.first_day <= last:
        yield month
        month = month.next()


def _earliest() -> date | None:
    days = [
        db.session.connection().scalar(select(func.min(column)).where(table.replaced_at.is_(None)))
        for column, table in ((SaleLine.sold_on, SaleLine), (ShelfPrice.posted_on, ShelfPrice))
    ]
    return min((day for day in days if day is not None), default=None)


def tonight(as_of: date, *, at: datetime) -> Night:
    """What has to be looked at as of a day so that the findings of all months are as if computed anew.

    Args:
        as_of: the day D of the look.
        at: the instant of the look; what is recorded later belongs to the next one.

    """
    mark = db.session.scalars(select(PriceMark)).one_or_none()
    found = _Widening(as_of)
    if mark is not None and as_of < mark.as_of:
        found.add_all(Month.of(as_of).first_day)
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
        found.add_all(date.min)
        return Night(found.looks(), new_mark)
    if inputs.digest != mark.digest:
        turned = turned_since(inputs)
        new_mark.contents.update(turned.contents)
        if turned.policy is not None:
            found.add_all(turned.policy)
        _add_spans(found, _of_items(turned.items), _EVERY_ROW)
        for institution_id, first in turned.institutions.items():
            _add_spans(found, [(institution_id, None, first)], _EVERY_ROW)
    since = mark.looked_at - OVERLAP
    _add_new_sales(found, mark)
    _add_corrections(found, since)
    _add_postings(found, mark)
    _add_acceptances(found, mark, since)
    _add_undone(found, mark, since)
    return Night(found.looks(), new_mark)


def seen_surely(table: type[SaleLine] | type[ShelfPrice], known: int, at: datetime) -> int:
    """The last id before the rows recorded so lately that others of their time may not be committed yet."""
    connection = db.session.connection()
    first_late, last = _edges(table)
    found = connection.scalar(first_late, {"known": known, "late": at - OVERLAP})
    if found is not None:
        return int(found) - 1
    return int(connection.scalar(last) or _EVERY_ROW)


@cache
def _edges(table: type[SaleLine] | type[ShelfPrice]) -> tuple[Select[Any], Select[Any]]:
    """The first row after :known that was recorded after :late, and the last of all."""
    late = bindparam("late", type_=UtcDateTime())
    return (
        select(func.min(table.id)).where(table.id > bindparam("known"), table.recorded_at > late),
        select(func.max(table.id)),
    )


def _add_new_sales(found: _Widening, mark: PriceMark) -> None:
    """Judge the lines that are new, or whose day has come; who has one that is over is looked at."""
    connection = db.session.connection()
    values = {
        "known": mark.sale_line_id,
        "seen_on": mark.as_of,
        "as_of": found.as_of,
        "ends": end_of_day(found.as_of),
    }
    newly = [False]
    # Lines are seldom dated ahead; that there is none is told by the index of days alone.
    if connection.scalar(_SOME_HAVE_COME, values):
        newly.append(True)
    bases = policy_book("markup.base").texts("markup.base")
    bound = _Bound.NONE
    if MarkupBase.PURCHASE_PRICE not in bases:
        bound = _Bound.SELECTED if MarkupBase.SELECTED_PRICE in bases else _Bound.LATEST
    for come in newly:
        judged: list[Priced] = []
        statement = _new_sales(connection.dialect.name, come=come, bound=bound)
        for *row, may_be_over, above_tag in dated(statement, values):
            one = Priced(*row)
            if may_be_over and one.day <= found.as_of:
                judged.append(one)
            if above_tag:
                found.add(one.institution_id, one.day, one.day)
        _judge(found, judged)


# Not by the key itself: a range of all rows but the last would be taken for the best way in.
_COME: Final = (
    SaleLine.sold_on > bindparam("seen_on"),
    SaleLine.sold_on <= bindparam("as_of"),
    SaleLine.id + 0 <= bindparam("known"),
)
_SOME_HAVE_COME: Final = select(exists().where(SaleLine.replaced_at.is_(None), *_COME))


class _Bound(Enum):
    """What no base price of anybody is below (R-PRICE-2)."""

    NONE = 0
    SELECTED = 1
    # And what the latest acceptance cost: old stock that goes at its old price is nearly all that is above the selected one.
    LATEST = 2


@cache
def _new_sales(dialect: str, *, come: bool, bound: _Bound) -> Select[Any]:
    """The sale lines that either check may find, read once: whether they may be over, and are above what was posted.

    Args:
        dialect: PostgreSQL joins the prices of the days, SQLite looks each up.
        come: the lines whose day has come, else those with ids above :known.
        bound: by what lines are left out.

    """
    where = _COME if come else (SaleLine.id > bindparam("known"),)
    spans = price_spans(date.min, date.max) if dialect == "postgresql" else None
    statement, seen = sales(*where, spans=spans, more=(posted_price(),))
    may_be_over: ColumnElement[bool] = true()
    if bound is not _Bound.NONE:
        may_be_over = is_above_selected(seen)
    if bound is _Bound.LATEST:
        latest = func.coalesce(_latest_acceptance(seen), -1)
        may_be_over = and_(may_be_over, above(seen.amount, latest, seen.base_units, Item.pack_size))
    above_tag = above(seen.amount, seen.posted, seen.base_units, Item.pack_size)
    found = statement.add_columns(may_be_over, func.coalesce(above_tag, false()))
    return in_their_order(found.where(or_(may_be_over, above_tag)))


def _latest_acceptance(seen: Any) -> ColumnElement[int]:
    """The price of a pack of the latest acceptance up to the day of a sale line, back along the index of its institution."""
    return type_coerce(
        select(OrderLine.pack_price)
        .select_from(Shipment)
        .join(OrderLine, and_(OrderLine.order_id == Shipment.order_id, OrderLine.item_id == seen.item_id))
        .join(
            ShipmentLine,
            and_(ShipmentLine.order_line_id == OrderLine.id, ShipmentLine.shipment_id == Shipment.id),
        )
        .where(
            Shipment.institution_id == seen.institution_id,
            Shipment.accepted_at < bindparam("ends", type_=UtcDateTime()),
            china_day(Shipment.accepted_at) <= seen.sold_on,
            ShipmentLine.accepted_packs > 0,
        )
        .order_by(Shipment.accepted_at.desc(), Shipment.receipt_no.desc())
        .limit(1)
        .scalar_subquery(),
        BigInteger,
    )


def _judge(found: _Widening, rows: Iterable[Priced]) -> None:
    held = sorted(
        rows, key=lambda row: (row.day.year, row.day.month, row.institution_id, row.item_id, row.day)
    )
    for month, own in groupby(held, key=lambda row: Month.of(row.day)):
        of_month = list(own)
        scope = Scope(
            min(month.last_day, found.as_of), institution_ids={row.institution_id for row in of_month}
        )
        for based in with_bases(scope, TermsBook(scope), of_month):
            if over_line(based) is not None:
                found.add(based.row.institution_id, based.row.day, based.row.day)


_CORRECTED: Final = (
    select(SaleLine.institution_id, SaleLine.sold_on)
    .where(SaleLine.replaced_at > bindparam("since", type_=UtcDateTime()))
    .distinct()
)


def _add_corrections(found: _Widening, since: datetime) -> None:
    """Lines that stood and were replaced or taken back: what they made may be gone."""
    for institution_id, day in db.session.connection().execute(_CORRECTED, {"since": since}).all():
        found.add(institution_id, day, day)


@cache
def _new_postings(*, come: bool) -> Select[Any]:
    """The pairs of postings that are new, or whose day has come, with the first day."""
    tag = ShelfPrice
    as_of: BindParameter[date] = bindparam("as_of")
    where = (
        (tag.posted_on > bindparam("seen_on"), tag.posted_on <= as_of, tag.replaced_at.is_(None))
        if come
        else (tag.id > bindparam("shelf_price_id"), tag.posted_on <= as_of)
    )
    pairs: Any = select(tag.institution_id, tag.item_id, func.min(tag.posted_on).label("first"))
    found: Select[Any] = pairs.where(*where).group_by(tag.institution_id, tag.item_id)
    return found


def _add_postings(found: _Widening, mark: PriceMark) -> None:
    """Postings that are new, or whose day has come: their own month, and the sales from their day on."""
    values = {"shelf_price_id": mark.shelf_price_id, "seen_on": mark.as_of, "as_of": found.as_of}
    for come in (False, True):
        for statement in _of_pairs(_new_postings, come=come):
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


def _add_acceptances(found: _Widening, mark: PriceMark, since: datetime) -> None:
    """Acceptances recorded or changed: sales of their item from their day on that were judged before."""
    values = {"since": since, "as_of": found.as_of, "known": mark.sale_line_id}
    for statement in _of_pairs(_touched_acceptances, judged=True):
        _add_found(found, statement, values)


@cache
def _of_pairs(pairs: Callable[..., Select[Any]], *, judged: bool = False, **asked: Any) -> list[Select[Any]]:
    """The institutions with sales, and with postings, of pairs of institution and item from a day on, up to :as_of.

    Args:
        pairs: makes the question for the pairs.
        judged: whether only sale lines up to :known are meant.
        asked: of ``pairs``.

    """
    pair = pairs(**asked).cte("pair")
    found = []
    for table, day in ((SaleLine, SaleLine.sold_on), (ShelfPrice, ShelfPrice.posted_on)):
        statement = (
            select(pair.c.institution_id, func.min(day), func.max(day))
            .join(
                table,
                and_(
                    table.institution_id == pair.c.institution_id,
                    table.item_id == pair.c.item_id,
                    day >= pair.c.first,
                ),
            )
            .where(day <= bindparam("as_of"), table.replaced_at.is_(None))
            .group_by(pair.c.institution_id)
        )
        if judged and table is SaleLine:
            # Not by the key itself: a range of all rows but the last would be taken for the best way in.
            statement = statement.where(SaleLine.id + 0 <= bindparam("known"))
        found.append(statement)
    return found


def _add_found(found: _Widening, statement: Select[Any], values: Mapping[str, Any]) -> None:
    for number, earliest, latest in db.session.connection().execute(statement, values).all():
        found.add(number, earliest, latest)


def _add_undone(found: _Widening, mark: PriceMark, since: datetime) -> None:
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


def _add_spans(found: _Widening, spans: Iterable[Any], known: int) -> None:
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
                found.add(number, earliest, latest)


def _earliest_only(spans: Iterable[Any]) -> Collection[tuple[int | None, int | None, date]]:
    """One span for each pair."""
    first: dict[tuple[int | None, int | None], date] = {}
    for institution_id, item_id, day in spans:
        key = (institution_id, item_id)
        first[key] = min(day, first.get(key, day))
    return [(*key, day) for key, day in first.items()]
