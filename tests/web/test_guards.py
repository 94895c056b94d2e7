"""Who is at the door: sessions that run out, end, are closed, and pages that want something first."""

from __future__ import annotations

from datetime import timedelta

import pytest

from clinic_orders import clock
from clinic_orders.actions import accounts
from clinic_orders.models.base import db
from clinic_orders.rules.parties import SYSTEM, Role
from tests.people import NOW, PASSWORD, make_people


@pytest.fixture
def people(app):
    return make_people()


def log_in(client, username, keep=False):
    client.get("/account/log-in", status=200)
    changes = {} if keep else {"keep": None}
    return client.submit("main form", username=username, password=PASSWORD, **changes)


def test_a_session_ends_after_half_a_day_without_a_page(client, people, clock_at):
    clock_at(NOW)
    log_in(client, "V01")
    for hours in (11, 22):
        clock_at(NOW + timedelta(hours=hours))
        client.get("/more", status=200)
    clock_at(NOW + timedelta(hours=34, minutes=1))
    answer = client.get("/more", status=302)
    assert answer.location == "/account/log-in?next=/more&why=expired"
    page = client.get(answer.location, status=200).page
    assert "草稿还在" in page.texts(".note")[0]
    client.submit("main form", username="V01", password=PASSWORD)
    client.get("/more", status=200)


def test_a_kept_session_lives_while_it_is_used_and_ends_after_thirty_days_in_any_case(
    client, people, clock_at
):
    clock_at(NOW)
    log_in(client, "V01", keep=True)
    clock_at(NOW + timedelta(days=29))
    client.get("/more", status=200)
    clock_at(NOW + timedelta(days=30, seconds=1))
    assert "why=expired" in client.get("/more", status=302).location


def test_an_expired_form_leads_back_to_its_page(client, people, clock_at):
    clock_at(NOW)
    log_in(client, "V01")
    clock_at(NOW + timedelta(hours=13))
    answer = client.post("/notices", headers={"Referer": "http://localhost/more"}, status=302)
    assert answer.location == "/account/log-in?next=/more&why=expired"
    answer = client.post("/notices", headers={"Referer": "https://evil.example/x"}, status=302)
    assert answer.location == "/account/log-in"


def test_the_cookie_is_renewed_at_most_once_a_minute(client, people, clock_at):
    clock_at(NOW)
    log_in(client, "V01")
    client.get("/more")
    clock_at(NOW + timedelta(seconds=50))
    assert "Set-Cookie" not in client.get("/more").headers
    clock_at(NOW + timedelta(seconds=70))
    assert "Set-Cookie" in client.get("/more").headers


@pytest.mark.parametrize("deed", [accounts.close_account, accounts.end_all_sessions, accounts.reset_password])
def test_a_session_ends_when_the_bureau_closes_resets_or_ends_it(client, people, deed):
    log_in(client, "V01")
    client.get("/more", status=200)
    deed(people.users[Role.INSTITUTION].id, by=SYSTEM, at=clock.now())
    assert "why=ended" in client.get("/more", status=302).location


def test_a_session_ends_with_the_role_it_was_for(client, people):
    client.log_in(people.users[Role.HOSPITAL])
    client.get("/more", status=200)
    accounts.end_role(people.users[Role.HOSPITAL].assignments[0].id, by=SYSTEM, at=clock.now())
    client.get("/more", status=302)


def test_a_role_whose_last_day_is_over_opens_nothing(client, people, clock_at):
    assignment = people.users[Role.HOSPITAL].assignments[0]
    assignment.valid_to = NOW.date()
    db.session.commit()
    clock_at(NOW)
    log_in(client, "H01")
    client.get("/more", status=200)
    # The last day counts until midnight in China, which is 16:00 in the world's time.
    clock_at(NOW.replace(hour=15, minute=59))
    client.log_in(people.users[Role.HOSPITAL])
    client.get("/more", status=200)
    clock_at(NOW.replace(hour=16, minute=0))
    assert "why=ended" in client.get("/more", status=302).location


def test_a_refusal_before_the_page_still_has_its_frame(client, people):
    client.log_in(people.users[Role.COUNTY])
    page = client.post("/accounts/issue", token=False).page
    assert page.h1 == "这一页开得太久了"
    assert page.all("nav.tabs")


def test_a_page_of_another_role_is_refused_with_a_sentence(client, people):
    client.log_in(people.users[Role.INSTITUTION])
    answer = client.get("/accounts/", status=403)
    assert "您的角色不能办这件事" in answer.page.text


@pytest.mark.both_databases
def test_the_person_is_read_without_the_writers_place(committed_app, database):
    """While somebody else writes, a refused form is still answered."""
    with committed_app.app_context():
        make_people()
    client = committed_app.test_client()
    with committed_app.app_context():
        user = accounts.log_in("V01", PASSWORD, by=SYSTEM, at=clock.now())
        device = accounts.open_session("", by=user.actor, at=clock.now())
    with client.session_transaction() as session:
        now = int(clock.now().timestamp())
        session.update(
            _user_id=str(user.user_id),
            _fresh=True,
            since=now,
            seen=now,
            epoch=user.session_epoch,
            device=device,
        )
    with committed_app.app_context():
        engine = db.engine
    with engine.connect() as writer:
        writer.exec_driver_sql("UPDATE county SET kind = 'x'")
        # Taking the writer's place would wait for fifteen seconds and then fail.
        assert client.post("/accounts/issue").status_code == 403
        writer.rollback()
