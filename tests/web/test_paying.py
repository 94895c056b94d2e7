"""Paying by link against a stand-in of the gateway that checks every signature itself (R-PAY-7)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from sqlalchemy import func, select

from clinic_orders import jobs
from clinic_orders.exchange.alipay import account_of
from clinic_orders.models.accounts import RoleAssignment, User
from clinic_orders.models.base import db
from clinic_orders.models.deliveries import Shipment
from clinic_orders.models.notices import Notice
from clinic_orders.models.payment_links import GatewayMessage, PaymentLink
from clinic_orders.models.payments import Payment
from clinic_orders.queries.payables import Book
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.parties import Role
from clinic_orders.rules.payment_links import LIFETIME, LinkState, Verdict
from tests.alipay_gateway import APP_ID, SELLER_ID, Keys, StandIn, standing_in
from tests.checking_client import CheckingClient
from tests.deliveries_in_work import accepted, make_user
from tests.orders_in_work import LONG_AGO, NOW, World, make_world

TODAY = NOW + timedelta(hours=5)
OWN = "https://orders.example.cn"


@pytest.fixture
def gateway() -> Iterator[StandIn]:
    with standing_in() as found:
        yield found


@pytest.fixture
def world(app: Flask, clock_at: Callable[[datetime], None]) -> World:
    clock_at(TODAY)
    return make_world()


def put_account(folder: Path, code: str, gateway: StandIn) -> Path:
    """The files of a distributor's account, as the operator lays them down."""
    home = folder / "alipay" / code
    home.mkdir(parents=True)
    (home / "account").write_text(f"APP_ID={APP_ID}\nSELLER_ID={SELLER_ID}\n")
    (home / "alipay_public_key.pem").write_text(gateway.own.public_pem)
    key = home / "app_private_key.pem"
    key.write_text(gateway.merchant.private_pem)
    key.chmod(0o600)
    return home


@pytest.fixture
def home(app: Flask, world: World, gateway: StandIn, tmp_path: Path) -> Iterator[Path]:
    """Paying by link switched on, the distributor's account in place."""
    before = app.extensions["settings"]
    app.extensions["settings"] = dataclasses.replace(
        before, instance=tmp_path, alipay_address=OWN, alipay_gateway=gateway.address
    )
    yield put_account(tmp_path, world.distributor.code, gateway)
    app.extensions["settings"] = before


@pytest.fixture
def browser(client: CheckingClient, world: World) -> CheckingClient:
    """The client, logged in as somebody of the village clinic."""
    client.log_in(db.session.get(User, make_user("王保田", world.clinic).user_id))
    return client


def make_link(
    browser: CheckingClient, world: World, receipt: Shipment | None = None, **typed: str
) -> PaymentLink:
    pair = f"{world.clinic.id}-{world.distributor.id}"
    browser.get(f"/pay/new?pair={pair}&receipt_no={receipt.receipt_no if receipt else ''}", status=200)
    browser.submit(follow_redirects=True, **typed)
    return db.session.execute(select(PaymentLink).order_by(PaymentLink.id.desc()).limit(1)).scalar_one()


def go(browser: CheckingClient, link: PaymentLink, gateway: StandIn, **headers: str) -> None:
    """Follow the link to the gateway, as a browser does."""
    answer = browser.get(f"/pay/go/{link.token}", status=303, headers=headers)
    assert answer.location.startswith(gateway.address + "?")
    gateway.answer(urlsplit(answer.location).query)


def tell(browser: CheckingClient, fields: dict[str, str]) -> str:
    return browser.post("/pay/notify/alipay", data=fields).text


def payments() -> list[Payment]:
    return list(db.session.scalars(select(Payment).order_by(Payment.id)))


def verdicts() -> list[Verdict]:
    return list(db.session.scalars(select(GatewayMessage.verdict).order_by(GatewayMessage.id)))


def outstanding(world: World) -> Decimal:
    return Book(world.buyer, on=day_in_china(TODAY)).totals().open.amount


