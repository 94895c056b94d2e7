"""Codes of sales: those that come twice are noted, and PostgreSQL keeps each month in a table of its own."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from flask import Flask
from sqlalchemy import select, text

from clinic_orders.actions.code_months import add_code_months
from clinic_orders.models.base import db
from clinic_orders.models.sales import RepeatedCode, SaleCode, SaleLine
from clinic_orders.rules.parties import SYSTEM
from tests.files_world import make_world, moment, take_well

pytestmark = pytest.mark.both_databases

AT = datetime(2026, 11, 20, 1, 41, tzinfo=UTC)
A, B, C = (f"8100001{number:013d}" for number in range(3))


def sale(number: int, *codes: str, day: str = "2026-03-05", **more: object) -> dict[str, object]:
    return {
        "institution_code": "0V01",
        "sale_no": f"S{number}",
        "line_no": "1",
        "item_code": "LY001",
        "sold_at": moment(f"{day}T09:00"),
        "base_units": 28,
        "amount": Decimal("1.00"),
        "trace_codes": codes,
    } | more


def repeated() -> dict[str, set[str]]:
    """The codes that came on several lines, each with the numbers of all these sales."""
    found: dict[str, set[str]] = {}
    lines = select(RepeatedCode.code, SaleLine.sale_no, RepeatedCode.sold_on, SaleLine.sold_on).join(
        SaleLine, SaleLine.id == RepeatedCode.sale_line_id
    )
    for code, number, noted, sold_on in db.session.execute(lines):
        assert noted == sold_on
        found.setdefault(code, set()).add(number)
    return found


def months() -> dict[str, int]:
    """Rows by table, where codes are parted."""
    return dict(
        db.session.execute(text("SELECT tableoid::regclass::text, count(*) FROM sale_code GROUP BY 1")).all()
    )


def test_a_code_that_comes_again_is_noted_within_a_file_and_over_files(app: Flask):
    make_world()
    take_well("sales", sale(1, A), sale(2, B))
    assert repeated() == {}
    take_well("sales", sale(3, B), sale(4, C), sale(5, C))
    assert repeated() == {B: {"S2", "S3"}, C: {"S4", "S5"}}
    # A file of many lines goes another way in.
    many = [sale(number, f"8100002{number:013d}") for number in range(100, 160)]
    take_well("sales", *many, sale(200, A))
    assert repeated() == {A: {"S1", "S200"}, B: {"S2", "S3"}, C: {"S4", "S5"}}
    take_well("sales", sale(201, A))
    assert repeated()[A] == {"S1", "S200", "S201"}


def test_each_month_gets_its_table_with_what_had_come_before(app: Flask):
    make_world()
    take_well("sales", sale(1, A, day="2025-12-31"), sale(2, B, day="2026-01-01"))
    made = [str(month) for month in add_code_months(by=SYSTEM, at=AT)]
    assert add_code_months(by=SYSTEM, at=AT) == []
    take_well("sales", sale(3, C, day="2026-11-02"))
    rows = db.session.execute(select(SaleCode.code, SaleCode.sold_on).order_by(SaleCode.code)).all()
    assert [tuple(row) for row in rows] == [
        (A, date(2025, 12, 31)),
        (B, date(2026, 1, 1)),
        (C, date(2026, 11, 2)),
    ]
    if db.engine.dialect.name == "postgresql":
        assert made == ["2025-12", "2026-01", "2026-11", "2026-12", "2027-01"]
        assert months() == {"sale_code_2025_12": 1, "sale_code_2026_01": 1, "sale_code_2026_11": 1}
    else:
        assert made == []
