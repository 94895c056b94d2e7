"""Good rows of every kind of file that institutions and bureaus report, by kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from tests.files_world import COUNTY, moment

ROWS: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "agreed-volumes": [
        {
            "institution_code": code,
            "item_code": "LY001",
            "cycle_start": date(2026, 1, 1),
            "cycle_end": date(2026, 12, 31),
            "reported_packs": reported,
            "agreed_packs": 200,
        }
        for code, reported in (("0H01", 240), ("0V01", None))
    ],
    "supply-problems": [
        {"item_code": "LY001", "county_code": COUNTY, "first_day": date(2026, 3, 1), "verified_by": "李明"},
        {
            "item_code": "LY001",
            "first_day": date(2026, 3, 1),
            "last_day": date(2026, 4, 1),
            "backup_item_code": "LY002",
            "verified_by": "=李明",
        },
    ],
    "sales": [
        {
            "institution_code": "0V01",
            "sale_no": "00012",
            "line_no": "1",
            "item_code": "LY001",
            "sold_at": moment("2026-01-31T23:59"),
            "base_units": 28,
            "amount": Decimal("3.36"),
            "insured": True,
            "trace_codes": ("01234567890123456789", "(01)06901234567892(21)A1"),
        },
        {
            "institution_code": "0V01",
            "sale_no": "00012",
            "line_no": "2",
            "item_code": "",
            "sold_at": moment("2026-01-31T23:59"),
            "base_units": 1,
            "amount": Decimal("0.00"),
            "other_product": "=蜂蜜,大枣",
        },
        {
            "institution_code": "0V01",
            "sale_no": "00013",
            "line_no": "1",
            "item_code": "LY001",
            "sold_at": moment("2027-02-01T08:00"),
            "base_units": -7,
            "amount": Decimal("-0.84"),
        },
    ],
    "settlements": [
        {
            "institution_code": "0V01",
            "item_code": "LY001",
            "month": "2026-01",
            "base_units": 56,
            "amount": Decimal("6.72"),
        }
    ],
    "stock-counts": [
        {
            "institution_code": "0V01",
            "item_code": "LY001",
            "counted_on": date(2026, 1, 31),
            "base_units": units,
        }
        for units in (0,)
    ],
    "shelf-prices": [
        {
            "institution_code": "0V01",
            "item_code": "LY001",
            "posted_on": date(2026, 1, 1),
            "price": Decimal("3.3650"),
        }
    ],
    "other-purchases": [
        {
            "institution_code": "0V01",
            "document_no": "0007",
            "line_no": "01",
            "group": "氯吡格雷片剂",
            "product_name": "+氯吡格雷（非中选）",
            "base_units": 280,
            "amount": Decimal("120.00"),
            "purchased_on": date(2026, 1, 8),
            "justified": True,
        }
    ],
    "trace-products": [{"prefix": "0123456", "item_code": "LY001", "base_units_per_code": 28}],
    "product-codes": [{"barcode": "6901234567892", "item_code": "LY001"}],
    "issued-clues": [
        {
            "issued_batch": "豫线索2026-11",
            "clue_no": "0001",
            "trace_code": "81234567890123456789",
            "institution_code": "0V01",
            "institution_name": "某村卫生室",
            "product_name": "=氯吡格雷",
            "issuer": "河南省医疗保障局",
            "issued_on": date(2026, 11, 2),
            "deadline": date(2026, 12, 31),
            "text": "同码两处结算",
        },
        {
            "issued_batch": "豫线索2026-11",
            "clue_no": "0002",
            "trace_code": "81234567890123456790",
            "issuer": "河南省医疗保障局",
            "issued_on": date(2026, 11, 2),
        },
    ],
    "designated-pharmacies": [
        {"code": "0P1", "name": "-示例药店", "lng": Decimal("112.434468"), "lat": Decimal("34.6")}
    ],
    "monitored-prices": [
        {
            "institution_code": "0V01",
            "item_code": "LY001",
            "observed_on": date(2026, 1, 5),
            "price": Decimal("3.36"),
            "out_of_stock": False,
        }
    ],
    "listed-products": [
        {
            "product_code": "0GW1",
            "variety": "氯吡格雷",
            "product_name": "=氯吡格雷片（示例）",
            "manufacturer": "示例药业",
            "status": "passed",
            "listed_from": date(2026, 1, 1),
            "price": Decimal("88.00"),
            "own_selected_price": None,
            "highest_selected_price": Decimal("40.00"),
            "highest_listed_price": None,
        }
    ],
}


def one(kind: str, **more: Any) -> dict[str, Any]:
    """The first good row of a kind, some of its values changed."""
    return {**ROWS[kind][0], **more}
