"""What the scheduled jobs did and missed."""

from __future__ import annotations

from datetime import datetime
from typing import Final

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


def last_runs() -> dict[str, JobRun]:
    """The latest run of every job; one statement."""
    newest = select(func.max(JobRun.id)).group_by(JobRun.job)
    return {run.job: run for run in db.session.scalars(select(JobRun).where(JobRun.id.in_(newest)))}


RUN_ORDERS: Final = frozenset({"started", "job", "as_of"})
"""What a list of runs may be sorted by."""


def runs(
    *, job: str = "", state: RunState | None = None, trigger: str = "", sort: str = "-started"
) -> Select[JobRun]:
    """Runs of a job, in a state, by the clock or by hand."""
    statement = select(JobRun)
    if job:
        statement = statement.where(JobRun.job == job)
    if state is not None:
        statement = statement.where(JobRun.state == state)
    if trigger:
        statement = statement.where(JobRun.trigger == trigger)
    columns = {"started": JobRun.started_at, "job": JobRun.job, "as_of": JobRun.as_of}
    column = columns[sort.removeprefix("-")]
    return statement.order_by(column.desc() if sort.startswith("-") else column, JobRun.id.desc())


def list_runs(statement: Select[JobRun], *, offset: int = 0, limit: int | None = None) -> list[JobRun]:
    """Some of them."""
    return list(db.session.scalars(statement.offset(offset).limit(limit)))


def count_runs(statement: Select[JobRun]) -> int:
    """How many there are."""
    return db.session.scalar(select(func.count()).select_from(statement.order_by(None).subquery())) or 0


def run_by_id(run_id: int) -> JobRun | None:
    """One run."""
    return db.session.get(JobRun, run_id)


def history(job: str | None = None) -> Select[JobRun]:
    """Runs, newest first, of one job or all."""
    statement = select(JobRun).order_by(JobRun.started_at.desc(), JobRun.id.desc())
    return statement if job is None else statement.where(JobRun.job == job)
