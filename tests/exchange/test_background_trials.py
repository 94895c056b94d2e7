"""Trials of long files: what they show, what they leave, and that storing afterwards reads nothing again."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select

from clinic_orders import clock
from clinic_orders.actions import import_jobs as deeds
from clinic_orders.exchange import staging as staging_module
from clinic_orders.exchange.differences import Differences
from clinic_orders.exchange.import_folders import ImportFolder, folders
from clinic_orders.exchange.long_files import Phase
from clinic_orders.models.base import db
from clinic_orders.models.exchange import BatchRecord, ImportBatch
from clinic_orders.models.import_jobs import ImportJob
from clinic_orders.queries.batches import kept_form
from clinic_orders.rules.background import MovedOn
from clinic_orders.rules.import_jobs import DIFFERENCES_KEPT, TRIED_KEPT, ImportState
from clinic_orders.rules.parties import SYSTEM
from tests.exchange.test_background import ROWS, Office, killed_in, office, small_parts
from tests.exchange.test_long_files import sale

pytestmark = pytest.mark.both_databases
__all__ = ["office", "small_parts"]


def left(office: Office) -> tuple[int, int, int]:
    """Lines of sales, batches of this file and what batches did to records."""
    with office.app.app_context():
        batches = select(func.count()).select_from(ImportBatch).where(ImportBatch.kind == "sales")
        kept = select(func.count()).select_from(BatchRecord)
        return office.lines(), db.session.scalar(batches) or 0, db.session.scalar(kept) or 0


def differences(office: Office, number: int) -> list[dict[str, object]]:
    with office.app.app_context():
        job = db.session.get(ImportJob, number)
        assert job is not None
        return job.differences


def all_differences(office: Office, number: int) -> list[dict[str, object]]:
    folder = ImportFolder(office.instance, office.job(number).token)
    return [kept_form(one) for one in Differences(folder.differences).rows()]


def reading_is_forbidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is read is kept in blocks; a block more would be a second reading."""

    def keep(_self: object, block: list[object], _reading: object) -> None:
        assert not block, "what was read is read again"

    monkeypatch.setattr(staging_module.Staging, "_keep", keep)


def test_a_trial_shows_what_would_change_and_stores_nothing(office: Office) -> None:
    office.upload([sale(number) for number in range(ROWS)])
    office.run()
    before = left(office)
    rows = [sale(number) for number in range(ROWS + 30)]
    rows[5] = sale(5, amount="7.25")
    number = office.upload(rows, trial=True)
    assert office.run() == 1
    assert office.run() == 0
    job = office.job(number)
    assert (job.state, job.rows, job.batch_id, job.ended_at) == (ImportState.TRIED, ROWS + 30, None, None)
    assert (job.created, job.updated, job.unchanged) == (30, 1, ROWS - 1)
    assert left(office) == before
    shown = differences(office, number)
    assert (job.differences_count, len(shown)) == (31, DIFFERENCES_KEPT)
    shown = all_differences(office, number)
    assert len(shown) == 31
    (changed,) = [record for record in shown if record["change"] == "changed"]
    assert changed["before"] == {"amount": "3.5"}
    assert changed["after"] == {"amount": "7.25"}
    assert office.told() == ["import_done", "import_tried"]
    assert office.deeds()[-2:] == ["request_import", "finish_trial"]


