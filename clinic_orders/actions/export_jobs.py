"""Make a long export behind the scenes: ask for it, claim it, say how far it is, end it, cancel it, try it again.

A claim is a number of the row that rises with every process that takes the export, as with long files.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from clinic_orders.actions import audit
from clinic_orders.actions.loading import NotFound
from clinic_orders.actions.notices import tell
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.export_jobs import ExportJob
from clinic_orders.queries.export_jobs import exports_of, open_export, to_claim
from clinic_orders.rules.export_jobs import (
    MOST_FAILURES,
    ExportMovedOn,
    ExportRefusal,
    ExportState,
    ExportStep,
    after,
)
from clinic_orders.rules.parties import Actor, NotAllowed, Permission


@dataclass(frozen=True, slots=True)
class ExportClaim:
    """That a process works on an export: its number and which attempt this is."""

    job_id: int
    attempt: int


@transactional
def request_export(kind: str, form: str, total: int, *, by: Actor, at: datetime) -> ExportJob:
    """Ask for a file; one of the same kind and form that the person already waits for is not made twice.

    Args:
        kind: as in formats.md.
        form: ``csv`` or ``xlsx``.
        total: how many rows it has by now.
        by: with whose rights it is made, and who alone gets it.
        at: when.

    Raises:
        NotAllowed: the role may not export, or nobody could fetch the file.

    """
    by.need(Permission.FILES_EXPORT)
    if by.user_id is None:
        raise NotAllowed
    found = open_export(kind, form, by)
    if found is not None:
        return found
    job = ExportJob(
        kind=kind,
        form=form,
        token=secrets.token_hex(16),
        state=ExportState.WAITING,
        by_id=by.user_id,
        by_name=by.name,
        role=by.role,
        county_code=by.county_code or "",
        total=total,
        requested_at=at,
    )
    db.session.add(job)
    db.session.flush()
    _write_down("request_export", job, total, by=by, at=at)
    return job


@transactional
def claim_export(worker: str, *, by: Actor, at: datetime) -> ExportJob | None:
    """Take the oldest export whose turn it is for this process; None if there is none.

    One whose process has died too often is ended as failed, and the next one is looked for.
    """
    by.need(Permission.FILES_EXPORT)
    # A row that another process is just claiming is passed over; SQLite has one writer in any case.
    locked = (
        select(ExportJob)
        .where(to_claim(at))
        .order_by(ExportJob.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    while (job := db.session.scalars(locked).one_or_none()) is not None:
        if job.state is ExportState.WRITING:
            job.failures += 1
            if job.failures >= MOST_FAILURES:
                _give_up(job, "the process fell silent", by=by, at=at)
                db.session.flush()
                continue
        job.state = after(ExportStep.CLAIM, job.state)
        job.attempt += 1
        job.rows, job.worker, job.heartbeat_at = 0, worker[:64], at
        job.started_at = job.started_at or at
        db.session.flush()
        return job
    return None


@transactional
def note_written(claim: ExportClaim, rows: int, *, by: Actor, at: datetime) -> None:
    """Say how many rows are written, and that the process is alive.

    Raises:
        ExportMovedOn: the export is no longer this process's.

    """
    job = _claimed(claim, by)
    job.rows, job.heartbeat_at = rows, at


@transactional
def finish_export(claim: ExportClaim, rows: int, size: int, *, by: Actor, at: datetime) -> None:
    """End an export well: its file of so many rows and bytes lies in its folder.

    Raises:
        ExportMovedOn: the export is no longer this process's.

    """
    job = _claimed(claim, by)
    job.state = after(ExportStep.FINISH, job.state)
    job.rows, job.size, job.error = rows, size, ""
    job.ended_at = job.heartbeat_at = at
    _write_down("finish_export", job, rows, by=by, at=at)
    _tell("export_done", job, at=at)


@transactional
def refuse_export(claim: ExportClaim, refusal: ExportRefusal, *, by: Actor, at: datetime) -> None:
    """End an export that can't be made however often it is tried.

    Raises:
        ExportMovedOn: the export is no longer this process's.

    """
    job = _claimed(claim, by)
    job.state = after(ExportStep.REFUSE, job.state)
    job.refusal = refusal
    job.ended_at = job.heartbeat_at = at
    _write_down("refuse_export", job, job.total, by=by, at=at)
    _tell("export_failed", job, at=at)


@transactional
def release_export(claim: ExportClaim, error: str = "", *, by: Actor, at: datetime) -> None:
    """Give an export back, to be made by the next process; after too many errors it is ended as failed.

    Args:
        claim: of the process that stops.
        error: why it could not go on; "" where the process itself is being ended.
        by: who.
        at: when.

    Raises:
        ExportMovedOn: the export is no longer this process's.

    """
    job = _claimed(claim, by)
    job.heartbeat_at, job.error = at, error[-4000:]
    job.failures += bool(error)
    if error and job.failures >= MOST_FAILURES:
        _give_up(job, error, by=by, at=at)
    else:
        job.state = after(ExportStep.RELEASE, job.state)


@transactional
def cancel_export(number: int, *, by: Actor, at: datetime) -> ExportJob:
    """Cancel an export; a process that is at work on it stops.

    Raises:
        NotFound: no such export of this person.
        ExportMovedOn: it has ended already.

    """
    job = _move(number, ExportStep.CANCEL, by=by)
    job.ended_at = at
    _write_down("cancel_export", job, job.total, by=by, at=at)
    return job


@transactional
def retry_export(number: int, *, by: Actor, at: datetime) -> ExportJob:
    """Let an export that failed be made once more.

    Raises:
        NotFound: no such export of this person.
        ExportMovedOn: it has not failed.

    """
    job = _move(number, ExportStep.RETRY, by=by)
    job.ended_at, job.failures = None, 0
    _write_down("retry_export", job, job.total, by=by, at=at)
    return job


def _move(number: int, step: ExportStep, *, by: Actor) -> ExportJob:
    by.need(Permission.FILES_EXPORT)
    job = db.session.scalars(
        select(ExportJob)
        .where(ExportJob.id == number, exports_of(by))
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if job is None:
        raise NotFound(number=number)
    job.state = after(step, job.state)
    return job


def _give_up(job: ExportJob, error: str, *, by: Actor, at: datetime) -> None:
    job.state = after(ExportStep.FAIL, job.state)
    job.ended_at, job.error = at, error[-4000:]
    _write_down("fail_export", job, job.total, by=by, at=at)
    _tell("export_failed", job, at=at)


def _claimed(claim: ExportClaim, by: Actor) -> ExportJob:
    by.need(Permission.FILES_EXPORT)
    job = db.session.get(ExportJob, claim.job_id, with_for_update=True, populate_existing=True)
    if job is None or job.attempt != claim.attempt or job.state is not ExportState.WRITING:
        raise ExportMovedOn
    return job


def _tell(kind: str, job: ExportJob, *, at: datetime) -> None:
    """Tell the bureau, naming who asked; the notice opens the reader's own list, for nobody else may see the file."""
    tell(
        kind,
        at=at,
        facts={"kind": job.kind, "who": job.by_name, "rows": job.rows},
        link="/files/exports/",
        county_code=job.county_code or None,
    )


def _write_down(deed: str, job: ExportJob, rows: int, *, by: Actor, at: datetime) -> None:
    audit.record(
        deed,
        by=by,
        at=at,
        subject_type="export_job",
        subject_id=job.id,
        subject=f"{job.kind}.{job.form}",
        county_code=job.county_code or None,
        after={"kind": job.kind, "rows": rows},
    )
