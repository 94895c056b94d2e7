"""Posted prices on screen: typed, warned about above what is allowed, kept with their history (R-PRICE-5)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from clinic_orders.models.base import db
from clinic_orders.models.orders import UsualItem
from clinic_orders.models.stock import ShelfPrice
from clinic_orders.models.supervision import FindingRecord
from clinic_orders.queries.ordering import prices_on
from clinic_orders.queries.shelf_prices import current_tags
from clinic_orders.rules.finding_states import FindingState
from clinic_orders.rules.findings import CheckRule, Grade
from tests import factories as make


@pytest.fixture
def world(app: Any, clock_at: Callable[[Any], None]) -> make.World:
    clock_at(make.NOW)
    world = make.make_world(items=4)
    for place, item in enumerate(world.items[:2]):
        db.session.add(UsualItem(institution_id=world.clinic.id, item_id=item.id, position=place))
    db.session.commit()
    return world


@pytest.fixture
def doctor(client: Any, world: make.World) -> Any:
    client.log_in(make.make_user("v01", institution=world.clinic))
    return client


def stood() -> list[tuple[date, Decimal, bool]]:
    db.session.expire_all()
    rows = db.session.scalars(select(ShelfPrice).order_by(ShelfPrice.id))
    return [(row.posted_on, row.price, row.replaced_at is None) for row in rows]


@pytest.mark.both_databases
def test_a_price_is_posted_put_right_the_same_day_and_changed_on_a_later_one(
    doctor: Any, world: make.World, clock_at: Callable[[Any], None]
) -> None:
    item = world.items[0]
    box = f"p-{item.item_code}"
    for typed in ("0.02", "0.02", "0.03"):
        doctor.get("/shelf-prices/", status=200)
        doctor.submit("main form", **{"do": "save", box: typed}, follow_redirects=True)
    assert stood() == [(make.TODAY, Decimal("0.02"), False), (make.TODAY, Decimal("0.03"), True)]
    clock_at(make.NOW + timedelta(days=1))
    doctor.get("/shelf-prices/", status=200)
    doctor.submit("main form", **{"do": "save", box: "0.01"}, follow_redirects=True)
    assert [one[2] for one in stood()] == [False, True, True]
    tags = current_tags(world.clinic.id, on=make.TODAY + timedelta(days=1))
    assert tags.by_item[item.id].price == Decimal("0.01")
    assert current_tags(world.clinic.id, on=make.TODAY).by_item[item.id].price == Decimal("0.03")
    page = doctor.get("/shelf-prices/history", status=200).page
    assert page.text.count(item.generic_name) >= 3
    assert "0.03" in doctor.get("/shelf-prices/history?format=csv", status=200).get_data(as_text=True)


def test_a_price_above_what_is_allowed_warns_and_is_recorded_only_when_that_is_meant(
    doctor: Any, world: make.World
) -> None:
    item = world.items[0]
    selected = prices_on([item.id], make.TODAY)[item.id]
    box, dear = f"p-{item.item_code}", str(selected + 5)
    doctor.get("/shelf-prices/", status=200)
    answer = doctor.submit("main form", **{"do": "save", box: dear})
    assert answer.status_code == 422
    assert "超 5" in doctor.page.text
    assert doctor.page.one(f"#{box}").get("value") == dear
    assert stood() == []
    doctor.submit("main form", do="save", sure="1", follow_redirects=True)
    assert stood() == [(make.TODAY, selected + 5, True)]
    assert "高于允许价" in doctor.get("/shelf-prices/", status=200).page.text


def test_what_is_no_price_is_said_at_its_box_and_a_search_keeps_what_was_typed(
    doctor: Any, world: make.World
) -> None:
    first, third = world.items[0], world.items[2]
    doctor.get("/shelf-prices/", status=200)
    assert doctor.submit("main form", **{"do": "save", f"p-{first.item_code}": "两块"}).status_code == 422
    assert "两块" in doctor.page.text
    doctor.submit("main form", **{"do": "find", "q": third.generic_name, f"p-{first.item_code}": "0.02"})
    assert doctor.page.one(f"#p-{third.item_code}")
    assert doctor.page.one(f"#p-{first.item_code}").get("value") == "0.02"


def test_a_hospital_sees_the_duties_of_its_villages_and_no_others(client: Any, world: make.World) -> None:
    db.session.add(
        FindingRecord(
            rule=CheckRule.STOCKING_SHORT,
            subject="V01/",
            key="",
            period="2026-10",
            institution_id=world.clinic.id,
            grade=Grade.VIOLATION,
            formula="carried = 1 < minimum = 9",
            figures={"carried": 1, "minimum": 9},
            rows=[],
            state=FindingState.OPEN,
            first_seen=make.TODAY,
            last_seen=make.TODAY,
            raised_at=make.NOW,
        )
    )
    db.session.commit()
    client.log_in(make.make_user("h01", institution=world.hospital, role=make.Role.HOSPITAL))
    page = client.get("/duties/villages", status=200).page
    assert "有 1 家有事没办完" in page.text
    assert "龙王村卫生室" in page.text
    assert "安和堂" not in page.text
    page = client.get(f"/duties/{world.clinic.id}", status=200).page
    assert "明白川村卫生室的任务" in page.text
    assert len(page.all(".duty")) == 4
    client.get(f"/duties/{world.pharmacy.id}", status=404)
    client.log_in(make.make_user("v01", institution=world.clinic))
    client.get(f"/duties/{world.second_clinic.id}", status=404)
