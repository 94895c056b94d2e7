"""Incentive and exit lists rest on the figures of months, and say from which."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import pytest
from flask import Flask

from clinic_orders.models.base import db
from clinic_orders.models.policy import PolicyValue
from clinic_orders.rules.incentives import Thresholds, Year, gets_notice, is_preferred
from clinic_orders.rules.parties import Role
from tests.checking_client import CheckingClient
from tests.many_of_all import make_many
from tests.orders_in_work import NOW


@pytest.fixture
def many(app: Flask, clock_at: object) -> Iterator[dict]:  # type: ignore[type-arg]
    clock_at(NOW)  # type: ignore[operator]
    _, people = make_many()
    yield people
    db.session.rollback()


def test_nobody_earns_preference_until_the_bureau_says_for_what(client: CheckingClient, many: dict) -> None:  # type: ignore[type-arg]
    client.log_in(many[Role.CITY])
    assert "还没有设激励标准" in client.get("/incentives/", status=200).get_data(as_text=True)
    assert "没有" in client.get("/incentives/?list=preference", status=200).get_data(as_text=True)
    db.session.add(
        PolicyValue(
            parameter="incentive.purchase", valid_from=date(2026, 1, 1), value="0.01", kind="", scale="",
            confirmed=True, example=False, document_no="洛医保〔2026〕1号", recorded_at=NOW,
        )
    )  # fmt: skip
    db.session.commit()
    client.get("/incentives/?list=preference&format=csv", status=200)
    assert "年采购额不低于 0.01 元" in client.get("/incentives/", status=200).get_data(as_text=True)
    address = client.page.all("tbody th a")[0]["href"] if client.page else ""
    client.get(address, status=200)


def test_missed_reports_take_the_preference_away_and_lead_to_a_notice() -> None:
    asked = Thresholds(Decimal("0.85"), Decimal(10000), 2)
    good = Year(12, Decimal(10000), 85, 100, 24, 23)
    assert is_preferred(good, asked)
    assert not gets_notice(good, asked)
    missed = Year(12, Decimal(10000), 85, 100, 24, 22)
    assert not is_preferred(missed, asked)
    assert gets_notice(missed, asked)
    assert not is_preferred(Year(12, Decimal("9999.99"), 85, 100, 24, 24), asked)
    assert not is_preferred(Year(12, Decimal(10000), 0, 0, 24, 24), asked)
