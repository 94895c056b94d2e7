"""Orders of outside channels that came twice: found when a file brings them, decided by the bureau, counted once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal

import pytest
from flask import Flask
from sqlalchemy import select

from clinic_orders.actions import doubles as deeds
from clinic_orders.actions.loading import ChangedMeanwhile, NotFound
from clinic_orders.models.accounts import RoleAssignment, User
from clinic_orders.models.audit import AuditEntry
from clinic_orders.models.base import db
from clinic_orders.models.deliveries import Shipment
from clinic_orders.models.doubles import OrderDouble
from clinic_orders.models.orders import Order
from clinic_orders.models.roster import Institution
from clinic_orders.queries.doubles import counts_once, doubles
from clinic_orders.queries.payables import payables_visible_to
from clinic_orders.rules.doubles import (
    DoubleDecided,
    DoubleNotDecided,
    NotOfPair,
    SetAsideAlready,
    WouldVanish,
)
from clinic_orders.rules.parties import SYSTEM, Actor, NotAllowed, Role
from tests.checking_client import CheckingClient
from tests.files_world import COUNTY, NOW, counts, make_world, moment, order, receipt, take_well

CITY = Actor("李慧", Role.CITY)


@pytest.fixture(autouse=True)
def world(app: Flask) -> Iterator[None]:
    make_world()
    yield
    db.session.rollback()


def outside(**more: object) -> dict[str, object]:
    return order(order_no="P1", channel="省平台", submitted_at=moment("2026-01-10T09:00"),
                 confirmed_at=moment("2026-01-10T10:00"), **more)  # fmt: skip


def pairs() -> list[OrderDouble]:
    db.session.expire_all()
    return list(db.session.scalars(select(OrderDouble).order_by(OrderDouble.id)))


def counted() -> set[str]:
    return set(db.session.scalars(select(Order.order_no).where(counts_once(Order.id))))


def owed() -> set[str]:
    condition = payables_visible_to(SYSTEM, NOW.date())
    return set(db.session.scalars(select(Shipment.receipt_no).where(condition)))


@pytest.mark.both_databases
def test_an_order_of_the_platform_that_is_known_here_is_listed_and_counts_once_after_the_decision() -> None:
    take_well("orders", order(), order("LY002"))
    take_well("receipts", receipt())
    take_well("orders", outside())
    take_well("receipts", receipt(receipt_no="R2", order_no="P1", accepted_packs=9, rejected_packs=1,
                                  reject_reason="damaged"))  # fmt: skip
    (pair,) = pairs()
    assert (pair.decision, counted(), owed()) == (None, {"A1", "P1"}, {"R1", "R2"})
    deeds.decide_double(pair.id, "A1", seen_version=1, by=CITY, at=NOW)
    assert (counted(), owed()) == ({"A1"}, {"R1"})
    with pytest.raises(DoubleDecided):
        deeds.decide_double(pair.id, "", by=CITY, at=NOW)
    with pytest.raises(ChangedMeanwhile):
        deeds.take_back_double(pair.id, seen_version=1, by=CITY, at=NOW)
    deeds.take_back_double(pair.id, by=CITY, at=NOW)
    assert (counted(), owed()) == ({"A1", "P1"}, {"R1", "R2"})
    with pytest.raises(DoubleNotDecided):
        deeds.take_back_double(pair.id, by=CITY, at=NOW)
    done = db.session.scalars(select(AuditEntry.deed).where(AuditEntry.subject_type == "order_double")).all()
    assert done == ["decide_double", "take_back_double"]


@pytest.mark.both_databases
@pytest.mark.parametrize(
    ("more", "listed"),
    [
        ({}, True),
        ({"submitted_at": moment("2026-01-12T23:00"), "confirmed_at": moment("2026-01-13T10:00")}, True),
        ({"submitted_at": moment("2026-01-13T00:10"), "confirmed_at": moment("2026-01-13T10:00")}, False),
        ({"packs": 11}, False),
        ({"institution_code": "0H01"}, False),
        ({"channel": "clinic_orders"}, False),
        ({"item_code": "LY002"}, False),
    ],
)
def test_only_likenesses_are_listed(more: dict[str, object], listed: bool) -> None:
    take_well("orders", order())
    take_well("orders", {**outside(), **more})
    assert bool(pairs()) == listed


@pytest.mark.both_databases
def test_two_channels_in_one_file_are_one_pair_and_the_same_file_again_adds_none() -> None:
    both = (outside(), {**outside(), "order_no": "Q1", "channel": "市平台"})
    take_well("orders", *both)
    assert len(pairs()) == 1
    assert counts(take_well("orders", *both)) == (0, 0, 2)
    assert len(pairs()) == 1


def test_three_that_are_the_same_leave_one_that_counts() -> None:
    take_well("orders", order())
    take_well("orders", outside(), {**outside(), "order_no": "Q1", "channel": "市平台"})
    by_numbers = {
        frozenset(
            db.session.scalars(select(Order.order_no).where(Order.id.in_([pair.order_id, pair.other_id])))
        ): pair.id
        for pair in pairs()
    }
    deeds.decide_double(by_numbers[frozenset({"A1", "P1"})], "A1", by=CITY, at=NOW)
    with pytest.raises(SetAsideAlready):
        deeds.decide_double(by_numbers[frozenset({"P1", "Q1"})], "P1", by=CITY, at=NOW)
    assert [row.id for row in doubles(CITY, on=NOW.date())] == [by_numbers[frozenset({"A1", "Q1"})]]
    deeds.decide_double(by_numbers[frozenset({"A1", "Q1"})], "A1", by=CITY, at=NOW)
    assert counted() == {"A1"}


def test_nothing_vanishes_with_the_order_that_is_set_aside() -> None:
    take_well("orders", order())
    take_well("orders", outside(), outside(item_code="LY003"))
    (pair,) = pairs()
    with pytest.raises(WouldVanish) as refused:
        deeds.decide_double(pair.id, "A1", by=CITY, at=NOW)
    assert refused.value.facts == {"number": "P1", "items": "二甲双胍"}
    with pytest.raises(NotOfPair):
        deeds.decide_double(pair.id, "A9", by=CITY, at=NOW)
    deeds.decide_double(pair.id, "P1", by=CITY, at=NOW)
    assert counted() == {"P1"}


def test_what_was_received_under_one_number_is_not_lost() -> None:
    take_well("orders", order())
    take_well("orders", outside())
    take_well("receipts", receipt(order_no="P1"))
    (pair,) = pairs()
    with pytest.raises(WouldVanish):
        deeds.decide_double(pair.id, "A1", by=CITY, at=NOW)
    deeds.decide_double(pair.id, "", by=CITY, at=NOW)
    assert counted() == {"A1", "P1"}


def test_only_the_bureau_of_the_county_decides() -> None:
    take_well("orders", order(pack_price=Decimal("0.125")))
    take_well("orders", outside())
    (pair,) = pairs()
    other = Actor("王", Role.COUNTY, county_code="410329")
    with pytest.raises(NotFound):
        deeds.decide_double(pair.id, "", by=other, at=NOW)
    clinic = db.session.scalar(select(Institution.id).where(Institution.code == "0V01"))
    with pytest.raises(NotAllowed):
        deeds.decide_double(pair.id, "", by=Actor("刘", Role.INSTITUTION, institution_id=clinic), at=NOW)
    deeds.decide_double(pair.id, "", by=Actor("李", Role.COUNTY, county_code=COUNTY), at=NOW)


def test_the_bureau_decides_on_screen_and_takes_it_back(
    client: CheckingClient, clock_at: Callable[[datetime], None]
) -> None:
    clock_at(NOW)
    take_well("orders", order(), order("LY002"))
    take_well("orders", outside(), outside(item_code="LY003", packs=4, confirmed_packs=4))
    user = User(username="u-city", name="李慧", password_hash="-", created_at=NOW)
    user.assignments.append(RoleAssignment(role=Role.CITY, valid_from=NOW.date()))
    db.session.add(user)
    db.session.commit()
    client.log_in(user)
    client.get("/bureau/doubles/", status=200)
    assert "P1" in client.page.text
    (pair,) = pairs()
    client.get(f"/bureau/doubles/{pair.id}", status=200)
    assert client.submit(do="same", counted="A1").status_code == 422
    assert "二甲双胍" in client.page.text
    assert client.submit(do="different", follow_redirects=True).status_code == 200
    assert "两张都计入" in client.page.text
    client.submit(do="take_back", follow_redirects=True)
    client.get("/bureau/doubles/?state=all&format=csv", status=200)
    assert pairs()[0].decision is None
    client.get("/bureau/doubles/999", status=404)
