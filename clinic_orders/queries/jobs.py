"""What the scheduled jobs did and missed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Select, func, or_, select

from clinic_orders.models.base import db
from clinic_orders.models.jobs import JobRun, RunState
from clinic_orders.queries.lists import stands_in


def last_done_slot(job: str) -> datetime | None:
    """The latest scheduled instant whose run ended well."""
    return db.session.scalar(
        select(func.max(JobRun.scheduled_at)).where(
            JobRun.job == job, JobRun.state == RunState.DONE, JobRun.trigger == "schedule"
        )
    )


def last_done_slots() -> dict[str, datetime]:
    """The latest scheduled instant of every job whose run ended well; one statement."""
    statement = (
        select(JobRun.job, func.max(JobRun.scheduled_at))
        .where(JobRun.state == RunState.DONE, JobRun.trigger == "schedule")
        .group_by(JobRun.job)
    )
    return {row[0]: row[1] for row in db.session.execute(statement)}


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
    *,
    words: Sequence[str] = (),
    titled: Sequence[Sequence[str]] = (),
    job: str = "",
    state: RunState | None = None,
    trigger: str = "",
    sort: str = "-started",
) -> Select[JobRun]:
    """Runs of a job, in a state, by the clock or by hand.

    Args:
        words: each must stand in the job's word, in the error or in the process that ran it …
        titled: … or the job is among these: per word the jobs whose name, in the reader's language, has it.
        job: the job's word.
        state: of the run.
        trigger: schedule or manual.
        sort: one of RUN_ORDERS, with ``-`` for the other way round.

    """
    statement = select(JobRun)
    for number, word in enumerate(words):
        statement = statement.where(
            or_(
                stands_in(word, JobRun.job, JobRun.error, JobRun.worker),
                JobRun.job.in_(titled[number] if number < len(titled) else ()),
            )
        )
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
