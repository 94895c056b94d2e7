"""Clues on trace codes with a sale in the month: T1, T2, T3, T6, T7, T10a, T10b, T10c (R-TRACE-2).

Most codes are sold once, where they were received. The database leaves those out; the plain rule judges the others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from sqlalchemy import CTE, Select, and_, distinct, func, or_, select, union

from clinic_orders.models.base import china_day, db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.deliveries import (
    GoodsReturn,
    ReturnCode,
    ReturnLine,
    Shipment,
    ShipmentCode,
    ShipmentLine,
)
from clinic_orders.models.orders import OrderLine
from clinic_orders.models.roster import Institution
from clinic_orders.models.sales import RepeatedCode, SaleCode, SaleLine
from clinic_orders.models.tracing import TraceProduct
from clinic_orders.queries.checks.code_lives import PREFIX, CodeBook, delivered_day, uncoded_lines
from clinic_orders.queries.checks.membership import was_member
from clinic_orders.queries.checks.scope import Scope
from clinic_orders.rules.days import end_of_day
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


def _sold(scope: Scope) -> CTE:
    """The codes with a sale in the month up to the day: code, institution_id, item_id, sold_on."""
    line = SaleLine
    return (
        select(SaleCode.code, line.institution_id, line.item_id, line.sold_on)
        .join(SaleCode, SaleCode.sale_line_id == line.id)
        .where(
            # Said of the codes, too: PostgreSQL then opens the tables of this month only.
            SaleCode.sold_on >= scope.month.first_day,
            SaleCode.sold_on <= scope.as_of,
            line.sold_on >= scope.month.first_day,
            line.sold_on <= scope.as_of,
            line.replaced_at.is_(None),
            line.base_units > 0,
            scope.only(line.institution_id),
            was_member(line.institution_id, line.sold_on),
        )
        .cte("sold")
    )


def _repeated(scope: Scope, sold: CTE) -> Select[Any]:
    """Codes sold at several places, or for more units than they hold: T1, T2 and T3 are among them."""
    line, product = SaleLine, TraceProduct
    held = func.coalesce(func.min(product.base_units_per_code), func.min(Item.pack_size))
    return (
        select(SaleCode.code)
        .join(line, line.id == SaleCode.sale_line_id)
        .outerjoin(Item, Item.id == line.item_id)
        .outerjoin(
            product,
            and_(product.prefix == func.substr(SaleCode.code, 1, PREFIX), product.replaced_at.is_(None)),
        )
        .where(
            # One pack can have been sold twice only where its code came twice.
            SaleCode.code.in_(
                select(sold.c.code).join(RepeatedCode, RepeatedCode.code == sold.c.code).distinct()
            ),
            line.replaced_at.is_(None),
            line.base_units > 0,
            line.sold_on <= scope.as_of,
        )
        .group_by(SaleCode.code)
        .having(
            or_(
                func.count(distinct(line.institution_id)) > 1,
                and_(func.count() > 1, func.sum(line.base_units) > held),
            )
        )
    )


def _odd(scope: Scope, sold: CTE) -> tuple[Select[Any], Select[Any]]:
    """Codes without an acceptance where they were sold, or sold outside of its days: T6, T7, T10a and T10c."""
    arrived = (
        select(
            ShipmentCode.code,
            Shipment.institution_id,
            delivered_day().label("delivered_on"),
            ShipmentLine.expiry_date,
        )
        .join(ShipmentLine, ShipmentLine.id == ShipmentCode.shipment_line_id)
        .join(Shipment, Shipment.id == ShipmentLine.shipment_id)
        .where(ShipmentCode.accepted.is_(True), Shipment.accepted_at < end_of_day(scope.as_of))
        .subquery("arrived")
    )
    came = (
        select(sold, arrived.c.code.label("there"), arrived.c.delivered_on, arrived.c.expiry_date)
        .outerjoin(
            arrived, and_(arrived.c.code == sold.c.code, arrived.c.institution_id == sold.c.institution_id)
        )
        .cte("came")
    )
    pair = select(came.c.institution_id, came.c.item_id).where(came.c.there.is_(None)).distinct().cte("pair")
    uncoded = uncoded_lines(scope.as_of).where(
        Shipment.institution_id == pair.c.institution_id, OrderLine.item_id == pair.c.item_id
    )
    # Where goods come without codes, mostly the first ones did already: a pair is looked at until one is found.
    first = uncoded.with_only_columns(china_day(Shipment.accepted_at)).order_by(Shipment.accepted_at).limit(1)
    excused = select(pair, first.correlate(pair).scalar_subquery().label("day")).cte("excused")
    missing = (
        select(came.c.code)
        .outerjoin(
            excused,
            and_(excused.c.institution_id == came.c.institution_id, excused.c.item_id == came.c.item_id),
        )
        .where(came.c.there.is_(None), or_(excused.c.day.is_(None), excused.c.day > came.c.sold_on))
    )
    out_of_time = select(came.c.code).where(
        or_(came.c.delivered_on > came.c.sold_on, came.c.expiry_date < came.c.sold_on)
    )
    return missing, out_of_time


def _misnamed(sold: CTE) -> Select[Any]:
    """Codes whose prefix belongs to another item than the one sold: T10b."""
    product = TraceProduct
    return (
        select(sold.c.code)
        .join(
            product,
            and_(product.prefix == func.substr(sold.c.code, 1, PREFIX), product.replaced_at.is_(None)),
        )
        .where(product.item_id != sold.c.item_id)
    )


def _returned(scope: Scope, sold: CTE) -> Select[Any]:
    """Codes sold after the seller had sent them back: T7."""
    return (
        select(sold.c.code)
        .join(ReturnCode, ReturnCode.code == sold.c.code)
        .join(ReturnLine, ReturnLine.id == ReturnCode.return_line_id)
        .join(GoodsReturn, GoodsReturn.id == ReturnLine.return_id)
        .where(
            GoodsReturn.institution_id == sold.c.institution_id,
            GoodsReturn.agreed_at < end_of_day(scope.as_of),
            china_day(GoodsReturn.agreed_at) < sold.c.sold_on,
        )
    )


def candidates(scope: Scope) -> list[str]:
    """The codes of the month on which there may be a clue; no other has one."""
    sold = _sold(scope)
    statement = union(_repeated(scope, sold), *_odd(scope, sold), _misnamed(sold), _returned(scope, sold))
    return sorted(db.session.connection().scalars(statement))


def find(scope: Scope) -> Iterator[Finding]:
    """The clues of the month up to the day (formats.md section 3)."""
    book = CodeBook(scope.as_of)
    near_days = scope.book.whole("trace.near_days", on=scope.as_of)
    looked_at = _codes_looked_at(scope)
    for life, terms in book.lives(candidates(scope)):
        for found in clues(life, replace(terms, near_days=near_days)):
            if found.institution is None or looked_at is None or found.institution in looked_at:
                yield found


def _codes_looked_at(scope: Scope) -> frozenset[str] | None:
    """The codes of the institutions that are looked at; a pack sold there may have been sold elsewhere, too."""
    if scope.institution_ids is None:
        return None
    statement = select(Institution.code).where(scope.only(Institution.id))
    return frozenset(db.session.connection().scalars(statement))
