"""Make a long export behind the scenes: ask for it, claim it, say how far it is, end it, cancel it, try it again."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Final

from clinic_orders.actions import audit
from clinic_orders.actions.background import Claim, Desk
from clinic_orders.actions.notices import tell
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.export_jobs import ExportJob
from clinic_orders.queries.background import to_claim
from clinic_orders.queries.export_jobs import exports_of, open_export
from clinic_orders.rules.background import Step
from clinic_orders.rules.export_jobs import ExportRefusal, ExportState
from clinic_orders.rules.parties import Actor, NotAllowed, Permission


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
    """Take the oldest export whose turn it is for this process; None if there is none."""
    job = _DESK.claim(worker, to_claim(ExportJob, at), by=by, at=at)
    if job is not None:
        # What another process has written is thrown away.
        job.rows = 0
    return job


@transactional
def note_written(claim: Claim, rows: int, *, by: Actor, at: datetime) -> None:
    """Say how many rows are written, and that the process is alive.

    Raises:
        MovedOn: the export is no longer this process's.

    """
    job = _DESK.claimed(claim, by=by, at=at)
    job.rows = rows


@transactional
def finish_export(claim: Claim, rows: int, size: int, *, by: Actor, at: datetime) -> None:
    """End an export well: its file of so many rows and bytes lies in its folder.

    Raises:
        MovedOn: the export is no longer this process's.

    """
    job = _DESK.claimed(claim, by=by, at=at)
    _DESK.end(job, Step.FINISH, at=at)
    job.rows, job.size, job.error = rows, size, ""
    _write_down("finish_export", job, rows, by=by, at=at)
    _tell("export_done", job, at=at)


@transactional
def refuse_export(claim: Claim, refusal: ExportRefusal, *, by: Actor, at: datetime) -> None:
    """End an export that can't be made however often it is tried.

    Raises:
        MovedOn: the export is no longer this process's.

    """
    job = _DESK.claimed(claim, by=by, at=at)
    _DESK.end(job, Step.REFUSE, at=at)
    job.refusal = refusal
    _write_down("refuse_export", job, job.total, by=by, at=at)
    _tell("export_failed", job, at=at)


@transactional
def release_export(claim: Claim, error: str = "", *, by: Actor, at: datetime) -> None:
    """Give an export back, to be made by the next process; after too many errors it is ended as failed.

    Args:
        claim: of the process that stops.
        error: why it could not go on; "" where the process itself is being ended.
        by: who.
        at: when.

    Raises:
        MovedOn: the export is no longer this process's.

    """
    _DESK.release(claim, error, by=by, at=at)


@transactional
def cancel_export(number: int, *, by: Actor, at: datetime) -> ExportJob:
    """Cancel an export; a process that is at work on it stops.

    Raises:
        NotFound: no such export of this person.
        MovedOn: it has ended already.

    """
    job = _DESK.locked(number, exports_of(by), by=by)
    _DESK.end(job, Step.CANCEL, at=at)
    _write_down("cancel_export", job, job.total, by=by, at=at)
    return job


@transactional
def retry_export(number: int, *, by: Actor, at: datetime) -> ExportJob:
    """Let an export that failed be made once more.

    Raises:
        NotFound: no such export of this person.
        MovedOn: it has not failed.

    """
    job = _DESK.locked(number, exports_of(by), by=by)
    _DESK.again(job)
    _write_down("retry_export", job, job.total, by=by, at=at)
    return job


def _given_up(job: ExportJob, /, *, by: Actor, at: datetime) -> None:
    _write_down("fail_export", job, job.total, by=by, at=at)
    _tell("export_failed", job, at=at)


_DESK: Final = Desk(ExportJob, Permission.FILES_EXPORT, _given_up)


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
