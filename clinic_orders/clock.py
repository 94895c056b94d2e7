"""The only reader of the system clock. Doors ask it once per request, job or command and pass the answer on."""

from __future__ import annotations

from datetime import UTC, date, datetime

from clinic_orders.rules.days import day_in_china


def now() -> datetime:
    """The present instant, aware, in UTC."""
    return datetime.now(UTC)  # noqa: TID251 - this is the one place.


def today() -> date:
    """Today's date in Asia/Shanghai (rules section 0)."""
    return day_in_china(now())
