"""Where one is logged in: ended here, ended from another device, worth nothing to who copied the cookie."""

from __future__ import annotations

import pytest

from clinic_orders.models.accounts import DeviceSession
from clinic_orders.models.base import db
from clinic_orders.rules.parties import Role
from tests.conftest import make_app
from tests.people import NOW, PASSWORD, make_people

PHONE = "Mozilla/5.0 (Linux; Android 9; HUAWEI) AppleWebKit/537.36 Chrome/99.0 Mobile Safari/537.36"


@pytest.fixture
def people(app, clock_at):
    clock_at(NOW)
    return make_people()


@pytest.fixture
def doctor(people):
    return people.users[Role.INSTITUTION]


def log_in(client, user, agent=PHONE):
    client.get("/account/log-in?next=/more", status=200)
    client.environ_base["HTTP_USER_AGENT"] = agent
    assert client.submit("main form", username=user.username, password=PASSWORD).status_code == 302


def cookie(client):
    return client.get_cookie("session").value


def test_a_copied_cookie_is_worth_nothing_after_log_out(app, client, doctor):
    log_in(client, doctor)
    copied = cookie(client)
    done = client.post("/account/log-out", status=302)
    assert done.headers["Clear-Site-Data"] == '"cache"'
    thief = app.test_client()
    thief.set_cookie("session", copied)
    assert "/account/log-in" in thief.get("/more", status=302).location


def test_a_lost_phone_is_logged_out_from_another_device(app, client, doctor):
    lost = app.test_client()
    log_in(lost, doctor)
    log_in(client, doctor, "Mozilla/5.0 (Windows NT 10.0) Firefox/128.0")
    page = client.get("/account/devices/", status=200)
    assert "Android · Chrome" in page.text
    assert "Windows · Firefox" in page.text
    other = db.session.query(DeviceSession).filter(DeviceSession.device == PHONE).one()
    client.post(f"/account/devices/{other.id}/end", status=302)
    assert "why=ended" in lost.get("/more", status=302).location
    client.get("/more", status=200)
    assert "Android" not in client.get("/account/devices/", status=200).text


def test_all_others_are_logged_out_at_once_and_this_one_goes_on(app, client, doctor):
    others = [app.test_client() for _ in range(2)]
    for other in others:
        log_in(other, doctor)
    log_in(client, doctor)
    client.get("/account/devices/", status=200)
    client.submit('form[action$="/end-others"]')
    for other in others:
        assert "why=ended" in other.get("/more", status=302).location
    page = client.get("/account/devices/", status=200)
    assert "退出这台设备" not in page.text


def test_nobody_ends_the_log_in_of_somebody_else(app, client, people, doctor):
    other = app.test_client()
    log_in(other, doctor)
    open_one = db.session.query(DeviceSession).one()
    client.log_in(people.users[Role.CITY])
    client.post(f"/account/devices/{open_one.id}/end", status=404)
    other.get("/more", status=200)


def test_a_cookie_over_https_is_bound_to_its_host(committed_db):
    with make_app(committed_db, secure_cookies=True) as app:
        answer = app.test_client().get("/account/log-in", base_url="https://localhost", status=200)
        assert "includeSubDomains" in answer.headers["Strict-Transport-Security"]
        assert app.config["SESSION_COOKIE_NAME"] == "__Host-session"
