"""Pages that only read need no transaction on PostgreSQL; a lost connection is found before it is used."""

from __future__ import annotations

import psycopg
import pytest
from sqlalchemy import event, func, select, text

from clinic_orders.actions.transaction import end_reading, transaction
from clinic_orders.models import base
from clinic_orders.models.accounts import User
from clinic_orders.models.base import db, reading_in_one_piece, reading_only, reads_without_transaction
from tests.people import NOW

pytestmark = pytest.mark.only_on("postgresql", reason="SQLite has no connections to another process")


def in_transaction():
    """What the server says: whether this session's connection stands in a transaction."""
    status = db.session.connection().connection.dbapi_connection.info.transaction_status
    return status is not psycopg.pq.TransactionStatus.IDLE


def add_user(name):
    db.session.add(User(username=name, name=name, password_hash="-", created_at=NOW))


def number_of_users():
    return db.session.scalar(select(func.count()).select_from(User))


def begin_and_fail():
    with transaction():
        add_user("a")
        db.session.flush()
        assert in_transaction()
        raise ZeroDivisionError


def test_what_only_reads_stands_in_no_transaction_and_what_writes_does(committed_app):
    with committed_app.app_context():
        with reading_only():
            assert number_of_users() == 0
            assert not in_transaction()
            assert reads_without_transaction()
        end_reading()
        assert number_of_users() == 0
        assert in_transaction()
        assert not reads_without_transaction()


def test_a_connection_that_has_read_writes_whole_or_not_at_all_afterwards(committed_app):
    with committed_app.app_context():
        with reading_only():
            number_of_users()
        end_reading()
        with pytest.raises(ZeroDivisionError):
            begin_and_fail()
        assert number_of_users() == 0


def test_a_deed_in_the_middle_of_reading_is_whole_or_not_at_all(committed_app):
    with committed_app.app_context(), reading_only():
        number_of_users()
        with pytest.raises(ZeroDivisionError):
            begin_and_fail()
        assert number_of_users() == 0


def test_reading_within_a_deed_sees_what_the_deed_has_written(committed_app):
    with committed_app.app_context(), transaction():
        add_user("a")
        db.session.flush()
        with reading_only():
            assert number_of_users() == 1


def test_a_long_result_is_fetched_in_parts_within_a_transaction(committed_app):
    with committed_app.app_context():
        with transaction():
            for number in range(5):
                add_user(f"u{number}")
        with reading_only():
            number_of_users()
            with reading_in_one_piece():
                names = db.session.execute(select(User.username).execution_options(yield_per=2))
            assert len(names.scalars().all()) == 5
            assert number_of_users() == 5


def kill_all(committed_db):
    """End every connection to this database but one's own, as an operator or a restart would."""
    with psycopg.connect(committed_db.replace("+psycopg", ""), autocommit=True) as connection:
        killed = connection.execute(
            "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchone()
    assert killed is not None
    return killed[0]


@pytest.mark.parametrize("lane", ["page", "deed"])
def test_whose_connection_was_ended_gets_another_and_notices_nothing(committed_app, committed_db, lane):
    def visit():
        with committed_app.app_context():
            if lane == "page":
                with reading_only():
                    return number_of_users()
            with transaction():
                return number_of_users()

    assert visit() == 0
    assert kill_all(committed_db) >= 1
    assert visit() == 0


def test_the_page_after_the_servers_end_of_all_connections_is_no_error(committed_app, committed_db):
    client = committed_app.test_client()
    client.get("/account/log-in", status=200)
    assert kill_all(committed_db) >= 1
    client.get("/account/log-in", status=200)


def test_only_a_connection_that_was_silent_for_long_is_asked_for_a_sign_of_life(committed_app, monkeypatch):
    with committed_app.app_context():
        dialect = db.engine.dialect
        asked = []
        ping = dialect.do_ping
        monkeypatch.setattr(dialect, "do_ping", lambda connection: asked.append(1) or ping(connection))
        for _ in range(3):
            number_of_users()
            db.session.rollback()
        assert not asked
        monkeypatch.setattr(base, "_SILENCE", 0.0)
        number_of_users()
        assert len(asked) == 1


def test_a_connection_that_gives_no_sign_of_life_is_replaced(committed_app, monkeypatch):
    monkeypatch.setattr(base, "_SILENCE", 0.0)
    opened = []
    with committed_app.app_context():
        event.listen(db.engine, "connect", lambda *_: opened.append(1))
        number_of_users()
        db.session.rollback()
        dialect = db.engine.dialect
        ping, calls = dialect.do_ping, []

        def silent_once(connection):
            calls.append(1)
            if len(calls) == 1:
                raise psycopg.OperationalError("no answer")
            return ping(connection)

        monkeypatch.setattr(dialect, "do_ping", silent_once)
        before = len(opened)
        assert db.session.scalar(text("SELECT 1")) == 1
        assert len(opened) == before + 1
