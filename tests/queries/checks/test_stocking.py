"""Minimum stocking: the set-based questions and the plain rules agree on random histories (R-STOCK-3, R-STOCK-4)."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, update

from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.deliveries import GoodsReturn, ReturnLine, Shipment, ShipmentLine
from clinic_orders.models.orders import Order, OrderEvent, OrderLine
from clinic_orders.models.roster import Institution
from clinic_orders.models.sales import SaleLine
from clinic_orders.models.stock import StockCount
from clinic_orders.queries.checks import Scope, check
from clinic_orders.queries.checks.stocking import carried_by, carried_items
from clinic_orders.rules.days import day_in_china, start_of_day
from clinic_orders.rules.findings import CheckRule, Finding, in_order
from clinic_orders.rules.stocking import (
    Count,
    Movement,
    is_carried,
    ledger_at_end,
    reports_stock,
    stocking_short,
)
from tests.examples import examples
from tests.files_world import going_back, make_world, order, receipt, take_well

pytestmark = pytest.mark.both_databases

ITEMS = ("LY001", "LY002", "LY003")
MINIMUM = 2
PACK = 28


def draw(dice: Random) -> dict[str, list[dict[str, Any]]]:
    """Rows of every kind for two institutions, from the middle of 2025 on."""
    rows: dict[str, list[dict[str, Any]]] = {
        kind: [] for kind in ("orders", "receipts", "returns", "stock-counts", "sales")
    }
    first = date(2025, 10, 1)
    for number in range(dice.randint(1, 6)):
        code, item = dice.choice(["0V01", "0H01"]), dice.choice(ITEMS)
        sent = start_of_day(first + timedelta(days=dice.randrange(150))) + timedelta(hours=9)
        arrived = sent + timedelta(hours=dice.randrange(1, 30))
        accepted = dice.randint(0, 10)
        rows["orders"].append(
            order(
                order_no=f"A{number}",
                institution_code=code,
                item_code=item,
                submitted_at=sent,
                confirmed_at=sent,
            )
        )
        rows["receipts"].append(
            receipt(
                receipt_no=f"R{number}",
                order_no=f"A{number}",
                item_code=item,
                accepted_packs=accepted,
                rejected_packs=10 - accepted,
                reject_reason="damaged" if accepted < 10 else None,
                shipped_at=None,
                delivered_at=arrived,
                accepted_at=arrived,
            )
        )
        if accepted and dice.random() < 0.4:
            rows["returns"].append(
                going_back(
                    return_no=f"T{number}",
                    receipt_no=f"R{number}",
                    item_code=item,
                    packs=dice.randint(1, accepted),
                    agreed_at=arrived + timedelta(days=dice.randrange(60)),
                )
            )
    counted = set()
    for _ in range(dice.randint(0, 4)):
        # Some so long ago that the institution no longer reports.
        day = date(2026, 3, 31) - timedelta(days=dice.choice([0, 1, 40, 100, 399, 400, 430]))
        key = (dice.choice(["0V01", "0H01"]), dice.choice(ITEMS), day)
        if key not in counted:
            counted.add(key)
            rows["stock-counts"].append(
                {
                    "institution_code": key[0],
                    "item_code": key[1],
                    "counted_on": day,
                    "base_units": dice.choice([0, 5]),
                }
            )
    for number in range(dice.randint(0, 6)):
        rows["sales"].append(
            {
                "institution_code": dice.choice(["0V01", "0H01"]),
                "sale_no": f"S{number}",
                "line_no": "1",
                "item_code": dice.choice(ITEMS),
                "sold_at": start_of_day(first + timedelta(days=dice.randrange(200))) + timedelta(hours=8),
                "base_units": dice.choice([28, 14, 280, -14]),
                "amount": Decimal("1.00"),
            }
        )
    return rows


def plain(rows: dict[str, list[dict[str, Any]]], on: date, items: set[str]) -> list[Finding]:
    """R-STOCK-3 and R-STOCK-4 for one institution and item after the other."""
    found = []
    by_no = {row["order_no"]: row for row in rows["orders"]}
    head = {row["receipt_no"]: by_no[row["order_no"]] for row in rows["receipts"]}
    for code in ("0V01", "0H01"):
        counts = [row for row in rows["stock-counts"] if row["institution_code"] == code]
        reports = reports_stock([row["counted_on"] for row in counts], on=on)
        carried = []
        for item in sorted(items):
            mine = (code, item)
            moved, accepted_on = [], []
            for row in rows["receipts"]:
                owner = head[row["receipt_no"]]
                if (owner["institution_code"], row["item_code"]) == mine and row["accepted_packs"]:
                    accepted_on.append(day_in_china(row["accepted_at"]))
                    moved.append(Movement(accepted_on[-1], row["accepted_packs"] * PACK))
            for row in rows["returns"]:
                if (head[row["receipt_no"]]["institution_code"], row["item_code"]) == mine:
                    moved.append(Movement(day_in_china(row["agreed_at"]), -row["packs"] * PACK))
            for row in rows["sales"]:
                if (row["institution_code"], row["item_code"]) == mine:
                    moved.append(Movement(day_in_china(row["sold_at"]), -row["base_units"]))
            own = [Count(row["counted_on"], row["base_units"]) for row in counts if row["item_code"] == item]
            ledger = ledger_at_end(own, moved, on=on)
            if is_carried(reports=reports, ledger=ledger, accepted_on=accepted_on, on=on, window_days=90):
                carried.append(item)
        one = stocking_short(
            code,
            carried,
            minimum=MINIMUM if code == "0V01" else 1,
            member_since=date(2025, 1, 1),
            suspended=False,
            grace_days=90,
            on=on,
        )
        found += [one] if one else []
    return in_order(found)


@pytest.fixture
def world(app: Flask) -> None:
    make_world()
    days = {"parameter": "stocking.minimum", "valid_from": date(2025, 1, 1)}
    take_well(
        "policies",
        days | {"kind": "village_clinic", "value": str(MINIMUM)},
        days | {"kind": "township_hospital", "value": "1"},
    )


def empty() -> None:
    for table in (
        ReturnLine,
        GoodsReturn,
        ShipmentLine,
        Shipment,
        OrderEvent,
        OrderLine,
        Order,
        SaleLine,
        StockCount,
    ):
        db.session.execute(delete(table))
    db.session.commit()


@settings(
    max_examples=examples(30),
    deadline=None,
    # Shrinking a case means writing it anew a thousand times; the first one found says enough.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(seed=st.integers(0, 2**32), for_all=st.booleans())
def test_sql_and_rules_find_the_same(world, seed, for_all):
    empty()
    kinds = "" if for_all else ";retail_pharmacy;"
    db.session.execute(update(Item).where(Item.item_code == "LY002").values(suits=kinds))
    rows = draw(Random(seed))
    for kind, some in rows.items():
        if some:
            take_well(kind, *some)
    db.session.commit()
    # An item that suits pharmacies only counts for neither of the two.
    items = {"LY001", "LY002"} if for_all else {"LY001"}
    for on in (date(2026, 1, 31), date(2026, 3, 31)):
        found = check(Scope(on), [CheckRule.STOCKING_SHORT])
        assert [one.as_json() for one in found] == [one.as_json() for one in plain(rows, on, items)]
        carried = carried_items(on, window_days=45)
        for number in db.session.scalars(select(Institution.id)):
            assert carried_by(number, on, window_days=45) == carried.get(number, set())
    assert check(Scope(date(2026, 3, 30)), [CheckRule.STOCKING_SHORT]) == []
