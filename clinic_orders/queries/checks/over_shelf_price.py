"""Sales above the posted price, and postings above the allowed price of a pack 双标签 (R-PRICE-5)."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, Select, literal, or_, select, type_coerce
from sqlalchemy.types import NullType

from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.roster import Institution
from clinic_orders.models.sales import SaleLine
from clinic_orders.models.stock import ShelfPrice
from clinic_orders.queries.checks.base_prices import span_holds, with_bases, yuan
from clinic_orders.queries.checks.over_markup import above, in_their_order, priced
from clinic_orders.queries.checks.price_rows import Whose, month_values, of_month, spans_of_month
from clinic_orders.queries.checks.price_terms import TermsBook
from clinic_orders.queries.checks.scope import Scope
from clinic_orders.rules.findings import CheckRule, Finding
from clinic_orders.rules.markup import (
    MarkupBase,
    Posted,
    SaleSeen,
    over_shelf_price,
    posting_excess,
    shelf_excess,
)

RULES = (CheckRule.OVER_SHELF_PRICE,)
_NOTHING = Decimal("0.00")
Key = tuple[str, str]


def posted_price() -> Any:
    """The price posted for a sale line on its day, looked up through its key: that costs the same however long the history is."""
    line, tag = SaleLine, ShelfPrice
    posted = (
        select(tag.price)
        .where(
            tag.institution_id == line.institution_id,
            tag.item_id == line.item_id,
            tag.posted_on <= line.sold_on,
            tag.replaced_at.is_(None),
        )
        .order_by(tag.posted_on.desc())
        .limit(1)
        .correlate(line)
        .scalar_subquery()
    )
    return type_coerce(posted, BigInteger).label("posted")


@cache
def sales_above(whose: Whose, dialect: str) -> Select[Any]:
    """The sale lines of a month that are above what was posted on their day; see ``price_rows.of_month``."""
    line = SaleLine
    seen = (
        select(
            line.institution_id,
            line.item_id,
            line.sold_on,
            line.base_units,
            type_coerce(line.amount, BigInteger).label("amount"),
            posted_price(),
            line.sale_no,
            line.line_no,
        )
        .where(
            line.replaced_at.is_(None),
            line.base_units > 0,
            line.item_id.is_not(None),
            *of_month(line, line.sold_on, whose, dialect),
        )
        .subquery("seen")
    )
    found = (
        select(
            seen.c.institution_id,
            seen.c.item_id,
            type_coerce(seen.c.sold_on, NullType()),
            seen.c.base_units,
            seen.c.amount,
            seen.c.posted,
            Item.pack_size,
            Institution.code,
            Item.item_code,
            seen.c.sale_no,
            seen.c.line_no,
        )
        .join(Item, Item.id == seen.c.item_id)
        .join(Institution, Institution.id == seen.c.institution_id)
        .where(above(seen.c.amount, seen.c.posted, seen.c.base_units, Item.pack_size))
    )
    return in_their_order(found)


def _sales(scope: Scope, book: TermsBook) -> dict[Key, list[tuple[SaleSeen, Decimal]]]:
    found: dict[Key, list[tuple[SaleSeen, Decimal]]] = {}
    dialect = db.session.connection().dialect.name
    asked = sales_above(Whose.of(scope), dialect)
    for row in priced(asked, month_values(scope, dialect)):
        if row.selected is None or book.on(row.institution_id, row.day) is None:
            continue
        sale = SaleSeen(
            row.sale_no, row.line_no, row.day, row.units, yuan(row.taken).quantize(Decimal("0.01"))
        )
        # In place of the selected price the posted one stands in these rows.
        excess = shelf_excess(sale, yuan(row.selected), pack_size=row.pack_size)
        if excess > _NOTHING:
            found.setdefault((row.institution, row.item_code), []).append((sale, excess))
    return found


@cache
def postings(whose: Whose, dialect: str, *, bounded: bool) -> Select[Any]:
    """The prices posted in a month that may be above the allowed one; see ``price_rows.of_month``.

    Args:
        whose: of whom.
        dialect: of which database.
        bounded: whether the selected price is a lower bound of every base price (R-PRICE-2).

    """
    tag = ShelfPrice
    spans = spans_of_month()
    statement: Any = (
        select(
            tag.institution_id,
            tag.item_id,
            type_coerce(tag.posted_on, NullType()),
            Item.pack_size.label("units"),
            type_coerce(tag.price, BigInteger),
            type_coerce(spans.c.pack_price, BigInteger),
            Item.pack_size,
            Institution.code,
            Item.item_code,
            literal("").label("sale_no"),
            literal("").label("line_no"),
        )
        .join(Item, Item.id == tag.item_id)
        .join(Institution, Institution.id == tag.institution_id)
        .outerjoin(spans, span_holds(spans, tag.item_id, tag.posted_on))
        .where(*of_month(tag, tag.posted_on, whose, dialect), tag.replaced_at.is_(None))
    )
    if bounded:
        # At or below the selected price nothing is above base × (1 + rate).
        selected = type_coerce(spans.c.pack_price, BigInteger)
        statement = statement.where(or_(selected.is_(None), type_coerce(tag.price, BigInteger) > selected))
    return in_their_order(statement)


def _postings(scope: Scope, book: TermsBook) -> dict[Key, list[tuple[Posted, Decimal]]]:
    found: dict[Key, list[tuple[Posted, Decimal]]] = {}
    dialect = db.session.connection().dialect.name
    asked = postings(Whose.of(scope), dialect, bounded=MarkupBase.PURCHASE_PRICE not in book.bases)
    rows = priced(asked, month_values(scope, dialect))
    for row, terms, base in with_bases(scope, book, rows):
        posted = Posted(row.day, yuan(row.taken))
        excess = posting_excess(
            posted.price, base=base, rate=terms.rate, pack_size=row.pack_size, rounding=terms.rounding
        )
        if excess > _NOTHING:
            found.setdefault((row.institution, row.item_code), []).append((posted, excess))
    return found


def find(scope: Scope) -> Iterator[Finding]:
    """The violations of the month up to the day (formats.md section 3)."""
    book = TermsBook.known(scope)
    sold, tagged = _sales(scope, book), _postings(scope, book)
    for code, item_code in sorted(sold.keys() | tagged.keys()):
        lines = sorted(
            sold.get((code, item_code), ()), key=lambda one: (one[0].day, one[0].sale_no, one[0].line_no)
        )
        found = over_shelf_price(
            code, item_code, str(scope.month), sales=lines, postings=tagged.get((code, item_code), [])
        )
        if found is not None:
            yield found
