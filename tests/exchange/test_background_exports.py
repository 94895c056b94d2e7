"""Long exports behind the scenes: the same rows as at once, in little memory, made anew after a crash, then swept."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from flask import Flask
from sqlalchemy import select, update

from clinic_orders import clock
from clinic_orders.actions import export_jobs as deeds
from clinic_orders.actions.background import Claim
from clinic_orders.exchange import background_exports, exporting, writing
from clinic_orders.exchange.background_exports import FOLDER, ExportMaker, file_of
from clinic_orders.exchange.exporting import CSV, XLSX, export_file
from clinic_orders.exchange.importing import import_file
from clinic_orders.exchange.tables import KINDS
from clinic_orders.models.accounts import RoleAssignment
from clinic_orders.models.audit import AuditEntry
from clinic_orders.models.base import db
from clinic_orders.models.export_jobs import ExportJob
from clinic_orders.models.notices import Notice
from clinic_orders.queries.file_counts import count_rows
from clinic_orders.queries.files import rows_of
from clinic_orders.rules.background import MOST_FAILURES, SILENT_AFTER, MovedOn
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.export_jobs import (
    EXPORT,
    KEPT,
    ExportRefusal,
    ExportState,
)
from clinic_orders.rules.parties import SYSTEM, Actor, Role
from tests.exchange.test_long_files import SALES, sale, text_of
from tests.files_world import going_back, make_world, order, receipt, take_well
from tests.people import make_user

ROWS = 120


class Office:
    """An application with sales, and an official of the city who asks for them."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.instance: Path = app.extensions["settings"].instance
        with app.app_context():
            make_world()
            user = make_user("13800000002", Role.CITY)
            db.session.commit()
            self.city = Actor(user.name, Role.CITY, user_id=user.id)
            self.take(ROWS)

    def take(self, count: int) -> None:
        source = self.instance / "sales.csv"
        source.write_text(text_of(SALES, [sale(number) for number in range(count)]), encoding="utf-8")
        report = import_file("sales", source, "sales.csv", by=SYSTEM, at=clock.now())
        assert not report.errors

    def ask(self, form: str = CSV, kind: str = "sales") -> int:
        with self.app.app_context():
            return deeds.request_export(kind, form, ROWS, by=self.city, at=clock.now()).id

    def run(self, worker: str = "one") -> int:
        with self.app.app_context():
            return ExportMaker(self.instance, worker).run_waiting()

    def job(self, number: int) -> ExportJob:
        with self.app.app_context():
            found = db.session.get(ExportJob, number)
            assert found is not None
            return found

    def file(self, number: int) -> Path:
        return file_of(self.instance, self.job(number))

    def at_once(self, form: str = CSV) -> bytes:
        out = io.BytesIO()
        with self.app.app_context():
            export_file("sales", form, out, by=self.city, on=day_in_china(clock.now()))
        return out.getvalue()

    def told(self) -> list[str]:
        with self.app.app_context():
            return list(db.session.scalars(select(Notice.kind).order_by(Notice.id)))

    def left(self) -> list[str]:
        return sorted(path.name for path in (self.instance / FOLDER).rglob("*") if path.is_file())


@pytest.fixture
def office(committed_app: Flask) -> Office:
    return Office(committed_app)


def cells(data: bytes) -> list[tuple[Any, ...]]:
    return list(openpyxl.load_workbook(io.BytesIO(data), read_only=True).active.values)


@pytest.mark.both_databases
def test_the_file_is_the_one_that_is_made_at_once_and_for_its_owner_alone(office: Office) -> None:
    first, second = office.ask(CSV), office.ask(XLSX)
    assert office.run() == 2
    file = office.file(first)
    assert file.read_bytes() == office.at_once(CSV)
    assert cells(office.file(second).read_bytes()) == cells(office.at_once(XLSX))
    job = office.job(first)
    assert (job.state, job.rows, job.size) == (ExportState.DONE, ROWS, file.stat().st_size)
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert office.told() == ["export_done", "export_done"]
    assert office.left() == ["1.csv", "1.xlsx"]
    with office.app.app_context():
        done = select(AuditEntry.deed).where(AuditEntry.subject_type == "export_job").order_by(AuditEntry.id)
        assert list(db.session.scalars(done)) == ["request_export"] * 2 + ["finish_export"] * 2


