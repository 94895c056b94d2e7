"""What a machine that watches wants to know: the schema, the work that waits, runs that failed."""

from __future__ import annotations

from sqlalchemy import func, select, text

from clinic_orders.models.background import Work
from clinic_orders.models.base import db
from clinic_orders.models.draft_runs import DraftRun
from clinic_orders.models.export_jobs import ExportJob
from clinic_orders.models.import_jobs import ImportJob
from clinic_orders.models.jobs import JobRun, RunState
from clinic_orders.models.letter_runs import LetterRun
from clinic_orders.models.standards_runs import StandardsRun
from clinic_orders.queries.background import count_open


def schema_version() -> str | None:
    """The migration the database is at."""
    found: str | None = db.session.scalar(text("SELECT version_num FROM alembic_version"))
    return found


def waiting_work() -> dict[str, int]:
    """Long files, long exports and runs of papers that wait or are at work, by kind."""
    kinds: dict[str, type[Work]] = {
        "import-jobs": ImportJob,
        "export-jobs": ExportJob,
        "draft-runs": DraftRun,
        "letter-runs": LetterRun,
        "standards-runs": StandardsRun,
    }
    return {name: count_open(kind) for name, kind in kinds.items()}


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
