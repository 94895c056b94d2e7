"""Items that are sold together with one other product, receipt after receipt 搭售 (R-PRICE-6)."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import ColumnElement, and_, distinct, func, select
from sqlalchemy.orm import aliased

from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.roster import Institution, InstitutionRecord
from clinic_orders.models.sales import SaleLine
from clinic_orders.queries.checks.membership import was_member
from clinic_orders.queries.checks.scope import Scope
from clinic_orders.queries.roster import current
from clinic_orders.rules.findings import CheckRule, Finding
from clinic_orders.rules.markup import tied_sale

RULES = (CheckRule.TIED_SALE,)


def find(scope: Scope) -> Iterator[Finding]:
    """The clues of the month up to the day (formats.md section 3).

    The receipts with other products are few: only the items on them are counted.
    """
    line, other = aliased(SaleLine, name="line"), aliased(SaleLine, name="other")

    def sold(table: type[SaleLine]) -> ColumnElement[bool]:
        return and_(
            table.sold_on >= scope.month.first_day,
            table.sold_on <= scope.as_of,
            table.replaced_at.is_(None),
            table.base_units > 0,
        )

    mixed = (
        select(other.institution_id, other.sale_no, other.other_product)
        .where(
            sold(other),
            other.item_id.is_(None),
            scope.only(other.institution_id),
            was_member(other.institution_id, other.sold_on),
        )
        .distinct()
        .cte("mixed")
    )
    together = (
        select(
            line.institution_id,
            line.item_id,
            mixed.c.other_product,
            func.count(distinct(line.sale_no)).label("receipts"),
        )
        .select_from(mixed)
        .join(line, and_(line.institution_id == mixed.c.institution_id, line.sale_no == mixed.c.sale_no))
        .where(sold(line), line.item_id.is_not(None), was_member(line.institution_id, line.sold_on))
        .group_by(line.institution_id, line.item_id, mixed.c.other_product)
        .cte("together")
    )
    pairs = select(together.c.institution_id, together.c.item_id).distinct().cte("pair")
    counted = (
        select(line.institution_id, line.item_id, func.count(distinct(line.sale_no)).label("receipts"))
        .select_from(pairs)
        .join(line, and_(line.institution_id == pairs.c.institution_id, line.item_id == pairs.c.item_id))
        .where(sold(line), was_member(line.institution_id, line.sold_on))
        .group_by(line.institution_id, line.item_id)
        .cte("counted")
    )
    record = InstitutionRecord
    statement = (
        select(
            Institution.code,
            Item.item_code,
            record.kind,
            record.scale,
            together.c.other_product,
            together.c.receipts.label("with_product"),
            counted.c.receipts,
        )
        .select_from(together)
        .join(
            counted,
            and_(
                counted.c.institution_id == together.c.institution_id, counted.c.item_id == together.c.item_id
            ),
        )
        .join(Institution, Institution.id == together.c.institution_id)
        .join(Item, Item.id == together.c.item_id)
        .outerjoin(
            record, and_(record.institution_id == together.c.institution_id, current(record, scope.as_of))
        )
    )
    for row in db.session.connection().execute(statement):
        least = scope.book.whole("tied.min_receipts", kind=row.kind, scale=row.scale, on=scope.as_of)
        share = scope.book.decimal("tied.share", kind=row.kind, scale=row.scale, on=scope.as_of)
        found = tied_sale(
            row.code,
            row.item_code,
            str(scope.month),
            receipts=row.receipts,
            with_product=row.with_product,
            product=row.other_product,
            min_receipts=least,
            share=share,
        )
        if found is not None:
            yield found
