"""Files of every kind with made-up rows, for the tests that import and undo them in any order."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from clinic_orders.exchange.tables import KINDS
from tests.files_world import (
    COUNTY,
)

ITEMS = st.sampled_from(["LY001", "LY002", "LY003", "LY004"])
PLACES = st.sampled_from(["0H01", "0V01", "0V02"])
COMPANIES = st.sampled_from(["D01", "D02", "D03"])
DAYS = st.sampled_from([date(2026, 1, 1), date(2026, 3, 1), date(2026, 6, 1)])
NUMBERS = st.integers(1, 4).map(str)
PACKS = st.integers(1, 6)
PRICE = st.sampled_from([Decimal("0.125"), Decimal("3.3650"), Decimal(12)])
WORDS = st.sampled_from(["", "甲", "乙"])
START = datetime(2026, 1, 10, 2, tzinfo=UTC)


def rows(**columns: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(dict(columns))


@st.composite
def orders(draw: st.DrawFn) -> dict[str, Any]:
    packs = draw(st.integers(4, 9))
    answered = draw(st.booleans())
    return {
        "order_no": f"O{draw(NUMBERS)}",
        "institution_code": "0V01",
        "distributor_code": draw(st.sampled_from(["D01", "D02"])),
        "item_code": draw(st.sampled_from(["LY001", "LY002"])),
        "packs": packs,
        "pack_price": draw(PRICE),
        "submitted_at": START,
        "mode": "direct",
        "channel": draw(st.sampled_from(["clinic_orders", "省平台"])),
        "emergency": False,
        "confirmed_packs": packs if answered else None,
        "confirmed_at": START + timedelta(hours=2) if answered else None,
    }


@st.composite
def receipts(draw: st.DrawFn) -> dict[str, Any]:
    packs, accepted = draw(st.integers(1, 4)), draw(st.booleans())
    return {
        "receipt_no": f"R{draw(NUMBERS)}",
        "order_no": f"O{draw(NUMBERS)}",
        "item_code": draw(st.sampled_from(["LY001", "LY002"])),
        "batch_no": draw(st.sampled_from(["B1", "B2"])),
        "shipped_packs": packs,
        "accepted_packs": packs if accepted else None,
        "rejected_packs": 0 if accepted else None,
        "expiry_date": date(2028, 1, 1),
        "shipped_at": START + timedelta(days=1),
        "delivered_at": START + timedelta(days=2),
        "accepted_at": START + timedelta(days=3) if accepted else None,
        "trace_codes": draw(st.sampled_from([(), ("81234567890123456789",)])),
    }


@st.composite
def institutions(draw: st.DrawFn) -> dict[str, Any]:
    code = draw(PLACES)
    return {
        "code": code,
        "valid_from": draw(DAYS),
        "name": f"{code}{draw(WORDS)}",
        "kind": "township_hospital" if code == "0H01" else "village_clinic",
        "county_code": COUNTY,
        "supervisor_code": None if code == "0H01" else draw(st.sampled_from([None, "0H01"])),
        "joined_on": date(2025, 1, 1),
        "left_on": draw(st.sampled_from([None, date(2027, 1, 1)])),
    }


FILES: Mapping[str, st.SearchStrategy[dict[str, Any]]] = {
    "catalogue": rows(
        item_code=ITEMS, generic_name=st.sampled_from(["氯吡格雷", "阿卡波糖"]), form=st.just("片剂"),
        strength=st.just("75mg"), pack_size=st.just(28), base_unit=st.just("片"), manufacturer=st.just("厂"),
        batch=st.just("第七批"), suits=st.sampled_from([(), ("village_clinic",)]),
    ),
    "prices": rows(item_code=ITEMS, valid_from=DAYS, pack_price=PRICE, document_no=WORDS),
    "editions": rows(edition=st.just("2026"), valid_from=st.just(date(2026, 1, 1)), item_code=ITEMS)
    | rows(edition=st.just("2027"), valid_from=st.just(date(2027, 1, 1)), item_code=ITEMS)
    | rows(edition=st.just("2026"), valid_from=st.just(date(2026, 2, 1)), item_code=ITEMS),
    "institutions": institutions(),
    "mandates": rows(
        institution_code=st.just("0V01"), hospital_code=st.just("0H01"), valid_from=DAYS,
        valid_to=st.sampled_from([None, date(2026, 12, 31)]),
    ),
    "commitments": rows(institution_code=PLACES, signed_on=DAYS, version=st.sampled_from(["1", "2"])),
    "distributors": rows(code=COMPANIES, name=st.sampled_from(["康", "和"]), phone=WORDS),
    "delivery-relations": rows(
        scope=st.sampled_from([COUNTY, "0V01"]), item_code=ITEMS | st.just("*"), distributor_code=COMPANIES,
        valid_from=DAYS, valid_to=st.sampled_from([None, date(2026, 12, 31)]),
    ),
    "policies": rows(
        parameter=st.just("order.max_packs"), valid_from=DAYS, value=st.sampled_from(["", "50", "60"]),
        document_no=WORDS,
    ),
    "orders": orders(),
    "receipts": receipts(),
    "returns": rows(
        return_no=NUMBERS.map("T".__add__), receipt_no=NUMBERS.map("R".__add__),
        item_code=st.sampled_from(["LY001", "LY002"]), batch_no=st.sampled_from(["B1", "B2"]),
        packs=st.integers(1, 2), agreed_at=st.just(START + timedelta(days=5)),
        reason=st.sampled_from(["quality", "recall"]),
        trace_codes=st.just(()),
    ),
    "payments": rows(
        institution_code=st.just("0V01"), distributor_code=st.sampled_from(["D01", "D02"]),
        payment_no=NUMBERS.map("P".__add__), amount=st.sampled_from([Decimal(1), Decimal("2.5")]),
        paid_on=DAYS, receipt_no=st.just("") | NUMBERS.map("R".__add__),
    ),
    "agreed-volumes": rows(
        institution_code=PLACES, item_code=ITEMS, cycle_start=st.just(date(2026, 1, 1)),
        cycle_end=st.just(date(2026, 12, 31)), agreed_packs=PACKS,
    ),
    "supply-problems": rows(
        item_code=ITEMS, county_code=st.sampled_from([None, COUNTY]), first_day=DAYS,
        last_day=st.sampled_from([None, date(2026, 12, 31)]), verified_by=st.sampled_from(["市局", "县局"]),
    ),
    "sales": rows(
        institution_code=st.just("0V01"), sale_no=NUMBERS, line_no=st.just("1"), item_code=ITEMS,
        sold_at=st.just(START), base_units=PACKS, amount=PRICE.map(lambda price: round(price, 2)),
        trace_codes=st.sampled_from([(), ("81234567890123456789",)]),
    ),
    "settlements": rows(
        institution_code=PLACES, item_code=ITEMS, month=st.sampled_from(["2026-01", "2026-02"]),
        base_units=PACKS, amount=st.just(Decimal(3)),
    ),
    "stock-counts": rows(institution_code=PLACES, item_code=ITEMS, counted_on=DAYS, base_units=PACKS),
    "shelf-prices": rows(institution_code=PLACES, item_code=ITEMS, posted_on=DAYS, price=PRICE),
    "other-purchases": rows(
        institution_code=PLACES, document_no=NUMBERS, line_no=st.just("1"), group=st.just("组"),
        product_name=st.sampled_from(["甲片", "乙片"]), base_units=PACKS, amount=st.just(Decimal(1)),
        purchased_on=DAYS,
    ),
    "trace-products": rows(
        prefix=st.sampled_from(["8123456", "8123457"]), item_code=ITEMS, base_units_per_code=PACKS
    ),
    "product-codes": rows(barcode=st.sampled_from(["6901234567892", "6901234567908"]), item_code=ITEMS),
    "issued-clues": rows(
        issued_batch=st.just("线索1"), clue_no=NUMBERS, trace_code=st.just("81234567890123456789"),
        institution_code=st.sampled_from(["", "0V01"]), issuer=st.sampled_from(["省局", "国家局"]), issued_on=DAYS,
    ),
    "designated-pharmacies": rows(
        code=NUMBERS, name=st.sampled_from(["甲药店", "乙药店"]), lng=st.just(Decimal("112.1")),
        lat=st.just(Decimal("34.1")),
    ),
    "monitored-prices": rows(institution_code=PLACES, item_code=ITEMS, observed_on=DAYS, price=PRICE),
    "listed-products": rows(
        product_code=NUMBERS, variety=st.just("甲片"), product_name=st.just("甲片 10mg×10片"),
        manufacturer=st.just("甲厂"), status=st.just("passed"), listed_from=DAYS, price=PRICE,
    ),
}  # fmt: skip


@st.composite
def files(draw: st.DrawFn) -> list[tuple[str, list[dict[str, Any]]]]:
    kinds = draw(st.lists(st.sampled_from(sorted(FILES)), min_size=1, max_size=4))
    # Orders and what follows from them meet more often this way.
    kinds += draw(
        st.sampled_from([[], ["orders", "receipts"], ["orders", "receipts", "returns", "payments"]])
    )
    return [(kind, draw(_file(kind))) for kind in kinds]


def _file(kind: str) -> st.SearchStrategy[list[dict[str, Any]]]:
    def key(row: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple(row.get(name) for name in KINDS[kind].key)

    return st.lists(FILES[kind], min_size=1, max_size=4, unique_by=key)
