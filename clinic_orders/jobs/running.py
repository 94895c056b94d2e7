"""How a run is made: a slot is claimed in the database first, so several schedulers make one run.

Slots missed during a downtime are caught up in order.
"""

from __future__ import annotations

import logging
import os
import socket
import traceback
from datetime import date, datetime, timedelta

from clinic_orders import clock
from clinic_orders.actions import jobs as runs
from clinic_orders.jobs import schedule
from clinic_orders.jobs.job import Job, Outcome
from clinic_orders.jobs.schedule import find_job
from clinic_orders.models.base import db
from clinic_orders.models.jobs import JobRun
from clinic_orders.queries import jobs as job_queries
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.parties import SYSTEM, Actor

log = logging.getLogger(__name__)


# After a longer downtime the oldest slots are left out: the jobs look at all that is still open anyway.
CATCH_UP = timedelta(days=62)


def worker_name() -> str:
    """Which process this is, for the history."""
    return f"{socket.gethostname()}:{os.getpid()}"[:64]


def run_slot(
    job: Job,
    scheduled_at: datetime,
    *,
    as_of: date | None = None,
    trigger: str = "schedule",
    by: Actor = SYSTEM,
) -> JobRun | None:
    """Claim a slot and do its work; None if another process has it or it was done before.

    Args:
        job: the job.
        scheduled_at: the slot's instant.
        as_of: the day it is done for; default is the slot's day in China.
        trigger: ``schedule`` or ``manual``.
        by: who asked for the run; its deeds are the system's all the same.

    """
    at = clock.now()
    run = runs.claim_run(
        job.name,
        scheduled_at=scheduled_at,
        as_of=as_of or day_in_china(scheduled_at),
        worker=worker_name(),
        trigger=trigger,
        by=by,
        at=at,
    )
    if run is None:
        return None
    outcome, error = Outcome(), ""
    try:
        job.work(run.as_of, at, outcome)
    except Exception:
        db.session.rollback()
        error = traceback.format_exc()
        log.exception("job %s failed", job.name)
    return runs.end_run(
        run.id,
        rows_read=outcome.rows_read,
        changed=outcome.changed,
        failures=outcome.failures,
        error=error,
        by=SYSTEM,
        at=clock.now(),
    )


def run_now(name: str, as_of: date | None = None, *, by: Actor = SYSTEM) -> JobRun:
    """Run a job by hand, for a day (default today), whatever the schedule says.

    Raises:
        UnknownJob: no job of that name.

    """
    job, at = find_job(name), clock.now()
    run = run_slot(job, at, as_of=as_of or day_in_china(at), trigger="manual", by=by)
    assert run is not None, "a slot of this very instant cannot have been claimed"
    return run


def missed_slots(job: Job, at: datetime) -> list[datetime]:
    """The slots up to now that have no good run, oldest first; a job that never ran has only its newest slot."""
    last = job_queries.last_done_slot(job.name)
    if last is None:
        slots = list(job.slots(at - timedelta(days=32), at))[-1:]
    else:
        slots = list(job.slots(max(last, at - CATCH_UP), at))
    if not job.catch_up:
        slots = slots[-1:]
    given_up = job_queries.exhausted_slots(job.name, runs.MOST_ATTEMPTS)
    return [slot for slot in slots if slot not in given_up]


def missed_nights(at: datetime) -> int:
    """How many slots up to now of the jobs that are caught up have no good run; one statement.

    A job that never ran by the clock is not counted: there is no scheduler yet, or it is new.
    """
    done = job_queries.last_done_slots()
    return sum(
        len(list(job.slots(max(done[job.name], at - CATCH_UP), at)))
        for job in schedule.JOBS
        if job.catch_up and job.name in done
    )


def catch_up(at: datetime) -> int:
    """Run every missed slot of every job, in order; answers how many runs were made here."""
    made = 0
    for job in schedule.JOBS:
        for slot in missed_slots(job, at):
            if run_slot(job, slot) is not None:
                made += 1
    return made
