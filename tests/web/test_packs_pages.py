"""The life of a pack: everybody sees their own part of it, and nobody learns that there is another."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import insert, update

from clinic_orders.actions.reported.sale_codes import SoldCode, store_codes
from clinic_orders.models.base import db
from clinic_orders.models.deliveries import ShipmentCode
from clinic_orders.models.sales import SaleLine
from clinic_orders.models.tracing import TraceProduct
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.parties import Role
from tests.checking_client import CheckingClient
from tests.deliveries_in_work import LATER, accepted
from tests.orders_in_work import NOW, World, make_world
from tests.web.test_payment_pages import person

CODE = "81000010000000000007"
SOLD_AT = LATER + timedelta(hours=5)


@pytest.fixture
def world(app: Flask, clock_at: Callable[[datetime], None]) -> World:
    """A pack that came to the clinic; the clinic and the hospital of another county sold it."""
    clock_at(NOW + timedelta(days=1))
    world = make_world()
    receipt = accepted(world, (2,), codes={1: (CODE,)})
    db.session.execute(update(ShipmentCode).values(accepted=True))
    for place, number in ((world.clinic, "S1"), (world.hospital, "S2")):
        line = SaleLine(
            institution_id=place.id,
            sale_no=number,
            line_no="1",
            item_id=world.items[0].id,
            sold_at=SOLD_AT,
            sold_on=day_in_china(SOLD_AT),
            base_units=28,
            amount=Decimal("4.00"),
            recorded_at=NOW,
        )
        db.session.add(line)
        db.session.flush()
        store_codes([SoldCode(CODE, line.id, line.sold_on)])
    db.session.execute(
        insert(TraceProduct).values(
            prefix=CODE[:7], item_id=world.items[0].id, base_units_per_code=28, recorded_at=NOW
        )
    )
    db.session.commit()
    assert receipt.receipt_no
    return world


def look(client: CheckingClient, code: str = CODE) -> list[tuple[str, str]]:
    """(step, paper) of every row."""
    client.get("/packs/", query_string={"code": code}, status=200)
    return [
        (re.split(r"[\s\d]", row.all("td")[1].text.strip())[0], row.all("td")[4].text.strip())
        for row in client.page.all("tbody tr")
    ]


def test_a_clinic_sees_its_own_part_only(client: CheckingClient, world: World, count_sql: Any) -> None:
    client.log_in(person("王保田", Role.INSTITUTION, institution_id=world.clinic.id))
    with count_sql() as seen:
        steps = look(client)
    assert [step for step, _ in steps] == ["发货", "送达", "验收入库", "销售"]
    assert steps[-1] == ("销售", "S1")
    assert "白元镇卫生院" not in client.page.text
    assert seen.count <= 9, seen


def test_what_one_may_not_see_looks_like_what_is_not_there(client: CheckingClient, world: World) -> None:
    client.log_in(person("周强", Role.DISTRIBUTOR, distributor_id=world.other_distributor.id))
    assert look(client) == []
    foreign = client.page.one(".empty").text
    assert look(client, "81000010000000000008") == []
    assert client.page.one(".empty").text == foreign
    client.log_in(person("刘敏", Role.DISTRIBUTOR, distributor_id=world.distributor.id))
    assert [step for step, _ in look(client)] == ["发货", "送达", "验收入库"]


def test_a_bureau_sees_its_county_and_the_city_all(client: CheckingClient, world: World) -> None:
    client.log_in(person("马建国", Role.COUNTY, county_code="410329"))
    assert look(client) == [("销售", "S2")]
    client.log_in(person("赵红军", Role.CITY))
    assert sorted(paper for step, paper in look(client) if step == "销售") == ["S1", "S2"]


def test_blanks_between_the_digits_and_strings_of_gs1_are_read_and_anything_else_is_refused(
    client: CheckingClient, world: World
) -> None:
    client.log_in(person("赵红军", Role.CITY))
    assert len(look(client, "81000 01000 00000 00007")) == 5
    assert look(client, "(01)06901234567892(21)A7") == []
    assert look(client, "81000") == []
    assert "81000" in client.page.one(".error-summary, [role=alert]").text


def test_the_trace_rate_stands_over_the_sales_that_make_it(client: CheckingClient, world: World) -> None:
    pack = world.items[0].pack_size
    for number, units in (("S3", pack), ("S4", pack), ("S5", 1)):
        db.session.add(
            SaleLine(
                institution_id=world.clinic.id, sale_no=number, line_no="1", item_id=world.items[0].id,
                sold_at=SOLD_AT, sold_on=day_in_china(SOLD_AT), base_units=units, amount=Decimal("4.00"),
                recorded_at=NOW,
            )
        )  # fmt: skip
    db.session.execute(update(SaleLine).where(SaleLine.sale_no == "S1").values(base_units=pack))
    db.session.commit()
    client.log_in(person("李明", Role.INSTITUTION, institution_id=world.clinic.id))
    month = f"{day_in_china(SOLD_AT):%Y-%m}"
    page = client.get(f"/packs/rate?month={month}")
    assert "33.3%" in client.page.one(".facts").text
    assert "S5" not in page.text
    page = client.get(f"/packs/rate?month={month}&state=missing")
    assert "S3" in page.text
    assert "S1/1" not in page.text
    assert client.get(f"/packs/rate?institution=H99&month={month}").status_code == 404
