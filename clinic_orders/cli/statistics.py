"""``clinic-orders statistics``, ``close-month``, ``bulletin``, ``assessment``: months, quarters, years (formats.md section 1)."""

from __future__ import annotations

import json
from pathlib import Path

import click

from clinic_orders import clock
from clinic_orders.actions import statistics as deeds
from clinic_orders.cli.context import Console, Failed, pass_console
from clinic_orders.cli.whole_files import write_whole
from clinic_orders.documents import statistics as papers
from clinic_orders.documents.assessments import load_summary, summary_pdf, summary_workbook
from clinic_orders.documents.bulletins import bulletin_pdf
from clinic_orders.models.base import reading_only
from clinic_orders.queries.bulletins import bulletin_content
from clinic_orders.queries.statistics import statistics
from clinic_orders.rules.days import Month, MonthNotUnderstood, Quarter, QuarterNotUnderstood, day_in_china
from clinic_orders.rules.errors import RuleBroken
from clinic_orders.rules.parties import SYSTEM


class MonthType(click.ParamType[Month]):
    """A month written YYYY-MM."""

    name = "YYYY-MM"

    def convert(self, value: str | Month, param: click.Parameter | None, ctx: click.Context | None) -> Month:
        """Read it, or say what is wrong."""
        if isinstance(value, Month):
            return value
        try:
            return Month.parse(value)
        except MonthNotUnderstood as refusal:
            self.fail(str(refusal), param, ctx)


MONTH = MonthType()


@click.command("statistics")
@click.argument("month", type=MONTH)
@click.option("--county", default="", help="Only this county, by its code.")
@click.option("--format", "form", type=click.Choice(["json", "xlsx", "pdf"]), default="json")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write to this file.")
@pass_console
def statistics_command(console: Console, month: Month, county: str, form: str, output: Path | None) -> None:
    """The indicators of a MONTH; those of a closed month are read as they were frozen.

    As XLSX or PDF a closed month also says what has been recorded differently since.
    """
    if output is None and form != "json":
        raise click.UsageError(f"Name the file with -o FILE: --format {form} is not printed.")
    with console.app.app_context(), reading_only():
        content = _content(month, county, form)
    if output is None:
        click.echo(content.decode())
        return
    try:
        write_whole(output, lambda out: out.write(content))
    except OSError as error:
        raise Failed(f"{output}: {error.strerror}") from error


def _content(month: Month, county: str, form: str) -> bytes:
    if form == "json":
        return json.dumps(statistics(month, county or None).as_json(), ensure_ascii=False).encode()
    paper = papers.load_paper(month, county, at=clock.now())
    if form == "xlsx":
        return papers.statistics_workbook(paper)
    try:
        return papers.statistics_paper(paper)
    except RuleBroken as refusal:
        raise Failed(str(refusal)) from refusal


@click.command("close-month")
@click.argument("month", type=MONTH)
@pass_console
def close_month_command(console: Console, month: Month) -> None:
    """Freeze the figures of a MONTH that is over; they never change again."""
    with console.app.app_context():
        try:
            closed = deeds.close_month(month, by=SYSTEM, at=clock.now())
        except RuleBroken as refusal:
            raise Failed(str(refusal)) from refusal
        click.echo(f"{closed.month} closed, sha256 {closed.sha256}", err=True)


class QuarterType(click.ParamType[Quarter]):
    """A quarter written YYYY-Qn."""

    name = "YYYY-Qn"

    def convert(
        self, value: str | Quarter, param: click.Parameter | None, ctx: click.Context | None
    ) -> Quarter:
        """Read it, or say what is wrong."""
        if isinstance(value, Quarter):
            return value
        try:
            return Quarter.parse(value)
        except QuarterNotUnderstood as refusal:
            self.fail(str(refusal), param, ctx)


@click.command("bulletin")
@click.argument("quarter", type=QuarterType())
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="Write to this file.",
)
@pass_console
def bulletin_command(console: Console, quarter: Quarter, output: Path) -> None:
    """The bulletin of a QUARTER as PDF: as it was published, else as a draft; from closed months only."""
    with console.app.app_context(), reading_only():
        try:
            content = bulletin_content(quarter, on=day_in_china(clock.now()))
            pdf = bulletin_pdf(content)
        except RuleBroken as refusal:
            raise Failed(str(refusal)) from refusal
    try:
        write_whole(output, lambda out: out.write(pdf))
    except OSError as error:
        raise Failed(f"{output}: {error.strerror}") from error
    click.echo(f"{content.title} {content.number or '(draft)'} → {output}", err=True)


@click.command("assessment")
@click.argument("year", type=click.IntRange(2000, 2999))
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="Write to this file: FILE.pdf or FILE.xlsx.",
)
@click.option("--county", default="", help="Only this county, by its code.")
@pass_console
def assessment_command(console: Console, year: int, output: Path, county: str) -> None:
    """The result of the annual assessment of a YEAR: PDF, or XLSX with the list for settlement, deposit and renewal."""
    with console.app.app_context(), reading_only():
        paper = load_summary(year, SYSTEM, county=county, at=clock.now())
        if paper is None:
            raise Failed(f"the year {year} is not assessed")
        try:
            make = summary_workbook if output.suffix == ".xlsx" else summary_pdf
            content = make(paper)
        except RuleBroken as refusal:
            raise Failed(str(refusal)) from refusal
    try:
        write_whole(output, lambda out: out.write(content))
    except OSError as error:
        raise Failed(f"{output}: {error.strerror}") from error
    click.echo(f"{year} {paper.assessment.state.value}: {len(paper.rows)} → {output}", err=True)


COMMANDS = (statistics_command, close_month_command, bulletin_command, assessment_command)
