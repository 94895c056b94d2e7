"""The list of payment holds, for both sides and the bureau, and what the payables page says of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask

from clinic_orders.models.arrears import PaymentHold
from clinic_orders.models.base import db
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.parties import Role
from tests.checking_client import CheckingClient
from tests.factories import set_policy
from tests.orders_in_work import NOW, World, make_world
from tests.web.test_payment_pages import person

TODAY = day_in_china(NOW)


@pytest.fixture
def world(app: Flask, clock_at: Callable[[datetime], None]) -> World:
    clock_at(NOW)
    return make_world()


def hold(world: World, **more: Any) -> PaymentHold:
    values = {
        "paying_id": world.clinic.id,
        "distributor_id": world.distributor.id,
        "amount": Decimal("336.50"),
        "since": TODAY - timedelta(days=70),
        "after_days": 60,
        "min_amount": Decimal("100.00"),
        "scope": "distributor",
        "receipts": 2,
        "began_at": NOW,
        "looked_at": NOW,
    }
    made = PaymentHold(**values | more)
    db.session.add(made)
    db.session.commit()
    return made


def test_the_clinic_sees_what_stops_its_orders_and_how_to_open_them(
    client: CheckingClient, world: World, count_sql: Any
) -> None:
    set_policy("payment.hold_after_days", "60")
    client.log_in(person("王保田", Role.INSTITUTION, institution_id=world.clinic.id))
    client.get("/holds/", status=200)
    assert "没有单位被暂停采购" in client.page.text
    hold(world)
    client.get("/payables/", status=200)
    assert "因欠款已停止向豫西安康医药配送有限公司下单" in client.page.text
    assert "336.50" in client.page.text
    client.get("/holds/", status=200)
    assert "逾期超过 60 天" in client.page.text
    with count_sql() as few:
        client.get("/holds/", status=200)
    for _ in range(3):
        hold(world, distributor_id=world.other_distributor.id, ended_at=NOW)
    with count_sql() as many:
        client.get("/holds/?state=all", status=200)
    assert many.count == few.count


def test_the_bureau_searches_sorts_and_exports_the_holds(client: CheckingClient, world: World) -> None:
    hold(world)
    hold(world, distributor_id=world.other_distributor.id, ended_at=NOW, scope="all")
    client.log_in(person("局长", Role.CITY))
    client.get("/bureau/", status=200)
    assert client.page.one("a[href='/holds/'] .v").text == "1"
    client.get("/holds/?state=all&sort=-since", status=200)
    assert len(client.page.all("tbody tr")) == 2
    client.get("/holds/?state=all&q=仁和", status=200)
    assert len(client.page.all("tbody tr")) == 1
    client.get("/holds/?q=没有的", status=200)
    assert "没有符合条件" in client.page.text
    csv = client.get("/holds/?state=all&format=csv").get_data(as_text=True)
    assert csv.count("\n") == 3
    assert "停向所有配送企业下单" in csv
    client.log_in(person("赵局", Role.COUNTY, county_code="410329"))
    client.get("/holds/?state=all", status=200)
    assert client.page.all("tbody tr") == []


def test_the_distributor_sees_whose_orders_are_stopped(client: CheckingClient, world: World) -> None:
    hold(world)
    client.log_in(person("刘敏", Role.DISTRIBUTOR, distributor_id=world.distributor.id))
    client.get("/distribution/receivables", status=200)
    client.get("/holds/", status=200)
    assert "明白川村卫生室" in client.page.text
