"""``clinic-orders import-jobs``: long files that were uploaded on a page and are taken in behind the scenes."""

from __future__ import annotations

import json

import click

from clinic_orders import jobs
from clinic_orders.cli.behind import run_out
from clinic_orders.cli.context import Console, pass_console
from clinic_orders.exchange.background import Runner
from clinic_orders.models.base import reading_only
from clinic_orders.models.import_jobs import ImportJob
from clinic_orders.queries import import_jobs as questions
from clinic_orders.rules.days import SHANGHAI


def runner(console: Console) -> Runner:
    """What takes the files in, as this process."""
    return Runner(console.settings.instance, jobs.worker_name(), console.app.extensions["say_in"])


@click.group("import-jobs")
def import_jobs() -> None:
    """Long files that were uploaded on a page: list them, take in those whose turn it is."""


@import_jobs.command("run")
@pass_console
def run(console: Console) -> None:
    """Take in every file whose turn it is, then end. The scheduler does the same every minute."""
    click.echo(f"{run_out(console, runner(console))} files were taken up")


def _as_json(job: ImportJob) -> dict[str, object]:
    return {
        "number": job.id,
        "kind": job.kind,
        "file": job.filename,
        "state": job.state.value,
        "bytes": job.size,
        "read_bytes": job.read_bytes,
        "rows": job.rows,
        "by": job.by_name,
        "requested_at": job.requested_at.astimezone(SHANGHAI).isoformat(timespec="seconds"),
        "run_after": job.run_after.astimezone(SHANGHAI).isoformat(timespec="seconds"),
        "ended_at": job.ended_at and job.ended_at.astimezone(SHANGHAI).isoformat(timespec="seconds"),
        "attempt": job.attempt,
        "worker": job.worker,
        "problems": job.problems,
        "batch": job.batch_id,
        "error": job.error,
    }


@import_jobs.command("list")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="At most so many.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@pass_console
def list_jobs(console: Console, limit: int, form: str) -> None:
    """The newest long files and where they stand."""
    with console.app.app_context(), reading_only():
        rows = [_as_json(job) for job in questions.import_jobs(limit=limit)]
    if form == "json":
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    for row in rows:
        click.echo(
            f"{row['number']:>6}  {row['requested_at']}  {row['state']:9} {row['kind']:22} "
            f"{row['rows']:>8} rows  {row['file']}"
        )


COMMANDS = (import_jobs,)
