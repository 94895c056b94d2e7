"""My duties: the four cards say what stands, honestly, and their number of statements is fixed (product.md screen 3)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask

from clinic_orders.actions import reports as deeds
from clinic_orders.models.accounts import User
from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Edition, EditionItem, Item, Price
from clinic_orders.models.policy import PolicyValue
from clinic_orders.models.roster import Membership
from clinic_orders.models.sales import SaleLine
from clinic_orders.models.volume import AgreedVolume
from clinic_orders.rules.parties import Role
from tests.checking_client import CheckingClient
from tests.many_of_all import make_people
from tests.orders_in_work import LONG_AGO, NOW, World, make_world

TODAY = NOW.date()


@pytest.fixture
def world(app: Flask, clock_at: Callable[[datetime], None]) -> World:
    clock_at(NOW)
    world = make_world(items=6)
    edition = Edition(edition="2026", valid_from=date(2026, 1, 1), recorded_at=LONG_AGO)
    db.session.add_all([edition, Membership(institution_id=world.clinic.id, joined_on=date(2026, 1, 1))])
    db.session.flush()
    db.session.add_all(EditionItem(edition_id=edition.id, item_id=item.id) for item in world.items)
    db.session.commit()
    return world


@pytest.fixture
def people(world: World) -> dict[Role, User]:
    return make_people(world)


def agree(world: World, item: Item, packs: int) -> None:
    db.session.add(
        AgreedVolume(
            institution_id=world.clinic.id,
            item_id=item.id,
            cycle_start=date(2026, 1, 1),
            cycle_end=date(2026, 12, 31),
            agreed_packs=packs,
            recorded_at=LONG_AGO,
        )
    )
    db.session.commit()


def sell(world: World, amount: str) -> None:
    db.session.add(
        SaleLine(
            institution_id=world.clinic.id,
            sale_no=f"S{amount}",
            line_no="1",
            item_id=world.items[0].id,
            sold_at=NOW,
            sold_on=TODAY,
            base_units=28,
            amount=Decimal(amount),
            recorded_at=NOW,
        )
    )
    db.session.commit()


def test_where_nothing_is_set_nothing_is_held_against_anybody(
    client: CheckingClient, world: World, people: dict[Role, User]
) -> None:
    client.log_in(people[Role.INSTITUTION])
    page = client.get("/duties/", status=200).page
    assert page.texts(".duty h2") == ["付款", "配备", "约定采购量", "价格"]
    for text in ("没有要紧的事", "未定最低数", "没有约定", "还没有销售"):
        assert text in page.text


def test_each_card_shows_the_figures_of_its_check(
    client: CheckingClient, world: World, people: dict[Role, User]
) -> None:
    db.session.add_all(
        [
            PolicyValue(
                parameter="stocking.minimum",
                value="3",
                valid_from=date(2026, 1, 1),
                document_no="示例",
                recorded_at=LONG_AGO,
            ),
            Price(
                item_id=world.items[0].id,
                valid_from=date(2026, 1, 1),
                pack_price=Decimal("3.50"),
                document_no="示例",
                recorded_at=LONG_AGO,
            ),
        ]
    )
    agree(world, world.items[1], 120)
    deeds.report_stock_count(TODAY, {"LY000": 5, "LY001": 0}, seen=0, by=world.buyer, at=NOW)
    sell(world, "3.50")
    sell(world, "4.00")
    client.log_in(people[Role.INSTITUTION])
    page = client.get("/duties/", status=200).page
    for text in (
        "1 种在配",
        "差 2 种",
        "约定 120 盒",
        "1 种落后",
        "共 2 笔",
        "超价 1 笔",
        "多收 0.50 元",
        "3 件要办",
    ):
        assert text in page.text, text


def test_the_number_of_statements_does_not_depend_on_the_number_of_items(
    client: CheckingClient, world: World, people: dict[Role, User], count_sql: Any
) -> None:
    agree(world, world.items[0], 10)
    sell(world, "3.50")
    client.log_in(people[Role.INSTITUTION])
    client.get("/duties/", status=200)
    with count_sql() as few:
        client.get("/duties/", status=200)
    for item in world.items[1:]:
        agree(world, item, 10)
    deeds.report_stock_count(
        TODAY, {item.item_code: 3 for item in world.items}, seen=0, by=world.buyer, at=NOW
    )
    sell(world, "99.00")
    with count_sql() as many:
        client.get("/duties/", status=200)
    assert many.count == few.count, f"{few}\n\n{many}"
