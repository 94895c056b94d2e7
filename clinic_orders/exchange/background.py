"""Long files behind the scenes: a process claims a file, takes it in and says how far it is; another one can go on.

What was read before a crash need not be read again, what was stored before it is gone with its transaction, and the
import ends in the very transaction that stores its rows (decision 0018).
"""

from __future__ import annotations

import logging
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from clinic_orders import clock
from clinic_orders.actions import import_jobs as deeds
from clinic_orders.actions.background import Claim
from clinic_orders.actions.import_jobs import Told, Tried
from clinic_orders.actions.transaction import end_reading
from clinic_orders.exchange.differences import Differences
from clinic_orders.exchange.exporting import CSV, XLSX
from clinic_orders.exchange.import_folders import ImportFolder, Life, folders
from clinic_orders.exchange.importing import Report
from clinic_orders.exchange.long_files import LongFile, Phase
from clinic_orders.exchange.reading import Problem
from clinic_orders.exchange.writing import TooMuchForSheet, write_error_csv, write_error_xlsx
from clinic_orders.models.base import db, reading_only
from clinic_orders.models.exchange import ImportBatch
from clinic_orders.models.import_jobs import ImportJob
from clinic_orders.queries import background as works
from clinic_orders.queries import batches as trials
from clinic_orders.queries import import_jobs as questions
from clinic_orders.queries.batches import ShownRecord
from clinic_orders.rules.background import SILENT_AFTER, MovedOn
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.errors import RuleBroken
from clinic_orders.rules.import_jobs import (
    DIFFERENCES_KEPT,
    ERRORS_KEPT,
    IMPORT,
    TRIED_KEPT,
    ImporterGone,
    ImportFileGone,
    ImportState,
)
from clinic_orders.rules.parties import SYSTEM, Actor

log = logging.getLogger(__name__)

LANGUAGES: Final = ("zh_CN", "en")
# So many problems stand on the page; all of them stand in the error file.
SHOWN: Final = 100
# Seconds between two words to the database, and between two signs of life beside it.
_PAUSE: Final = 2.0
_BEAT: Final = 2.0
# A folder without an import is one whose upload was broken off, unless it is being made just now.
_STRAY: Final = timedelta(days=1)

# A refusal in the words of a language.
Say = Callable[[RuleBroken, str], str]


def _nothing() -> None:
    """Leave a folder as it is."""


class _Stopped(Exception):
    """The process is being ended; another one goes on."""


class _Beat(threading.Thread):
    """Shows beside the database that the process lives, whatever it waits for."""

    def __init__(self, folder: ImportFolder, attempt: int) -> None:
        super().__init__(daemon=True, name="import-life")
        self._folder, self._attempt = folder, attempt
        self._over = threading.Event()
        self.storing, self.share, self.rows = False, 0.0, 0

    def run(self) -> None:
        """Say so again and again."""
        while True:
            self.say()
            if self._over.wait(_BEAT):
                return

    def say(self) -> None:
        """Say it once."""
        self._folder.say(Life(self._attempt, self.storing, self.share, self.rows, clock.now()))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self.join()


@dataclass(slots=True)
class _Differences:
    """What a trial would do to the records: all of it in a file, the first of them, and how many there are."""

    path: Path
    first: list[ShownRecord] = field(default_factory=list)
    count: int = 0

    def look(self, batch_id: int) -> None:
        """Take it down while it stands; the trial takes it back afterwards."""
        kept = Differences(self.path)
        self.count = kept.keep(trials.records(batch_id))
        self.first = list(kept.rows(limit=DIFFERENCES_KEPT))


