"""What was typed while the log-in ran out is not typed twice: it goes through the log-in and is sent with one press."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from clinic_orders.models.accounts import User
from clinic_orders.models.base import db
from clinic_orders.models.payments import Payment
from clinic_orders.web import held
from tests.checking_client import CheckingClient
from tests.deliveries_in_work import accepted, make_user
from tests.orders_in_work import make_world
from tests.people import HASH, PASSWORD
from tests.web.test_payment_pages import TODAY

ClockAt = Callable[[datetime], None]


@pytest.fixture
def browser(app: Flask, client: CheckingClient, clock_at: ClockAt) -> CheckingClient:
    """A village doctor before a payment that is filled in; the log-in runs out before it is sent."""
    clock_at(TODAY)
    world = make_world()
    receipt = accepted(world, (2,))
    client.environ_base |= {"HTTP_ORIGIN": "http://localhost", "HTTP_ACCEPT": "text/html"}
    for name in ("王保田", "李秀兰"):
        user = db.session.get(User, make_user(name, world.clinic).user_id)
        user.password_hash = HASH
        if name == "王保田":
            client.log_in(user)
    db.session.commit()
    client.get(f"/payables/{receipt.receipt_no}", status=200)
    client.get(client.page.one("a[href^='/payments/new?']")["href"], status=200)
    return client


def payments() -> list[str]:
    return list(db.session.scalars(select(Payment.reference)))


def test_a_form_that_came_too_late_is_sent_after_the_log_in(
    browser: CheckingClient, clock_at: ClockAt
) -> None:
    clock_at(TODAY + timedelta(days=31))
    assert browser.submit(reference="0013").status_code == 401
    assert "填的都给您留着" in browser.page.text
    assert browser.submit(username="u-王保田", password="wrong").status_code == 401
    assert "填的都给您留着" in browser.page.text or browser.page.all("[name=held]")
    browser.submit(username="u-王保田", password=PASSWORD)
    assert browser.page.h1 == "您刚才填的还在"
    assert browser.page.one("[name=reference]")["value"] == "0013"
    assert payments() == []
    sending = browser.page
    browser.submit(follow_redirects=True)
    browser.page = sending
    browser.submit(follow_redirects=True)
    assert payments() == ["0013"]


def test_the_next_person_on_a_shared_phone_does_not_send_it(
    browser: CheckingClient, clock_at: ClockAt
) -> None:
    clock_at(TODAY + timedelta(days=31))
    browser.submit(reference="0013")
    answer = browser.submit(username="u-李秀兰", password=PASSWORD)
    assert answer.status_code == 302
    assert payments() == []


def test_a_page_of_an_earlier_log_in_is_sent_with_one_press(browser: CheckingClient) -> None:
    assert browser.submit(reference="0013", csrf_token="of-another-log-in").status_code == 400
    assert browser.page.h1 == "您刚才填的还在"
    browser.submit(follow_redirects=True)
    assert payments() == ["0013"]


def test_what_another_site_sends_is_not_kept(browser: CheckingClient, clock_at: ClockAt) -> None:
    clock_at(TODAY + timedelta(days=31))
    browser.environ_base["HTTP_ORIGIN"] = "https://evil.example"
    assert browser.submit(reference="0013").status_code == 302
    assert db.session.scalar(select(func.count()).select_from(Payment)) == 0


def test_a_word_that_nobody_sealed_holds_nothing(app: Flask) -> None:
    form = held.Held(1, None, "/payments/", "/payables/", [("reference", "十三\r\n0013")], False)
    with app.test_request_context():
        word = held.seal(form)
        assert held.unseal(word) == form
        assert held.unseal(word[:-1] + ("a" if word[-1] != "a" else "b")) is None
        assert held.unseal("") is None


def test_with_files_the_written_text_can_be_copied(app: Flask) -> None:
    form = held.Held(1, None, "/x", None, [("key", "a1b2"), ("text", "药已经退回，见照片")], True)
    assert form.texts() == ["药已经退回，见照片"]
