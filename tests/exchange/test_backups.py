"""Backup while others write, restore only what is whole, never half, on both databases."""

from __future__ import annotations

import json
import sqlite3
import threading
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from flask import Flask
from sqlalchemy import make_url, text

from clinic_orders.actions.divisions import load_divisions
from clinic_orders.cli import run
from clinic_orders.exchange.backups import ServingLock, open_backup, write_backup
from clinic_orders.exchange.divisions import read_divisions
from clinic_orders.models.base import db
from clinic_orders.models.orders import Order
from clinic_orders.queries.integrity import problems
from clinic_orders.rules.parties import SYSTEM
from tests.orders_in_work import make_order, make_world

AT = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
Console = Callable[..., tuple[int, str, str]]


@dataclass
class Place:
    """An installation of a test's own: its application, instance folder and database."""

    app: Flask
    url: str
    instance: Path

    def orders(self) -> list[str]:
        with self.app.app_context():
            return list(db.session.scalars(db.select(Order.order_no).order_by(Order.id)))

    def make_orders(self, *numbers: str) -> None:
        with self.app.app_context():
            world = make_world()
            for number in numbers:
                make_order(world, order_no=number)
            db.session.commit()


@pytest.fixture
def place(committed_app: Flask, committed_db: str, tmp_path: Path) -> Place:
    return Place(committed_app, committed_db, tmp_path)


@pytest.fixture
def console(place: Place, capsys: pytest.CaptureFixture[str]) -> Console:
    def call(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            run(lambda: place.app, list(arguments))
        said = capsys.readouterr()
        assert isinstance(left.value.code, int)
        return left.value.code, said.out, said.err

    return call


@pytest.mark.both_databases
def test_what_was_backed_up_comes_back_and_what_was_there_is_kept_aside(
    place: Place, console: Console, tmp_path: Path
) -> None:
    place.make_orders("CG1", "CG2")
    (place.instance / "uploads").mkdir()
    (place.instance / "uploads" / "photo.jpg").write_bytes(b"then")
    (place.instance / "secret_key").write_text("ours alone")
    file = tmp_path / "backup.zip"
    code, out, _ = console("backup", str(file), "--format", "json")
    assert code == 0
    manifest = json.loads(out)
    assert manifest["rows"]["purchase_order"] == 2
    assert (file.stat().st_mode & 0o777) == 0o600
    with zipfile.ZipFile(file) as archive:
        assert not [name for name in archive.namelist() if "secret" in name]
    with place.app.app_context():
        db.session.execute(text("DELETE FROM order_event"))
        db.session.execute(text("DELETE FROM order_line"))
        db.session.execute(text("DELETE FROM purchase_order"))
        db.session.commit()
    (place.instance / "uploads" / "photo.jpg").write_bytes(b"now")
    code, out, err = console("restore", str(file))
    assert code == 0, err
    assert "原来的数据留在" in out
    assert place.orders() == ["CG1", "CG2"]
    assert (place.instance / "uploads" / "photo.jpg").read_bytes() == b"then"
    assert (place.instance / "secret_key").read_text() == "ours alone"
    kept = list(place.instance.glob(".replaced-*/uploads/photo.jpg"))
    assert [path.read_bytes() for path in kept] == [b"now"]
    assert console("db", "check")[0] == 0
    _remove_kept(place)


@pytest.mark.both_databases
def test_a_backup_under_writers_holds_every_order_that_was_acknowledged_before_it(
    place: Place, console: Console, tmp_path: Path
) -> None:
    with place.app.app_context():
        world = make_world()
        db.session.commit()
    acknowledged: list[str] = []
    stop, started, errors = threading.Event(), threading.Event(), []

    def order() -> None:
        number = 0
        try:
            while not stop.is_set():
                number += 1
                with place.app.app_context():
                    make_order(world, order_no=f"CG{number:05d}")
                    db.session.commit()
                acknowledged.append(f"CG{number:05d}")
                if number >= 5:
                    started.set()
        except BaseException as error:
            errors.append(error)
            started.set()

    writer = threading.Thread(target=order)
    writer.start()
    try:
        assert started.wait(60)
        before = list(acknowledged)
        file = tmp_path / "backup.zip"
        with place.app.app_context():
            db.session.remove()
        code, _, err = console("backup", str(file))
        assert code == 0, err
    finally:
        stop.set()
        writer.join()
    assert errors == []
    assert console("restore", str(file))[0] == 0
    restored = place.orders()
    assert restored[: len(before)] == before
    assert restored == acknowledged[: len(restored)]
    with place.app.app_context():
        assert problems() == []
    _remove_kept(place)


def _remove_kept(place: Place) -> None:
    """On PostgreSQL what was replaced is a database of its own, which the run's server would keep."""
    if not place.url.startswith("postgresql"):
        return
    url = make_url(place.url)
    with psycopg.connect(
        host=url.query["host"], user="postgres", dbname="postgres", autocommit=True
    ) as connection:
        for (name,) in connection.execute(
            "SELECT datname FROM pg_database WHERE datname LIKE %s", (f"{url.database}_replaced_%",)
        ).fetchall():
            connection.execute(f'DROP DATABASE "{name}"'.encode())


def _truncated(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-400])


