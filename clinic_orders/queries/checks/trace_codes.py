"""Clues on trace codes with a sale in the month: T1, T2, T3, T6, T7, T10a, T10b, T10c (R-TRACE-2).

Most codes are sold once, where they were received. The database leaves those out; the plain rule judges the others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Date,
    Integer,
    Select,
    and_,
    distinct,
    false,
    func,
    null,
    or_,
    select,
    true,
    type_coerce,
    union_all,
)

from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.deliveries import (
    ReturnCode,
    Shipment,
    ShipmentCode,
    ShipmentLine,
)
from clinic_orders.models.roster import Institution
from clinic_orders.models.sales import RepeatedCode, SaleCode, SaleLine
from clinic_orders.models.tracing import TraceProduct
from clinic_orders.queries.checks.code_lives import PREFIX, CodeBook, Pair, delivered_day
from clinic_orders.queries.checks.scope import Scope
from clinic_orders.rules.findings import CheckRule, Finding
from clinic_orders.rules.trace_clues import clues

RULES = (
    CheckRule.TRACE_REPEAT_SAME,
    CheckRule.TRACE_REPEAT_FAR,
    CheckRule.TRACE_REPEAT_NEAR,
    CheckRule.TRACE_NOT_RECEIVED,
    CheckRule.TRACE_SOLD_AFTER_RETURN,
    CheckRule.TRACE_BEFORE_RECEIPT,
    CheckRule.TRACE_WRONG_ITEM,
    CheckRule.TRACE_EXPIRED,
)


def _odd(scope: Scope, *where: ColumnElement[bool]) -> CTE:
    """The codes of the month's sales about which anything is odd, in one pass: a row of each with what is.

    Most packs came where they were sold, once, by their own name and in time; of them nothing is kept. Who was a member
    is left to the plain rule. Whoever accepted a pack twice, or sent one back, is asked about more closely than needed.
    """
    line, product = SaleLine, TraceProduct
    # A pack that was accepted elsewhere, or later, has not come here.
    elsewhere = or_(
        Shipment.accepted_at.is_(None),
        Shipment.accepted_at >= scope.ends,
        Shipment.institution_id != line.institution_id,
    )
    repeated = RepeatedCode.code.is_not(None)
    sure = or_(
        func.coalesce(product.item_id != line.item_id, false()),
        func.coalesce(delivered_day() > line.sold_on, false()),
        func.coalesce(ShipmentLine.expiry_date < line.sold_on, false()),
        ReturnCode.code.is_not(None),
    )
    return (
        select(
            SaleCode.code,
            line.institution_id,
            line.item_id,
            line.sold_on,
            elsewhere.label("elsewhere"),
            repeated.label("repeated"),
            sure.label("sure"),
        )
        .select_from(line)
        .join(SaleCode, SaleCode.sale_line_id == line.id)
        .outerjoin(
            product,
            and_(product.prefix == func.substr(SaleCode.code, 1, PREFIX), product.replaced_at.is_(None)),
        )
        .outerjoin(ShipmentCode, and_(ShipmentCode.code == SaleCode.code, ShipmentCode.accepted.is_(True)))
        .outerjoin(ShipmentLine, ShipmentLine.id == ShipmentCode.shipment_line_id)
        .outerjoin(Shipment, Shipment.id == ShipmentLine.shipment_id)
        .outerjoin(
            RepeatedCode,
            and_(
                RepeatedCode.code == SaleCode.code,
                RepeatedCode.sale_line_id == line.id,
                # Said of the days, too: only the month's own are read.
                RepeatedCode.sold_on >= scope.month.first_day,
                RepeatedCode.sold_on <= scope.as_of,
            ),
        )
        .outerjoin(ReturnCode, ReturnCode.code == SaleCode.code)
        .where(
            # Said of the codes, too: PostgreSQL then opens the tables of this month only.
            SaleCode.sold_on >= scope.month.first_day,
            SaleCode.sold_on <= scope.as_of,
            line.sold_on >= scope.month.first_day,
            line.sold_on <= scope.as_of,
            line.replaced_at.is_(None),
            line.base_units > 0,
            scope.only(line.institution_id),
            or_(elsewhere, repeated, sure),
            *where,
        )
        .cte("odd")
    )


def _sold_again(scope: Scope, odd: CTE) -> Select[Any]:
    """Codes sold at several places, or for more units than they hold: T1, T2 and T3 are among them."""
    line, product = SaleLine, TraceProduct
    held = func.coalesce(func.min(product.base_units_per_code), func.min(Item.pack_size))
    return (
        select(RepeatedCode.code)
        .join(line, line.id == RepeatedCode.sale_line_id)
        .outerjoin(Item, Item.id == line.item_id)
        .outerjoin(
            product,
            and_(product.prefix == func.substr(RepeatedCode.code, 1, PREFIX), product.replaced_at.is_(None)),
        )
        .where(
            # One pack can have been sold twice only where its code came twice, and of those all lines are noted.
            RepeatedCode.code.in_(select(odd.c.code).where(odd.c.repeated)),
            line.replaced_at.is_(None),
            line.base_units > 0,
            line.sold_on <= scope.as_of,
        )
        .group_by(RepeatedCode.code)
        .having(
            or_(
                func.count(distinct(line.institution_id)) > 1,
                and_(func.count() > 1, func.sum(line.base_units) > held),
            )
        )
    )


def candidates(scope: Scope, book: CodeBook, *where: ColumnElement[bool]) -> list[str]:
    """The codes of the month on which there may be a clue; no other has one.

    Args:
        scope: the day and whose sales.
        book: remembers what it was asked.
        where: only sale lines of which this holds.

    """
    odd = _odd(scope, *where)
    nothing = null()
    asked = union_all(
        select(odd.c.code, odd.c.institution_id, odd.c.item_id, odd.c.sold_on, odd.c.sure).where(
            or_(odd.c.elsewhere, odd.c.sure)
        ),
        _sold_again(scope, odd).add_columns(
            type_coerce(nothing, Integer), type_coerce(nothing, Integer), type_coerce(nothing, Date), true()
        ),
    )
    found: set[str] = set()
    # Sold where it never came by its code: only where all goods of the item had come with theirs.
    unseen: dict[str, list[tuple[Pair, date]]] = {}
    for code, institution_id, item_id, sold_on, sure in db.session.connection().execute(asked):
        if sure or item_id is None:
            found.add(code)
        else:
            unseen.setdefault(code, []).append(((institution_id, item_id), sold_on))
    uncoded = book.first_uncoded(
        {pair for code, sales in unseen.items() if code not in found for pair, _ in sales}
    )
    for code, sales in unseen.items():
        for pair, sold_on in sales:
            first = uncoded.get(pair)
            if first is None or first > sold_on:
                found.add(code)
    return sorted(found)


def find(scope: Scope) -> Iterator[Finding]:
    """The clues of the month up to the day (formats.md section 3)."""
    book = CodeBook(scope.as_of)
    near_days = scope.book.whole("trace.near_days", on=scope.as_of)
    looked_at = _codes_looked_at(scope)
    codes = candidates(scope, book) if scope.codes is None else sorted(scope.codes)
    for life, terms in book.lives(codes):
        for found in clues(life, replace(terms, near_days=near_days)):
            if found.institution is None or looked_at is None or found.institution in looked_at:
                yield found


def _codes_looked_at(scope: Scope) -> frozenset[str] | None:
    """The codes of the institutions that are looked at; a pack sold there may have been sold elsewhere, too."""
    if scope.institution_ids is None:
        return None
    statement = select(Institution.code).where(scope.only(Institution.id))
    return frozenset(db.session.connection().scalars(statement))
