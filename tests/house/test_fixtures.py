"""The fixtures keep tests apart, on both databases, and away from the network."""

import contextlib
import socket
import threading
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select

from clinic_orders import clock
from clinic_orders.actions.transaction import transaction
from clinic_orders.models.accounts import User
from clinic_orders.models.base import db

MOMENT = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)


def add_user(name):
    with transaction():
        db.session.add(User(username=name, name=name, password_hash="-", created_at=MOMENT))


def number_of_users():
    return db.session.scalar(select(func.count()).select_from(User))


@pytest.mark.both_databases
@pytest.mark.parametrize("_time", [1, 2])
def test_what_one_test_commits_the_next_does_not_see(app, _time):
    assert number_of_users() == 0
    add_user("a")
    assert number_of_users() == 1


@pytest.mark.both_databases
def test_an_undone_deed_leaves_the_done_ones(app):
    add_user("a")
    with contextlib.suppress(ZeroDivisionError), transaction():
        add_user("b")
        raise ZeroDivisionError
    assert number_of_users() == 1


@pytest.mark.both_databases
def test_on_a_committed_database_threads_see_one_another(committed_app):
    def add(name):
        with committed_app.app_context():
            add_user(name)

    threads = [threading.Thread(target=add, args=[str(number)]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with committed_app.app_context():
        assert number_of_users() == 4


def test_statements_are_counted(app, count_sql):
    with count_sql() as seen:
        number_of_users()
        number_of_users()
    assert seen.count == 2
    assert "FROM user_account" in str(seen)


def test_the_clock_stops_where_a_test_says(clock_at):
    clock_at(MOMENT)
    assert clock.now() == MOMENT


def test_other_machines_cannot_be_reached():
    with pytest.raises(AssertionError, match="this machine only"):
        socket.create_connection(("192.0.2.1", 80))
    with pytest.raises(AssertionError, match="this machine only"):
        socket.getaddrinfo("clinic.example", 80)


@pytest.mark.browser
def test_a_browser_reaches_the_live_server_with_and_without_javascript(new_page, live_server):
    for javascript in (True, False):
        page = new_page(width=360, height=640, javascript=javascript)
        answer = page.goto("/")
        assert answer is not None
        assert page.url.startswith(live_server.url)
