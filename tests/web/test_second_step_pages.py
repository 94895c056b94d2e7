"""The pages of the second step, as somebody with a phone meets them."""

from __future__ import annotations

import re
from datetime import timedelta

import pyotp
import pytest

from clinic_orders.models.base import db
from clinic_orders.models.second_step import SecondStep
from clinic_orders.rules.parties import Role
from tests.people import NOW, PASSWORD, make_people


@pytest.fixture
def people(app):
    return make_people()


@pytest.fixture
def demanded(app):
    settings = app.extensions["settings"]
    object.__setattr__(settings, "second_step", "demanded")
    yield
    object.__setattr__(settings, "second_step", "offered")


def log_in(client, user):
    client.get("/account/log-in?next=/more", status=200)
    return client.submit("main form", username=user.username, password=PASSWORD)


def digits(user, at):
    db.session.expire_all()
    return pyotp.TOTP(db.session.get(SecondStep, user.id).secret).at(at)


def set_up(client, user, at=NOW):
    client.get("/account/second-step/", status=200)
    client.submit('form[action$="/begin"]', password=PASSWORD)
    page = client.get("/account/second-step/", status=200)
    assert "data:image/svg+xml" in page.text
    return client.submit('form[action$="/confirm"]', code=digits(user, at))


def test_set_up_then_asked_for_at_the_next_log_in(client, people, clock_at):
    clock_at(NOW)
    city = people.users[Role.CITY]
    log_in(client, city)
    done = set_up(client, city)
    codes = re.findall(r"<li>([2-9a-z]{5}-[2-9a-z]{5})</li>", done.text)
    assert len(codes) == 10
    client.get("/more", status=200)
    client.post("/account/log-out", status=302)
    later = NOW + timedelta(minutes=7)
    clock_at(later)
    answer = log_in(client, city)
    assert answer.location == "/account/second-step/enter?next=/more"
    # Half of a log-in is none.
    assert "/account/log-in" in client.get("/more", status=302).location
    client.get(answer.location, status=200)
    wrong = client.submit("main form", code="123 456")
    assert wrong.status_code == 401
    assert "验证码不对" in wrong.text
    client.get(answer.location, status=200)
    assert client.submit("main form", code=digits(city, later)).location == "/more"
    client.get("/more", status=200)


def test_a_password_waits_five_minutes_for_its_code(client, people, clock_at):
    clock_at(NOW)
    city = people.users[Role.CITY]
    log_in(client, city)
    set_up(client, city)
    client.post("/account/log-out", status=302)
    later = NOW + timedelta(minutes=7)
    clock_at(later)
    log_in(client, city)
    clock_at(later + timedelta(minutes=5, seconds=1))
    answer = client.get("/account/second-step/enter?next=/more", status=401)
    assert "已超过5分钟" in answer.text
    assert "/account/log-in?next=/more" in answer.text


def test_without_a_password_there_is_no_second_step(client, people):
    answer = client.get("/account/second-step/enter", status=401)
    assert 'name="code"' not in answer.text


def test_where_it_is_demanded_a_bureau_works_only_after_the_set_up(client, people, clock_at, demanded):
    clock_at(NOW)
    city = people.users[Role.CITY]
    log_in(client, city)
    assert client.get("/more", status=302).location == "/account/second-step/"
    set_up(client, city)
    client.get("/more", status=200)
    assert "second-step/end" not in client.get("/account/second-step/", status=200).text
    refused = client.post("/account/second-step/end", data={"password": PASSWORD})
    assert refused.status_code == 400


def test_it_is_never_demanded_of_a_village_doctor(client, people, demanded):
    log_in(client, people.users[Role.INSTITUTION])
    client.get("/more", status=200)


def test_the_bureau_takes_it_away_on_the_page_of_the_account(client, people, clock_at):
    clock_at(NOW)
    county, city = people.users[Role.COUNTY], people.users[Role.CITY]
    log_in(client, county)
    set_up(client, county)
    client.post("/account/log-out", status=302)
    log_in(client, city)
    client.get(f"/accounts/{county.id}", status=200)
    client.submit('form[action$="/second-step"]')
    assert "未开启" in client.get(f"/accounts/{county.id}", status=200).text
