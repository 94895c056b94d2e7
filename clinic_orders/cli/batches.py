"""``clinic-orders batch``: which files came in, and taking one back."""

from __future__ import annotations

import json

import click
from flask_babel import gettext as _

from clinic_orders import clock
from clinic_orders.actions.undoing import BatchRestedOn, undo_batch
from clinic_orders.cli.context import Console, pass_console
from clinic_orders.models.base import reading_only
from clinic_orders.models.exchange import ImportBatch
from clinic_orders.queries import files as questions
from clinic_orders.rules.days import SHANGHAI
from clinic_orders.rules.parties import SYSTEM


@click.group("batch")
def batch() -> None:
    """The imported files: list them, undo one."""


def _as_json(row: ImportBatch) -> dict[str, object]:
    return {
        "batch": row.id,
        "kind": row.kind,
        "file": row.filename,
        "at": row.at.astimezone(SHANGHAI).isoformat(timespec="seconds"),
        "by": row.by_name,
        "rows": row.rows,
        "created": row.created,
        "updated": row.updated,
        "unchanged": row.unchanged,
        "can_be_undone": row.traced and row.undone_at is None,
        "undone_at": row.undone_at and row.undone_at.astimezone(SHANGHAI).isoformat(timespec="seconds"),
    }


@batch.command("list")
@click.option("--kind", default="", help="Only files of this kind.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="At most so many.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@pass_console
def list_batches(console: Console, kind: str, limit: int, form: str) -> None:
    """The newest imports with their numbers."""
    with console.app.app_context(), reading_only():
        rows = [_as_json(row) for row in questions.batches("", kind, limit=limit)]
    if form == "json":
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    for row in rows:
        with console.app.app_context():
            undone = f"  {_('undone %(at)s', at=row['undone_at'])}" if row["undone_at"] else ""
            counts = _(
                "%(rows)s rows  +%(created)s ~%(updated)s =%(unchanged)s",
                rows=f"{row['rows']:>8}",
                created=row["created"],
                updated=row["updated"],
                unchanged=row["unchanged"],
            )
        click.echo(f"{row['batch']:>6}  {row['at']}  {row['kind']:22} {counts}  {row['file']}{undone}")


@batch.command("undo")
@click.argument("number", type=int)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@pass_console
def undo(console: Console, number: int, form: str) -> None:
    """Take back what import NUMBER did, while nothing rests on it. The file can be imported again afterwards."""
    with console.app.app_context():
        try:
            undone = undo_batch(number, by=SYSTEM, at=clock.now())
        except BatchRestedOn as refusal:
            for one in refusal.resting:
                names = "、".join(one.names)
                said = _(
                    "%(word)s × %(count)s, %(why)s: %(names)s",
                    word=_(one.word),
                    count=one.count,
                    why=_(one.why),
                    names=names,
                )
                click.echo(said, err=True)
            raise
    if form == "json":
        click.echo(
            json.dumps(
                {
                    "batch": number,
                    "removed": undone.removed,
                    "restored": undone.restored,
                    "returned": undone.returned,
                }
            )
        )
        return
    with console.app.app_context():
        said = _(
            "batch %(number)s undone: %(removed)s records taken out, %(restored)s put back to what they were, "
            "%(returned)s brought back",
            number=number,
            removed=undone.removed,
            restored=undone.restored,
            returned=undone.returned,
        )
    click.echo(said)


COMMANDS = (batch,)
