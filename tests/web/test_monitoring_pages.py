"""Price monitoring on screen: reported on a phone, read and published by the bureau, shown to the public when open."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import insert

from clinic_orders.actions.monitoring import add_sentinel, add_watched_item
from clinic_orders.actions.publicity import decide_matter
from clinic_orders.models.base import db
from clinic_orders.models.monitoring import ListedProduct, MonitoredPrice
from clinic_orders.rules.parties import SYSTEM, Role
from clinic_orders.rules.publicity import Matter
from tests import factories as make


@pytest.fixture
def world(app: Any, clock_at: Callable[[Any], None]) -> make.World:
    clock_at(make.NOW)
    world = make.make_world(items=3)
    for item in world.items[:2]:
        add_watched_item(item.item_code, first=make.FIRST_DAY, by=SYSTEM, at=make.NOW)
    add_sentinel("V01", first=make.FIRST_DAY, by=SYSTEM, at=make.NOW)
    db.session.execute(
        insert(MonitoredPrice),
        [
            {
                "institution_id": world.clinic.id,
                "item_id": world.items[0].id,
                "observed_on": day,
                "price": price,
                "out_of_stock": False,
                "recorded_at": make.LONG_AGO,
            }
            for day, price in ((date(2026, 9, 9), Decimal("4.00")), (date(2026, 10, 9), Decimal("4.40")))
        ],
    )
    return world


def test_a_sentinel_reports_on_a_phone_from_last_months_prices(client: Any, world: make.World) -> None:
    first, second = (item.item_code for item in world.items[:2])
    client.log_in(make.make_user("v01", institution=world.clinic))
    page = client.get("/monitoring/collect", status=200).get_data(as_text=True)
    assert f'name="p-{first}" inputmode="decimal" autocomplete="off" maxlength="12" value="4.4"' in page
    client.submit("main form", **{f"p-{first}": "五块"})
    assert client.get("/monitoring/collect", status=200)
    client.submit("main form", **{f"p-{first}": "4.50", f"out-{second}": "1"}, follow_redirects=True)
    rows = db.session.query(MonitoredPrice).filter_by(observed_on=make.TODAY).order_by(MonitoredPrice.item_id)
    assert [(row.price, row.out_of_stock) for row in rows] == [(Decimal("4.50"), False), (None, True)]
    client.log_in(make.make_user("p01", institution=world.pharmacy))
    assert "没有要报的价格" in client.get("/monitoring/collect", status=200).get_data(as_text=True)


def test_the_city_publishes_a_month_and_the_public_sees_it_when_it_is_open(
    client: Any, world: make.World
) -> None:
    client.log_in(make.make_user("city", role=Role.CITY))
    page = client.get("/monitoring/?month=2026-10", status=200).get_data(as_text=True)
    assert "应报 2 个价格，已报 1 个" in page
    assert "10.0%" in page
    client.submit('form[action="/monitoring/publish"]', follow_redirects=True)
    client.get("/public/monitoring", status=404)
    decide_matter(Matter.MONITORING, open_it=True, seen=0, by=SYSTEM, at=make.NOW)
    page = client.get("/public/monitoring", status=200).get_data(as_text=True)
    assert "4.40" in page
    assert "明白川" not in page
    assert client.get("/monitoring/?month=2026-10&format=xlsx", status=200).data[:2] == b"PK"
    client.get(f"/monitoring/items/{world.items[0].item_code}?month=2026-10", status=200)


def test_the_city_says_who_and_what_is_watched(client: Any, world: make.World) -> None:
    client.log_in(make.make_user("city", role=Role.CITY))
    client.get("/monitoring/settings", status=200)
    answer = client.post(
        "/monitoring/settings",
        data={"what": "sentinel", "code": "P01", "day": "2026-11-20"},
        follow_redirects=True,
    )
    assert "安和堂伊川店" in answer.get_data(as_text=True)
    client.post(
        "/monitoring/settings", data={"what": "item", "code": "LY999", "day": "2026-11-20"}, status=409
    )


def test_a_label_is_said_with_its_lines_and_that_it_is_unconfirmed(client: Any, world: make.World) -> None:
    db.session.add(
        ListedProduct(
            product_code="GW1",
            variety="氯吡格雷",
            product_name="氯吡格雷片",
            manufacturer="示例",
            status="passed",
            listed_from=date(2026, 1, 1),
            price=Decimal("30.01"),
            highest_selected_price=Decimal("10.00"),
            recorded_at=make.LONG_AGO,
        )
    )
    db.session.flush()
    client.log_in(make.make_user("city", role=Role.CITY))
    page = client.get("/monitoring/labels", status=200).get_data(as_text=True)
    assert "红标" in page
    assert "18.00" in page
    assert "待核实" in page
    assert "没有符合条件" in client.get("/monitoring/labels?label=yellow", status=200).get_data(as_text=True)


def test_the_shortage_watch_leads_to_who_has_it(client: Any, world: make.World) -> None:
    item = world.items[0]
    db.session.execute(
        insert(MonitoredPrice),
        [
            {
                "institution_id": world.clinic.id,
                "item_id": item.id,
                "observed_on": make.TODAY,
                "price": None,
                "out_of_stock": True,
                "recorded_at": make.LONG_AGO,
            }
        ],
    )
    client.log_in(make.make_user("county", role=Role.COUNTY, county="410325"))
    assert item.generic_name in client.get("/shortages/", status=200).get_data(as_text=True)
    page = client.get(f"/shortages/{item.item_code}", status=200).get_data(as_text=True)
    assert "这里没有机构报有货" in page
    client.get(f"/shortages/{item.item_code}?county=410329", status=200)
