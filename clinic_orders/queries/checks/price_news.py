"""The sale lines that are new to a night, or whose day has come: those that a check of selling prices may find.

They are read once. The database leaves out what is surely in order; where few are left, nobody judges them here: the look
at their institution and item does.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from enum import Enum
from functools import cache
from itertools import groupby
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    bindparam,
    exists,
    false,
    func,
    not_,
    or_,
    select,
    true,
)

from clinic_orders.models.base import UtcDateTime, db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.deliveries import Shipment, ShipmentLine
from clinic_orders.models.expressions import china_day
from clinic_orders.models.orders import OrderLine
from clinic_orders.models.price_marks import PriceMark
from clinic_orders.models.sales import SaleLine
from clinic_orders.queries.checks.base_prices import Priced, price_spans, with_bases
from clinic_orders.queries.checks.over_markup import above, dated, in_their_order, over_line, sales
from clinic_orders.queries.checks.over_markup import may_be_over as is_above_selected
from clinic_orders.queries.checks.over_shelf_price import posted_price
from clinic_orders.queries.checks.price_looks import Widening
from clinic_orders.queries.checks.price_terms import TermsBook
from clinic_orders.queries.checks.scope import Scope
from clinic_orders.queries.policy import policy_book
from clinic_orders.rules.days import Month, end_of_day, start_of_day
from clinic_orders.rules.markup import MarkupBase

FEW_LINES: Final = 250
"""So many doubtful lines are looked at without judging each: a look at an item of an institution is a range of an index."""


class _Bound(Enum):
    """What no base price of anybody is below (R-PRICE-2)."""

    NONE = 0
    SELECTED = 1
    # And what was paid lately: old stock that goes at its old price is nearly all that is above the selected one.
    BOUGHT = 2


def add_new_sales(found: Widening, mark: PriceMark) -> None:
    """Whose lines that are new, or whose day has come, may be found is looked at."""
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
    bound, days = _bound()
    values["opens"] = start_of_day(found.as_of - timedelta(days=days))
    for come in newly:
        if bound is not _Bound.NONE:
            doubtful = connection.execute(
                _doubtful(connection.dialect.name, come=come, bound=bound), values | {"most": FEW_LINES + 1}
            ).all()
            if len(doubtful) <= FEW_LINES:
                for institution_id, item_id, day in doubtful:
                    found.add(institution_id, item_id, day, day)
                continue
        judged: list[Priced] = []
        statement = _new_sales(connection.dialect.name, come=come, bound=bound)
        for *row, above_tag in dated(statement, values):
            one = Priced(*row)
            if above_tag:
                found.add(one.institution_id, one.item_id, one.day, one.day)
            elif one.day <= found.as_of:
                judged.append(one)
        _judge(found, judged)


def _bound() -> tuple[_Bound, int]:
    """The bound, and the days before today of which every base price at least regards each acceptance."""
    bases, days = "markup.base", "markup.base_days"
    book = policy_book(bases, days)
    fewest = min([book.whole(days, on=date.min), *(int(text) for text in book.texts(days))])
    if MarkupBase.PURCHASE_PRICE in book.texts(bases):
        return _Bound.NONE, fewest
    return (_Bound.SELECTED if MarkupBase.SELECTED_PRICE in book.texts(bases) else _Bound.BOUGHT), fewest


# Not by the key itself: a range of all rows but the last would be taken for the best way in.
_COME: Final = (
    SaleLine.sold_on > bindparam("seen_on"),
    SaleLine.sold_on <= bindparam("as_of"),
    SaleLine.id + 0 <= bindparam("known"),
)
_SOME_HAVE_COME: Final = select(
    exists().where(SaleLine.replaced_at.is_(None), SaleLine.item_id.is_not(None), *_COME)
)


@cache
def _seen(dialect: str, *, come: bool, bound: _Bound) -> tuple[Select[Any], Any, Any, Any]:
    """The lines of items, their columns, and the conditions that one may be over and that it is above what was posted.

    Args:
        dialect: PostgreSQL joins the prices of the days, SQLite looks each up.
        come: the lines whose day has come, else those with ids above :known.
        bound: by what lines are left out.

    """
    spans = price_spans(date.min, date.max) if dialect == "postgresql" else None
    statement, seen = sales(
        *(_COME if come else (SaleLine.id > bindparam("known"),)), spans=spans, more=(posted_price(),)
    )
    may_be_over: ColumnElement[bool] = true()
    if bound is not _Bound.NONE:
        may_be_over = is_above_selected(seen)
    if bound is _Bound.BOUGHT:
        may_be_over = and_(may_be_over, not_(_bought_so_dear(seen)))
    return statement, seen, may_be_over, above(seen.amount, seen.posted, seen.base_units, Item.pack_size)


@cache
def _doubtful(dialect: str, *, come: bool, bound: _Bound) -> Select[Any]:
    """The institution, item and day of lines that either check may find, of no more than :most."""
    _, seen, may_be_over, above_tag = _seen(dialect, come=come, bound=bound)
    return (
        select(seen.institution_id, seen.item_id, seen.sold_on)
        .join(Item, Item.id == seen.item_id)
        .where(or_(may_be_over, above_tag))
        .limit(bindparam("most"))
    )


@cache
def _new_sales(dialect: str, *, come: bool, bound: _Bound) -> Select[Any]:
    """The lines that either check may find as ``Priced`` columns, and whether each is above what was posted."""
    statement, _, may_be_over, above_tag = _seen(dialect, come=come, bound=bound)
    found = statement.add_columns(func.coalesce(above_tag, false()))
    return in_their_order(found.where(or_(may_be_over, above_tag)))


def _bought_so_dear(seen: Any) -> ColumnElement[bool]:
    """The condition that a line is not above what its item cost in an acceptance since :opens, up to its day.

    No order is asked for: the first one that will do ends the search, which goes along the index of its institution.
    """
    return exists(
        select(Shipment.id)
        .select_from(Shipment)
        .join(OrderLine, and_(OrderLine.order_id == Shipment.order_id, OrderLine.item_id == seen.item_id))
        .join(
            ShipmentLine,
            and_(ShipmentLine.order_line_id == OrderLine.id, ShipmentLine.shipment_id == Shipment.id),
        )
        .where(
            Shipment.institution_id == seen.institution_id,
            Shipment.accepted_at >= bindparam("opens", type_=UtcDateTime()),
            Shipment.accepted_at < bindparam("ends", type_=UtcDateTime()),
            china_day(Shipment.accepted_at) <= seen.sold_on,
            ShipmentLine.accepted_packs > 0,
            not_(above(seen.amount, OrderLine.pack_price, seen.base_units, Item.pack_size)),
        )
        .correlate_except(Shipment, OrderLine, ShipmentLine)
    )


def _judge(found: Widening, rows: Iterable[Priced]) -> None:
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
                found.add(based.row.institution_id, based.row.item_id, based.row.day, based.row.day)