@pytest.mark.both_databases
def test_who_sees_what_to_pay_pays_it_and_it_is_marked_paid(
    browser: CheckingClient, world: World, gateway: StandIn, home: Path
) -> None:
    receipt, other = accepted(world, (2,)), accepted(world, (3,))
    browser.get(f"/payables/{receipt.receipt_no}", status=200)
    assert "用支付宝付款" in browser.page.text
    link = make_link(browser, world, receipt)
    assert "等待付款" in browser.page.text
    assert (link.amount, link.shipment_id) == (Decimal("6.73"), receipt.id)
    go(browser, link, gateway)
    assert gateway.refused == []
    trade = gateway.trades[link.number]
    assert (trade.amount, trade.notify_url) == ("6.73", f"{OWN}/pay/notify/alipay")
    assert tell(browser, gateway.pay(link.number)) == "success"
    (payment,) = payments()
    assert (payment.amount, payment.shipment_id, payment.method) == (Decimal("6.73"), receipt.id, "alipay")
    assert payment.reference == trade.trade_no
    assert payment.confirmed_at is not None
    assert link.state is LinkState.PAID
    book = Book(world.buyer, on=day_in_china(TODAY))
    assert [row.receipt_no for row in book.receipts] == [other.receipt_no]
    browser.get(f"/pay/{link.number}", status=200)
    assert "您不用再做什么" in browser.page.text
    told = db.session.scalars(select(Notice.kind).where(Notice.kind == "payment_by_link")).all()
    assert len(told) == 2


def test_a_phone_is_sent_to_the_page_for_phones(
    browser: CheckingClient, world: World, gateway: StandIn, home: Path
) -> None:
    accepted(world, (2,))
    link = make_link(browser, world)
    for agent, method in (("Mozilla/5.0 (Linux; Android 14) Mobile", "wap"), ("Mozilla/5.0 (X11)", "page")):
        answer = browser.get(f"/pay/go/{link.token}", status=303, headers={"User-Agent": agent})
        assert f"alipay.trade.{method}.pay" in answer.location


@pytest.mark.both_databases
def test_what_is_told_again_or_late_or_forged_makes_nothing_twice(
    browser: CheckingClient, world: World, gateway: StandIn, home: Path
) -> None:
    accepted(world, (2,))
    link = make_link(browser, world)
    go(browser, link, gateway)
    told = gateway.pay(link.number)
    forged = {**told, "sign": Keys().sign("anything")}
    changed = {**told, "total_amount": "0.01"}
    unsigned = {name: value for name, value in told.items() if name != "sign"}
    for fields in (
        forged,
        changed,
        unsigned,
        {**told, "sign": "not base64!"},
        {**told, "sign_type": "RSA"},
        {},
    ):
        assert tell(browser, fields) == "fail"
    other_amount = gateway.notification(link.number, total_amount="0.01")
    other_app = gateway.notification(link.number, app_id="2021999999999999")
    other_seller = gateway.notification(link.number, seller_id="2088999999999999")
    unknown = gateway.notification(link.number, out_trade_no="ZF20260101-0001-00000000")
    for fields in (other_amount, other_app, other_seller, unknown):
        assert tell(browser, fields) == "fail"
    assert payments() == []
    assert link.state is LinkState.OPEN
    assert [tell(browser, told) for _ in range(3)] == ["success"] * 3
    twice = gateway.notification(link.number, trade_no="another")
    assert tell(browser, twice) == "success"
    assert tell(browser, gateway.notification(link.number, refund_fee="6.73")) == "success"
    assert len(payments()) == 1
    assert outstanding(world) == 0
    assert verdicts() == [
        *[Verdict.FORGED] * 6,
        Verdict.OTHER_AMOUNT,
        Verdict.OTHER_APP,
        Verdict.OTHER_SELLER,
        # Nobody's key fits a number that is not ours.
        Verdict.FORGED,
        Verdict.PAID,
        Verdict.REPEATED,
        Verdict.REPEATED,
        Verdict.PAID_TWICE,
        Verdict.REFUNDED,
    ]
    browser.get(f"/pay/{link.number}", status=200)
    assert "付了第二次" in browser.page.text
    assert "款已退回" in browser.page.text


def test_a_lost_message_is_caught_up_by_the_person_and_by_the_job(
    browser: CheckingClient, world: World, gateway: StandIn, home: Path
) -> None:
    accepted(world, (2,))
    link = make_link(browser, world)
    browser.submit("form[action$='/ask']", follow_redirects=True)
    assert "支付宝还没有收到这笔款" in browser.page.text
    go(browser, link, gateway)
    gateway.pay(link.number)
    gateway.silent = True
    browser.submit("form[action$='/ask']", follow_redirects=True)
    assert "支付宝暂时没有回应" in browser.page.text
    gateway.silent = False
    browser.submit("form[action$='/ask']", follow_redirects=True)
    assert len(payments()) == 1
    accepted(world, (1,))
    second = make_link(browser, world)
    go(browser, second, gateway)
    gateway.pay(second.number)
    run = jobs.run_now("ask-for-payments")
    assert (run.changed, run.failures) == (1, 0)
    # The message that comes after all changes nothing any more.
    assert tell(browser, gateway.notification(second.number)) == "success"
    assert len(payments()) == 2


