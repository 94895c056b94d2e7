"""A small world made of imported rows, for the tests of files: one county, a hospital, a village, one distributor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import delete

from clinic_orders.exchange.importing import Report, import_rows
from clinic_orders.models.base import db
from clinic_orders.models.roster import County
from clinic_orders.queries.integrity import problems
from clinic_orders.rules.days import SHANGHAI
from clinic_orders.rules.parties import SYSTEM

NOW = datetime(2026, 11, 20, 1, 41, tzinfo=UTC)
COUNTY = "410325"

WORLD: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "catalogue": [
        {
            "item_code": code,
            "generic_name": name,
            "form": "片剂",
            "strength": "75mg",
            "pack_size": 28,
            "base_unit": "片",
            "manufacturer": "石药集团欧意药业有限公司",
            "batch": "第七批",
        }
        for code, name in (("LY001", "氯吡格雷"), ("LY002", "阿卡波糖"), ("LY003", "二甲双胍"))
    ],
    "prices": [
        {"item_code": "LY001", "valid_from": date(2026, 1, 1), "pack_price": Decimal("0.125")},
        {"item_code": "LY002", "valid_from": date(2026, 1, 1), "pack_price": Decimal("3.3650")},
    ],
    "editions": [
        {"edition": "2026", "valid_from": date(2026, 1, 1), "item_code": code} for code in ("LY001", "LY002")
    ],
    "distributors": [
        {"code": "D01", "name": "豫西安康医药配送有限公司", "phone": "0379-0000-0001"},
        {"code": "D02", "name": "洛北仁和医药有限公司"},
    ],
    "institutions": [
        {
            "code": "0H01",
            "name": "车村镇卫生院",
            "kind": "township_hospital",
            "county_code": COUNTY,
            "township": "车村镇",
            "joined_on": date(2025, 1, 1),
        },
        {
            "code": "0V01",
            "name": "明白川村卫生室",
            "kind": "village_clinic",
            "county_code": COUNTY,
            "township": "车村镇",
            "supervisor_code": "0H01",
            "joined_on": date(2025, 1, 1),
            "remote": True,
            "lng": Decimal("112.1"),
            "lat": Decimal("33.8"),
        },
    ],
    "commitments": [
        {
            "institution_code": "0V01",
            "signed_on": date(2025, 1, 1),
            "version": "2025-1",
            "markup_rate": Decimal(0),
        }
    ],
    "mandates": [{"institution_code": "0V01", "hospital_code": "0H01", "valid_from": date(2025, 1, 1)}],
    "delivery-relations": [
        {"scope": COUNTY, "item_code": "*", "distributor_code": "D01", "valid_from": date(2025, 1, 1)},
        {"scope": "0V01", "item_code": "LY001", "distributor_code": "D02", "valid_from": date(2026, 1, 1)},
    ],
    "policies": [
        {
            "parameter": "order.max_packs",
            "valid_from": date(2026, 5, 1),
            "value": "500",
            "document_no": "1号",
        },
        {"parameter": "markup.cap", "kind": "retail_pharmacy", "valid_from": date(2026, 5, 1), "value": ""},
    ],
}


def moment(text: str) -> datetime:
    """An instant in Shanghai, ``YYYY-MM-DDTHH:MM``."""
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI).astimezone(UTC)


def take(kind: str, *rows: Mapping[str, Any]) -> Report:
    """Import rows of one kind, and see that the database agrees with itself afterwards."""
    report = import_rows(kind, rows, filename="test", by=SYSTEM, at=NOW)
    assert problems() == []
    return report


def take_well(kind: str, *rows: Mapping[str, Any]) -> Report:
    """The same, and nothing may be refused."""
    report = take(kind, *rows)
    assert [str(problem.refusal) for problem in report.errors] == []
    return report


def counts(report: Report) -> tuple[int, int, int]:
    """Created, updated, unchanged."""
    return report.stored.created, report.stored.updated, report.stored.unchanged


def refused(report: Report) -> list[tuple[int | None, str | None, str]]:
    """Row, column and code of every refusal; nothing was stored."""
    assert counts(report) == (0, 0, 0)
    return [(problem.row, problem.column, problem.refusal.code) for problem in report.errors]


def make_county() -> None:
    """The county that the institutions are in."""
    db.session.add(County(code=COUNTY, name="嵩县", kind="县"))
    db.session.commit()


def make_world() -> None:
    """Everything that orders rest on."""
    make_county()
    for kind, rows in WORLD.items():
        take_well(kind, *rows)


def empty_database() -> None:
    """Take everything out again but the audit, which nothing can take away."""
    for table in reversed(db.metadata.sorted_tables):
        if not table.name.startswith("audit_"):
            db.session.execute(delete(table))
    db.session.commit()
    db.session.expire_all()


def order(item_code: str = "LY001", **more: Any) -> dict[str, Any]:
    """A row of an order of 10 packs, confirmed an hour after submission."""
    return {
        "order_no": "A1",
        "institution_code": "0V01",
        "distributor_code": "D01",
        "item_code": item_code,
        "packs": 10,
        "pack_price": Decimal("0.125"),
        "submitted_at": moment("2026-01-05T09:00"),
        "confirmed_packs": 10,
        "confirmed_at": moment("2026-01-05T10:00"),
    } | more


def receipt(item_code: str = "LY001", **more: Any) -> dict[str, Any]:
    """A row of a receipt of 10 packs, accepted on the last of January."""
    return {
        "receipt_no": "R1",
        "order_no": "A1",
        "item_code": item_code,
        "batch_no": "B1",
        "shipped_packs": 10,
        "accepted_packs": 10,
        "rejected_packs": 0,
        "expiry_date": date(2028, 1, 31),
        "shipped_at": moment("2026-01-29T08:00"),
        "delivered_at": moment("2026-01-30T08:00"),
        "accepted_at": moment("2026-01-31T09:30"),
    } | more


def going_back(item_code: str = "LY001", **more: Any) -> dict[str, Any]:
    """A row of a return of 3 packs."""
    return {
        "return_no": "T1",
        "receipt_no": "R1",
        "item_code": item_code,
        "packs": 3,
        "agreed_at": moment("2026-02-10T09:00"),
        "reason": "quality",
    } | more
