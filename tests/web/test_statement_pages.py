"""The pages of statements of account: list, one month, paper and spreadsheet."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

import openpyxl
import pypdfium2
import pytest
from flask import Flask

from clinic_orders import jobs
from clinic_orders.actions.payments import record_payment
from clinic_orders.jobs import money
from clinic_orders.models.base import db
from clinic_orders.models.deliveries import Shipment
from clinic_orders.rules.parties import Role
from tests.checking_client import CheckingClient
from tests.deliveries_in_work import LATER, accepted
from tests.orders_in_work import NOW, World, make_world
from tests.web.test_payment_pages import person

DECEMBER = NOW + timedelta(days=14)


@pytest.fixture
def world(app: Flask, clock_at: Callable[[datetime], None]) -> World:
    clock_at(DECEMBER)
    world = make_world()
    accepted(world, (2,))
    record_payment(
        world.clinic.id,
        world.distributor.id,
        Decimal("5.00"),
        NOW.date(),
        key="k" * 20,
        by=world.buyer,
        at=LATER,
    )
    return world


def make() -> None:
    outcome = jobs.Outcome()
    money.make_statements(DECEMBER.date(), DECEMBER, outcome)
    assert (outcome.changed, outcome.failures) == (1, 0)


def test_both_sides_confirm_on_the_page_and_a_later_payment_is_shown_beside(
    client: CheckingClient, world: World
) -> None:
    buyer = person("王保田", Role.INSTITUTION, institution_id=world.clinic.id)
    client.log_in(buyer)
    client.get("/statements/", status=200)
    assert "还没有对账单" in client.page.text
    make()
    client.get("/statements/", status=200)
    assert "有 1 份对账单等您确认" in client.page.text
    address = client.page.one("tbody a")["href"]
    client.get(address, status=200)
    assert "期初 0.00 ＋ 收货 6.73 － 退货 0.00 － 付款 5.00 ＝ 期末 1.73" in client.page.text
    client.submit("section[aria-labelledby=say] > form", button="do=confirm", follow_redirects=True)
    assert "付款单位已确认" in client.page.text

    client.log_in(person("刘敏", Role.DISTRIBUTOR, distributor_id=world.distributor.id))
    client.get(address, status=200)
    assert client.submit("details form", button="do=differ", reason="").status_code == 409
    client.get(address)
    client.submit("section[aria-labelledby=say] > form", button="do=confirm", follow_redirects=True)
    assert "双方已确认" in client.page.text
    assert not client.page.all("section[aria-labelledby=say]")

    record_payment(
        world.clinic.id,
        world.distributor.id,
        Decimal("1.00"),
        NOW.date(),
        key="z" * 20,
        by=world.buyer,
        at=DECEMBER,
    )
    client.get(address, status=200)
    assert "确认后的变动" in client.page.text
    assert "期末余额是 0.73 元" in client.page.text
    assert "＝ 期末 1.73" in client.page.text


def test_what_differs_is_kept_on_the_page_and_told(client: CheckingClient, world: World) -> None:
    make()
    client.log_in(person("王保田", Role.INSTITUTION, institution_id=world.clinic.id))
    address = f"/statements/{world.clinic.id}/{world.distributor.id}/2026-11"
    client.get(address, status=200)
    client.submit("details form", button="do=differ", reason="少一笔 1.73 元的付款", follow_redirects=True)
    assert "少一笔 1.73 元的付款" in client.page.text
    assert "有不符" in client.page.text
    client.get(f"{address}/xlsx", status=200)
    client.log_in(person("局长", Role.CITY))
    client.get("/statements/?state=differs", status=200)
    assert len(client.page.all("tbody tr")) == 1
    client.get(address, status=200)
    assert not client.page.all("section[aria-labelledby=say]")


def test_foreign_accounts_and_months_to_come_are_not_there(client: CheckingClient, world: World) -> None:
    client.log_in(person("周强", Role.DISTRIBUTOR, distributor_id=world.other_distributor.id))
    for path in ("", "/pdf", "/xlsx"):
        client.get(f"/statements/{world.clinic.id}/{world.distributor.id}/2026-11{path}", status=404)
    client.log_in(person("王保田", Role.INSTITUTION, institution_id=world.clinic.id))
    for month in ("2027-01", "2026-13", "x"):
        client.get(f"/statements/{world.clinic.id}/{world.distributor.id}/{month}", status=404)
    client.get(f"/statements/{world.clinic.id}/{world.distributor.id}/2026-12", status=200)
    assert "本月还没有结束" in client.page.text


def test_the_spreadsheet_opened_again_has_the_figures_of_the_page(
    client: CheckingClient, world: World
) -> None:
    client.log_in(person("王保田", Role.INSTITUTION, institution_id=world.clinic.id))
    answer = client.get(f"/statements/{world.clinic.id}/{world.distributor.id}/2026-11/xlsx", status=200)
    book = openpyxl.load_workbook(io.BytesIO(answer.data))
    assert book.sheetnames == ["汇总", "明细", "未付收货单", "付款去向"]
    sums = {row[0].value: row[1].value for row in book["汇总"].iter_rows(min_row=2)}
    assert sums["配送企业"] == world.distributor.name
    assert [
        sums[f"{word}（元）"] for word in ("期初余额", "本月收货", "本月退货", "本月付款", "期末余额")
    ] == [
        0,
        6.73,
        0,
        5,
        1.73,
    ]
    lines = list(book["明细"].iter_rows(min_row=2, values_only=True))
    assert [(row[1], row[4], row[5]) for row in lines] == [("收货", 6.73, None), ("付款", None, 5)]
    assert [row[3] for row in book["付款去向"].iter_rows(min_row=2, values_only=True)] == [5]


def test_a_long_paper_repeats_its_headings_on_every_page(client: CheckingClient, world: World) -> None:
    pattern = db.session.query(Shipment).one()
    for number in range(120):
        values = {
            column.name: getattr(pattern, column.name)
            for column in Shipment.__table__.columns
            if column.name not in {"id", "receipt_no"}
        }
        db.session.add(Shipment(receipt_no=f"PS20261120-9{number:03}", **values))
    db.session.commit()
    client.log_in(person("王保田", Role.INSTITUTION, institution_id=world.clinic.id))
    answer = client.get(f"/statements/{world.clinic.id}/{world.distributor.id}/2026-11/pdf", status=200)
    paper = pypdfium2.PdfDocument(answer.data)
    pages = ["".join(page.get_textpage().get_text_range().split()) for page in paper]
    assert len(pages) >= 4
    listing = [text for text in pages if "PS20261120-9" in text]
    assert len(listing) >= 4
    for text in listing:
        assert "应付增加" in text or "付款到期日" in text
    whole = "".join(pages)
    # 121 receipts of 6.73 less 5.00.
    assert "809.33" in whole
    assert "捌佰零玖元叁角叁分" in whole
    assert all(f"PS20261120-9{number:03}" in whole for number in range(120))
