"""``clinic-orders standards`` and ``standards-runs``: the sheets of the six unified standards for a whole county."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from clinic_orders import clock, jobs
from clinic_orders.cli.behind import run_out
from clinic_orders.cli.context import Console, Failed, pass_console
from clinic_orders.documents import PapersOff
from clinic_orders.documents.paper_runs import RunPrinter
from clinic_orders.documents.standards import standards_pdf, standards_zip
from clinic_orders.documents.standards_runs import STANDARDS_RUNS
from clinic_orders.models.base import reading_only
from clinic_orders.models.standards_runs import StandardsRun
from clinic_orders.queries.standards import standards_of
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.parties import SYSTEM
from clinic_orders.rules.standards import Sheet


@click.command("standards")
@click.argument("county")
@click.option(
    "--output",
    "-o",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="FILE.zip or FILE.pdf.",
)
@click.option("--township", default="", help="Only the institutions of this township.")
@click.option(
    "--sheet",
    "sheets",
    multiple=True,
    type=click.Choice([sheet.value for sheet in Sheet]),
    help="Only this one; may be given several times.",
)
@pass_console
def standards(console: Console, county: str, output: Path, township: str, sheets: tuple[str, ...]) -> None:
    """The sheets of the six standards for the institutions of a COUNTY (code of 6 digits).

    A ZIP has a PDF of each institution, a PDF all of them one after the other.
    """
    wanted = [Sheet(one) for one in sheets] or list(Sheet)
    phone = console.settings.complaint_phone
    with console.app.app_context(), reading_only():
        on = day_in_china(clock.now())
        rows = standards_of(SYSTEM, on=on, county=county, township=township)
        if not rows:
            raise Failed(f"no institution takes part in {county} {township}".rstrip())
        try:
            if output.suffix == ".pdf":
                content = standards_pdf(rows, wanted, phone=phone, on=on) or b""
            else:
                with click.progressbar(
                    length=len(rows), label="六统一", file=sys.stderr, hidden=not sys.stderr.isatty()
                ) as bar:
                    content = standards_zip(
                        rows, wanted, phone=phone, on=on, told=lambda number: bar.update(number - bar.pos)
                    )
        except PapersOff as off:
            raise Failed(str(off)) from off
        output.write_bytes(content)
    click.echo(f"{output}: {len(rows)}")


def printer(console: Console) -> RunPrinter[StandardsRun]:
    """What prints the runs, as this process."""
    return RunPrinter(console.settings.instance, jobs.worker_name(), STANDARDS_RUNS)


@click.group("standards-runs")
def standards_runs() -> None:
    """Sheets for many institutions that a bureau has asked for on a page."""


@standards_runs.command("run")
@pass_console
def run(console: Console) -> None:
    """Print every run whose turn it is, then end. The scheduler does the same every minute."""
    click.echo(f"{run_out(console, printer(console))} runs were taken up")


COMMANDS = (standards, standards_runs)
