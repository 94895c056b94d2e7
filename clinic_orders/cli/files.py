"""``clinic-orders import`` and ``export``: files in and out (formats.md section 2)."""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import click
from flask_babel import get_locale, ngettext
from flask_babel import gettext as _

from clinic_orders import clock
from clinic_orders.actions.files import look_away
from clinic_orders.cli.context import Console, Failed, pass_console
from clinic_orders.cli.whole_files import write_whole
from clinic_orders.exchange.exporting import CSV, XLSX, export_file
from clinic_orders.exchange.importing import Report
from clinic_orders.exchange.long_files import LongFile, Phase, unseen
from clinic_orders.exchange.tables import KINDS
from clinic_orders.models.base import reading_only
from clinic_orders.models.exchange import RecordChange
from clinic_orders.queries import batches
from clinic_orders.queries.batches import ShownRecord
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.parties import SYSTEM

KIND: Final = click.Choice(list(KINDS))
_SHOWN: Final = 100
_SHOWN_RECORDS: Final = 50
_PHASES: Final = {Phase.READING: N_("reading"), Phase.STORING: N_("storing")}


def _say(refusal: RuleBroken) -> str:
    return str(_(refusal.message)) % refusal.facts


@click.command("import")
@click.argument("kind", type=KIND)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--dry-run", is_flag=True, help="Only try: the same report and what would change, and nothing is stored."
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@pass_console
def import_command(console: Console, kind: str, file: Path, dry_run: bool, form: str) -> int:
    """Import a CSV or XLSX FILE of a KIND, whole or not at all. Importing it twice changes nothing."""
    with console.app.app_context():
        trial = Trial() if dry_run else None
        try:
            report = _import(kind, file, trial)
        except OSError as error:
            raise Failed(f"{file}: {error.strerror}") from error
        if form == "json":
            click.echo(json.dumps(report.as_dict(_say), ensure_ascii=False))
        else:
            _print(report, trial)
        if report.errors:
            _print_refusal(report)
    return 1 if report.errors else 0


@dataclass(slots=True)
class Trial:
    """The first of the records that a dry run would make or change, and how many there are."""

    shown: list[ShownRecord] = field(default_factory=list)
    count: int = 0

    def look(self, batch_id: int) -> None:
        """Take them down while they stand; the trial takes them back afterwards."""
        self.shown = list(batches.records(batch_id, limit=_SHOWN_RECORDS))
        self.count = batches.count_records(batch_id)


def _import(kind: str, file: Path, trial: Trial | None) -> Report:
    """Import in constant memory; where somebody watches, how far it is stands on stderr."""
    watched = sys.stderr.isatty()

    def show(phase: Phase, share: float, rows: int) -> None:
        said = ngettext(
            "%(share)s, %(rows)s row",
            "%(share)s, %(rows)s rows",
            rows,
            share=f"{share:4.0%}",
            rows=f"{rows:,}",
        )
        click.echo(f"\r{_(_PHASES[phase])} {said} ", nl=False, err=True)

    with tempfile.TemporaryDirectory(prefix="clinic-orders-") as folder:
        work = LongFile(kind, file, file.name, Path(folder) / "rows.sqlite3")
        try:
            return work.take_in(
                dry_run=trial is not None,
                look=trial.look if trial is not None else look_away,
                by=SYSTEM,
                at=clock.now(),
                progress=show if watched else unseen,
            )
        finally:
            if watched:
                click.echo("\r" + " " * 40 + "\r", nl=False, err=True)


