"""Long files behind the scenes: one run whoever comes, gone on with after a crash, cancelled without a trace."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from clinic_orders import clock
from clinic_orders.actions import accounts
from clinic_orders.actions import import_jobs as deeds
from clinic_orders.actions.background import Claim
from clinic_orders.exchange import background
from clinic_orders.exchange import staging as staging_module
from clinic_orders.exchange.background import Runner
from clinic_orders.exchange.import_folders import ImportFolder, folders
from clinic_orders.exchange.keeping import keep
from clinic_orders.exchange.long_files import LongFile, Phase
from clinic_orders.models.audit import AuditEntry
from clinic_orders.models.base import db
from clinic_orders.models.exchange import ImportBatch
from clinic_orders.models.import_jobs import ImportJob
from clinic_orders.models.notices import Notice
from clinic_orders.models.sales import SaleLine
from clinic_orders.rules.background import MovedOn, Step
from clinic_orders.rules.import_jobs import (
    IMPORT,
    ImportState,
)
from clinic_orders.rules.parties import SYSTEM, Actor, Role
from tests.exchange.test_long_files import SALES, sale, text_of
from tests.files_world import make_world
from tests.people import make_user

pytestmark = pytest.mark.both_databases
ROWS = 120


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts so short that a small file has many; every word of progress is written down."""
    monkeypatch.setattr(staging_module, "BLOCK", 10)
    monkeypatch.setattr(staging_module, "PART", 20)
    monkeypatch.setattr(background, "_PAUSE", 0.0)


