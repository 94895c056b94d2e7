"""``clinic-orders backup`` and ``restore``: one file that holds everything, verified before it replaces anything."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import click

from clinic_orders import clock
from clinic_orders.actions.sealing import seal_audit
from clinic_orders.cli.context import Console, Failed, pass_console
from clinic_orders.cli.schema import current_migration, known_migrations, refuse_unknown, say
from clinic_orders.config import PREFIX
from clinic_orders.exchange.backups import restore_backup, write_backup
from clinic_orders.models.base import db
from clinic_orders.rules.errors import N_
from clinic_orders.rules.parties import SYSTEM


@click.command("backup")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@pass_console
def backup(console: Console, file: Path, form: str) -> None:
    """Write a consistent backup to FILE while others go on working: the database and the uploaded files.

    The secret key is not in it. FILE is readable by its owner only; it must not exist yet.
    """
    settings = console.settings
    at = clock.now()
    with console.app.app_context():
        migration = current_migration()
        refuse_unknown(migration)
        if migration == known_migrations()[0]:
            # So that the chain's head, which the manifest carries, speaks for every deed in the backup.
            seal_audit(by=SYSTEM, at=at)
        db.session.remove()
        try:
            manifest = write_backup(
                file, database_url=settings.database_url, instance=settings.instance, at=at
            )
        except OSError as error:
            raise Failed(f"{file}: {error.strerror or error}") from error
        if form == "json":
            click.echo(json.dumps(manifest.as_dict(), ensure_ascii=False))
            return
        message = N_(
            "%(file)s: %(rows)s rows, %(files)s uploaded files, migration %(migration)s, audit head %(head)s"
        )
        click.echo(
            say(
                message,
                file=file,
                rows=sum(manifest.rows.values()),
                files=len(manifest.parts) - 1,
                migration=manifest.migration,
                head=manifest.audit_head or "–",
            )
        )


def _verified(scratch_url: str) -> list[str]:
    """Migrate a scratch copy and check it, in processes of their own: nothing here is connected to it."""
    with tempfile.TemporaryDirectory(prefix="clinic-orders-verify-") as folder:
        environment = os.environ | {
            f"{PREFIX}DATABASE_URL": scratch_url,
            f"{PREFIX}INSTANCE": folder,
            f"{PREFIX}SECRET_KEY": "of the verification only",
        }
        for words in (("upgrade", "--no-backup"), ("check", "--format", "json")):
            done = subprocess.run(
                [sys.executable, "-m", "clinic_orders", "db", *words],
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                return _said(done)
    return []


def _said(done: subprocess.CompletedProcess[str]) -> list[str]:
    """What a failed verification found."""
    try:
        return [problem["message"] for problem in json.loads(done.stdout)["problems"]]
    except (ValueError, KeyError):
        return [(done.stderr or done.stdout).strip()[-500:]]


@click.command("restore")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@pass_console
def restore(console: Console, file: Path) -> None:
    """Put the backup FILE in the place of the database and the uploaded files.

    Everything is verified first on a scratch copy (hashes, rows, migration, db check), and an older schema is
    migrated there. Stop the server and the scheduler before. What was there is kept aside.
    """
    settings = console.settings
    with console.app.app_context():
        known = known_migrations()
        db.session.remove()
        db.engine.dispose()
        try:
            done = restore_backup(
                file,
                database_url=settings.database_url,
                instance=settings.instance,
                known_migrations=known,
                verify=_verified,
                at=clock.now(),
            )
        except OSError as error:
            raise Failed(f"{error.filename or file}: {error.strerror or error}") from error
        message = N_("restored: %(file)s of %(made_at)s, %(rows)s rows")
        click.echo(
            say(message, file=file, made_at=done.manifest.made_at, rows=sum(done.manifest.rows.values()))
        )
        if done.migrated:
            click.echo(
                say(
                    N_("brought from migration %(old)s to %(new)s"), old=done.manifest.migration, new=known[0]
                )
            )
        if done.aside:
            click.echo(
                say(
                    N_("what was there before is kept as %(aside)s; remove it when all is well"),
                    aside=done.aside,
                )
            )


COMMANDS = (backup, restore)
