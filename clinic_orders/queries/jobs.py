"""What the scheduled jobs did and missed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Select, func, select

from clinic_orders.models.base import db
from clinic_orders.models.jobs import JobRun, RunState


def last_done_slot(job: str) -> datetime | None:
    """The latest scheduled instant whose run ended well."""
    return db.session.scalar(
        select(func.max(JobRun.scheduled_at)).where(
            JobRun.job == job, JobRun.state == RunState.DONE, JobRun.trigger == "schedule"
        )
    )


def exhausted_slots(job: str, attempts: int) -> set[datetime]:
    """Slots that failed as often as they may be tried; the watcher reports them instead of trying again."""
    return set(
        db.session.scalars(
            select(JobRun.scheduled_at).where(
                JobRun.job == job, JobRun.state == RunState.FAILED, JobRun.attempt >= attempts
            )
        )
    )


def history(job: str | None = None) -> Select[JobRun]:
    """Runs, newest first, of one job or all."""
    statement = select(JobRun).order_by(JobRun.started_at.desc(), JobRun.id.desc())
    return statement if job is None else statement.where(JobRun.job == job)