def _print(report: Report, trial: Trial | None) -> None:
    """Counts, warnings and what a trial would do on stdout, refusals on stderr with their place."""
    for problem in (*report.warnings[:_SHOWN], *report.errors[:_SHOWN]):
        is_error = problem in report.errors
        place = _("row %(number)s", number=problem.row) if problem.row is not None else _("file")
        where = _("%(place)s, %(column)s", place=place, column=problem.column) if problem.column else place
        said = _("%(where)s: %(message)s", where=where, message=_say(problem.refusal))
        click.echo(said if is_error else _("warning: %(said)s", said=said), err=is_error)
    if report.errors:
        return
    if trial is not None:
        for record in trial.shown:
            click.echo(_line(report.kind, record))
        if trial.count > len(trial.shown):
            click.echo(
                ngettext(
                    "… and %(count)s more record",
                    "… and %(count)s more records",
                    trial.count - len(trial.shown),
                    count=f"{trial.count - len(trial.shown):,}",
                )
            )
    text = (
        _("%(kind)s: %(rows)s rows; %(created)s created, %(updated)s updated, %(unchanged)s unchanged")
        if trial is None
        else _(
            "%(kind)s: %(rows)s rows; %(created)s would be created, %(updated)s would be updated, "
            "%(unchanged)s unchanged; nothing was stored"
        )
    )
    stored = report.stored
    click.echo(
        text
        % {
            "kind": report.kind,
            "rows": report.rows,
            "created": stored.created,
            "updated": stored.updated,
            "unchanged": stored.unchanged,
        }
    )


_CHANGES: Final = {
    RecordChange.CREATED: N_("created"),
    RecordChange.CHANGED: N_("changed"),
    RecordChange.REMOVED: N_("removed"),
}


def _line(kind: str, record: ShownRecord) -> str:
    """What a trial would do to one record: of a changed one, column by column, old → new."""
    in_chinese = str(get_locale()).startswith("zh")
    labels = {
        column.name.removesuffix("_code"): column.label if in_chinese else column.name
        for column in KINDS[kind].columns
    }
    is_changed = record.change is RecordChange.CHANGED
    parts = []
    names = {**record.before, **record.after}
    # In the order of the file's columns; what is worked out from them comes behind.
    for name in [
        *(name for name in labels if name in names),
        *(name for name in names if name not in labels),
    ]:
        old, new = _cell(record.before.get(name)), _cell(record.after.get(name))
        if old != new:
            parts.append(f"{labels.get(name, name)} {f'{old} → {new}' if is_changed else new or old}")
    facts = _("; ").join(parts)
    change, word = _(_CHANGES[record.change]), _(record.word)
    return str(
        _("%(change)s %(word)s %(name)s: %(facts)s", change=change, word=word, name=record.name, facts=facts)
    )


def _cell(value: object) -> str:
    return "" if value is None else str(value)


def _print_refusal(report: Report) -> None:
    more = len(report.errors) - _SHOWN
    if more > 0:
        click.echo(_("%(count)s more are not shown; --format json has them", count=more), err=True)
    click.echo(
        ngettext(
            "refused: %(count)s problem; nothing was stored",
            "refused: %(count)s problems; nothing was stored",
            len(report.errors),
            count=len(report.errors),
        ),
        err=True,
    )


@click.command("export")
@click.argument("kind", type=KIND)
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path))
@pass_console
def export_command(console: Console, kind: str, file: Path) -> None:
    """Export all records of a KIND to FILE: .csv or .xlsx by its name, - writes CSV to the standard output."""
    with console.app.app_context(), reading_only():
        on = day_in_china(clock.now())
        if str(file) == "-":
            export_file(kind, CSV, sys.stdout.buffer, by=SYSTEM, on=on)
            sys.stdout.buffer.flush()
            return
        form = file.suffix.lower().removeprefix(".")
        if form not in {CSV, XLSX}:
            raise click.UsageError("FILE must end in .csv or .xlsx, or be - for CSV on the standard output.")
        try:
            count = write_whole(file, lambda out: export_file(kind, form, out, by=SYSTEM, on=on))
        except OSError as error:
            raise Failed(f"{file}: {error.strerror}") from error
    click.echo(f"{kind}: {count} rows in {file}", err=True)


COMMANDS = (import_command, export_command)