def test_storing_after_a_trial_stores_just_that_and_reads_nothing_again(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = office.upload(trial=True)
    office.run()
    tried = office.job(number)
    office.store_tried(number)
    reading_is_forbidden(monkeypatch)
    assert office.run() == 1
    job = office.job(number)
    assert (job.state, job.trial) == (ImportState.DONE, False)
    assert (job.created, job.updated, job.unchanged) == (tried.created, tried.updated, tried.unchanged)
    assert (office.lines(), job.rows) == (ROWS, ROWS)
    with office.app.app_context():
        (batch,) = db.session.scalars(select(ImportBatch).where(ImportBatch.kind == "sales")).all()
        assert (batch.id, batch.by_id) == (job.batch_id, office.city.user_id)
    assert differences(office, number) == []
    assert office.told() == ["import_tried", "import_done"]
    assert office.deeds() == ["request_import", "finish_trial", "store_tried_import", "finish_import"]
    assert list(folders(office.instance)) == []


def test_the_first_differences_are_kept_and_all_are_counted(office: Office) -> None:
    many = DIFFERENCES_KEPT + 60
    number = office.upload([sale(row) for row in range(many)], trial=True)
    office.run()
    assert len(differences(office, number)) == DIFFERENCES_KEPT
    assert office.job(number).differences_count == many
    assert len(all_differences(office, number)) == many
    kept = Differences(ImportFolder(office.instance, office.job(number).token).differences)
    assert kept.path.stat().st_mode & 0o777 == 0o600
    names = [one.name for one in kept.rows(sort="-name", limit=2)]
    assert names == sorted((one.name for one in kept.rows()), reverse=True)[:2]
    assert [one.name for one in kept.rows(names[0])] == [names[0]]
    assert (kept.count(names[0]), kept.count("", "created"), kept.count("", "removed")) == (1, many, 0)
    assert len(list(kept.rows(offset=many - 3, limit=50))) == 3


def test_a_refused_trial_ends_as_any_refused_file(office: Office) -> None:
    number = office.upload([*(sale(row) for row in range(40)), sale(40, item_code="LY999")], trial=True)
    office.run()
    job = office.job(number)
    assert (job.state, job.problems, job.rejected) == (ImportState.REFUSED, 1, 1)
    assert (office.lines(), differences(office, number)) == (0, [])
    assert office.folders() == ["errors.csv", "errors.xlsx"]
    assert office.told() == ["import_refused"]


def test_a_trial_of_headings_alone_is_done(office: Office) -> None:
    number = office.upload([], trial=True)
    office.run()
    assert office.job(number).state is ImportState.DONE


@pytest.mark.parametrize("phase", list(Phase), ids=str)
def test_a_trial_that_was_killed_goes_on_as_a_trial(
    office: Office, committed_db: str, phase: Phase, clock_at: Callable[[datetime], None]
) -> None:
    number = office.upload(trial=True)
    assert killed_in(office, committed_db, phase) == -signal.SIGKILL
    assert (office.job(number).state.value, office.lines()) == (phase.value, 0)
    clock_at(clock.now() + timedelta(minutes=3))
    assert office.run("two") == 1
    job = office.job(number)
    assert (job.state, job.attempt, job.created, office.lines()) == (ImportState.TRIED, 2, ROWS, 0)


def test_a_tried_file_whose_storing_was_killed_is_stored_once(
    office: Office, committed_db: str, clock_at: Callable[[datetime], None]
) -> None:
    number = office.upload(trial=True)
    office.run()
    office.store_tried(number)
    assert killed_in(office, committed_db, Phase.STORING) == -signal.SIGKILL
    assert (office.job(number).state, office.lines()) == (ImportState.STORING, 0)
    clock_at(clock.now() + timedelta(minutes=3))
    office.run("two")
    assert (office.job(number).state, office.lines()) == (ImportState.DONE, ROWS)


def test_two_who_decide_at_once_decide_once(office: Office) -> None:
    number = office.upload(trial=True)
    office.run()
    start, said = threading.Barrier(2), []

    def decide(deed: Callable[[], object]) -> None:
        with office.app.app_context():
            start.wait(20)
            try:
                deed()
            except MovedOn:
                said.append("moved on")
            else:
                said.append("done")
            finally:
                db.session.remove()

    at = clock.now()
    threads = [
        threading.Thread(target=decide, args=(deed,))
        for deed in (
            lambda: deeds.store_tried_import(number, run_after=at, by=office.city, at=at),
            lambda: deeds.drop_tried_import(number, by=SYSTEM, at=at + TRIED_KEPT),
        )
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(said) == ["done", "moved on"]
    assert office.job(number).state in {ImportState.WAITING, ImportState.CANCELLED}


def test_a_tried_file_that_nobody_stores_is_swept(
    office: Office, clock_at: Callable[[datetime], None]
) -> None:
    number, at = office.upload(trial=True), clock.now()
    office.run()
    clock_at(at + TRIED_KEPT - timedelta(hours=1))
    office.run()
    job = office.job(number)
    assert job.state is ImportState.TRIED
    assert ImportFolder(office.instance, job.token).staging.exists()
    clock_at(at + TRIED_KEPT + timedelta(hours=1))
    office.run()
    job = office.job(number)
    assert (job.state, job.cancelled_by, job.ended_at) == (ImportState.CANCELLED, "", clock.now())
    assert (office.lines(), differences(office, number)) == (0, [])
    assert list(folders(office.instance)) == []
    assert office.deeds()[-1] == "drop_tried_import"
    with pytest.raises(MovedOn):
        office.store_tried(number)
