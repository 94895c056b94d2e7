"""Long exports behind the scenes: a process claims one, writes its file row by row and says how far it is.

What was written before a crash is thrown away: another process makes the file anew. Until its end the file is a draft
of the attempt that writes it, so nobody ever fetches half of one.
"""

from __future__ import annotations

import logging
import os
import shutil
import threading
import traceback
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self

from flask import Flask, current_app

from clinic_orders import clock
from clinic_orders.actions import export_jobs as deeds
from clinic_orders.actions.background import Claim
from clinic_orders.actions.transaction import end_reading
from clinic_orders.exchange.exporting import export_file, refuse_beyond_sheet
from clinic_orders.exchange.writing import TooMuchForSheet
from clinic_orders.models.base import db, reading_only
from clinic_orders.models.export_jobs import ExportJob
from clinic_orders.queries import background
from clinic_orders.queries import export_jobs as questions
from clinic_orders.queries.file_counts import count_rows
from clinic_orders.rules.background import MovedOn
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.export_jobs import KEPT, ExportRefusal, ExportState
from clinic_orders.rules.parties import SYSTEM, Actor

log = logging.getLogger(__name__)

FOLDER: Final = "exports"
# Seconds between two words to the database of how far a file is.
_BEAT: Final = 2.0


def file_of(instance: Path, job: ExportJob) -> Path:
    """Where the file of an export lies when it is made."""
    return instance / FOLDER / job.token / f"{job.attempt}.{job.form}"


class _Stopped(Exception):
    """The process is being ended; another one makes the file."""


class _Beat(threading.Thread):
    """Says in the database how far the file is, in a session of its own: the writer's is reading all the while."""

    def __init__(self, app: Flask, claim: Claim) -> None:
        super().__init__(daemon=True, name="export-life")
        self._app, self._claim = app, claim
        self._over = threading.Event()
        self.rows, self.moved_on = 0, False

    def run(self) -> None:
        """Say so again and again."""
        while not self._over.wait(_BEAT):
            with self._app.app_context():
                try:
                    deeds.note_written(self._claim, self.rows, by=SYSTEM, at=clock.now())
                except MovedOn:
                    self.moved_on = True
                    return
                except Exception:
                    # On SQLite nobody can write while a long file is stored; the next word may get through.
                    log.warning("export %d could not say how far it is", self._claim.number, exc_info=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self.join()


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What an export is to hold, apart from its row, which others write to."""

    kind: str
    form: str
    by: Actor
    on: date


@dataclass(slots=True)
class ExportMaker:
    """Makes long exports, one after the other.

    Attributes:
        instance: the instance folder.
        worker: which process this is.
        stop: set when the process is to end; the export at hand is given back.

    """

    instance: Path
    worker: str
    stop: threading.Event = field(default_factory=threading.Event)

    def run_waiting(self) -> int:
        """Make every export whose turn it is; how many were claimed here."""
        claimed = 0
        while not self.stop.is_set() and (job := self._claim()) is not None:
            claimed += 1
            self._run(job)
        self._sweep()
        return claimed

    def _claim(self) -> ExportJob | None:
        """Look first, so that an office without long exports is never kept from writing."""
        at = clock.now()
        with reading_only():
            waits = background.any_to_claim(ExportJob, at)
            end_reading()
        return deeds.claim_export(self.worker, by=SYSTEM, at=at) if waits else None

    def _run(self, job: ExportJob) -> None:
        claim, folder = Claim(job.id, job.attempt), self.instance / FOLDER / job.token
        log.info("export %d is claimed by %s, attempt %d", job.id, self.worker, job.attempt)
        # The row may be another process's by the end; these are the names of this attempt.
        draft, made = folder / f"draft.{claim.attempt}", file_of(self.instance, job)
        try:
            wanted = self._wanted(job)
            if wanted is None:
                deeds.refuse_export(claim, ExportRefusal.NOT_ALLOWED, by=SYSTEM, at=clock.now())
                return
            rows = self._write(claim, wanted, draft)
            draft.replace(made)
            deeds.finish_export(claim, rows, made.stat().st_size, by=SYSTEM, at=clock.now())
            _keep_only(made)
        except TooMuchForSheet:
            db.session.rollback()
            with suppress(MovedOn):
                deeds.refuse_export(claim, ExportRefusal.TOO_MUCH, by=SYSTEM, at=clock.now())
        except MovedOn:
            db.session.rollback()
            log.info("export %d has moved on", claim.number)
            made.unlink(missing_ok=True)
        except _Stopped:
            db.session.rollback()
            with suppress(MovedOn):
                deeds.release_export(claim, by=SYSTEM, at=clock.now())
        except Exception:
            db.session.rollback()
            log.exception("export %d broke off", claim.number)
            with suppress(MovedOn):
                deeds.release_export(claim, traceback.format_exc(), by=SYSTEM, at=clock.now())
        finally:
            draft.unlink(missing_ok=True)
            db.session.remove()

    def _wanted(self, job: ExportJob) -> _Wanted | None:
        """What is to be written with whose rights; None if whoever asked may not export any more."""
        with reading_only():
            by = questions.exporter_of(job, day_in_china(clock.now()))
            on = day_in_china(job.requested_at)
            wanted = None if by is None else _Wanted(job.kind, job.form, by, on)
            end_reading()
        return wanted

    def _write(self, claim: Claim, wanted: _Wanted, draft: Path) -> int:
        """Write the draft; how many rows it has."""
        draft.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
        with _Beat(app, claim) as beat, _private(draft) as out, reading_only():

            def progress(rows: int) -> None:
                beat.rows = rows
                if beat.moved_on:
                    raise MovedOn
                if self.stop.is_set():
                    raise _Stopped

            refuse_beyond_sheet(wanted.form, count_rows(wanted.kind, wanted.by, wanted.on))
            rows = export_file(
                wanted.kind,
                wanted.form,
                out,
                by=wanted.by,
                on=wanted.on,
                progress=progress,
                scratch=draft.parent,
            )
            end_reading()
        return rows

    def _sweep(self) -> None:
        """Take away the files of exports that ended some days ago, and what those have left that came to nothing."""
        root = self.instance / FOLDER
        tokens = [path.name for path in root.iterdir()] if root.is_dir() else []
        if not tokens:
            return
        at = clock.now()
        with reading_only():
            known = background.ends_by_token(ExportJob, tokens)
            end_reading()
        for token in tokens:
            state, ended_at = known.get(token, (ExportState.CANCELLED, at))
            if ended_at is not None and (state is not ExportState.DONE or ended_at < at - KEPT):
                shutil.rmtree(root / token, ignore_errors=True)


def _private(path: Path) -> BinaryIO:
    """A new file that nobody else can read, not even between its making and its first byte."""
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), "w+b")


def _keep_only(file: Path) -> None:
    """Take away what attempts before have left beside a file."""
    for path in file.parent.iterdir():
        if path != file:
            path.unlink(missing_ok=True)
