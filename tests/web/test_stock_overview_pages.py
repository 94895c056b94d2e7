"""The stock of many: bureau and hospital see what lies where, what is used up, near expiry, who never counts (0050)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from clinic_orders.jobs import orders as jobs
from clinic_orders.jobs.job import Outcome
from clinic_orders.models.base import db
from clinic_orders.models.roster import Membership
from clinic_orders.models.stock import StockCount
from clinic_orders.models.stock_levels import StockKeeper, StockLevel, StockSum
from clinic_orders.rules.parties import InstitutionKind, Role
from tests.many_of_all import START, make_people
from tests.orders_in_work import NOW, World, make_institution, make_world

TODAY = NOW.date()


def count(institution_id: int, item_id: int, units: int, days: int = 3) -> None:
    db.session.add(
        StockCount(
            institution_id=institution_id,
            item_id=item_id,
            counted_on=TODAY - timedelta(days=days),
            base_units=units,
            recorded_at=NOW - timedelta(days=days),
        )
    )
    db.session.commit()


def night(days: int = 0) -> Outcome:
    outcome = Outcome()
    jobs.keep_stock_levels(TODAY + timedelta(days=days + 1), NOW + timedelta(days=days), outcome)
    return outcome


@pytest.fixture
def world(app: Any, clock_at: Callable[[Any], None]) -> World:
    clock_at(NOW)
    world = make_world(items=3)
    count(world.clinic.id, world.items[0].id, 50)
    count(world.hospital.id, world.items[0].id, 7)
    count(world.clinic.id, world.items[1].id, 3)
    return world


@pytest.fixture
def people(world: World) -> dict[Role, Any]:
    return make_people(world)


@pytest.mark.both_databases
def test_the_night_keeps_every_shelf_and_adds_them_up(world: World) -> None:
    assert (night().failures, night().failures) == (0, 0)
    level, kept = StockLevel, StockSum
    rows = db.session.execute(select(level.institution_id, level.item_id, level.on_hand)).all()
    clinic, hospital, items = world.clinic.id, world.hospital.id, world.items
    assert sorted(map(tuple, rows)) == sorted(
        [(clinic, items[0].id, 50), (hospital, items[0].id, 7), (clinic, items[1].id, 3)]
    )
    sums = {
        row.item_id: (int(row[1]), int(row[2]))
        for row in db.session.execute(
            select(kept.item_id, func.sum(kept.keepers), func.sum(kept.on_hand)).group_by(kept.item_id)
        )
    }
    assert sums == {items[0].id: (2, 57), items[1].id: (1, 3)}
    # Whoever has not counted for so long is forgotten, and not added up any more.
    db.session.execute(
        update(StockCount)
        .where(StockCount.institution_id == hospital)
        .values(counted_on=TODAY - timedelta(days=600))
    )
    db.session.commit()
    night(1)
    assert set(db.session.scalars(select(StockKeeper.institution_id))) == {clinic}
    assert db.session.scalars(select(kept.on_hand).where(kept.item_id == items[0].id)).all() == [50]


def test_before_the_first_night_the_pages_say_so(client: Any, people: dict[Role, Any]) -> None:
    client.log_in(people[Role.CITY])
    page = client.get("/stock-overview/", status=200).page
    assert "现在还没有数据" in page.text
    assert page.all("main .empty")


def test_a_bureau_looks_item_by_item_and_opens_the_places(
    client: Any, people: dict[Role, Any], world: World
) -> None:
    night()
    client.log_in(people[Role.CITY])
    page = client.get("/stock-overview/?sort=-there", status=200).page
    code = world.items[0].item_code
    assert page.all("tbody th a")[0]["href"].startswith(f"/stock-overview/items/{code}")
    page = client.get(f"/stock-overview/items/{code}?sort=there", status=200).page
    assert len(page.all("tbody tr")) == 2
    shelf = page.all("tbody th a")[1]["href"]
    page = client.get(shelf, status=200).page
    assert len(page.all("tbody tr")) == 2
    client.get("/stock-overview/items/LY999", status=404)
    client.get("/stock-overview/institutions/nobody", status=404)
    # The distributor has no business here.
    client.log_in(people[Role.DISTRIBUTOR])
    client.get("/stock-overview/", status=403)


def test_who_never_counts_is_found(client: Any, people: dict[Role, Any], world: World) -> None:
    other = make_institution("H9", "河东村卫生室", county="410325", kind=InstitutionKind.VILLAGE_CLINIC)
    db.session.add(Membership(institution_id=other.id, joined_on=START))
    db.session.commit()
    night()
    client.log_in(people[Role.CITY])
    page = client.get("/stock-overview/institutions?show=uncounted", status=200).page
    assert [link.text for link in page.all("tbody th a")] == ["河东村卫生室"]
    assert "没有登记库存" in page.text
    assert len(client.get("/stock-overview/institutions", status=200).page.all("tbody tr")) == 3
    file = client.get("/stock-overview/institutions?show=uncounted&format=csv", status=200)
    assert "河东村卫生室" in file.get_data(as_text=True)


def test_a_hospital_sees_its_own_and_its_villages_only(
    client: Any, people: dict[Role, Any], world: World
) -> None:
    night()
    client.log_in(people[Role.HOSPITAL])
    page = client.get("/stock-overview/institutions", status=200).page
    assert world.hospital.code in page.text
    page = client.get("/stock-overview/", status=200).page
    assert page.texts("nav [aria-current=page]")[0] == "村室"
    client.log_in(people[Role.INSTITUTION])
    client.get("/stock-overview/institutions", status=403)
