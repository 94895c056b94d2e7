"""The console says what is true of its database: which one, why it did not do what was asked, and what to do next."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, make_url, text

from clinic_orders.app import create_app
from clinic_orders.cli import run
from clinic_orders.models.base import db
from tests.conftest import Databases, make_app

Tells = Callable[[Flask, str], str]
READS, WRITES = "batch list", "user add wang 王 --role city"


@pytest.fixture
def tells(capsys: pytest.CaptureFixture[str]) -> Tells:
    """What a command that fails says on standard error; it leaves with 1 and says nothing else."""

    def told(app: Flask, command: str) -> str:
        with pytest.raises(SystemExit) as left:
            run(lambda: app, command.split())
        said = capsys.readouterr()
        assert left.value.code == 1, said
        assert said.out == ""
        assert "Traceback" not in said.err
        return said.err

    return told


def on_connecting(app: Flask, *statements: str) -> None:
    """Have every new connection begin with statements of its own."""
    with app.app_context():
        engine = db.engine
        engine.dispose()

    @event.listens_for(engine, "connect")
    def begin(connection: Any, _record: object) -> None:
        for statement in statements:
            connection.execute(statement)


def test_a_database_without_a_schema_is_named_with_the_command_that_makes_one(
    tmp_path: Path, tells: Tells
) -> None:
    with make_app(f"sqlite:///{tmp_path}/empty.sqlite3", instance=tmp_path) as app:
        for command in (READS, "db check"):
            said = tells(app, command)
            assert f"{tmp_path}/empty.sqlite3 是空的" in said
            assert "clinic-orders db upgrade" in said


@pytest.mark.both_databases
def test_a_table_that_is_gone_from_a_full_schema_is_no_empty_database(
    committed_app: Flask, tells: Tells, caplog: pytest.LogCaptureFixture
) -> None:
    with committed_app.app_context():
        db.session.execute(text("ALTER TABLE import_batch RENAME TO elsewhere"))
        db.session.commit()
    said = tells(committed_app, READS)
    assert "import_batch" in said
    assert "db upgrade" not in said
    assert caplog.records[-1].exc_info


def test_a_folder_that_is_not_there_is_named(tmp_path: Path, tells: Tells) -> None:
    with make_app(f"sqlite:///{tmp_path}/nowhere/orders.sqlite3", instance=tmp_path) as app:
        for command in (READS, "db upgrade", "job history"):
            said = tells(app, command)
            assert f"打不开文件 {tmp_path}/nowhere/orders.sqlite3：unable to open database file" in said
            assert "CLINIC_ORDERS_DATABASE_URL" in said


def test_a_file_that_is_no_database_is_named(tmp_path: Path, tells: Tells) -> None:
    (tmp_path / "notes.txt").write_text("Not one of ours. " * 100)
    with make_app(f"sqlite:///{tmp_path}/notes.txt", instance=tmp_path) as app:
        assert f"{tmp_path}/notes.txt 拒绝了这条命令：file is not a database" in tells(app, READS)


def test_a_server_that_does_not_answer_is_named_without_its_password(tmp_path: Path, tells: Tells) -> None:
    with make_app("postgresql+psycopg://clinic:hidden@127.0.0.1:1/orders", instance=tmp_path) as app:
        for command in (READS, "db check", f"backup {tmp_path}/b.zip"):
            said = tells(app, command)
            assert "clinic:***@127.0.0.1:1/orders" in said
            assert "没有应答" in said
            assert "Connection refused" in said
            assert "hidden" not in said


@pytest.mark.postgres
def test_a_database_that_the_server_does_not_have_is_named(
    tmp_path: Path, tells: Tells, databases: Databases
) -> None:
    with make_app(databases.cluster.url("nobodys"), instance=tmp_path) as app:
        assert 'database "nobodys" does not exist' in tells(app, READS)


@pytest.mark.both_databases
def test_what_may_only_be_read_is_said_so_and_can_be_read(
    committed_app: Flask, committed_db: str, database: str, databases: Databases, tells: Tells
) -> None:
    if database == "sqlite":
        on_connecting(committed_app, "PRAGMA query_only=ON")
    else:
        name = make_url(committed_db).database
        databases.cluster.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    said = tells(committed_app, WRITES)
    assert "只能读取" in said
    assert make_url(committed_db).database in said
    with pytest.raises(SystemExit) as left:
        run(lambda: committed_app, READS.split())
    assert left.value.code == 0


@pytest.mark.only_on("sqlite", reason="PostgreSQL has no limit of its pages; its code is known to trouble_of")
def test_a_full_disk_is_said_so(committed_app: Flask, committed_db: str, tells: Tells) -> None:
    # A file that may not grow is to SQLite the same as a disk without room; the account brings a megabyte along.
    with committed_app.app_context():
        db.session.execute(text("CREATE TABLE filler (words BLOB)"))
        db.session.commit()
    on_connecting(
        committed_app,
        "PRAGMA max_page_count=1",
        "CREATE TEMP TRIGGER heavy AFTER INSERT ON user_account"
        " BEGIN INSERT INTO filler VALUES (zeroblob(1000000)); END",
    )
    said = tells(committed_app, WRITES)
    assert "磁盘满了" in said
    assert (make_url(committed_db).database or "?") in said


@pytest.mark.only_on("sqlite", reason="nobody waits for the one writer's place of PostgreSQL")
def test_a_database_that_another_holds_is_said_so(
    committed_app: Flask, committed_db: str, tells: Tells
) -> None:
    on_connecting(committed_app, "PRAGMA busy_timeout=50")
    other = sqlite3.connect(make_url(committed_db).database or "", isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        said = tells(committed_app, WRITES)
    finally:
        other.close()
    assert "正被其他程序占用" in said
    assert "database is locked" in said


def test_an_address_of_nothing_is_said_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for address in ("orders.sqlite3", "oracle-of-delphi://x/y"):
        monkeypatch.setenv("CLINIC_ORDERS_DATABASE_URL", address)
        with pytest.raises(SystemExit) as left:
            run(create_app, ["job", "history"])
        assert left.value.code == 2
        assert "CLINIC_ORDERS_DATABASE_URL" in capsys.readouterr().err
