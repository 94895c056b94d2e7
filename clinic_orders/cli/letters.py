"""``clinic-orders letter``, ``letter-runs``, ``draft-runs``: a letter of a case as PDF; many in one run (R-CASE-2)."""

from __future__ import annotations

from pathlib import Path

import click

from clinic_orders import clock, jobs
from clinic_orders.actions.cases import suggested_request
from clinic_orders.cli.behind import run_out
from clinic_orders.cli.context import Console, Failed, pass_console
from clinic_orders.cli.whole_files import write_whole
from clinic_orders.documents import PapersOff
from clinic_orders.documents.letters import REVOKED_MARK, letter_pdf
from clinic_orders.documents.letters.drafts import DRAFT_RUNS
from clinic_orders.documents.letters.runs import LETTER_RUNS
from clinic_orders.documents.paper_runs import RunPrinter
from clinic_orders.models.base import reading_only
from clinic_orders.models.draft_runs import DraftRun
from clinic_orders.models.letter_runs import LetterRun
from clinic_orders.queries import cases as questions
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.finding_states import FindingState
from clinic_orders.rules.ladder import LetterState
from clinic_orders.rules.letters import LetterContent
from clinic_orders.rules.parties import SYSTEM


@click.command("letter")
@click.argument("case")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="Write to this file.",
)
@click.option("--preview", is_flag=True, help="Not the last letter issued but the next one, as a draft.")
@click.option("--address", default="", help="Our own address in the code, such as https://orders.example.cn.")
@pass_console
def letter_command(console: Console, case: str, output: Path, preview: bool, address: str) -> None:
    """The last letter issued in a CASE, by the number of the case, as PDF."""
    with console.app.app_context(), reading_only():
        content, mark = _next(case) if preview else _last(case)
    try:
        pdf = letter_pdf(content, address=address or console.settings.alipay_address, mark=mark)
    except PapersOff as off:
        raise Failed(
            f"papers can't be made yet; install what is missing with: {off.facts['command']}"
        ) from off
    try:
        write_whole(output, lambda out: out.write(pdf))
    except OSError as error:
        raise Failed(f"{output}: {error.strerror}") from error
    click.echo(f"{content.title} {content.number or '(draft)'} → {output}")


def _last(number: str) -> tuple[LetterContent, str]:
    found = questions.find_case(number, SYSTEM, on=day_in_china(clock.now()))
    if found is None:
        raise Failed(f"there is no case {number}")
    out = [one for one in questions.letters_of(found.id) if one.number is not None]
    if not out:
        raise Failed(f"no letter has been issued in case {number}; --preview shows the next one")
    last = out[-1]
    return LetterContent.from_canonical(last.content), (
        REVOKED_MARK if last.state is LetterState.REVOKED else ""
    )


def _next(number: str) -> tuple[LetterContent, str]:
    """The next letter as the system would word it; the officer's own days and words come on the screen."""
    at = clock.now()
    on = day_in_china(at)
    found = questions.find_case(number, SYSTEM, on=on)
    if found is None:
        raise Failed(f"there is no case {number}")
    request = suggested_request(found, last=questions.last_letter(found.id), at=at)
    if request is None:
        raise Failed(f"case {number} has reached the last level of its ladder")
    findings = [one for one in questions.findings_of(found.id, on=on) if one.state is FindingState.OPEN]
    record = questions.case_by_id(found.id)
    content = questions.content_of(
        record, request, findings, questions.standards_of(findings), by=SYSTEM, on=on
    )
    return content, ""


def printer(console: Console) -> RunPrinter[LetterRun]:
    """What prints the runs, as this process."""
    return RunPrinter(console.settings.instance, jobs.worker_name(), LETTER_RUNS)


@click.group("letter-runs")
def letter_runs() -> None:
    """Many letters that a bureau has chosen to print together."""


@letter_runs.command("run")
@pass_console
def run(console: Console) -> None:
    """Print every run whose turn it is, then end. The scheduler does the same every minute."""
    click.echo(f"{run_out(console, printer(console))} runs were taken up")


def draft_printer(console: Console) -> RunPrinter[DraftRun]:
    """What prints the runs of drafts, as this process."""
    return RunPrinter(console.settings.instance, jobs.worker_name(), DRAFT_RUNS)


@click.group("draft-runs")
def draft_runs() -> None:
    """Drafts of many letters that a bureau wants to read before anything is issued."""


@draft_runs.command("run")
@pass_console
def run_drafts(console: Console) -> None:
    """Print every run whose turn it is, then end. The scheduler does the same every minute."""
    click.echo(f"{run_out(console, draft_printer(console))} runs were taken up")


COMMANDS = (letter_command, letter_runs, draft_runs)
