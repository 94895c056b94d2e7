"""``clinic-orders job`` and ``scheduler``: run the night's work by hand, see its history, let it run by itself."""

from __future__ import annotations

import json
import logging
import signal
from datetime import datetime
from types import FrameType

import click
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.blocking import BlockingScheduler
from apscheduler.triggers.cron import CronTrigger
from flask_babel import gettext

from clinic_orders import clock, jobs
from clinic_orders.cli.behind import Worker
from clinic_orders.cli.context import Console, Failed, pass_console
from clinic_orders.cli.export_jobs import maker
from clinic_orders.cli.import_jobs import runner
from clinic_orders.cli.letters import draft_printer
from clinic_orders.cli.letters import printer as letter_printer
from clinic_orders.cli.logs import set_up_logs
from clinic_orders.cli.schema import refuse_not_newest
from clinic_orders.cli.standards import printer as standards_printer
from clinic_orders.cli.webhooks import sender as webhook_sender
from clinic_orders.exchange.backups import ServingLock
from clinic_orders.models.base import db, reading_only
from clinic_orders.models.jobs import JobRun, RunState
from clinic_orders.queries.jobs import history as run_history
from clinic_orders.rules.days import SHANGHAI

log = logging.getLogger(__name__)


@click.group("job")
def job() -> None:
    """The scheduled jobs: list, run one, see what ran."""


@job.command("list")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@pass_console
def list_jobs(console: Console, form: str) -> None:
    """Name, time (minute hour day month weekday, Asia/Shanghai) and purpose of each job."""
    with console.app.app_context():
        rows = [
            {"name": entry.name, "cron": entry.cron, "title": gettext(entry.title)} for entry in jobs.JOBS
        ]
    if form == "json":
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    for row in rows:
        click.echo(f"{row['name']:32} {row['cron']:16} {row['title']}")


def _as_json(run: JobRun) -> dict[str, object]:
    return {
        "job": run.job,
        "scheduled_at": run.scheduled_at.astimezone(SHANGHAI).isoformat(timespec="seconds"),
        "as_of": run.as_of.isoformat(),
        "attempt": run.attempt,
        "state": run.state.value,
        "started_at": run.started_at.astimezone(SHANGHAI).isoformat(timespec="seconds"),
        "ended_at": run.ended_at and run.ended_at.astimezone(SHANGHAI).isoformat(timespec="seconds"),
        "rows_read": run.rows_read,
        "changed": run.changed,
        "failures": run.failures,
        "trigger": run.trigger,
        "error": run.error,
    }


@job.command("run")
@click.argument("name")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="The day it is run for; default today.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@pass_console
def run_job(console: Console, name: str, as_of: datetime | None, form: str) -> None:
    """Run a job now. Safe to repeat."""
    with console.app.app_context():
        run = jobs.run_now(name, None if as_of is None else as_of.date())
        if form == "json":
            click.echo(json.dumps(_as_json(run), ensure_ascii=False))
        else:
            click.echo(
                f"{run.job}: {run.state.value}, read {run.rows_read}, changed {run.changed}, failed {run.failures}"
            )
        if run.state is RunState.FAILED:
            raise Failed(run.error.strip().splitlines()[-1])


@job.command("history")
@click.argument("name", required=False)
@click.option("--limit", default=50, show_default=True)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@pass_console
def show_history(console: Console, name: str | None, limit: int, form: str) -> None:
    """The last runs, newest first."""
    with console.app.app_context(), reading_only():
        if name is not None:
            jobs.find_job(name)
        rows = [_as_json(run) for run in db.session.scalars(run_history(name).limit(limit))]
    if form == "json":
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    for row in rows:
        click.echo(
            f"{row['started_at']}  {row['job']:32} {row['state']:8} as of {row['as_of']}"
            f"  read {row['rows_read']} changed {row['changed']} failed {row['failures']}"
        )
    if not rows:
        click.echo("no runs yet")


@click.command("scheduler")
@pass_console
def scheduler(console: Console) -> None:
    """Run the jobs at their times, in a process of its own; missed slots are caught up first."""
    run_scheduler(console)


def run_scheduler(console: Console) -> None:
    """Block and run the jobs until the process is told to stop; a running job is finished first."""
    app = console.app
    set_up_logs(console.settings)
    with app.app_context():
        refuse_not_newest()
        db.engine.dispose()
    # One worker: the jobs of a night follow each other, which is what a small machine wants. Only long files have
    # their own, since one takes minutes and the others must not be late for it, and webhooks, whose receivers take
    # what time they like.
    clockwork = BlockingScheduler(
        timezone=SHANGHAI,
        executors={name: ThreadPoolExecutor(1) for name in ("default", "imports", "webhooks")},
    )
    behind: dict[str, Worker] = {
        "import-jobs": runner(console),
        "export-jobs": maker(console),
        "letter-runs": letter_printer(console),
        "draft-runs": draft_printer(console),
        "standards-runs": standards_printer(console),
        "webhooks": webhook_sender(console),
    }

    def take_up(work: Worker) -> None:
        with app.app_context():
            try:
                work.run_waiting()
            finally:
                db.session.remove()

    def tick(entry: jobs.Job) -> None:
        with app.app_context():
            try:
                for slot in jobs.missed_slots(entry, clock.now()):
                    jobs.run_slot(entry, slot)
            finally:
                db.session.remove()

    for entry in jobs.JOBS:
        clockwork.add_job(
            tick,
            entry.trigger,
            args=[entry],
            id=entry.name,
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,
        )
        # At the start everything missed is caught up.
        clockwork.add_job(tick, args=[entry], id=f"{entry.name}-catch-up", misfire_grace_time=None)

    for name, work in behind.items():
        clockwork.add_job(
            take_up,
            CronTrigger(minute="*", timezone=SHANGHAI),
            args=[work],
            id=name,
            executor="webhooks" if name == "webhooks" else "imports",
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,
        )

    def stop(_signal: int, _frame: FrameType | None) -> None:
        # A long file, a long export or a run of papers is given back, for the next process to go on with.
        for work in behind.values():
            work.stop.set()
        clockwork.shutdown(wait=True)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    log.info("scheduler started with %d jobs", len(jobs.JOBS))
    # Nobody restores a backup under a running scheduler.
    with ServingLock(console.settings.instance, alone=False):
        clockwork.start()


COMMANDS = (job, scheduler)
