"""What a machine that watches wants to know: the schema, the work that waits, runs that failed."""

from __future__ import annotations

from sqlalchemy import func, select, text

from clinic_orders.models.base import db
from clinic_orders.models.import_jobs import ImportJob
from clinic_orders.models.jobs import JobRun, RunState
from clinic_orders.models.letter_runs import LetterRun
from clinic_orders.rules import import_jobs, letter_runs


def schema_version() -> str | None:
    """The migration the database is at."""
    found: str | None = db.session.scalar(text("SELECT version_num FROM alembic_version"))
    return found


def waiting_work() -> dict[str, int]:
    """Long files and runs of letters that wait or are at work, by kind."""
    files = select(func.count()).where(ImportJob.state.in_(import_jobs.OPEN))
    letters = select(func.count()).where(LetterRun.state.in_(letter_runs.OPEN))
    return {
        "import-jobs": db.session.scalar(files) or 0,
        "letter-runs": db.session.scalar(letters) or 0,
    }


def failed_runs() -> int:
    """Runs by the clock whose slot has no good run."""
    good = select(JobRun.job, JobRun.scheduled_at).where(JobRun.state == RunState.DONE).subquery()
    statement = (
        select(func.count())
        .select_from(JobRun)
        .outerjoin(good, (good.c.job == JobRun.job) & (good.c.scheduled_at == JobRun.scheduled_at))
        .where(JobRun.state == RunState.FAILED, JobRun.trigger == "schedule", good.c.job.is_(None))
    )
    return db.session.scalar(statement) or 0
