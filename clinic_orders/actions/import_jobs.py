"""Take a long file in behind the scenes: ask for it, claim it, say how far it is, end it, cancel it, try it again.

A claim is a number of the row that rises with every process that takes the file: what a process says under an older
number, because it was cancelled or taken for dead, is refused, and with it everything it would have stored.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select

from clinic_orders.actions import audit
from clinic_orders.actions.notices import tell
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.exchange import ImportBatch
from clinic_orders.models.import_jobs import ImportJob
from clinic_orders.queries.import_jobs import to_claim
from clinic_orders.rules.import_jobs import (
    MOST_FAILURES,
    PAUSE,
    RUNNING,
    TRIED_KEPT,
    ImportMovedOn,
    ImportNotFound,
    ImportState,
    ImportStep,
    after,
)
from clinic_orders.rules.parties import Actor, Permission


@dataclass(frozen=True, slots=True)
class Claim:
    """That a process works on an import: its number and which attempt this is."""

    job_id: int
    attempt: int


@dataclass(frozen=True, slots=True)
class Told:
    """What is kept of a file's report.

    Attributes:
        rows: data rows read.
        problems: how many refusals, or warnings.
        rejected: how many rows were refused.
        first: the first of them, as plain values.

    """

    rows: int = 0
    problems: int = 0
    rejected: int = 0
    first: Sequence[dict[str, Any]] = field(default=())


@dataclass(frozen=True, slots=True)
class Tried:
    """What a trial would do.

    Attributes:
        created: how many records it would make.
        updated: how many it would change.
        unchanged: how many are as in the file.
        count: how many records differ.
        first: the first of them before and after, as plain values.

    """

    created: int
    updated: int
    unchanged: int
    count: int
    first: Sequence[dict[str, Any]]


@transactional
def request_import(
    kind: str,
    filename: str,
    token: str,
    size: int,
    *,
    run_after: datetime,
    trial: bool = False,
    by: Actor,
    at: datetime,
) -> ImportJob:
    """Ask that an uploaded file be taken in.

    Args:
        kind: as in formats.md.
        filename: what it is called.
        token: of its folder.
        size: in bytes.
        run_after: not before this instant.
        trial: only try it, and wait for somebody who has seen what it would do.
        by: in whose name it is stored.
        at: when.

    """
    by.need(Permission.FILES_IMPORT)
    job = ImportJob(
        kind=kind,
        filename=filename[-200:],
        token=token,
        size=size,
        state=ImportState.WAITING,
        by_id=by.user_id,
        by_name=by.name,
        requested_at=at,
        run_after=run_after,
        trial=trial,
        report=[],
    )
    db.session.add(job)
    db.session.flush()
    _write_down(
        "request_import",
        job,
        by=by,
        at=at,
        after={"kind": kind, "bytes": size, "run_after": run_after},
    )
    return job


@transactional
def claim_import(
    worker: str, *, alive: Collection[int] = (), only: int | None = None, by: Actor, at: datetime
) -> ImportJob | None:
    """Take the oldest import whose turn it is for this process; None if there is none.

    One whose process has died too often is ended as failed, and the next one is looked for.

    Args:
        worker: which process this is.
        alive: imports whose process lives, though it could not say so in the database.
        only: this one and no other.
        by: who.
        at: when.

    """
    by.need(Permission.FILES_IMPORT)
    statement = select(ImportJob).where(to_claim(at, alive)).order_by(ImportJob.id).limit(1)
    if only is not None:
        statement = statement.where(ImportJob.id == only)
    # A row that another process is just claiming is passed over; SQLite has one writer in any case.
    locked = statement.with_for_update(skip_locked=True).execution_options(populate_existing=True)
    while (job := db.session.scalars(locked).one_or_none()) is not None:
        if job.state in RUNNING:
            job.failures += 1
            if job.failures >= MOST_FAILURES:
                _give_up(job, "the process fell silent", by=by, at=at)
                db.session.flush()
                continue
        job.state = after(ImportStep.CLAIM, job.state)
        job.attempt += 1
        job.worker, job.heartbeat_at = worker[:64], at
        job.started_at = job.started_at or at
        db.session.flush()
        return job
    return None


@transactional
def note_reading(claim: Claim, rows: int, read_bytes: int, *, by: Actor, at: datetime) -> None:
    """Say how far a file was read, and that its process is alive.

    Raises:
        ImportMovedOn: the import is no longer this process's.

    """
    job = _claimed(claim, by)
    job.rows, job.heartbeat_at = rows, at
    job.read_bytes = min(max(read_bytes, job.read_bytes), job.size)


@transactional
def begin_storing(claim: Claim, rows: int, *, by: Actor, at: datetime) -> None:
    """Say that a file is read and is being stored from now on.

    Raises:
        ImportMovedOn: the import is no longer this process's.

    """
    job = _claimed(claim, by)
    job.state = after(ImportStep.STORE, job.state)
    job.rows, job.read_bytes, job.heartbeat_at = rows, job.size, at


@transactional
def finish_import(claim: Claim, batch: ImportBatch | None, *, by: Actor, at: datetime) -> None:
    """End an import well, in the transaction that stored its rows: both happen or neither.

    Args:
        claim: of the process that stores.
        batch: what was stored; None for a file with headings alone.
        by: who.
        at: when.

    Raises:
        ImportMovedOn: the import was cancelled or taken over, so nothing of it may be stored.

    """
    job = _claimed(claim, by)
    job.state = after(ImportStep.FINISH, job.state)
    job.ended_at = job.heartbeat_at = at
    job.read_bytes = job.size
    if batch is not None:
        job.batch_id, job.rows = batch.id, batch.rows
        job.created, job.updated, job.unchanged = batch.created, batch.updated, batch.unchanged
    counted = {"created": job.created, "updated": job.updated, "unchanged": job.unchanged}
    _write_down("finish_import", job, by=by, at=at, after={"rows": job.rows, **counted})
    _tell("import_done", job, at=at, **counted)


@transactional
def note_warnings(job_id: int, told: Told, *, by: Actor, at: datetime) -> None:
    """Keep what should be looked at in a file that was stored."""
    by.need(Permission.FILES_IMPORT)
    job = _locked(job_id)
    job.problems, job.report = told.problems, list(told.first)


@transactional
def finish_trial(claim: Claim, told: Told, tried: Tried, *, by: Actor, at: datetime) -> None:
    """End a trial in which nothing was wrong; what it did was taken back before.

    Raises:
        ImportMovedOn: the import is no longer this process's.

    """
    job = _claimed(claim, by)
    job.state = after(ImportStep.TRY, job.state)
    job.tried_at = job.heartbeat_at = at
    job.rows, job.read_bytes = told.rows, job.size
    job.problems, job.report = told.problems, list(told.first)
    job.created, job.updated, job.unchanged = tried.created, tried.updated, tried.unchanged
    job.differences, job.differences_count = list(tried.first), tried.count
    counted = {"created": job.created, "updated": job.updated, "unchanged": job.unchanged}
    _write_down("finish_trial", job, by=by, at=at, after={"rows": job.rows, **counted})
    _tell("import_tried", job, at=at, **counted)


@transactional
def store_tried_import(job_id: int, *, run_after: datetime, by: Actor, at: datetime) -> ImportJob:
    """Have a file stored that was tried; what was read of it is not read again.

    Args:
        job_id: which one.
        run_after: not before this instant.
        by: who decides so; it is stored in the name of who uploaded it.
        at: when.

    Raises:
        ImportNotFound: no such import.
        ImportMovedOn: it is not waiting for this decision (any more).

    """
    by.need(Permission.FILES_IMPORT)
    job = _locked(job_id)
    before = job.state
    job.state = after(ImportStep.STORE_TRIED, before)
    job.trial, job.failures, job.run_after = False, 0, run_after
    # What is to be looked at, and what changes, is found anew when it is stored.
    job.problems, job.report, job.differences = 0, [], []
    _write_down(
        "store_tried_import",
        job,
        by=by,
        at=at,
        before={"import_state": before.value},
        after={"import_state": job.state.value, "run_after": run_after},
    )
    return job


@transactional
def drop_tried_import(job_id: int, *, by: Actor, at: datetime) -> None:
    """Cancel a file that was tried and that nobody had stored for too long.

    Raises:
        ImportNotFound: no such import.
        ImportMovedOn: it is not waiting for a decision (any more), or not for so long.

    """
    by.need(Permission.FILES_IMPORT)
    job = _locked(job_id)
    if job.state is not ImportState.TRIED or job.tried_at is None or job.tried_at > at - TRIED_KEPT:
        raise ImportMovedOn
    before = job.state
    job.state = after(ImportStep.CANCEL, before)
    job.ended_at, job.differences = at, []
    _write_down(
        "drop_tried_import",
        job,
        by=by,
        at=at,
        before={"import_state": before.value},
        after={"import_state": job.state.value},
    )


@transactional
def refuse_import(claim: Claim, told: Told, *, by: Actor, at: datetime) -> None:
    """End an import of which nothing was stored, with what is to be put right.

    Raises:
        ImportMovedOn: the import is no longer this process's.

    """
    job = _claimed(claim, by)
    job.state = after(ImportStep.REFUSE, job.state)
    job.ended_at = job.heartbeat_at = at
    job.rows, job.problems, job.rejected = told.rows, told.problems, told.rejected
    job.report = list(told.first)
    _write_down("refuse_import", job, by=by, at=at, after={"rows": told.rows, "problems": told.problems})
    _tell("import_refused", job, at=at, problems=told.problems)


@transactional
def release_import(claim: Claim, error: str = "", *, by: Actor, at: datetime) -> ImportState:
    """Give an import back, to be gone on with by the next process; after too many errors it is ended as failed.

    Args:
        claim: of the process that stops.
        error: why it could not go on; "" where the process itself is being ended.
        by: who.
        at: when.

    Raises:
        ImportMovedOn: the import is no longer this process's.

    """
    job = _claimed(claim, by)
    job.heartbeat_at, job.error = at, error[-4000:]
    if error:
        job.failures += 1
        job.run_after = at + PAUSE
    if error and job.failures >= MOST_FAILURES:
        _give_up(job, error, by=by, at=at)
    else:
        job.state = after(ImportStep.RELEASE, job.state)
    return job.state


@transactional
def cancel_import(job_id: int, *, by: Actor, at: datetime) -> ImportJob:
    """Cancel an import; a process that is at work on it stores nothing.

    Raises:
        ImportNotFound: no such import.
        ImportMovedOn: it has ended already.

    """
    by.need(Permission.FILES_IMPORT)
    job = _locked(job_id)
    before = job.state
    job.state = after(ImportStep.CANCEL, before)
    job.ended_at, job.cancelled_by, job.differences = at, by.name, []
    _write_down(
        "cancel_import",
        job,
        by=by,
        at=at,
        before={"import_state": before.value},
        after={"import_state": job.state.value},
    )
    return job


@transactional
def retry_import(job_id: int, *, by: Actor, at: datetime) -> ImportJob:
    """Let an import that failed go on where it stopped.

    Raises:
        ImportNotFound: no such import.
        ImportMovedOn: it has not failed.

    """
    by.need(Permission.FILES_IMPORT)
    job = _locked(job_id)
    before = job.state
    job.state = after(ImportStep.RETRY, before)
    job.ended_at, job.failures, job.run_after = None, 0, at
    _write_down(
        "retry_import",
        job,
        by=by,
        at=at,
        before={"import_state": before.value},
        after={"import_state": job.state.value},
    )
    return job


def _give_up(job: ImportJob, error: str, *, by: Actor, at: datetime) -> None:
    job.state = after(ImportStep.FAIL, job.state)
    job.ended_at, job.error = at, error[-4000:]
    _write_down("fail_import", job, by=by, at=at, after={"failures": job.failures})
    _tell("import_failed", job, at=at)


def _locked(job_id: int) -> ImportJob:
    job = db.session.scalars(
        select(ImportJob)
        .where(ImportJob.id == job_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if job is None:
        raise ImportNotFound(number=job_id)
    return job


def _claimed(claim: Claim, by: Actor) -> ImportJob:
    by.need(Permission.FILES_IMPORT)
    job = _locked(claim.job_id)
    if job.attempt != claim.attempt or job.state not in RUNNING:
        raise ImportMovedOn
    return job


def _tell(kind: str, job: ImportJob, *, at: datetime, **facts: int) -> None:
    """Tell the city bureau, whose people alone import files; the notice names the one who did."""
    tell(
        kind,
        at=at,
        facts={"file": job.filename, "who": job.by_name, "rows": job.rows, **facts},
        link=f"/files/background/{job.id}",
    )


def _write_down(
    deed: str,
    job: ImportJob,
    *,
    by: Actor,
    at: datetime,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    audit.record(
        deed,
        by=by,
        at=at,
        subject_type="import_job",
        subject_id=job.id,
        subject=job.filename[:128],
        before=before,
        after=after,
    )
