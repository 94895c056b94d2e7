"""Sales above the allowed amount, gathered by institution, item and month (R-PRICE-1 to R-PRICE-4).

The rule is sequential: what a pack may cost depends on what was accepted before. One ordered pass judges the lines;
lines that can't be over whatever was accepted are left out by the database.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import cache
from itertools import groupby
from typing import Any

from sqlalchemy import CTE, BigInteger, ColumnElement, Date, Select, func, or_, select, type_coerce
from sqlalchemy.types import NullType

from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item, Price
from clinic_orders.models.roster import Institution
from clinic_orders.models.sales import SaleLine
from clinic_orders.models.streaming import driver_rows, from_driver
from clinic_orders.queries.checks.base_prices import (
    Based,
    Priced,
    span_holds,
    with_bases,
    yuan,
)
from clinic_orders.queries.checks.price_rows import Whose, month_values, of_month, spans_of_month
from clinic_orders.queries.checks.price_terms import TermsBook
from clinic_orders.queries.checks.scope import Scope
from clinic_orders.rules.findings import CheckRule, Finding
from clinic_orders.rules.markup import MarkupBase, OverLine, SaleSeen, judge_sale, over_markup

RULES = (CheckRule.OVER_MARKUP,)


def sales(
    *where: ColumnElement[bool], spans: CTE | None, more: Sequence[ColumnElement[Any]] = ()
) -> tuple[Select[Any], Any]:
    """The sale lines of items that stand and meet conditions, customer returns apart, and their columns.

    Args:
        where: which lines.
        more: what else is looked up of each line, for conditions.
        spans: the selected prices of their days, joined once for a whole month; None = looked up line by line through
            the key, for few lines of whatever days: a join would be planned for many more of them.

    """
    line = SaleLine
    looked_up = (
        select(Price.pack_price)
        .where(Price.item_id == line.item_id, Price.valid_from <= line.sold_on)
        .order_by(Price.valid_from.desc())
        .limit(1)
        .correlate(line)
        .scalar_subquery()
    )
    selected: Any = looked_up if spans is None else spans.c.pack_price
    lines: Any = select(
        line.institution_id,
        line.item_id,
        line.sold_on,
        line.base_units,
        type_coerce(line.amount, BigInteger).label("amount"),
        type_coerce(selected, BigInteger).label("selected"),
        line.sale_no,
        line.line_no,
        *more,
    ).where(line.replaced_at.is_(None), line.base_units > 0, line.item_id.is_not(None), *where)
    if spans is not None:
        lines = lines.outerjoin(spans, span_holds(spans, line.item_id, line.sold_on))
    seen = lines.subquery("seen")
    statement = (
        select(
            seen.c.institution_id,
            seen.c.item_id,
            type_coerce(seen.c.sold_on, NullType()),
            seen.c.base_units,
            seen.c.amount,
            seen.c.selected,
            Item.pack_size,
            Institution.code,
            Item.item_code,
            seen.c.sale_no,
            seen.c.line_no,
        )
        .join(Item, Item.id == seen.c.item_id)
        .join(Institution, Institution.id == seen.c.institution_id)
    )
    return statement, seen.c


def above(amount: Any, price: Any, units: Any, pack_size: Any) -> ColumnElement[bool]:
    """The condition that an amount is above what the units are worth at a price of a pack, exactly.

    Whoever takes no more than that, takes no more than the allowed amount either: a rate only adds to it, and whole
    cents that are not above an amount are not above its rounding, half up or down.
    """
    taken, worth = type_coerce(amount, BigInteger) * pack_size, type_coerce(price, BigInteger) * units
    found: ColumnElement[bool] = taken > worth
    return found


def priced(statement: Select[Any], values: Mapping[str, Any]) -> Iterator[Priced]:
    """The rows of a statement of ``Priced`` columns."""
    return (Priced(*row) for row in dated(statement, values))


def in_their_order(statement: Select[Any]) -> Select[Any]:
    """The rows of a statement whose first columns are institution, item and day, in their order.

    Sums stand for the columns: SQLite would else walk through the whole ledger of all years in that order.
    """
    institution_id, item_id, on = list(statement.selected_columns)[:3]
    return statement.order_by(institution_id + 0, item_id + 0, on)


def dated(statement: Select[Any], values: Mapping[str, Any] | None = None) -> Iterator[tuple[Any, ...]]:
    """The rows of a statement whose third column is a day, with days as such; ``values`` are bound."""
    connection = db.session.connection()
    days: dict[Any, date] = {}
    kind = Date()
    for part in driver_rows(connection, statement, values=values):
        for row in part:
            day = days.get(row[2])
            if day is None:
                day = days[row[2]] = from_driver(kind, row[2], connection.dialect)
            yield (row[0], row[1], day, *row[3:])


def candidates(*where: ColumnElement[bool], bounded: bool, spans: CTE | None = None) -> Select[Any]:
    """The sale lines that may be over, as ``Priced`` columns.

    Args:
        where: which lines.
        bounded: whether the selected price is a lower bound of every base price (R-PRICE-2): then only lines above it
            come, and those without one.
        spans: see ``sales``.

    """
    statement, seen = sales(*where, spans=spans)
    return in_their_order(statement.where(may_be_over(seen)) if bounded else statement)


def may_be_over(seen: Any) -> ColumnElement[bool]:
    """The condition that a line of ``sales`` is above the selected price, or has none.

    Any amount is above a price below 0. By OR the price would be looked up twice.
    """
    return above(seen.amount, func.coalesce(seen.selected, -1), seen.base_units, Item.pack_size)


def over_line(based: Based) -> OverLine | None:
    """Whether a line is over (R-PRICE-3); the rule is asked only where the amount is above the exact worth."""
    row, terms, base = based
    if base is None or terms.rate is None:
        return None
    worth = int(base.scaleb(4)) * int((1 + terms.rate).scaleb(4)) * row.units
    if row.taken * 10_000 * row.pack_size <= worth:
        return None
    return judge_sale(
        SaleSeen(row.sale_no, row.line_no, row.day, row.units, yuan(row.taken).quantize(Decimal("0.01"))),
        base=base,
        rate=terms.rate,
        pack_size=row.pack_size,
        rounding=terms.rounding,
    )


@cache
def _of_month(whose: Whose, dialect: str, *, bounded: bool) -> Select[Any]:
    """The lines of a month that may be over; see ``price_rows.of_month``."""
    # The lines of a few are looked up one by one; a month of everybody is joined.
    spans = spans_of_month() if whose is Whose.EVERYBODY else None
    return candidates(*of_month(SaleLine, SaleLine.sold_on, whose, dialect), bounded=bounded, spans=spans)


def find(scope: Scope) -> Iterator[Finding]:
    """The violations of the month up to the day (formats.md section 3)."""
    book = TermsBook.known(scope)
    dialect = db.session.connection().dialect.name
    asked = _of_month(Whose.of(scope), dialect, bounded=MarkupBase.PURCHASE_PRICE not in book.bases)
    based = with_bases(scope, book, priced(asked, month_values(scope, dialect)))
    for (code, item_code), group in groupby(based, key=lambda one: (one.row.institution, one.row.item_code)):
        lines = [over for one in group if (over := over_line(one)) is not None]
        lines.sort(key=lambda one: (one.sale.day, one.sale.sale_no, one.sale.line_no))
        found = over_markup(code, item_code, str(scope.month), lines)
        if found is not None:
            yield found


class NotJudged(StrEnum):
    """Why a sale line is not judged."""

    NO_PROMISE = "no_promise"
    NO_PRICE = "no_price"


@dataclass(frozen=True, slots=True)
class Unjudged:
    """Sale lines of an institution and item that nothing can be said of, for the screen (R-PRICE-1, R-PRICE-3).

    Attributes:
        institution, item_code: their codes.
        why: no allowed rate on the day of sale ("no promise"), else no base price ("no price").
        lines, base_units: how many.
        amount: taken for them, in yuan.
        rows: the lines by number.

    """

    institution: str
    item_code: str
    why: NotJudged
    lines: int
    base_units: int
    amount: Decimal
    rows: tuple[tuple[str, str], ...]


def unjudged(scope: Scope) -> list[Unjudged]:
    """The sale lines of the month up to the day that are not judged, by institution, item and reason.

    Customer returns and what was sold on days without membership are no matter of the check and not listed.
    """
    book = TermsBook.known(scope)
    dialect = db.session.connection().dialect.name
    month = of_month(SaleLine, SaleLine.sold_on, Whose.of(scope), dialect)
    statement, seen = sales(*month, spans=spans_of_month())
    statement = in_their_order(
        statement.where(or_(seen.selected.is_(None), seen.institution_id.in_(book.without_rate())))
    )
    gathered: dict[tuple[str, str, NotJudged], list[Priced]] = {}
    for row, terms, base in with_bases(scope, book, priced(statement, month_values(scope, dialect))):
        if terms.rate is None:
            why = NotJudged.NO_PROMISE
        elif base is None:
            why = NotJudged.NO_PRICE
        else:
            continue
        gathered.setdefault((row.institution, row.item_code, why), []).append(row)
    return [
        Unjudged(
            code,
            item_code,
            why,
            len(rows),
            sum(row.units for row in rows),
            yuan(sum(row.taken for row in rows)).quantize(Decimal("0.01")),
            tuple(sorted((row.sale_no, row.line_no) for row in rows)),
        )
        for (code, item_code, why), rows in sorted(gathered.items())
    ]
