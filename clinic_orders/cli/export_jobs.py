"""``clinic-orders export-jobs``: long exports that were asked for on a page and are made behind the scenes."""

from __future__ import annotations

import click

from clinic_orders import jobs
from clinic_orders.cli.behind import run_out
from clinic_orders.cli.context import Console, pass_console
from clinic_orders.exchange.background_exports import ExportMaker


def maker(console: Console) -> ExportMaker:
    """What makes the files, as this process."""
    return ExportMaker(console.settings.instance, jobs.worker_name())


@click.group("export-jobs")
def export_jobs() -> None:
    """Long exports that were asked for on a page."""


@export_jobs.command("run")
@pass_console
def run(console: Console) -> None:
    """Make every export whose turn it is, then end. The scheduler does the same every minute."""
    click.echo(f"{run_out(console, maker(console))} exports were taken up")


COMMANDS = (export_jobs,)