def test_who_waits_for_a_file_does_not_get_it_twice(office: Office) -> None:
    assert office.ask() == office.ask()
    assert office.ask(XLSX) != office.ask()


class Row(dict[str, Any]):
    """A row that tells how many of its like there are."""

    alive, most = 0, 0

    def __init__(self, line: dict[str, Any]) -> None:
        super().__init__(line)
        Row.alive += 1
        Row.most = max(Row.most, Row.alive)

    def __del__(self) -> None:
        Row.alive -= 1


def test_rows_go_through_while_they_are_written(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are written one by one, and none is kept: there are never more than a few of them."""
    line = _rows(office)[0]

    def many(_kind: str, _by: Actor, _on: object) -> Any:
        return (Row(line) for _ in range(3_000))

    monkeypatch.setattr(exporting, "rows_of", many)
    for form in (CSV, XLSX):
        number = office.ask(form)
        office.run()
        assert office.job(number).rows == 3_000
    assert 0 < Row.most <= 3


def _rows(office: Office) -> list[dict[str, Any]]:
    with office.app.app_context():
        return list(rows_of("sales", office.city, day_in_china(clock.now())))


@pytest.mark.both_databases
def test_progress_is_said_and_a_word_from_outside_is_heard(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the file is written its row says how far it is; cancelled meanwhile, nothing of it is left."""
    monkeypatch.setattr(background_exports, "_BEAT", 0.01)
    monkeypatch.setattr(exporting, "_STEP", 1)
    number, seen = office.ask(), []
    rows = exporting.rows_of

    def slow(kind: str, by: Actor, on: Any) -> Any:
        for place, row in enumerate(rows(kind, by, on)):
            if place == 50:
                deadline = time.monotonic() + 20
                while not office.job(number).rows and time.monotonic() < deadline:
                    time.sleep(0.02)
                seen.append(office.job(number).rows)
                with office.app.app_context():
                    deeds.cancel_export(number, by=office.city, at=clock.now())
            if place > 50:
                # The sign of life finds out that there is nothing to be said any more.
                time.sleep(0.02)
            yield row

    monkeypatch.setattr(exporting, "rows_of", slow)
    office.run()
    assert 0 < seen[0] <= 50
    assert office.job(number).state is ExportState.CANCELLED
    assert office.left() == []
    assert office.told() == []


def test_a_process_that_is_ended_gives_the_export_back(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = office.ask()
    with office.app.app_context():
        maker = ExportMaker(office.instance, "one")
        rows = exporting.rows_of

        def stopping(kind: str, by: Actor, on: Any) -> Any:
            maker.stop.set()
            return rows(kind, by, on)

        monkeypatch.setattr(exporting, "rows_of", stopping)
        maker.run_waiting()
    job = office.job(number)
    assert (job.state, job.failures) == (ExportState.WAITING, 0)
    monkeypatch.undo()
    assert office.run() == 1
    assert office.file(number).read_bytes() == office.at_once()


KILLED = """
import os, signal
from clinic_orders.app import create_app
from clinic_orders.exchange import exporting
from clinic_orders.exchange.background_exports import ExportMaker

app = create_app()
rows = exporting.rows_of

def dying(kind, by, on):
    for place, row in enumerate(rows(kind, by, on)):
        if place == 60:
            os.kill(os.getpid(), signal.SIGKILL)
        yield row

exporting.rows_of = dying
with app.app_context():
    ExportMaker(app.extensions["settings"].instance, "killed").run_waiting()
"""


@pytest.mark.both_databases
def test_a_killed_process_is_taken_over_and_the_file_made_anew(
    office: Office, committed_db: str, clock_at: Callable[[datetime], None]
) -> None:
    number = office.ask(XLSX)
    environment = os.environ | {
        "CLINIC_ORDERS_DATABASE_URL": committed_db,
        "CLINIC_ORDERS_INSTANCE": str(office.instance),
        "CLINIC_ORDERS_SECRET_KEY": "tests only",
    }
    done = subprocess.run(
        [sys.executable, "-c", KILLED],
        env=environment,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    assert (office.job(number).state, office.job(number).worker) == (ExportState.WRITING, "killed")
    assert "draft.1" in office.left()
    # It showed its life a moment ago, so nobody takes the export yet.
    assert office.run("two") == 0
    clock_at(clock.now() + SILENT_AFTER + timedelta(minutes=1))
    assert office.run("two") == 1
    job = office.job(number)
    assert (job.state, job.attempt, job.failures, job.rows) == (ExportState.DONE, 2, 1, ROWS)
    assert cells(office.file(number).read_bytes()) == cells(office.at_once(XLSX))
    assert office.left() == ["2.xlsx"]
    with office.app.app_context(), pytest.raises(MovedOn):
        deeds.note_written(Claim(number, 1), 1, by=office.city, at=clock.now())


def test_what_breaks_off_again_and_again_is_given_up_and_can_be_made_once_more(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = office.ask()

    def broken(*_: object) -> Any:
        raise OSError("no space left")

    monkeypatch.setattr(exporting, "rows_of", broken)
    assert office.run() == MOST_FAILURES
    assert office.job(number).state is ExportState.FAILED
    assert "no space left" in office.job(number).error
    assert office.told() == ["export_failed"]
    monkeypatch.undo()
    with office.app.app_context():
        deeds.retry_export(number, by=office.city, at=clock.now())
    assert office.run() == 1
    assert office.job(number).state is ExportState.DONE


def test_more_rows_than_a_sheet_has_are_refused(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "SHEET_ROWS", ROWS)
    monkeypatch.setattr(writing, "SHEET_ROWS", ROWS)
    number = office.ask(XLSX)
    assert office.run() == 1
    assert office.job(number).refusal is ExportRefusal.TOO_MUCH
    assert office.left() == []
    assert office.told() == ["export_failed"]


def test_who_may_not_export_any_more_gets_nothing(office: Office) -> None:
    number = office.ask()
    with office.app.app_context():
        yesterday = day_in_china(clock.now()) - timedelta(days=1)
        db.session.execute(update(RoleAssignment).values(valid_to=yesterday))
        db.session.commit()
    assert office.run() == 1
    job = office.job(number)
    assert (job.state, job.refusal) == (ExportState.REFUSED, ExportRefusal.NOT_ALLOWED)
    assert office.left() == []


def test_files_are_swept_after_three_days(office: Office, clock_at: Callable[[datetime], None]) -> None:
    number = office.ask()
    office.run()
    ended_at = office.job(number).ended_at
    assert ended_at is not None
    clock_at(ended_at + KEPT)
    office.run()
    assert office.file(number).exists()
    clock_at(ended_at + KEPT + timedelta(seconds=1))
    office.run()
    assert office.left() == []
    assert office.job(number).state is ExportState.DONE


@pytest.mark.both_databases
def test_rows_are_counted_as_they_are_written(office: Office) -> None:
    with office.app.app_context():
        take_well("orders", order(), order(order_no="A2"))
        take_well("receipts", receipt())
        take_well("returns", going_back())
        on, found = day_in_china(clock.now()), {}
        for by in (office.city, Actor("b", Role.COUNTY, user_id=2, county_code="410325")):
            for kind in KINDS:
                found[kind] = len(list(rows_of(kind, by, on)))
                assert count_rows(kind, by, on) == found[kind], kind
    assert {"orders", "receipts", "returns", "sales", "prices"} <= {kind for kind in found if found[kind]}


def test_every_end_but_failure_is_an_end(database: str) -> None:
    for state in (ExportState.DONE, ExportState.REFUSED, ExportState.CANCELLED):
        assert [step for step, before in EXPORT.steps if before is state] == []
