"""The stocking list on screen: ticked, kept as a draft, adopted, refused when too short; the bureau's view (R-STOCK-2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from clinic_orders.models.audit import AuditEntry
from clinic_orders.models.base import db
from clinic_orders.models.stocking import StockingItem
from clinic_orders.queries.stocking_lists import own_list
from clinic_orders.rules.parties import Role
from tests import factories as make


@pytest.fixture
def world(app: Any, clock_at: Callable[[Any], None]) -> make.World:
    clock_at(make.NOW)
    world = make.make_world()
    make.set_policy("stocking.minimum", "3", kind="village_clinic")
    return world


@pytest.fixture
def doctor(client: Any, world: make.World) -> Any:
    client.log_in(make.make_user("v01", institution=world.clinic))
    return client


def tick(doctor: Any, world: make.World, ticked: tuple[int, ...], shown: range, do: str, **more: Any) -> Any:
    """Send the form with some boxes ticked."""
    version = own_list(world.clinic.id).version
    return doctor.post(
        "/stocking/",
        data={
            "version": version,
            "shown": " ".join(world.items[one].item_code for one in shown),
            "item": [world.items[one].item_code for one in ticked],
            "do": do,
            **more,
        },
    )


def listed(world: make.World) -> tuple[set[str], set[str]]:
    """Codes of the list and of the draft."""
    db.session.expire_all()
    codes = {item.id: item.item_code for item in world.items}
    rows = db.session.scalars(select(StockingItem)).all()
    return {codes[r.item_id] for r in rows if r.listed}, {codes[r.item_id] for r in rows if r.drafted}


@pytest.mark.both_databases
def test_what_is_ticked_is_a_draft_until_it_is_adopted(doctor: Any, world: make.World) -> None:
    doctor.get("/stocking/?show=all", status=200)
    assert tick(doctor, world, (0, 1, 2), range(15), "save").status_code == 303
    codes = {world.items[one].item_code for one in (0, 1, 2)}
    assert listed(world) == (set(), codes)
    assert "新增 3 种" in doctor.get("/stocking/", status=200).page.text
    tick(doctor, world, (0, 1, 2), range(3), "adopt")
    assert listed(world) == (codes, codes)
    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.deed == "adopt_stocking_list")).one()
    assert entry.after["items"] == sorted(codes)
    assert "目录里有 3 种" in doctor.get("/stocking/", status=200).page.text


@pytest.mark.both_databases
def test_a_list_shorter_than_the_minimum_is_refused_and_the_draft_stays(
    doctor: Any, world: make.World
) -> None:
    tick(doctor, world, (0, 1, 2), range(3), "adopt")
    answer = tick(doctor, world, (0, 1), range(3), "adopt")
    assert answer.status_code == 422
    assert "最少要 3 种" in doctor.page.text or "至少" in doctor.page.text or "3" in doctor.page.text
    on_list, on_draft = listed(world)
    assert len(on_list) == 3
    assert len(on_draft) == 2
    # Another one added first, and it may go.
    tick(doctor, world, (0, 1, 4), range(5), "adopt")
    assert listed(world)[0] == {world.items[one].item_code for one in (0, 1, 4)}


def test_a_list_below_the_minimum_may_grow_step_by_step(doctor: Any, world: make.World) -> None:
    tick(doctor, world, (0,), range(3), "adopt")
    tick(doctor, world, (0, 1), range(3), "adopt")
    assert len(listed(world)[0]) == 2


def test_the_draft_is_dropped(doctor: Any, world: make.World) -> None:
    tick(doctor, world, (0, 1, 2), range(3), "adopt")
    tick(doctor, world, (0, 1, 2, 3), range(4), "save")
    tick(doctor, world, (), range(0), "drop")
    on_list, on_draft = listed(world)
    assert on_list == on_draft
    assert len(on_list) == 3


def test_searching_keeps_the_ticks_and_finds_by_pinyin(doctor: Any, world: make.World) -> None:
    item = world.items[4]
    answer = tick(doctor, world, (0,), range(1), "find", q=item.search_initials.split()[0])
    page = doctor.get(answer.headers["Location"], status=200).page
    assert page.one(f"#t-{item.item_code}")
    assert listed(world)[1] == {world.items[0].item_code}


def test_a_page_seen_before_another_change_changes_nothing(doctor: Any, world: make.World) -> None:
    tick(doctor, world, (0, 1, 2), range(3), "adopt")
    answer = doctor.post("/stocking/", data={"version": 1, "shown": world.items[0].item_code, "do": "adopt"})
    assert answer.status_code == 409
    assert len(listed(world)[0]) == 3


def test_the_order_page_offers_what_the_list_has_first_and_all_of_it_that_is_missing(
    doctor: Any, world: make.World
) -> None:
    dear = max(range(15), key=lambda one: world.items[one].item_code)
    tick(doctor, world, (dear, 3, 4), range(15), "adopt")
    offers = [button["value"] for button in doctor.get("/order", status=200).page.all("button[name=add]")]
    assert set(offers) == {world.items[one].item_code for one in (dear, 3, 4)}
    page = doctor.get("/order?show=missing", status=200).page
    assert {one["id"] for one in page.all(".item[id]")} == set(offers)


def test_the_bureau_reads_every_list_and_a_county_its_own(client: Any, world: make.World) -> None:
    client.log_in(make.make_user("v01", institution=world.clinic))
    tick(client, world, (0, 1), range(3), "adopt")
    client.log_in(make.make_user("city", role=Role.CITY))
    page = client.get("/stocking/lists?state=short", status=200).page
    assert "明白川村卫生室" in page.text
    assert "龙王村卫生室" not in page.text
    assert "龙王村卫生室" in client.get("/stocking/lists?state=none", status=200).page.text
    page = client.get(f"/stocking/lists/{world.clinic.id}", status=200).page
    assert world.items[0].generic_name in page.text
    client.log_in(make.make_user("county", role=Role.COUNTY, county="410329"))
    assert "明白川" not in client.get("/stocking/lists", status=200).page.text
    client.get(f"/stocking/lists/{world.clinic.id}", status=404)
