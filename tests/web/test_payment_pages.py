"""The pages of payments, for both sides."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from clinic_orders.models.accounts import RoleAssignment, User
from clinic_orders.models.base import db
from clinic_orders.rules.parties import Actor, Role
from tests.checking_client import CheckingClient
from tests.deliveries_in_work import accepted, make_user
from tests.orders_in_work import LONG_AGO, NOW, World, make_world

TODAY = NOW + timedelta(hours=5)


@pytest.fixture
def world(app: Flask, clock_at: Callable[[datetime], None]) -> World:
    clock_at(TODAY)
    return make_world()


def person(name: str, role: Role, **where: Any) -> User:
    user = User(username=f"u-{name}", name=name, password_hash="-", created_at=LONG_AGO)
    user.assignments.append(RoleAssignment(role=role, valid_from=LONG_AGO.date(), **where))
    db.session.add(user)
    db.session.commit()
    return user


@pytest.fixture
def browser(client: CheckingClient, world: World) -> CheckingClient:
    """The client, logged in as somebody of the village clinic."""
    buyer: Actor = make_user("王保田", world.clinic)
    client.log_in(db.session.get(User, buyer.user_id))
    return client


def test_the_amount_that_the_page_of_a_receipt_passes_on_is_taken_as_it_stands(
    browser: CheckingClient, world: World
) -> None:
    receipt = accepted(world, (2,))
    browser.get(f"/payables/{receipt.receipt_no}", status=200)
    browser.get(browser.page.one("a[href^='/payments/new?']")["href"], status=200)
    browser.submit(reference="0013", follow_redirects=True)
    assert "待对方确认" in browser.page.text
    browser.get(f"/payables/{receipt.receipt_no}", status=200)
    assert browser.page.one("section[aria-labelledby=reached] tfoot td").text == "0.00"
    assert not browser.page.all("a[href^='/payments/new?']")


def test_the_clinic_pays_the_distributor_disputes_and_the_bureau_upholds(
    browser: CheckingClient, world: World
) -> None:
    receipt = accepted(world, (2,))
    browser.get(f"/payables/{receipt.receipt_no}", status=200)
    assert "还没有付款付到这张单" in browser.page.text
    browser.get("/payments/", status=200)
    assert "还没有付款记录" in browser.page.text
    pair = f"{world.clinic.id}-{world.distributor.id}"
    browser.get(f"/payments/new?pair={pair}&receipt_no={receipt.receipt_no}&amount=6.73", status=200)
    assert browser.submit(amount="6,73").status_code == 422
    assert browser.page.all(".error-summary")
    browser.submit(amount="5.00", reference="0012", follow_redirects=True)
    assert "待对方确认" in browser.page.text
    browser.get("/payables/", status=200)
    assert "应付 1.73 元" in browser.page.text
    browser.get(f"/payables/{receipt.receipt_no}", status=200)
    assert browser.page.one("section[aria-labelledby=reached] tfoot td").text == "1.73"
    browser.get(f"/receiving/{receipt.receipt_no}", status=200)
    assert "1.73 元，付给" in browser.page.text

    browser.log_in(person("刘敏", Role.DISTRIBUTOR, distributor_id=world.distributor.id))
    browser.get("/distribution/receivables", status=200)
    assert "应付 6.73，已付 5.00" in browser.page.text
    browser.get("/payments/?state=waiting", status=200)
    address = browser.page.one("tbody a")["href"]
    browser.get(address, status=200)
    browser.submit("details form", button="do=dispute", reason="没有到账", follow_redirects=True)
    assert "有异议" in browser.page.text

    assert browser.page.one("section[aria-labelledby=reached] tbody a").text == receipt.receipt_no

    browser.log_in(person("局长", Role.CITY))
    browser.get("/payments/?state=disputed", status=200)
    browser.get(address, status=200)
    assert browser.submit("details form", button="do=reject", reason=" ").status_code == 409
    assert "请写明这笔付款为什么不予认定" in browser.page.text
    browser.submit("form.line-up", button="do=uphold", follow_redirects=True)
    assert "医保局认定有效" in browser.page.text
    assert not browser.page.all("main form")


def test_the_bureau_decides_against_a_payment_and_both_sides_read_why(
    browser: CheckingClient, world: World
) -> None:
    accepted(world, (2,))
    browser.get("/payments/new", status=200)
    browser.submit(amount="5.00", follow_redirects=True)
    browser.log_in(person("刘敏", Role.DISTRIBUTOR, distributor_id=world.distributor.id))
    browser.get("/payments/?state=waiting", status=200)
    address = browser.page.one("tbody a")["href"]
    browser.get(address, status=200)
    browser.submit("details form", button="do=dispute", reason="没有到账", follow_redirects=True)
    browser.log_in(person("局长", Role.CITY))
    browser.get(address, status=200)
    browser.submit("details form", button="do=reject", reason="银行流水中没有", follow_redirects=True)
    for who in ("局长", "刘敏", "王保田"):
        browser.log_in(db.session.query(User).filter_by(name=who).one())
        browser.get(address, status=200)
        assert "医保局认定无效" in browser.page.text
        assert "局长于 2026 年 11 月 20 日认定" in browser.page.text
        assert "银行流水中没有" in browser.page.text
        assert not browser.page.all("main form")
    browser.get("/payables/", status=200)
    assert "应付 6.73 元" in browser.page.text


def test_the_distributor_records_what_it_got_and_the_clinic_confirms_the_ticked_ones(
    browser: CheckingClient, world: World, count_sql: Any
) -> None:
    accepted(world, (2,))
    clinic = browser
    user = person("刘敏", Role.DISTRIBUTOR, distributor_id=world.distributor.id)
    clinic.log_in(user)
    for amount in ("1.00", "2.00"):
        clinic.get("/payments/new", status=200)
        clinic.submit(amount=amount, follow_redirects=True)
    with count_sql() as few:
        clinic.get("/payments/", status=200)
    for amount in ("0.10", "0.20", "0.30"):
        clinic.get("/payments/new")
        clinic.submit(amount=amount, follow_redirects=True)
    clinic.get("/payments/")
    with count_sql() as many:
        clinic.get("/payments/", status=200)
    assert many.count == few.count
    csv = clinic.get("/payments/?format=csv").get_data(as_text=True)
    assert csv.count("\n") == 6
    clinic.log_in(db.session.query(User).filter_by(name="王保田").one())
    clinic.get("/payments/?state=waiting", status=200)
    ticks = [box["value"] for box in clinic.page.all("input[name=id]")]
    clinic.post("/payments/", data={"id": ticks[:2]}, follow_redirects=True)
    assert "已确认 2 笔付款" in clinic.page.text


def test_the_clinic_records_a_refund_of_what_it_paid_ahead_and_the_distributor_confirms_it(
    browser: CheckingClient, world: World
) -> None:
    accepted(world, (2,))
    browser.get("/payments/refund", status=200)
    assert "没有预付款" in browser.page.text
    browser.get("/payments/new", status=200)
    browser.submit(amount="10.00", follow_redirects=True)
    browser.get("/payments/refund", status=200)
    assert "（预付 3.27 元）" in browser.page.text
    assert browser.page.one("input[name=amount]")["value"] == "3.27"
    assert browser.submit(amount="3.28").status_code == 422
    assert "预付款中可退 3.27 元" in browser.page.text
    browser.submit(amount="3.20", reference="0099", follow_redirects=True)
    assert "退款 TK" in browser.page.one("h1").text
    assert "退的是哪几笔付款" in browser.page.text
    browser.get("/payments/?kind=refunds", status=200)
    assert "-3.20" in browser.page.text.replace("−", "-")
    assert len(browser.page.all("tbody tr")) == 1
    browser.get(f"/statements/{world.clinic.id}/{world.distributor.id}/{TODAY:%Y-%m}", status=200)
    assert "已从付款中减去" in browser.page.text
    browser.log_in(person("刘敏", Role.DISTRIBUTOR, distributor_id=world.distributor.id))
    browser.get("/payments/?state=waiting&kind=refunds", status=200)
    browser.get(browser.page.one("tbody a")["href"], status=200)
    browser.submit("main > form", button="do=confirm", follow_redirects=True)
    assert "已确认" in browser.page.text


def test_what_was_typed_of_a_payment_stays_on_the_phone_until_it_is_recorded(
    browser: CheckingClient, world: World
) -> None:
    receipt = accepted(world, (2,))

    def held() -> tuple[str, str]:
        form = browser.page.one("form[data-draft-key]")
        assert form.all(".saved [data-saved]")
        return form["data-draft-key"], form["data-draft-version"]

    browser.get("/payments/new", status=200)
    key, before = held()
    assert browser.submit(amount="6,73").status_code == 422
    assert held()[1] == before, "What was refused is not sent yet."
    browser.submit(amount="5.00", follow_redirects=True)
    browser.get("/payments/new", status=200)
    assert held() == (key, str(int(before) + 1))
    browser.get(f"/payments/new?receipt_no={receipt.receipt_no}", status=200)
    assert held()[0] != key, "What was typed for one receipt is not filled in for another."
    browser.log_in(person("刘敏", Role.DISTRIBUTOR, distributor_id=world.distributor.id))
    browser.get("/payments/new", status=200)
    assert held()[0] != key, "Nobody finds what another one typed on the same phone."
    assert held()[1] == before
