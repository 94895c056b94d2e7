"""Sales of whole packs without a trace code (R-TRACE-2, T9), and the lines they are counted among (R-STAT-2)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, func, select

from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.roster import Institution
from clinic_orders.models.sales import SaleCode, SaleLine
from clinic_orders.models.tracing import TraceProduct
from clinic_orders.queries.checks.membership import was_member
from clinic_orders.queries.checks.scope import Scope
from clinic_orders.rules.findings import CheckRule, Finding
from clinic_orders.rules.trace_gaps import trace_missing

RULES = (CheckRule.TRACE_MISSING,)


def first_full_day(scope: Scope) -> date | None:
    """The day from which on every pack sold wants its code, policy ``trace.full_from``; None = not set."""
    found = scope.book.find("trace.full_from", on=scope.as_of).value
    return found if isinstance(found, date) else None


def has_code() -> ColumnElement[bool]:
    """Whether a sale line carries a trace code."""
    return exists().where(SaleCode.sale_line_id == SaleLine.id)


def lines_that_want_codes(scope: Scope, full_from: date, *columns: Any) -> Select[Any]:
    """The sale lines of the month up to the day that want a code: the twin of ``rules.trace_gaps.wants_code``.

    Args:
        scope: the day and whose.
        full_from: see ``first_full_day``.
        columns: what to ask of ``SaleLine`` and ``Item``.

    """
    line = SaleLine
    statement: Select[Any] = select(*columns).select_from(line)
    return statement.join(Item, Item.id == line.item_id).where(
        line.replaced_at.is_(None),
        line.sold_on >= max(scope.month.first_day, full_from),
        line.sold_on <= scope.as_of,
        line.base_units > 0,
        # Written as no equation, of which PostgreSQL expects to meet few, and would ask the rest of all the month's lines.
        line.base_units % Item.pack_size < 1,
        Item.id.in_(select(TraceProduct.item_id).where(TraceProduct.replaced_at.is_(None))),
        scope.only(line.institution_id),
    )


def find(scope: Scope) -> Iterator[Finding]:
    """The clues of the month up to the day, one per institution and item (formats.md section 3)."""
    full_from = first_full_day(scope)
    if full_from is None:
        return
    line = SaleLine
    counted = (
        lines_that_want_codes(
            scope, full_from, line.institution_id, line.item_id, func.count().label("lines")
        )
        .where(~has_code(), was_member(line.institution_id, line.sold_on))
        .group_by(line.institution_id, line.item_id)
        .subquery("counted")
    )
    statement = (
        select(Institution.code, Item.item_code, counted.c.lines)
        .select_from(counted)
        .join(Institution, Institution.id == counted.c.institution_id)
        .join(Item, Item.id == counted.c.item_id)
    )
    for code, item_code, lines in db.session.connection().execute(statement):
        found = trace_missing(code, item_code, scope.month, lines)
        if found is not None:
            yield found