def _flipped(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0xFF
    file.write_bytes(bytes(content))


def _foreign(file: Path) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("readme.txt", "holiday pictures")


def _no_zip(file: Path) -> None:
    file.write_bytes(b"SQLite format 3\0" * 100)


def _with_manifest(file: Path, **other: object) -> None:
    """The same backup saying something else of itself, with the right hash of what it says."""
    archive, manifest = open_backup(file)
    with archive:
        parts = {name: archive.read(name) for name in archive.namelist() if not name.startswith("manifest")}
    fields = {name: getattr(manifest, name) for name in type(manifest).__slots__} | other
    file.unlink()
    with zipfile.ZipFile(file, "w") as written:
        for name, content in parts.items():
            written.writestr(name, content)
        type(manifest)(**fields).write(written)


def _newer_schema(file: Path) -> None:
    _with_manifest(file, migration="9999", version="99.0")


def _newer_format(file: Path) -> None:
    _with_manifest(file, format=99)


def _other_rows(file: Path) -> None:
    archive, manifest = open_backup(file)
    archive.close()
    _with_manifest(file, rows={**manifest.rows, "purchase_order": 7})


def _of_the_other_database(file: Path) -> None:
    archive, manifest = open_backup(file)
    archive.close()
    _with_manifest(file, database="sqlite" if manifest.database == "postgresql" else "postgresql")


@pytest.mark.both_databases
@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (_truncated, "已损坏"),
        (_flipped, "已损坏"),
        (_foreign, "不是本系统的备份"),
        (_no_zip, "不是本系统的备份"),
        (_newer_schema, "更新的版本"),
        (_newer_format, "更新的版本"),
        (_other_rows, "已损坏"),
        (_of_the_other_database, "同类数据库"),
    ],
)
def test_what_is_not_whole_ours_or_known_is_refused_and_nothing_changes(
    place: Place, console: Console, tmp_path: Path, spoil: Callable[[Path], None], says: str
) -> None:
    place.make_orders("CG1")
    file = tmp_path / "backup.zip"
    with place.app.app_context():
        db.session.remove()
        write_backup(file, database_url=place.url, instance=place.instance, at=AT)
    spoil(file)
    before = sorted(path.name for path in place.instance.iterdir())
    code, _, err = console("restore", str(file))
    assert code == 1
    assert says in err
    assert "未做任何改动" in err
    assert place.orders() == ["CG1"]
    after = {path.name for path in place.instance.iterdir()} - {"serving.lock"}
    assert sorted(after) == before


@pytest.mark.both_databases
def test_records_that_do_not_agree_are_not_restored(place: Place, console: Console, tmp_path: Path) -> None:
    place.make_orders("CG1")
    with place.app.app_context():
        db.session.execute(text("UPDATE purchase_order SET packs = packs + 1"))
        db.session.commit()
        db.session.remove()
        write_backup(tmp_path / "wrong.zip", database_url=place.url, instance=place.instance, at=AT)
        db.session.execute(text("UPDATE purchase_order SET packs = packs - 1"))
        db.session.commit()
    code, _, err = console("restore", str(tmp_path / "wrong.zip"))
    assert code == 1
    assert "订单合计: CG1" in err
    assert console("db", "check")[0] == 0


@pytest.mark.both_databases
def test_nothing_is_restored_under_a_server_or_an_open_connection(
    place: Place, console: Console, tmp_path: Path
) -> None:
    place.make_orders("CG1")
    file = tmp_path / "backup.zip"
    assert console("backup", str(file))[0] == 0
    with ServingLock(place.instance, alone=False):
        code, _, err = console("restore", str(file))
        assert (code, "正在使用" in err) == (1, True)
    url = make_url(place.url)
    other = (
        sqlite3.connect(url.database or "")
        if url.drivername.startswith("sqlite")
        else psycopg.connect(host=url.query["host"], user="postgres", dbname=url.database)
    )
    try:
        other.execute("SELECT count(*) FROM purchase_order").fetchone()
        code, _, err = console("restore", str(file))
        assert (code, "正在使用" in err) == (1, True)
    finally:
        other.close()
    assert place.orders() == ["CG1"]
    assert console("restore", str(file))[0] == 0
    _remove_kept(place)


def test_a_backup_never_overwrites_a_file(place: Place, console: Console, tmp_path: Path) -> None:
    file = tmp_path / "backup.zip"
    file.write_text("mine")
    code, _, err = console("backup", str(file))
    assert (code, "已存在" in err, file.read_text()) == (1, True, "mine")


@pytest.mark.only_on("postgresql", reason="SQLite is backed up without a program of its own")
def test_a_missing_client_is_named_with_what_to_install(
    place: Place, console: Console, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clinic_orders.exchange.backups.postgres.shutil.which", lambda _name: None)
    monkeypatch.setattr("clinic_orders.exchange.backups.postgres.DEBIAN", tmp_path)
    code, _, err = console("backup", str(tmp_path / "backup.zip"))
    assert code == 1
    assert "apt-get install postgresql-client" in err
    assert not (tmp_path / "backup.zip").exists()


def test_the_manifest_carries_the_head_of_the_audit(place: Place, console: Console, tmp_path: Path) -> None:
    with place.app.app_context():
        load_divisions(read_divisions(), by=SYSTEM, at=AT)
    code, out, _ = console("backup", str(tmp_path / "backup.zip"), "--format", "json")
    assert code == 0
    head = json.loads(out)["audit_head"]
    assert console("db", "check", "--audit-head", head)[0] == 0
    assert console("db", "check", "--audit-head", f"{head[:-1]}x")[0] == 1
