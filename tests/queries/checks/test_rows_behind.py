"""The findings of volume and shares name the papers behind them, so that their page opens them (rules section 0)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from flask import Flask

from clinic_orders.models.base import db
from clinic_orders.models.policy import PolicyValue
from clinic_orders.queries.checks import Scope, check
from clinic_orders.rules.findings import CheckRule
from tests.files_world import COUNTY, NOW, make_world, moment, order, receipt, take_well

pytestmark = pytest.mark.both_databases
MARCH_END = date(2026, 3, 31)


@pytest.fixture(autouse=True)
def world(app: Flask) -> None:
    make_world()


def rows_of(rule: CheckRule, on: date) -> list[tuple[str | None, tuple[tuple[str, str], ...]]]:
    return [(one.institution, one.rows) for one in check(Scope(on), [rule])]


def agree(code: str, item: str, packs: int) -> None:
    take_well(
        "agreed-volumes",
        {
            "institution_code": code,
            "item_code": item,
            "cycle_start": date(2026, 1, 1),
            "cycle_end": date(2026, 12, 31),
            "agreed_packs": packs,
        },
    )


def test_agreed_volume_names_receipts_that_count_and_orders_that_did_not_come() -> None:
    agree("0V01", "LY001", 900)
    agree("0H01", "LY002", 900)
    take_well(
        "orders",
        order(),
        order(
            order_no="A2", submitted_at=moment("2026-01-06T09:00"), confirmed_at=moment("2026-01-06T10:00")
        ),
        # The village has no agreement on this item, so its packs are the hospital's.
        order("LY002", order_no="A3"),
        order("LY003", order_no="A4"),
    )
    take_well("receipts", receipt(), receipt("LY002", receipt_no="R3", order_no="A3"))
    found = dict(rows_of(CheckRule.VOLUME_BEHIND, MARCH_END))
    assert found == {
        "0V01": (("order", "A2"), ("receipt", "R1")),
        "0H01": (("receipt", "R3"),),
    }


def test_a_backup_item_brings_its_receipts_to_the_item_that_could_not_be_had() -> None:
    agree("0V01", "LY001", 900)
    take_well(
        "supply-problems",
        {
            "item_code": "LY001",
            "county_code": COUNTY,
            "first_day": date(2026, 1, 1),
            "backup_item_code": "LY002",
            "verified_by": "赵红军",
        },
    )
    take_well("orders", order("LY002", order_no="A3"))
    take_well("receipts", receipt("LY002", receipt_no="R3", order_no="A3"))
    assert rows_of(CheckRule.VOLUME_BEHIND, MARCH_END) == [("0V01", (("receipt", "R3"),))]


def test_emergency_share_names_the_emergency_orders() -> None:
    for number in range(3):
        take_well(
            "orders",
            order(
                order_no=f"E{number}",
                submitted_at=moment(f"2026-01-0{number + 5}T09:00"),
                confirmed_at=moment(f"2026-01-0{number + 5}T10:00"),
                emergency=number < 2,
            ),
        )
    found = rows_of(CheckRule.EMERGENCY_SHARE, date(2026, 1, 31))
    assert found == [("0V01", (("order", "E0"), ("order", "E1")))]


def test_nonselected_share_names_the_purchases_that_nothing_justifies() -> None:
    db.session.add(
        PolicyValue(
            parameter="volume.nonselected_share", valid_from=date(2026, 1, 1), value="0.10", recorded_at=NOW
        )
    )
    for line, justified in (("1", False), ("2", True)):
        take_well(
            "other-purchases",
            {
                "institution_code": "0V01",
                "document_no": "F1",
                "line_no": line,
                "group": "他汀",
                "product_name": "某他汀片",
                "base_units": 28,
                "amount": Decimal("20.00"),
                "purchased_on": date(2026, 2, 3),
                "justified": justified,
            },
        )
    found = rows_of(CheckRule.NONSELECTED_SHARE, MARCH_END)
    assert found == [("0V01", (("other_purchase", "F1/1"),))]
