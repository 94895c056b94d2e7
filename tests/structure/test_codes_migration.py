"""The migration that moves trace codes keeps every one of them, there and back, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import flask_migrate
import pytest
from flask import Flask
from sqlalchemy import text

from clinic_orders.models.base import db
from tests.files_world import going_back, make_world, order, receipt, take_well

CODES = "SELECT code, sale_line_id FROM sale_code ORDER BY 1, 2"


def seen(statement: str) -> list[tuple[object, ...]]:
    with db.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(statement))]


@pytest.mark.both_databases
def test_codes_of_sales_and_returns_go_down_and_up_again(committed_app: Flask) -> None:
    with committed_app.app_context():
        make_world()
        a, b, c = (f"8100001{number:013d}" for number in range(3))
        for number, (day, codes) in enumerate(
            (("2025-12-31", (a, b)), ("2026-01-01", (b,)), ("2026-12-01", (c,)))
        ):
            take_well(
                "sales",
                {
                    "institution_code": "0V01",
                    "sale_no": f"S{number}",
                    "line_no": "1",
                    "item_code": "LY001",
                    "sold_at": datetime.fromisoformat(f"{day}T01:00:00").replace(tzinfo=UTC),
                    "base_units": 28,
                    "amount": Decimal("1.00"),
                    "trace_codes": codes,
                },
            )
        take_well("orders", order())
        take_well("receipts", receipt(trace_codes=(a, b)))
        take_well("returns", going_back(trace_codes=(b, a)))
        db.session.remove()
        before = seen(CODES)
        assert len(before) == 4
        flask_migrate.downgrade(revision="0025")
        assert seen(CODES) == before
        assert seen("SELECT codes FROM return_line") == [(f"{a} {b}",)]
        flask_migrate.upgrade()
        assert seen(CODES) == before
        # Both lines on which it came.
        assert seen("SELECT code FROM repeated_code") == [(b,), (b,)]
        assert seen("SELECT sale_line_id, sold_on FROM repeated_code ORDER BY 1") == seen(
            f"SELECT sale_line_id, sold_on FROM sale_code WHERE code = '{b}' ORDER BY 1"
        )
        assert seen("SELECT code FROM return_code ORDER BY 1") == [(a,), (b,)]
        days = [str(day) for (day,) in seen("SELECT sold_on FROM sale_code ORDER BY 1")]
        assert days == ["2025-12-31", "2025-12-31", "2026-01-01", "2026-12-01"]
