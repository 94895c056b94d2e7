"""What a payment hold stops on the way of an order, and what it never stops (R-PAY-5)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from clinic_orders.actions.ordering import Answer, submit_draft
from clinic_orders.models.arrears import PaymentHold
from clinic_orders.models.base import db
from clinic_orders.models.orders import Order
from clinic_orders.models.roster import DeliveryRelation, Institution
from clinic_orders.rules.parties import Role
from tests.checking_client import CheckingClient
from tests.factories import (
    FIRST_DAY,
    LONG_AGO,
    NOW,
    World,
    fill_draft,
    fresh_key,
    give_mandate,
    make_user,
    make_world,
    set_policy,
    submit,
)


@pytest.fixture
def world(app: Flask, clock_at: Callable[[datetime], None]) -> World:
    clock_at(NOW)
    world = make_world()
    # The second item comes from the other distributor.
    db.session.add(
        DeliveryRelation(
            county_code="410325",
            item_id=world.items[1].id,
            distributor_id=world.other_distributor.id,
            valid_from=FIRST_DAY,
            recorded_at=LONG_AGO,
        )
    )
    set_policy("payment.hold_after_days", "60")
    return world


def hold(world: World, payer: Institution) -> None:
    db.session.add(
        PaymentHold(
            paying_id=payer.id,
            distributor_id=world.distributor.id,
            amount=Decimal("336.50"),
            since=date(2026, 8, 31),
            after_days=60,
            min_amount=Decimal(100),
            scope="distributor",
            receipts=1,
            began_at=NOW,
            looked_at=NOW,
        )
    )
    db.session.commit()


def both(world: World) -> dict[str, str]:
    return {world.items[0].item_code: "2", world.items[1].item_code: "3"}


def refused(answer: Answer) -> list[str]:
    return [entry["code"] for entry in answer.refused]


@pytest.mark.both_databases
def test_orders_to_the_distributor_that_waits_for_its_money_are_stopped_and_others_go(world: World) -> None:
    hold(world, world.clinic)
    answer = submit(world, both(world))
    assert refused(answer) == ["PaymentHold"]
    assert answer.refused[0]["facts"] == {
        "amount": "336.50",
        "distributor": world.distributor.name,
        "since": "2026-08-31",
        "days": 60,
    }
    (order,) = db.session.scalars(select(Order))
    assert order.distributor_id == world.other_distributor.id


@pytest.mark.both_databases
def test_with_the_scope_of_all_nothing_goes(world: World) -> None:
    set_policy("payment.hold_scope", "all")
    hold(world, world.clinic)
    answer = submit(world, both(world))
    assert (answer.orders, refused(answer)) == ([], ["PaymentHold", "PaymentHold"])


@pytest.mark.both_databases
def test_a_village_whose_hospital_is_in_arrears_orders_and_pays_itself(world: World) -> None:
    set_policy("payment.hold_scope", "all")
    hold(world, world.hospital)
    assert refused(submit(world, both(world))) == []


@pytest.mark.both_databases
def test_a_hospital_in_arrears_can_not_pay_for_a_village_but_the_village_can(world: World) -> None:
    hold(world, world.hospital)
    give_mandate(world)

    def send(payer: str) -> Answer:
        who = fill_draft(world, {world.items[0].item_code: "2"}, by=world.hospital)
        return submit_draft(
            key=fresh_key(),
            ordering_id=who.ordering_id,
            institution_id=who.institution_id,
            payer=payer,
            by=world.actor(world.hospital),
            at=NOW,
        )

    assert refused(send("orderer")) == ["PaymentHold"]
    answer = send("receiver")
    assert (len(answer.orders), refused(answer)) == (1, [])


@pytest.mark.both_databases
def test_emergencies_and_a_policy_that_is_not_set_pass(world: World) -> None:
    set_policy("payment.hold_scope", "all")
    hold(world, world.clinic)
    assert refused(submit(world, both(world), emergency=True, reason="蛇咬伤")) == []
    set_policy("payment.hold_after_days", "", valid_from=date(2026, 11, 1))
    assert "PaymentHold" not in refused(submit(world, both(world)))


def test_a_hold_costs_one_statement_where_the_policy_is_set_and_none_elsewhere(
    client: CheckingClient, world: World, count_sql: Any
) -> None:
    client.log_in(make_user("wang", institution=world.clinic))
    client.get("/order", status=200)
    with count_sql() as with_policy:
        client.get("/order", status=200)
    set_policy("payment.hold_after_days", "", valid_from=date(2026, 11, 1))
    client.get("/order", status=200)
    with count_sql() as without:
        client.get("/order", status=200)
    assert with_policy.count == without.count + 1


def test_the_pages_say_what_is_owed_to_whom_and_how_to_be_free(client: CheckingClient, world: World) -> None:
    hold(world, world.clinic)
    fill_draft(world, both(world))
    client.log_in(make_user("wang", institution=world.clinic))
    said = "欠豫西安康医药配送有限公司货款 336.50 元，最早于 2026 年 8 月 31 日到期，逾期已超过 60 天。付款并登记后立即恢复下单"
    client.get("/order", status=200)
    assert said in client.page.text
    client.get("/order/check", status=200)
    assert said in client.page.text
    assert "这些留在草稿里" in client.page.text or client.page.all("section[aria-labelledby=stay]")
    client.submit("main form", follow_redirects=True)
    assert "逾期已超过 60 天" in client.page.text
    assert len(list(db.session.scalars(select(Order)))) == 1


def test_a_hospital_chooses_the_village_as_payer_on_the_page_to_check(
    client: CheckingClient, world: World
) -> None:
    hold(world, world.hospital)
    give_mandate(world)
    fill_draft(world, {world.items[0].item_code: "2"}, by=world.hospital)
    client.log_in(make_user("yuan", role=Role.HOSPITAL, institution=world.hospital))
    client.get(f"/order/check?for={world.clinic.code}&payer=orderer", status=200)
    assert "欠豫西安康医药配送有限公司货款" in client.page.text
    assert not client.page.all("button.btn-tall")
    client.get(client.page.one("main a[href*='payer=receiver']")["href"], status=200)
    client.submit("main form", follow_redirects=True)
    (order,) = db.session.scalars(select(Order))
    assert order.paying_id == world.clinic.id
