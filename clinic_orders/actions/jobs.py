"""Claim, keep alive and end the runs of scheduled jobs: two schedulers make one run (rules section 12)."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from clinic_orders.actions import audit
from clinic_orders.actions.transaction import transaction, transactional
from clinic_orders.models.base import db
from clinic_orders.models.jobs import JobRun, RunState
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.parties import Actor, Permission

# A run that has not said for so long that it is alive belongs to a process that died.
SILENT_AFTER = timedelta(minutes=10)
MOST_ATTEMPTS = 3


class UnknownJob(RuleBroken):
    """There is no job of that name."""

    message = N_("There is no job %(name)s. See the list of jobs for the names.")


def claim_run(
    job: str,
    *,
    scheduled_at: datetime,
    as_of: date,
    worker: str,
    trigger: str = "schedule",
    by: Actor,
    at: datetime,
) -> JobRun | None:
    """Take a slot of a job for this process, or None if another process has it or it is done.

    The unique row is the claim. A slot whose run failed, or fell silent for ten minutes, is taken again as a new
    attempt, at most three times.
    """
    by.need(Permission.JOBS_RUN)
    try:
        with transaction():
            last = db.session.scalars(
                select(JobRun)
                .where(JobRun.job == job, JobRun.scheduled_at == scheduled_at)
                .order_by(JobRun.attempt.desc())
                .limit(1)
            ).first()
            attempt = 1
            if last is not None:
                silent = last.state is RunState.RUNNING and at - last.heartbeat_at > SILENT_AFTER
                if last.state is RunState.DONE or (last.state is RunState.RUNNING and not silent):
                    return None
                if last.attempt >= MOST_ATTEMPTS:
                    return None
                if silent:
                    last.state, last.ended_at = RunState.FAILED, at
                    last.error = "the process fell silent"
                attempt = last.attempt + 1
            run = JobRun(
                job=job,
                scheduled_at=scheduled_at,
                as_of=as_of,
                attempt=attempt,
                state=RunState.RUNNING,
                started_at=at,
                heartbeat_at=at,
                trigger=trigger,
                worker=worker,
            )
            db.session.add(run)
            db.session.flush()
            if trigger == "manual":
                audit.record(
                    "run_job",
                    by=by,
                    at=at,
                    subject_type="job",
                    subject_id=run.id,
                    subject=job,
                    after={"as_of": as_of},
                )
            return run
    except IntegrityError:
        # Another scheduler was quicker by a moment; it does the work.
        return None


@transactional
def beat(run_id: int, *, by: Actor, at: datetime) -> None:
    """Say that the run is alive."""
    by.need(Permission.JOBS_RUN)
    run = db.session.get_one(JobRun, run_id)
    run.heartbeat_at = at


@transactional
def end_run(
    run_id: int, *, rows_read: int, changed: int, failures: int, error: str = "", by: Actor, at: datetime
) -> JobRun:
    """Write down how a run ended: done, or failed with the error's text."""
    by.need(Permission.JOBS_RUN)
    run = db.session.get_one(JobRun, run_id)
    run.state = RunState.FAILED if error else RunState.DONE
    run.ended_at, run.heartbeat_at = at, at
    run.rows_read, run.changed, run.failures, run.error = rows_read, changed, failures, error[:4000]
    return run
