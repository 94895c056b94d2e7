"""Settlements, counts, posted prices, other purchases, trace products, designated pharmacies, watched and listed prices from files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, cast

from sqlalchemy import Table

from clinic_orders.actions.bulk import NumberedRow, Problems, Row, Stored
from clinic_orders.actions.history.shared import Codes, check_code
from clinic_orders.actions.reported.replacing import (
    Facts,
    item_codes,
    keep,
    refuse_twice,
    standing_rows,
    write_down,
)
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.monitoring import ListedProduct, MonitoredPrice
from clinic_orders.models.pharmacies import DesignatedPharmacy
from clinic_orders.models.sales import Settlement
from clinic_orders.models.stock import OtherPurchase, ShelfPrice, StockCount
from clinic_orders.models.tracing import ProductCode, TraceProduct
from clinic_orders.rules.monitoring import PriceOrOutOfStock
from clinic_orders.rules.parties import Actor, Permission


def _facts(deed: str, model: Any, key: tuple[str, ...], compared: tuple[str, ...]) -> Facts:
    table = cast("Table", model.__table__)
    return Facts(deed, table.name, table, key, compared)


_OF_AN_ITEM: Final = ("institution_id", "item_id")
_SETTLEMENTS: Final = _facts("put_settlements", Settlement, ("month", *_OF_AN_ITEM), ("base_units", "amount"))
_COUNTS: Final = _facts("put_stock_counts", StockCount, (*_OF_AN_ITEM, "counted_on"), ("base_units",))
_PRICES: Final = _facts("put_shelf_prices", ShelfPrice, (*_OF_AN_ITEM, "posted_on"), ("price",))
_PURCHASES: Final = _facts(
    "put_other_purchases",
    OtherPurchase,
    ("institution_id", "document_no", "line_no"),
    ("substitute_group", "product_name", "base_units", "amount", "purchased_on", "justified"),
)
_TRACE_PRODUCTS: Final = _facts(
    "put_trace_products", TraceProduct, ("prefix",), ("item_id", "base_units_per_code")
)
_PRODUCT_CODES: Final = _facts("put_product_codes", ProductCode, ("barcode",), ("item_id",))
_PHARMACIES: Final = _facts(
    "put_designated_pharmacies", DesignatedPharmacy, ("code",), ("name", "lng", "lat")
)


_MONITORED: Final = _facts(
    "put_monitored_prices", MonitoredPrice, (*_OF_AN_ITEM, "observed_on"), ("price", "out_of_stock")
)
_LISTED: Final = _facts(
    "put_listed_products",
    ListedProduct,
    ("product_code", "listed_from"),
    (
        "variety",
        "product_name",
        "manufacturer",
        "status",
        "price",
        "own_selected_price",
        "highest_selected_price",
        "highest_listed_price",
    ),
)


def _put(
    facts: Facts,
    key: tuple[str, ...],
    rows: Sequence[NumberedRow],
    values_of: Callable[[Row], dict[str, Any]],
    *,
    by: Actor,
    at: datetime,
    batch_id: int | None,
) -> Stored:
    """Store rows whose codes of institution and item, where they have any, must be known.

    Args:
        facts: which table.
        key: the columns of the natural key as files call them.
        rows: of the file.
        values_of: the table's columns besides the ids of institution and item.
        by: who.
        at: when.
        batch_id: the file.

    """
    by.need(Permission.FILES_IMPORT)
    problems = Problems()
    refuse_twice(rows, key, problems)
    columns = facts.table.c
    codes = Codes(
        institutions=[row["institution_code"] for _, row in rows] if "institution_id" in columns else (),
        items=[row["item_code"] for _, row in rows] if "item_id" in columns else (),
    )
    wanted = []
    for number, row in rows:
        values = values_of(row)
        if "institution_id" in columns:
            check_code(codes.institutions, row, number, "institution_code", problems)
            values["institution_id"] = codes.institutions.get(row["institution_code"], 0)
        if "item_id" in columns:
            check_code(codes.items, row, number, "item_code", problems)
            values["item_id"] = codes.items.get(row["item_code"], 0)
        wanted.append(values)
    problems.raise_if_any()
    kept = keep(facts, wanted, standing_rows(facts, wanted), at=at, batch_id=batch_id)
    said: dict[str, Mapping[int | None, str]] = {
        "institution_id": _by_id(codes.institutions),
        "item_id": item_codes(codes, kept) if "item_id" in facts.compared else _by_id(codes.items),
    }

    def words(name: str, value: Any) -> Any:
        return said[name][value] if name in said else value

    write_down(
        facts,
        kept,
        lambda row: " ".join(str(words(name, row[name])) for name in facts.key),
        lambda row: {
            "item_code" if name == "item_id" else name: words(name, row[name]) for name in facts.compared
        },
        by=by,
        at=at,
    )
    return Stored(created=kept.created, updated=len(kept.replaced), unchanged=kept.unchanged)


def _by_id(codes: Mapping[str, int]) -> dict[int | None, str]:
    return {row_id: code for code, row_id in codes.items()}


@transactional
def put_settlements(rows: Sequence[NumberedRow], *, by: Actor, at: datetime, batch_id: int | None) -> Stored:
    """Add or correct what the fund settled by institution, item and month (formats.md kind ``settlements``).

    Raises:
        RowsRefused: unknown codes.

    """
    return _put(
        _SETTLEMENTS,
        ("institution_code", "item_code", "month"),
        rows,
        lambda row: {name: row[name] for name in ("month", "base_units", "amount")},
        by=by,
        at=at,
        batch_id=batch_id,
    )


@transactional
def put_stock_counts(rows: Sequence[NumberedRow], *, by: Actor, at: datetime, batch_id: int | None) -> Stored:
    """Add or correct counts by institution, item and day (formats.md kind ``stock-counts``, R-STOCK-3).

    Raises:
        RowsRefused: unknown codes.

    """
    return _put(
        _COUNTS,
        ("institution_code", "item_code", "counted_on"),
        rows,
        lambda row: {name: row[name] for name in ("counted_on", "base_units")},
        by=by,
        at=at,
        batch_id=batch_id,
    )


@transactional
def put_shelf_prices(rows: Sequence[NumberedRow], *, by: Actor, at: datetime, batch_id: int | None) -> Stored:
    """Add or correct posted prices by institution, item and day (formats.md kind ``shelf-prices``, R-PRICE-5).

    Raises:
        RowsRefused: unknown codes.

    """
    return _put(
        _PRICES,
        ("institution_code", "item_code", "posted_on"),
        rows,
        lambda row: {name: row[name] for name in ("posted_on", "price")},
        by=by,
        at=at,
        batch_id=batch_id,
    )


@transactional
def put_other_purchases(
    rows: Sequence[NumberedRow], *, by: Actor, at: datetime, batch_id: int | None
) -> Stored:
    """Add or correct purchases of non-selected products (formats.md kind ``other-purchases``, R-VOL-6).

    The group is a word: it may name a group of which no item is in the catalogue any more.

    Raises:
        RowsRefused: unknown institutions.

    """
    return _put(
        _PURCHASES,
        ("institution_code", "document_no", "line_no"),
        rows,
        lambda row: {
            "document_no": row["document_no"],
            "line_no": row["line_no"],
            "substitute_group": row["group"],
            "product_name": row["product_name"],
            "base_units": row["base_units"],
            "amount": row["amount"],
            "purchased_on": row["purchased_on"],
            "justified": bool(row.get("justified")),
        },
        by=by,
        at=at,
        batch_id=batch_id,
    )


@transactional
def put_trace_products(
    rows: Sequence[NumberedRow], *, by: Actor, at: datetime, batch_id: int | None
) -> Stored:
    """Add or correct which item a beginning of trace codes means (formats.md kind ``trace-products``, R-TRACE-1).

    Raises:
        RowsRefused: unknown items.

    """
    return _put(
        _TRACE_PRODUCTS,
        ("prefix",),
        rows,
        lambda row: {name: row[name] for name in ("prefix", "base_units_per_code")},
        by=by,
        at=at,
        batch_id=batch_id,
    )


@transactional
def put_product_codes(
    rows: Sequence[NumberedRow], *, by: Actor, at: datetime, batch_id: int | None
) -> Stored:
    """Add or correct which item a 69-code means (kind ``product-codes``).

    Raises:
        RowsRefused: unknown items.

    """
    return _put(
        _PRODUCT_CODES,
        ("barcode",),
        rows,
        lambda row: {"barcode": row["barcode"]},
        by=by,
        at=at,
        batch_id=batch_id,
    )


@transactional
def put_designated_pharmacies(
    rows: Sequence[NumberedRow], *, by: Actor, at: datetime, batch_id: int | None
) -> Stored:
    """Add or correct designated pharmacies by code (formats.md kind ``designated-pharmacies``, R-ROSTER-2)."""
    return _put(
        _PHARMACIES,
        ("code",),
        rows,
        lambda row: {
            "code": row["code"],
            "name": row["name"],
            # Six decimals are a hand's breadth; files may bring seven.
            "lng": round(row["lng"], 6),
            "lat": round(row["lat"], 6),
        },
        by=by,
        at=at,
        batch_id=batch_id,
    )


@transactional
def put_monitored_prices(
    rows: Sequence[NumberedRow], *, by: Actor, at: datetime, batch_id: int | None
) -> Stored:
    """Add or correct what sentinels ask by institution, item and day (kind ``monitored-prices``, R-STAT-4).

    Raises:
        RowsRefused: unknown codes; neither a price nor out of stock.

    """
    problems = Problems()
    for number, row in rows:
        if row.get("price") is None and not row.get("out_of_stock"):
            problems.add(number, "price", PriceOrOutOfStock())
    problems.raise_if_any()
    return _put(
        _MONITORED,
        ("institution_code", "item_code", "observed_on"),
        rows,
        lambda row: {
            "observed_on": row["observed_on"],
            "price": row.get("price"),
            "out_of_stock": bool(row.get("out_of_stock")),
        },
        by=by,
        at=at,
        batch_id=batch_id,
    )


@transactional
def put_listed_products(
    rows: Sequence[NumberedRow], *, by: Actor, at: datetime, batch_id: int | None
) -> Stored:
    """Add or correct listed products by code and day (kind ``listed-products``, policy.md 4.4)."""
    return _put(
        _LISTED,
        ("product_code", "listed_from"),
        rows,
        lambda row: {name: row.get(name) for name in ("product_code", "listed_from", *_LISTED.compared)},
        by=by,
        at=at,
        batch_id=batch_id,
    )
