"""A full disk, a database that may only be read, one that is away: said so, nothing by half, and the form works later."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import psycopg
import pytest
from flask import Flask, jsonify
from psycopg import errors as pg
from sqlalchemy import event, func, make_url, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from clinic_orders.models.accounts import User
from clinic_orders.models.audit import AuditEntry
from clinic_orders.models.base import db, reading_only
from clinic_orders.models.payments import Payment
from clinic_orders.models.troubles import Trouble, trouble_of
from clinic_orders.queries.integrity import problems
from clinic_orders.rules.parties import NotAllowed, Permission
from clinic_orders.web.guards import needs
from tests.checking_client import CheckingClient
from tests.conftest import Databases, make_app
from tests.deliveries_in_work import accepted, make_user
from tests.orders_in_work import make_world
from tests.web.test_payment_pages import TODAY

FORM = "/payments/new?pair=1-1&amount=20.00"


def counts() -> tuple[int, int]:
    """How many payments there are, and how many deeds the audit knows."""
    return (
        db.session.scalar(select(func.count()).select_from(Payment)) or 0,
        db.session.scalar(select(func.count()).select_from(AuditEntry)) or 0,
    )


class Office:
    """A village clinic that owes for a receipt and has the form of a payment before it."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        with app.app_context():
            world = make_world()
            receipt = accepted(world, (2,))
            user = db.session.get(User, make_user("王保田", world.clinic).user_id)
            self.client = app.test_client()
            assert isinstance(self.client, CheckingClient)
            self.client.log_in(user)
            self.receipt_no = receipt.receipt_no
            self.before = counts()
            db.session.remove()
        self.client.get(f"/payables/{self.receipt_no}", status=200)
        self.client.get(self.client.page.one("a[href^='/payments/new?']")["href"], status=200)

    def sends(self, words: str) -> None:
        """Send the form and be told of the trouble, what was typed still there."""
        assert self.client.submit(reference="0013").status_code == 503
        assert words in self.client.page.text
        assert self.client.page.one("input[name=reference]")["value"] == "0013"

    def has_stored_nothing(self) -> None:
        with self.app.app_context(), reading_only():
            assert counts() == self.before

    def reads(self, *paths: str) -> None:
        """Look at other pages, and come back to the one that told of the trouble."""
        told = self.client.page
        for path in paths:
            self.client.get(path, status=200)
        self.client.page = told

    def sends_again(self) -> None:
        """Press the button of the page of the trouble: now it is stored, once."""
        self.client.submit(follow_redirects=True)
        assert "待对方确认" in self.client.page.text
        with self.app.app_context():
            assert counts()[0] == self.before[0] + 1
            assert problems() == []


@pytest.fixture
def today(clock_at: Callable[[datetime], None]) -> None:
    clock_at(TODAY)


# A disk that is full.


@contextlib.contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A disk of its own, which the system gives only to who may mount one."""
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=777", "tmpfs", folder],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        pytest.skip(f"nobody may make a small disk here: {made.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def fill_up(disk: Path) -> Path:
    """Write until nothing goes on; what was written."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as out, contextlib.suppress(OSError):
        while True:
            out.write(bytes(4096))
    assert shutil.disk_usage(disk).free < 4096
    return ballast


@pytest.mark.usefixtures("today")
@pytest.mark.only_on("sqlite", reason="PostgreSQL's disk is filled by the test after this one")
def test_on_a_full_disk_nothing_is_stored_and_the_same_form_works_when_there_is_room(
    databases: Databases, database: str, tmp_path: Path
) -> None:
    with databases.fresh(database) as url, small_disk(tmp_path / "disk", 24) as disk:
        shutil.copyfile(make_url(url).database or "", disk / "orders.sqlite3")
        with make_app(f"sqlite:///{disk}/orders.sqlite3", instance=tmp_path) as app:
            office = Office(app)
            ballast = fill_up(disk)
            office.sends("服务器的磁盘满了")
            office.has_stored_nothing()
            office.reads("/payments/")
            ballast.unlink()
            office.sends_again()


@pytest.mark.usefixtures("today")
@pytest.mark.only_on("postgresql", reason="SQLite's disk is filled by the test before this one")
def test_where_postgresql_has_no_room_nothing_is_stored_and_the_same_form_works_later(
    databases: Databases, committed_app: Flask, committed_db: str
) -> None:
    cluster, name = databases.cluster, make_url(committed_db).database or ""
    with small_disk(cluster.folder / f"disk-{name}", 1) as disk:
        owner = cluster.folder.stat()
        os.chown(disk, owner.st_uid, owner.st_gid)
        cluster.execute(f"CREATE TABLESPACE small_{name} LOCATION '{disk}'")
        try:
            cluster.execute(f"ALTER TABLE payment SET TABLESPACE small_{name}", name)
            office = Office(committed_app)
            ballast = fill_up(disk)
            office.sends("服务器的磁盘满了")
            office.has_stored_nothing()
            office.reads("/payments/")
            ballast.unlink()
            office.sends_again()
        finally:
            cluster.execute("ALTER TABLE payment SET TABLESPACE pg_default", name)
            cluster.execute(f"DROP TABLESPACE small_{name}")


# A database that may only be read.


