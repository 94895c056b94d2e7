"""The rows of reported facts that an export writes: what stands today, for whom may see it (formats.md section 2)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select, true
from sqlalchemy.orm import aliased

from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.monitoring import ListedProduct, MonitoredPrice
from clinic_orders.models.pharmacies import DesignatedPharmacy
from clinic_orders.models.roster import Institution, InstitutionRecord
from clinic_orders.models.sales import SaleCode, SaleLine, Settlement
from clinic_orders.models.stock import OtherPurchase, ShelfPrice, StockCount
from clinic_orders.models.tracing import ProductCode, TraceProduct
from clinic_orders.models.volume import AgreedVolume, SupplyProblem
from clinic_orders.queries.roster import current, institutions_of
from clinic_orders.queries.streaming import PART, Row, stream
from clinic_orders.rules.parties import Actor, Role

_INSTITUTION = Institution.code.label("institution_code")


def supply_problems_visible_to(actor: Actor, on: date) -> ColumnElement[bool]:
    """Problems of the whole city, and of the actor's county; distributors and the city's offices see all."""
    if actor.role is Role.COUNTY:
        return or_(SupplyProblem.county_code.is_(None), SupplyProblem.county_code == actor.county_code)
    if actor.institution_id is not None:
        county = select(InstitutionRecord.county_code).where(
            current(InstitutionRecord, on), InstitutionRecord.institution_id == actor.institution_id
        )
        return or_(SupplyProblem.county_code.is_(None), SupplyProblem.county_code.in_(county))
    return true()


def _of_items(model: Any, *columns: Any) -> Select[*tuple[Any, ...]]:
    """Columns of a table whose rows have an institution and an item, between the codes of both."""
    return (
        select(_INSTITUTION, Item.item_code, *columns)
        .join(Institution, Institution.id == model.institution_id)
        .join(Item, Item.id == model.item_id)
        .where(model.replaced_at.is_(None))
    )


def agreed_volume_rows(actor: Actor, on: date) -> Iterator[Row]:
    """By institution, item and first day of the cycle."""
    row = AgreedVolume
    yield from stream(
        _of_items(row, row.cycle_start, row.cycle_end, row.reported_packs, row.agreed_packs)
        .where(institutions_of(actor, row.institution_id, on))
        .order_by(Institution.code, Item.item_code, row.cycle_start)
    )


def supply_problem_rows(actor: Actor, on: date) -> Iterator[Row]:
    """Those that are verified; one that waits is no fact yet."""
    row, backup = SupplyProblem, aliased(Item)
    yield from stream(
        select(
            Item.item_code,
            func.coalesce(row.county_code, "").label("county_code"),
            row.first_day,
            row.last_day,
            func.coalesce(backup.item_code, "").label("backup_item_code"),
            row.verified_by,
        )
        .join(Item, Item.id == row.item_id)
        .outerjoin(backup, backup.id == row.backup_item_id)
        .where(row.replaced_at.is_(None), row.verified_at.is_not(None), supply_problems_visible_to(actor, on))
        .order_by(Item.item_code, func.coalesce(row.county_code, ""), row.first_day)
    )


def _batched(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while part := list(islice(rows, PART)):
        yield part


def sale_rows(actor: Actor, on: date) -> Iterator[Row]:
    """Institution by institution, so that the rows come out of the index in their order, however many there are."""
    institutions = db.session.execute(
        select(Institution.id, Institution.code)
        .where(institutions_of(actor, Institution.id, on))
        .order_by(Institution.code)
    ).all()
    line = SaleLine
    for institution_id, code in institutions:
        rows = stream(
            select(
                line.id,
                line.sale_no,
                line.line_no,
                func.coalesce(Item.item_code, "").label("item_code"),
                line.sold_at,
                line.base_units,
                line.amount,
                line.insured,
                line.other_product,
            )
            .outerjoin(Item, Item.id == line.item_id)
            .where(line.institution_id == institution_id, line.replaced_at.is_(None))
            .order_by(line.sale_no, line.line_no)
        )
        for part in _batched(rows):
            codes: dict[int, list[str]] = {}
            for line_id, trace_code in db.session.execute(
                select(SaleCode.sale_line_id, SaleCode.code)
                .where(SaleCode.sale_line_id.in_([row["id"] for row in part]))
                .order_by(SaleCode.sale_line_id, SaleCode.code)
            ):
                codes.setdefault(line_id, []).append(trace_code)
            for row in part:
                yield row | {"institution_code": code, "trace_codes": tuple(codes.get(row["id"], ()))}


def settlement_rows(actor: Actor, on: date) -> Iterator[Row]:
    """By institution, item and month."""
    row = Settlement
    yield from stream(
        _of_items(row, row.month, row.base_units, row.amount)
        .where(institutions_of(actor, row.institution_id, on))
        .order_by(Institution.code, Item.item_code, row.month)
    )


def stock_count_rows(actor: Actor, on: date) -> Iterator[Row]:
    """By institution, item and day."""
    row = StockCount
    yield from stream(
        _of_items(row, row.counted_on, row.base_units)
        .where(institutions_of(actor, row.institution_id, on))
        .order_by(Institution.code, Item.item_code, row.counted_on)
    )


def shelf_price_rows(actor: Actor, on: date) -> Iterator[Row]:
    """By institution, item and day."""
    row = ShelfPrice
    yield from stream(
        _of_items(row, row.posted_on, row.price)
        .where(institutions_of(actor, row.institution_id, on))
        .order_by(Institution.code, Item.item_code, row.posted_on)
    )


def monitored_price_rows(actor: Actor, on: date) -> Iterator[Row]:
    """By institution, item and day."""
    row = MonitoredPrice
    yield from stream(
        _of_items(row, row.observed_on, row.price, row.out_of_stock)
        .where(institutions_of(actor, row.institution_id, on))
        .order_by(Institution.code, Item.item_code, row.observed_on)
    )


def listed_product_rows(_actor: Actor, _on: date) -> Iterator[Row]:
    """By product and day."""
    row = ListedProduct
    yield from stream(
        select(
            row.product_code,
            row.variety,
            row.product_name,
            row.manufacturer,
            row.status,
            row.listed_from,
            row.price,
            row.own_selected_price,
            row.highest_selected_price,
            row.highest_listed_price,
        )
        .where(row.replaced_at.is_(None))
        .order_by(row.product_code, row.listed_from)
    )


def other_purchase_rows(actor: Actor, on: date) -> Iterator[Row]:
    """By institution, document and line."""
    row = OtherPurchase
    yield from stream(
        select(
            _INSTITUTION,
            row.document_no,
            row.line_no,
            row.substitute_group.label("group"),
            row.product_name,
            row.base_units,
            row.amount,
            row.purchased_on,
            row.justified,
        )
        .join(Institution, Institution.id == row.institution_id)
        .where(row.replaced_at.is_(None), institutions_of(actor, row.institution_id, on))
        .order_by(Institution.code, row.document_no, row.line_no)
    )


def trace_product_rows(_actor: Actor, _on: date) -> Iterator[Row]:
    """By the first seven digits."""
    row = TraceProduct
    yield from stream(
        select(row.prefix, Item.item_code, row.base_units_per_code)
        .join(Item, Item.id == row.item_id)
        .where(row.replaced_at.is_(None))
        .order_by(row.prefix)
    )


def product_code_rows(_actor: Actor, _on: date) -> Iterator[Row]:
    """By 69-code."""
    row = ProductCode
    yield from stream(
        select(row.barcode, Item.item_code)
        .join(Item, Item.id == row.item_id)
        .where(row.replaced_at.is_(None))
        .order_by(row.barcode)
    )


def designated_pharmacy_rows(_actor: Actor, _on: date) -> Iterator[Row]:
    """By code."""
    row = DesignatedPharmacy
    yield from stream(
        select(row.code, row.name, row.lng, row.lat).where(row.replaced_at.is_(None)).order_by(row.code)
    )
