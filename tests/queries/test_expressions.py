"""What SQLite and PostgreSQL write differently says the same, whatever zone the server is set to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import func, literal, null, select, text, type_coerce

from clinic_orders.models.base import UtcDateTime, db
from clinic_orders.models.expressions import instant

pytestmark = pytest.mark.both_databases

ENDS = datetime(2026, 11, 22, 16, 0, tzinfo=UTC)


@pytest.mark.parametrize("zone", ["UTC", "Asia/Shanghai", "America/New_York"])
@pytest.mark.parametrize("hours", [-9, -1, 0, 1, 9])
def test_an_instant_beside_a_column_is_compared_as_it_is_in_every_zone_of_a_server(
    app: Flask, zone: str, hours: int
) -> None:
    if db.engine.dialect.name == "postgresql":
        db.session.execute(text(f"SET LOCAL TIME ZONE '{zone}'"))
    stored = literal(ENDS + timedelta(hours=hours), UtcDateTime())
    unknown = type_coerce(null(), UtcDateTime())
    before, never = db.session.execute(
        select(
            func.coalesce(stored, instant(ENDS)) < instant(ENDS),
            func.coalesce(unknown, instant(ENDS)) < instant(ENDS),
        )
    ).one()
    assert (bool(before), bool(never)) == (hours < 0, False)