def test_a_link_that_is_over_is_closed_at_the_gateway_and_money_that_came_all_the_same_counts_once(
    browser: CheckingClient, world: World, gateway: StandIn, home: Path, clock_at: Callable[[datetime], None]
) -> None:
    accepted(world, (2,))
    link = make_link(browser, world)
    go(browser, link, gateway)
    clock_at(TODAY + LIFETIME)
    browser.get(f"/pay/go/{link.token}", status=410)
    jobs.run_now("ask-for-payments")
    assert (link.state, gateway.trades[link.number].status) == (LinkState.CLOSED, "TRADE_CLOSED")
    assert tell(browser, gateway.notification(link.number)) == "success"
    assert payments() == []
    late = gateway.pay(link.number)
    assert [tell(browser, late) for _ in range(2)] == ["success", "success"]
    assert len(payments()) == 1


def test_a_link_is_given_up_unless_it_was_paid_meanwhile(
    browser: CheckingClient, world: World, gateway: StandIn, home: Path
) -> None:
    accepted(world, (2,))
    first = make_link(browser, world)
    browser.submit("form[action$='/close']", follow_redirects=True)
    assert "没有付款" in browser.page.text
    assert first.state is LinkState.CLOSED
    second = make_link(browser, world)
    go(browser, second, gateway)
    gateway.pay(second.number)
    browser.get(f"/pay/{second.number}", status=200)
    browser.submit("form[action$='/close']", follow_redirects=True)
    assert second.state is LinkState.PAID


def test_no_more_than_is_owed_and_one_link_for_one_form_and_sum(
    browser: CheckingClient, world: World, gateway: StandIn, home: Path
) -> None:
    accepted(world, (2,))
    pair = f"{world.clinic.id}-{world.distributor.id}"
    browser.get(f"/pay/new?pair={pair}", status=200)
    assert browser.submit(amount="6.74").status_code == 422
    assert "最多可以付 6.73 元" in browser.page.text
    first = make_link(browser, world)
    assert make_link(browser, world).id == first.id
    assert make_link(browser, world, amount="1.00").id != first.id
    assert db.session.scalar(select(func.count()).select_from(PaymentLink)) == 2


def test_without_the_setting_there_is_no_button_and_no_page(browser: CheckingClient, world: World) -> None:
    receipt = accepted(world, (2,))
    browser.get(f"/payables/{receipt.receipt_no}", status=200)
    assert "用支付宝付款" not in browser.page.text
    for path in ("/pay/new", "/pay/ZF1", "/pay/go/x"):
        browser.get(path, status=404)
    assert browser.post("/pay/notify/alipay", data={}).status_code == 404


def test_a_key_that_others_can_read_is_not_used(
    app: Flask, browser: CheckingClient, world: World, home: Path
) -> None:
    receipt = accepted(world, (2,))
    settings = app.extensions["settings"]
    assert account_of(settings, world.distributor.code) is not None
    (home / "app_private_key.pem").chmod(0o640)
    assert account_of(settings, world.distributor.code) is None
    browser.get(f"/payables/{receipt.receipt_no}", status=200)
    assert "用支付宝付款" not in browser.page.text
    pair = f"{world.clinic.id}-{world.distributor.id}"
    browser.get(f"/pay/new?pair={pair}", status=200)
    assert "不收支付宝" in browser.page.text


def test_nobody_sees_the_links_of_others(
    browser: CheckingClient, world: World, gateway: StandIn, home: Path
) -> None:
    accepted(world, (2,))
    link = make_link(browser, world)
    browser.log_in(db.session.get(User, make_user("外人", world.hospital, Role.HOSPITAL).user_id))
    browser.get(f"/pay/{link.number}", status=404)
    for step in ("ask", "close"):
        assert browser.post(f"/pay/{link.number}/{step}").status_code == 404
    browser.get(f"/pay/new?pair={world.clinic.id}-{world.distributor.id}", status=404)
    seller = User(username="u-seller", name="刘敏", password_hash="-", created_at=LONG_AGO)
    seller.assignments.append(
        RoleAssignment(role=Role.DISTRIBUTOR, valid_from=LONG_AGO.date(), distributor_id=world.distributor.id)
    )
    db.session.add(seller)
    db.session.commit()
    browser.log_in(seller)
    browser.get(f"/pay/{link.number}", status=200)
    assert "去支付宝付款" not in browser.page.text


def test_no_key_is_told_or_stored(world: World, gateway: StandIn, home: Path, app: Flask) -> None:
    account: Any = account_of(app.extensions["settings"], world.distributor.code)
    secret = gateway.merchant.private_pem.splitlines()[1]
    assert secret in account.private_key
    assert secret not in repr(account)