class Office:
    """An application with a city official, to whom long files can be given."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.instance: Path = app.extensions["settings"].instance
        with app.app_context():
            make_world()
            user = make_user("13800000002", Role.CITY)
            db.session.commit()
            self.city = Actor(user.name, Role.CITY, user_id=user.id)

    def runner(self, worker: str = "one") -> Runner:
        return Runner(self.instance, worker, self.app.extensions["say_in"])

    def upload(
        self, rows: list[list[str]] | None = None, *, after: timedelta = timedelta(0), trial: bool = False
    ) -> int:
        """The number of a new import of sales."""
        text = text_of(SALES, [sale(number) for number in range(ROWS)] if rows is None else rows)
        source = self.instance / "upload.csv"
        source.write_text(text, encoding="utf-8")
        with source.open("rb") as file, self.app.app_context():
            kept = keep(self.instance / "uploads", file, kind="sales", filename="销售.csv", owner=1)
            folder = ImportFolder(self.instance, kept.token)
            folder.take(kept)
            at = clock.now()
            return deeds.request_import(
                "sales",
                "销售.csv",
                kept.token,
                source.stat().st_size,
                run_after=at + after,
                trial=trial,
                by=self.city,
                at=at,
            ).id

    def run(self, worker: str = "one") -> int:
        with self.app.app_context():
            return self.runner(worker).run_waiting()

    def store_tried(self, number: int) -> None:
        with self.app.app_context():
            at = clock.now()
            deeds.store_tried_import(number, run_after=at, by=self.city, at=at)

    def job(self, number: int) -> ImportJob:
        with self.app.app_context():
            found = db.session.get(ImportJob, number)
            assert found is not None
            return found

    def lines(self) -> int:
        with self.app.app_context():
            return db.session.scalar(select(func.count()).select_from(SaleLine)) or 0

    def told(self) -> list[str]:
        with self.app.app_context():
            return list(db.session.scalars(select(Notice.kind).order_by(Notice.id)))

    def deeds(self) -> list[str]:
        with self.app.app_context():
            return list(
                db.session.scalars(
                    select(AuditEntry.deed)
                    .where(AuditEntry.subject_type == "import_job")
                    .order_by(AuditEntry.id)
                )
            )

    def folders(self) -> list[str]:
        return [path.name for folder in folders(self.instance) for path in sorted(folder.path.iterdir())]


@pytest.fixture
def office(committed_app: Flask) -> Office:
    return Office(committed_app)


def test_a_file_is_taken_in_once_and_told(office: Office) -> None:
    number = office.upload()
    assert office.run() == 1
    assert office.run() == 0
    job = office.job(number)
    assert (job.state, job.rows, job.created) == (ImportState.DONE, ROWS, ROWS)
    assert job.read_bytes == job.size
    assert office.lines() == ROWS
    with office.app.app_context():
        (batch,) = db.session.scalars(select(ImportBatch).where(ImportBatch.filename == "销售.csv")).all()
        assert (batch.id, batch.by_id, batch.rows) == (job.batch_id, office.city.user_id, ROWS)
    assert office.told() == ["import_done"]
    assert office.deeds() == ["request_import", "finish_import"]
    assert list(folders(office.instance)) == []


def test_nothing_begins_before_its_hour(office: Office, clock_at: Callable[[datetime], None]) -> None:
    number = office.upload(after=timedelta(hours=3))
    assert office.run() == 0
    clock_at(clock.now() + timedelta(hours=4))
    assert office.run() == 1
    assert office.job(number).state is ImportState.DONE


def test_two_runners_at_once_make_one_run(office: Office) -> None:
    number = office.upload()
    start, claimed, failures = threading.Barrier(3), [], []

    def work(name: str) -> None:
        try:
            with office.app.app_context():
                start.wait(20)
                claimed.append(office.runner(name).run_waiting())
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in ("one", "two", "three")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failures
    assert sorted(claimed) == [0, 0, 1]
    assert (office.job(number).attempt, office.lines()) == (1, ROWS)
    assert office.told() == ["import_done"]


def test_a_refused_file_leaves_its_report_and_its_error_file(office: Office) -> None:
    rows = [sale(number) for number in range(ROWS)]
    rows[7] = sale(7, amount="x")
    rows[60] = sale(60, item_code="LY999")
    number = office.upload(rows)
    office.run()
    job = office.job(number)
    assert (job.state, job.rows, job.problems, job.rejected) == (ImportState.REFUSED, ROWS, 2, 2)
    assert [(told["row"], told["column"], told["value"]) for told in job.report] == [
        (9, "amount", "x"),
        (62, "item_code", "LY999"),
    ]
    assert job.report[0]["text"]["zh_CN"] != job.report[0]["text"]["en"]
    assert office.lines() == 0
    assert office.folders() == ["errors.csv", "errors.xlsx"]
    with (
        ImportFolder(office.instance, job.token).errors("csv").open(encoding="utf-8-sig", newline="") as file
    ):
        assert [line["sale_no"] for line in csv.DictReader(file)] == ["S000007", "S000060"]
    assert office.told() == ["import_refused"]
    assert office.deeds() == ["request_import", "refuse_import"]


def test_an_error_file_goes_after_a_month(office: Office, clock_at: Callable[[datetime], None]) -> None:
    office.upload([sale(1, amount="x")])
    office.run()
    assert office.folders()
    clock_at(clock.now() + timedelta(days=31))
    office.run()
    assert list(folders(office.instance)) == []


def test_headings_alone_are_done_without_a_batch(office: Office) -> None:
    number = office.upload([])
    office.run()
    job = office.job(number)
    assert (job.state, job.batch_id, job.rows) == (ImportState.DONE, None, 0)


def test_nothing_is_stored_for_somebody_who_may_import_no_more(office: Office) -> None:
    number = office.upload()
    with office.app.app_context():
        accounts.close_account(office.city.user_id or 0, by=SYSTEM, at=clock.now())
    office.run()
    job = office.job(number)
    assert (job.state, office.lines()) == (ImportState.REFUSED, 0)
    assert office.city.name in job.report[0]["text"]["zh_CN"]
    assert list(folders(office.instance)) == []


def test_a_file_that_is_gone_is_said(office: Office) -> None:
    number = office.upload()
    ImportFolder(office.instance, office.job(number).token).remove()
    office.run()
    job = office.job(number)
    assert job.state is ImportState.REFUSED
    assert "重新上传" in job.report[0]["text"]["zh_CN"]


def test_progress_rises(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    # Long enough to be read in several pieces.
    monkeypatch.setattr(staging_module, "BLOCK", 500)
    monkeypatch.setattr(staging_module, "PART", 2_000)
    number = office.upload([sale(row) for row in range(6_000)])
    seen: list[tuple[int, int]] = []
    lives: list[tuple[bool, float]] = []
    note, attempt_in_work = deeds.note_reading, background.questions.attempt_in_work

    def noting(claim: Claim, rows: int, read_bytes: int, **more: Any) -> None:
        note(claim, rows, read_bytes, **more)
        found = db.session.get(ImportJob, number)
        assert found is not None
        seen.append((found.rows, found.read_bytes))

    def asked(job_id: int) -> int | None:
        life = ImportFolder(office.instance, token).life()
        assert life is not None
        lives.append((life.storing, life.share))
        return attempt_in_work(job_id)

    token = office.job(number).token
    monkeypatch.setattr(deeds, "note_reading", noting)
    monkeypatch.setattr(background.questions, "attempt_in_work", asked)
    office.run()
    assert len(seen) >= 5
    assert seen == sorted(seen)
    assert 0 < seen[0][0] < seen[-1][0] <= 6_000
    assert 0 < seen[0][1] < seen[-1][1] <= office.job(number).size
    assert lives
    assert all(storing for storing, _ in lives)


def stop_when(monkeypatch: pytest.MonkeyPatch, phase: Phase, do: Callable[[], object]) -> None:
    """Do something in the middle of a phase of the next import."""
    take_in = LongFile.take_in

    def taking(self: LongFile, **how: Any) -> Any:
        progress, done = how["progress"], []

        def interrupted(now: Phase, share: float, rows: int) -> None:
            if now is phase and share >= 0.4 and not done:
                done.append(do())
            progress(now, share, rows)

        return take_in(self, **(how | {"progress": interrupted}))

    monkeypatch.setattr(LongFile, "take_in", taking)


def test_a_cancelled_file_leaves_nothing(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = office.upload(after=timedelta(hours=3))
    with office.app.app_context():
        deeds.cancel_import(waiting, by=office.city, at=clock.now())
    read = office.upload()

    def cancel() -> None:
        def cancelling() -> None:
            with office.app.app_context():
                deeds.cancel_import(read, by=office.city, at=clock.now())

        other = threading.Thread(target=cancelling)
        other.start()
        other.join(20)

    stop_when(monkeypatch, Phase.READING, cancel)
    office.run()
    for number in (waiting, read):
        job = office.job(number)
        assert (job.state, job.cancelled_by) == (ImportState.CANCELLED, office.city.name)
    assert office.lines() == 0
    assert list(folders(office.instance)) == []
    assert office.told() == []
    with office.app.app_context(), pytest.raises(MovedOn):
        deeds.cancel_import(read, by=office.city, at=clock.now())


def test_a_file_cancelled_while_it_is_stored_is_not_stored(
    office: Office, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if database == "sqlite":
        # Nobody else can write there while a file is stored; the page offers it before and after only.
        assert IMPORT.is_possible(Step.CANCEL, ImportState.READING)
        return
    number = office.upload()

    def cancel() -> None:
        def cancelling() -> None:
            with office.app.app_context():
                deeds.cancel_import(number, by=office.city, at=clock.now())

        other = threading.Thread(target=cancelling)
        other.start()
        other.join(20)

    stop_when(monkeypatch, Phase.STORING, cancel)
    office.run()
    assert (office.job(number).state, office.lines()) == (ImportState.CANCELLED, 0)
    assert list(folders(office.instance)) == []


def test_a_process_that_is_ended_gives_its_file_back(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    number = office.upload()
    runner = office.runner()
    with monkeypatch.context() as patch:
        stop_when(patch, Phase.STORING, runner.stop.set)
        with office.app.app_context():
            runner.run_waiting()
    job = office.job(number)
    assert (job.state, job.failures, office.lines()) == (ImportState.WAITING, 0, 0)
    office.run("two")
    assert (office.job(number).state, office.lines()) == (ImportState.DONE, ROWS)


def test_after_three_errors_a_person_has_to_look_and_can_let_it_go_on(
    office: Office, monkeypatch: pytest.MonkeyPatch, clock_at: Callable[[datetime], None]
) -> None:
    number, at = office.upload(), clock.now()

    def broken() -> None:
        raise OSError("the disk is full")

    with monkeypatch.context() as patch:
        stop_when(patch, Phase.READING, broken)
        for minute in range(2, 12, 2):
            clock_at(at + timedelta(minutes=minute))
            office.run()
    job = office.job(number)
    assert (job.state, job.failures, job.attempt) == (ImportState.FAILED, 3, 3)
    assert "the disk is full" in job.error
    assert office.told() == ["import_failed"]
    with office.app.app_context():
        deeds.retry_import(number, by=office.city, at=clock.now())
    office.run()
    assert (office.job(number).state, office.lines()) == (ImportState.DONE, ROWS)
    assert office.deeds() == ["request_import", "fail_import", "retry_import", "finish_import"]


def test_what_an_overtaken_process_says_is_refused(
    office: Office, monkeypatch: pytest.MonkeyPatch, clock_at: Callable[[datetime], None]
) -> None:
    """Somebody took it for dead and stored the file; what it stores itself must not come on top."""
    number, at = office.upload(), clock.now()
    claims: list[Claim] = []

    def overtake() -> None:
        def overtaking() -> None:
            with office.app.app_context():
                later = at + timedelta(minutes=30)
                job = deeds.claim_import("two", by=SYSTEM, at=later)
                assert job is not None
                claims.append(Claim(job.id, job.attempt))
                db.session.remove()

        other = threading.Thread(target=overtaking)
        other.start()
        other.join(20)

    stop_when(monkeypatch, Phase.READING, overtake)
    office.run()
    job = office.job(number)
    assert (job.state, job.attempt, job.worker) == (ImportState.READING, 2, "two")
    assert claims == [Claim(number, 2)]
    assert office.lines() == 0
    assert ImportFolder(office.instance, job.token).source.exists()


KILLED = """
import os, signal, sys
from clinic_orders.app import create_app
from clinic_orders.exchange import background, staging
from clinic_orders.exchange.background import Runner
from clinic_orders.exchange.long_files import LongFile, Phase

