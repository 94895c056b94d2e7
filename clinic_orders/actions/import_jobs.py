"""Take a long file in behind the scenes: ask for it, claim it, say how far it is, end it, cancel it, try it again."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import and_

from clinic_orders.actions import audit
from clinic_orders.actions.background import Claim, Desk
from clinic_orders.actions.notices import tell
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.exchange import ImportBatch
from clinic_orders.models.import_jobs import ImportJob
from clinic_orders.queries.import_jobs import to_claim
from clinic_orders.rules.background import MovedOn, Step
from clinic_orders.rules.import_jobs import PAUSE, TRIED_KEPT, ImportState
from clinic_orders.rules.parties import Actor, Permission


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
    which = to_claim(at, alive)
    if only is not None:
        which = and_(which, ImportJob.id == only)
    return _DESK.claim(worker, which, by=by, at=at)


@transactional
def note_reading(claim: Claim, rows: int, read_bytes: int, *, by: Actor, at: datetime) -> None:
    """Say how far a file was read, and that its process is alive.

    Raises:
        MovedOn: the import is no longer this process's.

    """
    job = _DESK.claimed(claim, by=by, at=at)
    job.rows = rows
    job.read_bytes = min(max(read_bytes, job.read_bytes), job.size)


@transactional
def begin_storing(claim: Claim, rows: int, *, by: Actor, at: datetime) -> None:
    """Say that a file is read and is being stored from now on.

    Raises:
        MovedOn: the import is no longer this process's.

    """
    job = _DESK.claimed(claim, by=by, at=at)
    _DESK.move(job, Step.STORE)
    job.rows, job.read_bytes = rows, job.size


@transactional
def finish_import(claim: Claim, batch: ImportBatch | None, *, by: Actor, at: datetime) -> None:
    """End an import well, in the transaction that stored its rows: both happen or neither.

    Args:
        claim: of the process that stores.
        batch: what was stored; None for a file with headings alone.
        by: who.
        at: when.

    Raises:
        MovedOn: the import was cancelled or taken over, so nothing of it may be stored.

    """
    job = _DESK.claimed(claim, by=by, at=at)
    _DESK.end(job, Step.FINISH, at=at)
    job.read_bytes = job.size
    if batch is not None:
        job.batch_id, job.rows = batch.id, batch.rows
        job.created, job.updated, job.unchanged = batch.created, batch.updated, batch.unchanged
    counted = {"created": job.created, "updated": job.updated, "unchanged": job.unchanged}
    with audit.of_batch(batch.id) if batch is not None else nullcontext():
        _write_down("finish_import", job, by=by, at=at, after={"rows": job.rows, **counted})
    _tell("import_done", job, at=at, **counted)


@transactional
def note_warnings(job_id: int, told: Told, *, by: Actor, at: datetime) -> None:
    """Keep what should be looked at in a file that was stored."""
    job = _DESK.locked(job_id, by=by)
    job.problems, job.report = told.problems, list(told.first)


@transactional
def finish_trial(claim: Claim, told: Told, tried: Tried, *, by: Actor, at: datetime) -> None:
    """End a trial in which nothing was wrong; what it did was taken back before.

    Raises:
        MovedOn: the import is no longer this process's.

    """
    job = _DESK.claimed(claim, by=by, at=at)
    _DESK.move(job, Step.TRY)
    job.tried_at = at
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
        NotFound: no such import.
        MovedOn: it is not waiting for this decision (any more).

    """
    job = _DESK.locked(job_id, by=by)
    before = job.state
    _DESK.move(job, Step.STORE_TRIED)
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
        NotFound: no such import.
        MovedOn: it is not waiting for a decision (any more), or not for so long.

    """
    job = _DESK.locked(job_id, by=by)
    if job.state is not ImportState.TRIED or job.tried_at is None or job.tried_at > at - TRIED_KEPT:
        raise MovedOn
    before = job.state
    _DESK.end(job, Step.CANCEL, at=at)
    job.differences = []
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
        MovedOn: the import is no longer this process's.

    """
    job = _DESK.claimed(claim, by=by, at=at)
    _DESK.end(job, Step.REFUSE, at=at)
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
        MovedOn: the import is no longer this process's.

    """
    job = _DESK.release(claim, error, by=by, at=at)
    if error:
        job.run_after = at + PAUSE
    return job.state


@transactional
def cancel_import(job_id: int, *, by: Actor, at: datetime) -> ImportJob:
    """Cancel an import; a process that is at work on it stores nothing.

    Raises:
        NotFound: no such import.
        MovedOn: it has ended already.

    """
    job = _DESK.locked(job_id, by=by)
    before = job.state
    _DESK.end(job, Step.CANCEL, at=at)
    job.cancelled_by, job.differences = by.name, []
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
        NotFound: no such import.
        MovedOn: it has not failed.

    """
    job = _DESK.locked(job_id, by=by)
    before = job.state
    _DESK.again(job)
    job.run_after = at
    _write_down(
        "retry_import",
        job,
        by=by,
        at=at,
        before={"import_state": before.value},
        after={"import_state": job.state.value},
    )
    return job


def _given_up(job: ImportJob, /, *, by: Actor, at: datetime) -> None:
    _write_down("fail_import", job, by=by, at=at, after={"failures": job.failures})
    _tell("import_failed", job, at=at)


_DESK: Final = Desk(ImportJob, Permission.FILES_IMPORT, _given_up)


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
