"""Base prices of many sales and postings in one ordered pass (R-PRICE-2).

The rows come ordered by institution; some ten thousand of whole institutions are held at a time, together with the
acceptances of exactly their items, so that the pass needs little memory and few questions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from itertools import groupby
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    FromClause,
    Select,
    and_,
    bindparam,
    func,
    or_,
    select,
    type_coerce,
)
from sqlalchemy.types import NullType

from clinic_orders.models.base import UtcDateTime, db
from clinic_orders.models.catalogue import Price
from clinic_orders.models.deliveries import Shipment, ShipmentLine
from clinic_orders.models.orders import OrderLine
from clinic_orders.models.streaming import from_driver
from clinic_orders.queries.checks.few_pairs import FEW, Pair, few_pairs, pair_values
from clinic_orders.queries.checks.price_terms import Terms, TermsBook
from clinic_orders.queries.checks.scope import Scope
from clinic_orders.queries.checks.written import written_pairs
from clinic_orders.rules.days import day_in_china, start_of_day
from clinic_orders.rules.markup import MarkupBase, PurchaseSeen, base_price

_ROWS_HELD: Final = 20_000
Purchases = dict[Pair, list[PurchaseSeen]]


class Priced(NamedTuple):
    """A sale line or a posting whose price is looked at.

    Attributes:
        units: base units; of a posting those of one pack.
        taken: the amount, or the posted price, in ten-thousandths of a yuan.
        selected: the selected price of a pack in force on the day, likewise; None if none is.
        sale_no, line_no: of a sale; empty for a posting.

    """

    institution_id: int
    item_id: int
    day: date
    units: int
    taken: int
    selected: int | None
    pack_size: int
    institution: str
    item_code: str
    sale_no: str
    line_no: str


class Based(NamedTuple):
    """What is looked at, the terms of its day, and the base price of a pack in yuan; None = "no price"."""

    row: Priced
    terms: Terms
    base: Decimal | None


def yuan(parts: int) -> Decimal:
    """Ten-thousandths as yuan."""
    return Decimal(parts).scaleb(-4)


def price_spans(first: Any, last: Any) -> CTE:
    """The selected prices in force between two days: item_id, valid_from, valid_before, pack_price (R-CAT-2).

    The days may be parameters.
    """
    following = func.lead(Price.valid_from).over(partition_by=Price.item_id, order_by=Price.valid_from)
    spans = select(
        Price.item_id, Price.valid_from, following.label("valid_before"), Price.pack_price
    ).subquery("span")
    return (
        select(spans)
        .where(spans.c.valid_from <= last, or_(spans.c.valid_before.is_(None), spans.c.valid_before > first))
        .cte("price_span")
    )


def span_holds(spans: CTE, item_id: Any, day: Any) -> ColumnElement[bool]:
    """The condition that a span is the one of an item and a day."""
    return and_(
        spans.c.item_id == item_id,
        spans.c.valid_from <= day,
        or_(spans.c.valid_before.is_(None), spans.c.valid_before > day),
    )


def with_bases(scope: Scope, book: TermsBook, rows: Iterable[Priced]) -> Iterator[Based]:
    """The rows of members with the base price of each, in their order.

    Args:
        scope: the day; acceptances after it are not seen.
        book: the terms of the month.
        rows: ordered by institution, item and day.

    """
    for held in _parts(rows):
        yield from _based(scope, book, held)


def _parts(rows: Iterable[Priced]) -> Iterator[list[Priced]]:
    """The rows of whole institutions, so many that asking for their acceptances is worth it."""
    held: list[Priced] = []
    for _, own in groupby(rows, key=lambda row: row.institution_id):
        held.extend(own)
        if len(held) >= _ROWS_HELD:
            yield held
            held = []
    if held:
        yield held


def _based(scope: Scope, book: TermsBook, held: Sequence[Priced]) -> Iterator[Based]:
    judged = [(row, terms) for row in held if (terms := book.on(row.institution_id, row.day)) is not None]
    first_days: dict[Pair, date] = {}
    for row, terms in judged:
        if terms.base is not MarkupBase.SELECTED_PRICE:
            first_days.setdefault((row.institution_id, row.item_id), row.day)
    purchases = _purchases(scope, book, first_days) if first_days else {}
    last: tuple[Pair, date] | None = None
    base: Decimal | None = None
    for row, terms in judged:
        pair = (row.institution_id, row.item_id)
        if (pair, row.day) != last:
            last = (pair, row.day)
            base = base_price(
                terms.base,
                None if row.selected is None else yuan(row.selected),
                purchases.get(pair, ()),
                on=row.day,
                base_days=terms.base_days,
            )
        yield Based(row, terms, base)


def _purchases(scope: Scope, book: TermsBook, first_days: dict[Pair, date]) -> Purchases:
    """The acceptances of pairs of institution and item that a base price of the month may need."""
    values = {
        "opens": start_of_day(scope.month.first_day - timedelta(days=book.base_days)),
        "ends": scope.ends,
    }
    found: Purchases = defaultdict(list)
    _take(found, _seen, list(first_days), values)
    # Where nothing was accepted in those days by the first one asked for, the latest acceptance before them counts.
    wanting = [
        pair for pair, day in first_days.items() if not any(one.day <= day for one in found.get(pair, ()))
    ]
    if wanting:
        _take(found, _latest_before, wanting, values)
    return found


def _seen(pair: FromClause) -> Select[Any]:
    """The acceptances of pairs from :opens to :ends."""
    opens, ends = (bindparam(name, type_=UtcDateTime()) for name in ("opens", "ends"))
    return _acceptances(pair).where(Shipment.accepted_at >= opens, Shipment.accepted_at < ends)


def _latest_before(pair: FromClause) -> Select[Any]:
    """The latest acceptance of each of the pairs before :opens, several where they are of one instant."""
    place = func.rank().over(
        partition_by=(Shipment.institution_id, OrderLine.item_id),
        order_by=Shipment.accepted_at.desc(),
    )
    older = (
        _acceptances(pair)
        .add_columns(place.label("place"))
        .where(Shipment.accepted_at < bindparam("opens", type_=UtcDateTime()))
        .subquery("older")
    )
    return select(*(column for column in older.c if column.name != "place")).where(older.c.place == 1)


def _acceptances(pair: FromClause) -> Select[Any]:
    """Acceptances with accepted packs of these pairs: institution_id, item_id, accepted_at, receipt_no, pack_price.

    An item stands on an order once, so that the key of order and item leads from a shipment to the one line. The lists of
    all institutions and all items in question instead would name many lines too many, and on PostgreSQL a whole table read
    for some hundred institutions at a time.
    """
    statement: Any = (
        select(
            Shipment.institution_id,
            OrderLine.item_id,
            # As the driver gives them: to read a value costs more than to fetch it.
            type_coerce(Shipment.accepted_at, NullType()).label("accepted_at"),
            Shipment.receipt_no,
            type_coerce(OrderLine.pack_price, BigInteger).label("pack_price"),
        )
        .select_from(pair)
        .join(Shipment, Shipment.institution_id == pair.c.institution_id)
        .join(OrderLine, and_(OrderLine.order_id == Shipment.order_id, OrderLine.item_id == pair.c.item_id))
        .join(
            ShipmentLine,
            and_(ShipmentLine.order_line_id == OrderLine.id, ShipmentLine.shipment_id == Shipment.id),
        )
        .where(ShipmentLine.accepted_packs > 0)
    )
    found: Select[Any] = statement
    return found


@cache
def _of_few(asked: Callable[[FromClause], Select[Any]], dialect: str) -> Select[Any]:
    """A question about few pairs, made once."""
    return asked(few_pairs(dialect))


def _take(
    found: Purchases,
    asked: Callable[[FromClause], Select[Any]],
    pairs: Collection[Pair],
    values: Mapping[str, Any],
) -> None:
    connection, kind = db.session.connection(), UtcDateTime()
    dialect = connection.dialect.name
    if len(pairs) <= FEW:
        answer = connection.execute(_of_few(asked, dialect), {**values, **pair_values(pairs, dialect)})
    else:
        answer = connection.execute(asked(written_pairs(pairs)), values)
    for institution_id, item_id, accepted, receipt_no, pack_price in answer.all():
        at = from_driver(kind, accepted, connection.dialect)
        found[institution_id, item_id].append(
            PurchaseSeen(day_in_china(at), at, receipt_no, yuan(pack_price))
        )
