"""What institutions report by hand on screen: counts, planned volume, a month without sales."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from clinic_orders.actions import reports as deeds
from clinic_orders.models.accounts import User
from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Edition, EditionItem
from clinic_orders.models.orders import UsualItem
from clinic_orders.models.reports import NothingSold, PlannedVolume
from clinic_orders.models.stock import StockCount
from clinic_orders.rules.days import Month, Quarter
from clinic_orders.rules.parties import Actor, NotAllowed, Role
from clinic_orders.rules.reporting import MonthNotOver, PlanningNotOpen
from tests.checking_client import CheckingClient
from tests.many_of_all import make_people
from tests.orders_in_work import LONG_AGO, NOW, World, make_world

TODAY = NOW.date()


@pytest.fixture
def world(app: Flask, clock_at: Callable[[datetime], None]) -> World:
    clock_at(NOW)
    world = make_world(items=6)
    edition = Edition(edition="2026", valid_from=date(2026, 1, 1), recorded_at=LONG_AGO)
    db.session.add(edition)
    db.session.flush()
    for place, item in enumerate(world.items):
        item.search_text, item.search_initials, item.search_pinyin = item.generic_name, "", ""
        db.session.add(EditionItem(edition_id=edition.id, item_id=item.id))
        if place < 2:
            db.session.add(UsualItem(institution_id=world.clinic.id, item_id=item.id, position=place))
    db.session.commit()
    return world


@pytest.fixture
def people(world: World) -> dict[Role, User]:
    return make_people(world)


def stood(model: Any, column: str) -> list[tuple[Any, bool]]:
    """Every row's number and whether it stands, in the order of recording."""
    db.session.expire_all()
    rows = db.session.scalars(select(model).order_by(model.id))
    return [(getattr(row, column), row.replaced_at is None) for row in rows]


def test_a_count_is_typed_and_put_right_and_what_was_written_before_stays(
    client: CheckingClient, world: World, people: dict[Role, User]
) -> None:
    client.log_in(people[Role.INSTITUTION])
    client.get("/reports/stock", status=200)
    client.submit("main form", **{"do": "save", "q-LY000": "56", "q-LY001": ""}, follow_redirects=True)
    assert "已记录 1 项盘点" in client.page.text
    assert "11 月 20 日 已盘点" in client.page.text
    client.get("/reports/stock", status=200)
    assert [client.page.one(f"#{box}-LY000").get("value") for box in "pq"] == ["2", "0"]
    client.submit("main form", **{"do": "save", "p-LY000": "1", "q-LY000": "22"}, follow_redirects=True)
    assert stood(StockCount, "base_units") == [(56, False), (50, True)]


def test_whole_packs_and_loose_pieces_are_counted_in_two_boxes(
    client: CheckingClient, world: World, people: dict[Role, User]
) -> None:
    """A pack holds 28: nobody has to multiply, and either box may stay empty."""
    client.log_in(people[Role.INSTITUTION])
    client.get("/reports/stock", status=200)
    refused = client.submit("main form", **{"do": "save", "p-LY000": "三", "q-LY000": "17"})
    assert refused.status_code == 422
    assert [client.page.one(f"#{box}-LY000").get("value") for box in "pq"] == ["三", "17"]
    assert client.page.one(".error-summary a")["href"] == "#p-LY000"
    client.submit(
        "main form", **{"do": "save", "p-LY000": "19", "q-LY000": "17", "p-LY001": "3"}, follow_redirects=True
    )
    assert sorted(stood(StockCount, "base_units")) == [(3 * 28, True), (19 * 28 + 17, True)]


def test_the_same_count_again_changes_nothing(
    client: CheckingClient, world: World, people: dict[Role, User]
) -> None:
    client.log_in(people[Role.INSTITUTION])
    for _ in range(2):
        client.get("/reports/stock", status=200)
        client.submit("main form", **{"do": "save", "p-LY000": "2", "q-LY000": ""}, follow_redirects=True)
    assert stood(StockCount, "base_units") == [(56, True)]


def test_a_search_adds_a_medicine_and_keeps_what_was_typed(
    client: CheckingClient, world: World, people: dict[Role, User]
) -> None:
    client.log_in(people[Role.INSTITUTION])
    client.get("/reports/stock", status=200)
    assert not client.page.all("#q-LY002")
    client.submit("main form", **{"do": "find", "q": "阿卡波糖", "q-LY000": "7x"})
    assert client.page.one("#q-LY000").get("value") == "7x"
    assert client.page.all("#q-LY002")
    assert client.submit("main form", **{"do": "save", "q-LY002": "3"}).status_code == 422
    assert [client.page.one(f"#q-{code}").get("value") for code in ("LY000", "LY002")] == ["7x", "3"]