@contextlib.contextmanager
def only_to_be_read(app: Flask, url: str, databases: Databases) -> Iterator[None]:
    """Let no connection write, old or new."""
    with app.app_context():
        engine, name = db.engine, make_url(url).database
        engine.dispose()

    def refuse(connection: object, *_: object) -> None:
        assert isinstance(connection, sqlite3.Connection)
        connection.execute("PRAGMA query_only=ON")

    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", refuse)
    else:
        databases.cluster.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    try:
        yield
    finally:
        engine.dispose()
        if engine.dialect.name == "sqlite":
            event.remove(engine, "connect", refuse)
        else:
            databases.cluster.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")


@pytest.mark.both_databases
@pytest.mark.usefixtures("today")
def test_where_nothing_may_be_stored_pages_are_read_and_deeds_are_refused_in_words(
    committed_app: Flask, committed_db: str, databases: Databases
) -> None:
    office = Office(committed_app)
    with only_to_be_read(committed_app, committed_db, databases):
        office.sends("暂时只能查看，不能保存")
        office.has_stored_nothing()
        office.reads("/order", "/payables/", "/payments/", "/orders", f"/receiving/{office.receipt_no}")
    office.sends_again()


# A database that does not answer.


@pytest.mark.usefixtures("today")
@pytest.mark.only_on("postgresql", reason="SQLite is a file, no server that could be away")
def test_while_the_database_is_away_it_is_said_and_nobody_has_to_restart_the_program(
    committed_app: Flask, committed_db: str, databases: Databases
) -> None:
    name, cluster = make_url(committed_db).database, databases.cluster
    office = Office(committed_app)
    cluster.execute(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false")
    cluster.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
    watcher = committed_app.test_client()
    assert watcher.get("/readyz").get_json()["reason"] == "the database does not answer"
    assert watcher.get("/healthz").status_code == 200
    answer = office.client.get("/payments/new", status=503)
    assert answer.headers["Retry-After"] == "30"
    assert "暂时连不上数据库" in office.client.page.text
    cluster.execute(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS true")
    assert watcher.get("/readyz").get_json() == {"status": "ok"}
    office.has_stored_nothing()
    office.client.get(office.client.page.one("main a.btn-primary")["href"], status=200)
    office.client.get(FORM, status=200)


@pytest.mark.usefixtures("today")
@pytest.mark.only_on("postgresql", reason="SQLite has no connection that could be cut")
@pytest.mark.parametrize(("then", "status"), [("ask", 503), ("refuse", 403), ("answer", 200)])
def test_a_connection_that_is_cut_in_the_middle_of_a_page_leaves_no_bare_error(
    committed_app: Flask, databases: Databases, monkeypatch: pytest.MonkeyPatch, then: str, status: int
) -> None:
    office = Office(committed_app)

    def cut(*_: object, **__: object) -> object:
        own = db.session.scalar(select(func.pg_backend_pid()))
        databases.cluster.execute(f"SELECT pg_terminate_backend({own}, 5000)")
        if then == "refuse":
            raise NotAllowed
        return db.session.scalar(select(1)) if then == "ask" else jsonify(all="is well")

    with monkeypatch.context() as patch:
        patch.setitem(committed_app.view_functions, "payments.index", needs(Permission.PAYMENTS_READ)(cut))
        # What was answered before the end of the connection is an answer; a refusal is said with a new connection.
        answer = office.client.open("/payments/")
    assert answer.status_code == status
    assert ("暂时连不上数据库" in answer.text) == (status == 503)
    office.client.get("/payments/", status=200)


# Which trouble an error is.


def full(folder: Path) -> sqlite3.Error:
    """What SQLite says when its file may not grow."""
    connection = sqlite3.connect(folder / "full.sqlite3", isolation_level=None)
    try:
        connection.execute("CREATE TABLE filler (words TEXT)")
        connection.execute("PRAGMA max_page_count=2")
        connection.execute("INSERT INTO filler VALUES (?)", ["x" * 100_000])
    except sqlite3.Error as error:
        return error
    finally:
        connection.close()
    raise AssertionError("a file of two pages holds 100,000 letters")


def test_a_trouble_of_the_database_is_told_from_a_mistake_of_the_program(tmp_path: Path) -> None:
    def wrapped(cause: BaseException) -> OperationalError:
        return OperationalError("SELECT 1", {}, cause)

    assert trouble_of(wrapped(full(tmp_path))) is Trouble.FULL
    assert trouble_of(wrapped(pg.DiskFull())) is Trouble.FULL
    assert trouble_of(wrapped(pg.ReadOnlySqlTransaction())) is Trouble.READ_ONLY
    assert trouble_of(wrapped(pg.AdminShutdown())) is Trouble.AWAY
    assert trouble_of(wrapped(pg.CannotConnectNow())) is Trouble.AWAY
    assert trouble_of(wrapped(psycopg.OperationalError("the connection is closed"))) is Trouble.AWAY
    assert trouble_of(wrapped(pg.TooManyConnections())) is Trouble.BUSY
    assert trouble_of(PoolTimeoutError("QueuePool limit")) is Trouble.BUSY
    assert trouble_of(wrapped(pg.UndefinedTable())) is None
    assert trouble_of(wrapped(pg.UniqueViolation())) is None
    assert trouble_of(wrapped(sqlite3.OperationalError("no such table"))) is None
    assert trouble_of(ValueError()) is None
