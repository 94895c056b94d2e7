"""``clinic-orders import`` and ``export``: files in and out (formats.md section 2)."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Final

import click
from flask_babel import gettext

from clinic_orders import clock
from clinic_orders.cli.context import Console, Failed, pass_console
from clinic_orders.exchange.exporting import CSV, XLSX, export_file
from clinic_orders.exchange.importing import Report
from clinic_orders.exchange.long_files import LongFile, Phase, unseen
from clinic_orders.exchange.tables import KINDS
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.errors import RuleBroken
from clinic_orders.rules.parties import SYSTEM

KIND: Final = click.Choice(list(KINDS))
_SHOWN: Final = 100


def _say(refusal: RuleBroken) -> str:
    return str(gettext(refusal.message)) % refusal.facts


@click.command("import")
@click.argument("kind", type=KIND)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Only try: the same report, and nothing is stored.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@pass_console
def import_command(console: Console, kind: str, file: Path, dry_run: bool, form: str) -> int:
    """Import a CSV or XLSX FILE of a KIND, whole or not at all. Importing it twice changes nothing."""
    with console.app.app_context():
        try:
            report = _import(kind, file, dry_run=dry_run)
        except OSError as error:
            raise Failed(f"{file}: {error.strerror}") from error
        if form == "json":
            click.echo(json.dumps(report.as_dict(_say), ensure_ascii=False))
        else:
            _print(report, dry_run=dry_run)
        if report.errors:
            _print_refusal(report)
    return 1 if report.errors else 0


def _import(kind: str, file: Path, *, dry_run: bool) -> Report:
    """Import in constant memory; where somebody watches, how far it is stands on stderr."""
    watched = sys.stderr.isatty()

    def show(phase: Phase, share: float, rows: int) -> None:
        click.echo(f"\r{phase.value} {share:4.0%}, {rows:,} rows ", nl=False, err=True)

    with tempfile.TemporaryDirectory(prefix="clinic-orders-") as folder:
        work = LongFile(kind, file, file.name, Path(folder) / "rows.sqlite3")
        try:
            return work.take_in(
                dry_run=dry_run, by=SYSTEM, at=clock.now(), progress=show if watched else unseen
            )
        finally:
            if watched:
                click.echo("\r" + " " * 40 + "\r", nl=False, err=True)


def _print(report: Report, *, dry_run: bool) -> None:
    """Counts and warnings on stdout, refusals on stderr with their place."""
    for problem in (*report.warnings[:_SHOWN], *report.errors[:_SHOWN]):
        where = f"row {problem.row}" if problem.row is not None else "file"
        column = f", {problem.column}" if problem.column else ""
        is_error = problem in report.errors
        sort = "" if is_error else "warning: "
        click.echo(f"{sort}{where}{column}: {_say(problem.refusal)}", err=is_error)
    if report.errors:
        return
    stored = report.stored
    tried = "would be " if dry_run else ""
    click.echo(
        f"{report.kind}: {report.rows} rows; {stored.created} {tried}created, {stored.updated} {tried}updated, "
        f"{stored.unchanged} unchanged"
    )


def _print_refusal(report: Report) -> None:
    more = len(report.errors) - _SHOWN
    rest = f" ({more} more not shown; --format json has them)" if more > 0 else ""
    click.echo(f"refused: {len(report.errors)} problems{rest}; nothing was stored", err=True)


@click.command("export")
@click.argument("kind", type=KIND)
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path))
@pass_console
def export_command(console: Console, kind: str, file: Path) -> None:
    """Export all records of a KIND to FILE: .csv or .xlsx by its name, - writes CSV to the standard output."""
    with console.app.app_context():
        on = day_in_china(clock.now())
        if str(file) == "-":
            export_file(kind, CSV, sys.stdout.buffer, by=SYSTEM, on=on)
            sys.stdout.buffer.flush()
            return
        form = file.suffix.lower().removeprefix(".")
        if form not in {CSV, XLSX}:
            raise click.UsageError("FILE must end in .csv or .xlsx, or be - for CSV on the standard output.")
        try:
            count = _export_whole(kind, form, file)
        except OSError as error:
            raise Failed(f"{file}: {error.strerror}") from error
    click.echo(f"{kind}: {count} rows in {file}", err=True)


def _export_whole(kind: str, form: str, file: Path) -> int:
    """Write beside the file and put it in place at the end, so that nobody ever finds half of it."""
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "w+b") as out:
            count = export_file(kind, form, out, by=SYSTEM, on=day_in_china(clock.now()))
        Path(name).chmod(0o666 & ~_umask())
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return count


def _umask() -> int:
    """The mask for new files, which can only be read by setting it."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


COMMANDS = (import_command, export_command)