@dataclass(slots=True)
class Runner:
    """Takes long files in, one after the other.

    Attributes:
        instance: the instance folder.
        worker: which process this is.
        say: a refusal in the words of a language.
        stop: set when the process is to end; the file at hand is given back.

    """

    instance: Path
    worker: str
    say: Say
    stop: threading.Event = field(default_factory=threading.Event)

    def run_waiting(self) -> int:
        """Take in every file whose turn it is; how many were claimed here."""
        claimed = 0
        while not self.stop.is_set() and (job := self._claim()) is not None:
            claimed += 1
            self._run(job)
        self._drop_tried()
        self._sweep()
        return claimed

    def _claim(self) -> ImportJob | None:
        """Look first, so that an office without long files is never kept from writing."""
        at = clock.now()
        with reading_only():
            found = questions.claimable(at)
            end_reading()
        alive = {
            number for number, token, state in found if state in IMPORT.running and self._lives(token, at)
        }
        if len(alive) == len(found):
            return None
        return deeds.claim_import(self.worker, alive=alive, by=SYSTEM, at=at)

    def _lives(self, token: str, at: datetime) -> bool:
        life = ImportFolder(self.instance, token).life()
        return life is not None and life.at >= at - SILENT_AFTER

    def _run(self, job: ImportJob) -> None:
        claim, folder = Claim(job.id, job.attempt), ImportFolder(self.instance, job.token)
        log.info("import %d is claimed by %s, attempt %d", job.id, self.worker, job.attempt)
        try:
            with _Beat(folder, job.attempt) as beat:
                clear_up = self._take_in(job, claim, folder, beat)
            clear_up()
        except MovedOn:
            self._leave(folder, job.id)
        except _Stopped:
            with suppress(MovedOn):
                deeds.release_import(claim, by=SYSTEM, at=clock.now())
        except Exception:
            db.session.rollback()
            log.exception("import %d broke off", job.id)
            try:
                deeds.release_import(claim, traceback.format_exc(), by=SYSTEM, at=clock.now())
            except MovedOn:
                # The folder of a cancelled import goes at once, which is no fault of the file's.
                self._leave(folder, job.id)
        finally:
            db.session.remove()

    def _take_in(self, job: ImportJob, claim: Claim, folder: ImportFolder, beat: _Beat) -> Callable[[], None]:
        """Take a file in; what is to be done with its folder when nobody writes into it any more."""
        at = clock.now()
        number, kind, filename, size, trial = job.id, job.kind, job.filename, job.size, job.trial
        by, language = self._importer(job, at)
        if by is None:
            return self._refuse_whole(claim, folder, ImporterGone(name=job.by_name))
        if not folder.source.is_file():
            return self._refuse_whole(claim, folder, ImportFileGone())
        said = 0.0

        def progress(phase: Phase, share: float, rows: int) -> None:
            nonlocal said
            if self.stop.is_set():
                raise _Stopped
            begins = phase is Phase.STORING and not beat.storing
            beat.storing, beat.share = phase is Phase.STORING, share
            if begins:
                deeds.begin_storing(claim, beat.rows, by=SYSTEM, at=clock.now())
                beat.say()
            elif phase is Phase.STORING:
                # Inside the transaction of the rows: another one's word that it was cancelled is heard here.
                if questions.attempt_in_work(number) != claim.attempt:
                    raise MovedOn
            elif time.monotonic() - said >= _PAUSE:
                deeds.note_reading(claim, rows, round(size * share), by=SYSTEM, at=clock.now())
                said = time.monotonic()
            beat.rows = rows

        def stored_too(batch: ImportBatch) -> None:
            deeds.finish_import(claim, batch, by=SYSTEM, at=clock.now())

        work = LongFile(kind, folder.source, filename, folder.staging)
        seen = _Differences(folder.differences)
        report = work.take_in(
            dry_run=trial, look=seen.look, by=by, at=at, progress=progress, stored_too=stored_too
        )
        if report.errors:
            return self._refuse(claim, folder, report, language)
        if trial and report.rows:
            self._finish_trial(claim, report, seen)
            # The file and its rows are kept for whoever has it stored.
            return _nothing
        if report.stored.batch_id is None:
            deeds.finish_import(claim, None, by=SYSTEM, at=clock.now())
        elif report.warnings:
            told = Told(problems=len(report.warnings), first=self._first(report.warnings))
            deeds.note_warnings(number, told, by=SYSTEM, at=clock.now())
        return folder.remove

    def _finish_trial(self, claim: Claim, report: Report, seen: _Differences) -> None:
        told = Told(report.rows, len(report.warnings), first=self._first(report.warnings))
        stored = report.stored
        tried = Tried(
            stored.created,
            stored.updated,
            stored.unchanged,
            seen.count,
            [trials.kept_form(record) for record in seen.first],
        )
        deeds.finish_trial(claim, told, tried, by=SYSTEM, at=clock.now())

    def _importer(self, job: ImportJob, at: datetime) -> tuple[Actor | None, str]:
        """In whose name the rows are stored, and in which language the error file speaks."""
        if job.by_id is None:
            return SYSTEM, LANGUAGES[0]
        with reading_only():
            found = questions.importer_of(job.by_id, day_in_china(at))
            end_reading()
        return (None, LANGUAGES[0]) if found is None else (found.actor, found.language)

    def _refuse_whole(self, claim: Claim, folder: ImportFolder, refusal: RuleBroken) -> Callable[[], None]:
        told = Told(problems=1, first=self._first([Problem(None, None, "", refusal)]))
        deeds.refuse_import(claim, told, by=SYSTEM, at=clock.now())
        return folder.remove

    def _refuse(
        self, claim: Claim, folder: ImportFolder, report: Report, language: str
    ) -> Callable[[], None]:
        assert report.reading is not None
        with folder.errors(CSV).open("wb") as out:
            refused = write_error_csv(report.reading, out, lambda refusal: self.say(refusal, language))
        if refused:
            with suppress(TooMuchForSheet), folder.errors(XLSX).open("w+b") as out:
                write_error_xlsx(report.reading, out, lambda refusal: self.say(refusal, language))
        else:
            folder.errors(CSV).unlink()
        told = Told(report.rows, len(report.errors), report.rejected, self._first(report.errors))
        deeds.refuse_import(claim, told, by=SYSTEM, at=clock.now())
        return folder.keep_errors_only

    def _first(self, problems: Sequence[Problem]) -> list[dict[str, Any]]:
        return [
            {
                "row": problem.row,
                "column": problem.column,
                "value": problem.value,
                "text": {language: self.say(problem.refusal, language) for language in LANGUAGES},
            }
            for problem in problems[:SHOWN]
        ]

    @staticmethod
    def _leave(folder: ImportFolder, number: int) -> None:
        """Take away what a cancelled import has left; one that was taken over goes on with it."""
        db.session.rollback()
        with reading_only():
            state = works.ends_by_token(ImportJob, [folder.token]).get(folder.token, (None, None))[0]
            end_reading()
        log.info("import %d has moved on", number)
        if state is ImportState.CANCELLED:
            folder.remove()

    def _drop_tried(self) -> None:
        """Cancel the files that were tried and that nobody had stored for some days."""
        at = clock.now()
        with reading_only():
            found = questions.tried_until(at - TRIED_KEPT)
            end_reading()
        for number in found:
            # Somebody has decided in the last moment.
            with suppress(MovedOn):
                deeds.drop_tried_import(number, by=SYSTEM, at=at)

    def _sweep(self) -> None:
        """Take away the folders of imports that have ended, and strays; error files can be fetched for a while."""
        found = list(folders(self.instance))
        if not found:
            return
        at = clock.now()
        with reading_only():
            known = works.ends_by_token(ImportJob, [folder.token for folder in found])
            end_reading()
        for folder in found:
            if folder.token not in known:
                with suppress(FileNotFoundError):
                    if folder.path.stat().st_mtime < (at - _STRAY).timestamp():
                        folder.remove()
                continue
            state, ended_at = known[folder.token]
            if state in {ImportState.DONE, ImportState.CANCELLED} or (
                ended_at is not None and ended_at < at - ERRORS_KEPT
            ):
                folder.remove()