staging.BLOCK, staging.PART = 10, 20
app = create_app()
take_in = LongFile.take_in

def taking(self, **how):
    told = how["progress"]
    def progress(phase, share, rows):
        told(phase, share, rows)
        if phase.value == sys.argv[1] and share >= 0.4:
            os.kill(os.getpid(), signal.SIGKILL)
    return take_in(self, **(how | {"progress": progress}))

LongFile.take_in = taking
with app.app_context():
    Runner(app.extensions["settings"].instance, "killed", app.extensions["say_in"]).run_waiting()
"""


def killed_in(office: Office, database: str, phase: Phase) -> int:
    """How a process ended that was killed in the middle of a phase."""
    environment = os.environ | {
        "CLINIC_ORDERS_DATABASE_URL": database,
        "CLINIC_ORDERS_INSTANCE": str(office.instance),
        "CLINIC_ORDERS_SECRET_KEY": "tests only",
    }
    return subprocess.run(
        [sys.executable, "-c", KILLED, phase.value],
        env=environment,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        check=False,
        timeout=120,
    ).returncode


@pytest.mark.parametrize("phase", list(Phase), ids=str)
def test_a_killed_process_is_taken_over_and_the_file_is_stored_once(
    office: Office, committed_db: str, phase: Phase, clock_at: Callable[[datetime], None]
) -> None:
    number = office.upload()
    assert killed_in(office, committed_db, phase) == -signal.SIGKILL
    job = office.job(number)
    assert (job.state.value, job.worker, office.lines()) == (phase.value, "killed", 0)
    # It showed its life a moment ago, so nobody takes the file yet.
    assert office.run("two") == 0
    clock_at(clock.now() + timedelta(minutes=3))
    assert office.run("two") == 1
    job = office.job(number)
    assert (job.state, job.attempt, job.failures) == (ImportState.DONE, 2, 1)
    assert office.lines() == ROWS
    assert office.told() == ["import_done"]
    assert list(folders(office.instance)) == []


def test_the_folder_of_a_file_is_for_its_owner_alone(office: Office) -> None:
    folder = ImportFolder(office.instance, office.job(office.upload()).token)
    assert folder.path.stat().st_mode & 0o777 == 0o700
    assert folder.source.stat().st_mode & 0o777 == 0o600


def test_every_end_is_an_end(database: str) -> None:
    for state in (ImportState.DONE, ImportState.REFUSED, ImportState.CANCELLED):
        assert [step for step, before in IMPORT.steps if before is state] == []
        with pytest.raises(MovedOn):
            IMPORT.after(Step.CANCEL, state)