def test_a_count_of_tomorrow_and_one_of_nothing_are_refused_with_everything_kept(
    client: CheckingClient, world: World, people: dict[Role, User]
) -> None:
    client.log_in(people[Role.INSTITUTION])
    client.get("/reports/stock", status=200)
    later = (TODAY + timedelta(days=1)).isoformat()
    answer = client.submit("main form", **{"do": "save", "q-LY000": "5", "counted_on": later})
    assert answer.status_code == 422
    assert client.page.one("#q-LY000").get("value") == "5"
    client.get("/reports/stock", status=200)
    assert client.submit("main form", do="save").status_code == 422
    assert "请至少填一个数" in client.page.text


def test_two_counts_of_a_day_at_once_do_not_overwrite_each_other(
    client: CheckingClient, world: World, people: dict[Role, User]
) -> None:
    client.log_in(people[Role.INSTITUTION])
    client.get("/reports/stock", status=200)
    deeds.report_stock_count(TODAY, {"LY000": 1}, seen=0, by=world.buyer, at=NOW)
    assert client.submit("main form", **{"do": "save", "q-LY000": "5"}).status_code == 409
    assert client.page.one("#q-LY000").get("value") == "5"
    assert stood(StockCount, "base_units") == [(1, True)]


def test_a_planned_volume_may_be_changed_until_its_last_day_and_comes_late_once(
    client: CheckingClient,
    world: World,
    people: dict[Role, User],
    clock_at: Callable[[datetime], None],
) -> None:
    client.log_in(people[Role.INSTITUTION])
    for packs in ("30", "40"):
        client.get("/reports/plan", status=200)
        client.submit("main form", **{"do": "save", "q-LY000": packs}, follow_redirects=True)
    assert stood(PlannedVolume, "packs") == [(30, False), (40, True)]
    clock_at(datetime(2026, 12, 21, 2, tzinfo=NOW.tzinfo))
    client.log_in(people[Role.INSTITUTION])
    client.get("/reports/plan", status=200)
    assert "已截止" in client.page.text
    assert not client.page.all("#q-LY000")
    client.log_in(people[Role.HOSPITAL])
    client.get("/reports/plan", status=200)
    assert "仍可补报" in client.page.text
    client.submit("main form", do="find", q="氯吡格雷")
    client.submit("main form", **{"do": "save", "q-LY000": "9"}, follow_redirects=True)
    assert "迟报" in client.page.text


def test_nothing_sold_is_said_after_the_month_and_can_be_taken_back(
    client: CheckingClient, world: World, people: dict[Role, User]
) -> None:
    client.log_in(people[Role.INSTITUTION])
    client.get("/reports/", status=200)
    client.submit("form:has(input[name=month])", do="say", follow_redirects=True)
    assert "没有销售" in client.page.text
    client.submit("form:has(button[value=take-back])", do="take-back", follow_redirects=True)
    assert stood(NothingSold, "month") == [("2026-10", False)]
    with pytest.raises(MonthNotOver):
        deeds.report_nothing_sold(Month.of(TODAY), by=world.buyer, at=NOW)


def test_other_quarters_and_other_people_report_nothing(world: World) -> None:
    with pytest.raises(PlanningNotOpen):
        deeds.report_planned_volume(Quarter(2027, 1), {"LY000": 1}, seen=0, by=world.buyer, at=NOW)
    with pytest.raises(NotAllowed):
        deeds.report_nothing_sold(Month(2026, 10), by=Actor("李慧", Role.CITY), at=NOW)


@pytest.mark.parametrize("path", ["/reports/", "/reports/stock", "/reports/plan"])
def test_the_number_of_statements_does_not_depend_on_the_number_of_medicines(
    client: CheckingClient, world: World, people: dict[Role, User], count_sql: Any, path: str
) -> None:
    client.log_in(people[Role.INSTITUTION])
    client.get(path, status=200)
    with count_sql() as few:
        client.get(path, status=200)
    deeds.report_stock_count(
        TODAY, {item.item_code: 3 for item in world.items}, seen=0, by=world.buyer, at=NOW
    )
    deeds.report_planned_volume(
        Quarter.of(TODAY), {item.item_code: 3 for item in world.items}, seen=0, by=world.buyer, at=NOW
    )
    with count_sql() as many:
        client.get(path, status=200)
    assert many.count <= few.count <= 16, f"{few}\n\n{many}"
