"""Scanning while goods are packed, received and sent back: each code finds its row, and one met before is told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from flask import Flask
from sqlalchemy import select

from clinic_orders.actions.answering import answer_order_in_full
from clinic_orders.actions.returns import agree_return
from clinic_orders.models.base import db
from clinic_orders.models.deliveries import GoodsReturn, Shipment
from clinic_orders.models.orders import Order
from clinic_orders.models.sales import SaleCode, SaleLine
from clinic_orders.models.tracing import ProductCode, TraceProduct
from tests.checking_client import CheckingClient
from tests.deliveries_in_work import accepted, make_shipment
from tests.orders_in_work import NOW, World, make_order, make_world
from tests.web.test_distribution import make_seller
from tests.web.test_receiving_pages import be, make_user

FIRST, SECOND = (f"8100001{number:013d}" for number in (1, 2))
OTHER = "82000020000000000001"
UNKNOWN = "89999990000000000001"


@pytest.fixture
def world(app: Flask, clock_at: Callable[[datetime], None]) -> World:
    world = make_world()
    clock_at(NOW)
    for prefix, item in zip(("8100001", "8200002"), world.items, strict=False):
        db.session.add(
            TraceProduct(prefix=prefix, item_id=item.id, base_units_per_code=item.pack_size, recorded_at=NOW)
        )
    db.session.add(ProductCode(barcode="6901234567892", item_id=world.items[0].id, recorded_at=NOW))
    db.session.commit()
    return world


@pytest.fixture
def seller(world: World, client: CheckingClient) -> CheckingClient:
    client.log_in(make_seller(world))
    return client


@pytest.fixture
def buyer(world: World, client: CheckingClient) -> CheckingClient:
    be(client, make_user("王保田", world.clinic))
    return client


def answered(world: World, packs: tuple[int, ...] = (2, 3)) -> Order:
    order = make_order(world, packs)
    answer_order_in_full(order.order_no, by=world.seller, at=NOW - timedelta(hours=1))
    return order


def codes_on_page(client: CheckingClient) -> list[str]:
    return client.page.texts("textarea[name=codes]")


def told(client: CheckingClient) -> str:
    return client.page.one(".scan-told").text


# While packing.


def test_every_code_finds_the_row_of_its_item_and_goes_out_with_it(
    world: World, seller: CheckingClient
) -> None:
    order = answered(world)
    seller.get(f"/distribution/orders/{order.order_no}/ship")
    seller.submit("main form", button="do=scan", code=f"{FIRST} {OTHER} {SECOND}")
    assert codes_on_page(seller) == [f"{FIRST} {SECOND}", OTHER]
    assert "2 盒已扫 2 盒" in told(seller)
    assert seller.page.one("#scan")["value"] == ""
    seller.submit(
        "main form", button="do=ship", batch_no=["A", "B"], expiry=["2028-06-30"] * 2, follow_redirects=True
    )
    shipment = db.session.scalars(select(Shipment).where(Shipment.order_id == order.id)).one()
    assert [[code.code for code in line.codes] for line in shipment.lines] == [[FIRST, SECOND], [OTHER]]


def test_a_code_that_has_no_place_stays_in_the_field_with_the_reason(
    world: World, seller: CheckingClient
) -> None:
    order = answered(world, (2,))
    seller.get(f"/distribution/orders/{order.order_no}/ship")
    seller.submit("main form", button="do=scan", code=f"{FIRST} {FIRST} {OTHER} {UNKNOWN} 12")
    assert codes_on_page(seller) == [FIRST]
    assert seller.page.one("#scan")["value"] == f"{OTHER} {UNKNOWN} 12"
    for words in ("已经扫过", "不在这张采购单里", "还不知道", "“12”"):
        assert words in told(seller)


def test_more_codes_than_packs_are_not_taken(world: World, seller: CheckingClient) -> None:
    order = answered(world, (1,))
    seller.get(f"/distribution/orders/{order.order_no}/ship")
    seller.submit("main form", button="do=scan", code=f"{FIRST} {SECOND}")
    assert codes_on_page(seller) == [FIRST]
    assert "每盒都有码了" in told(seller)


def test_batch_and_expiry_come_with_a_gs1_code(world: World, seller: CheckingClient) -> None:
    order = answered(world, (2,))
    seller.get(f"/distribution/orders/{order.order_no}/ship")
    seller.submit(
        "main form", button="do=scan", code="]d2" + "0106901234567892" + "17280630" + "1025A\x1d" + "21S1"
    )
    page = seller.page
    assert codes_on_page(seller) == ["(01)06901234567892(17)280630(10)25A(21)S1"]
    assert (page.one("[name=batch_no]")["value"], page.one("[name=expiry]")["value"]) == ("25A", "2028-06-30")


def test_a_code_that_was_sent_before_is_told_with_its_paper(world: World, seller: CheckingClient) -> None:
    before = make_shipment(world, (2,), codes={1: (FIRST,)})
    order = answered(world, (2,))
    seller.get(f"/distribution/orders/{order.order_no}/ship")
    seller.submit("main form", button="do=scan", code=FIRST)
    assert f"随 {before.receipt_no} 发出过" in told(seller)
    assert codes_on_page(seller) == [FIRST], "it is only a warning"


def test_a_code_in_the_field_is_taken_over_before_the_goods_go(world: World, seller: CheckingClient) -> None:
    order = answered(world, (2,))
    seller.get(f"/distribution/orders/{order.order_no}/ship")
    seller.submit("main form", button="do=ship", batch_no="A", expiry="2028-06-30", code=FIRST)
    assert codes_on_page(seller) == [FIRST]
    assert not db.session.scalars(select(Shipment)).all()


# While receiving.


def test_codes_that_the_distributor_has_not_noted_are_added_by_who_receives(
    world: World, buyer: CheckingClient
) -> None:
    shipment = make_shipment(world, (2, 3), codes={2: (OTHER,)})
    buyer.get(f"/receiving/{shipment.receipt_no}")
    buyer.submit(button="do=scan", code=f"{FIRST} {FIRST}")
    assert "您补了 1 个码" in buyer.page.text
    assert "已经扫过了" in told(buyer)
    buyer.submit(button="do=scan", code=f"{SECOND} {OTHER} 6901234567892")
    buyer.submit(button="do=all", follow_redirects=True)
    stored = [sorted((code.code, code.accepted) for code in line.codes) for line in shipment.lines]
    assert stored == [[(FIRST, True), (SECOND, True)], [(OTHER, True)]]


def test_no_more_codes_are_added_than_packs_came(world: World, buyer: CheckingClient) -> None:
    shipment = make_shipment(world, (1,))
    buyer.get(f"/receiving/{shipment.receipt_no}")
    buyer.submit(button="do=scan", code=f"{FIRST} {SECOND}")
    assert buyer.page.one("#scan")["value"] == SECOND
    assert buyer.page.all("#scan-e")


def test_what_the_pack_says_is_held_against_the_delivery_note(world: World, buyer: CheckingClient) -> None:
    code = "(01)06901234567892(17)280131(10)B1(21)S1"
    shipment = make_shipment(world, (2,), codes={1: (code,)})
    buyer.get(f"/receiving/{shipment.receipt_no}")
    buyer.submit(button="do=scan", code=code)
    assert "有效期至 2028-01-31" in told(buyer)
    assert "批号" not in told(buyer)


def test_a_code_that_was_received_before_is_told(world: World, buyer: CheckingClient) -> None:
    before = accepted(world, (2,), codes={1: (FIRST,)})
    shipment = make_shipment(world, (2,), codes={1: (FIRST,)})
    buyer.get(f"/receiving/{shipment.receipt_no}")
    buyer.submit(button="do=scan", code=FIRST)
    assert f"随 {before.receipt_no} 收过货" in told(buyer)


# While sending back.


def test_scanned_packs_are_counted_at_their_batch_and_go_back_with_their_codes(
    world: World, buyer: CheckingClient
) -> None:
    shipment = accepted(world, (3,), codes={1: (FIRST, SECOND)})
    (line,) = shipment.lines
    sold = SaleLine(
        institution_id=world.clinic.id, sale_no="S1", line_no="1", item_id=world.items[0].id, sold_at=NOW,
        sold_on=date(2026, 11, 20), base_units=1, amount=Decimal(1), recorded_at=NOW,
    )  # fmt: skip
    db.session.add(sold)
    db.session.flush()
    db.session.add(SaleCode(code=SECOND, sale_line_id=sold.id, sold_on=sold.sold_on))
    db.session.commit()
    buyer.get(f"/returns/of/{shipment.receipt_no}")
    buyer.submit(button="do=scan", code=f"{FIRST} {SECOND} {OTHER} {FIRST}")
    assert buyer.page.one(f"#n-{line.id}")["value"] == "2"
    assert buyer.page.one("#scan")["value"] == OTHER
    for words in (f"{SECOND} 已于", "卖出", "不是随这张收货单来的", "已经扫过了"):
        assert words in told(buyer)
    buyer.submit("main form", code="", follow_redirects=True, **{f"why-{line.id}": "quality"})
    made = db.session.scalars(select(GoodsReturn)).one()
    assert [(row.packs, [one.code for one in row.codes]) for row in made.lines] == [(2, [FIRST, SECOND])]
    agree_return(made.return_no, by=world.seller, at=NOW)
