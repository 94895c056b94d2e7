"""``clinic-orders db``: migrate and verify."""

from __future__ import annotations

import json

import click
from flask_migrate import downgrade as alembic_downgrade
from flask_migrate import upgrade as alembic_upgrade

from clinic_orders import clock
from clinic_orders.actions.divisions import load_divisions
from clinic_orders.actions.policy_reach import take_calendar
from clinic_orders.cli.audit import HeadType, kept_outside
from clinic_orders.cli.context import Console, Failed, pass_console
from clinic_orders.cli.schema import (
    current_migration,
    known_migrations,
    refuse_not_newest,
    refuse_unknown,
    say,
)
from clinic_orders.exchange.backups import write_backup
from clinic_orders.exchange.divisions import read_divisions
from clinic_orders.models.base import db, reading_only
from clinic_orders.queries import audit_chain
from clinic_orders.queries.audit_chain import Head
from clinic_orders.queries.demonstration import is_empty
from clinic_orders.queries.integrity import CHECKS, problems
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.errors import N_
from clinic_orders.rules.parties import SYSTEM


@click.group("db")
def database() -> None:
    """Migrate the database and verify its integrity."""


def _back_up_first(console: Console, migration: str) -> None:
    """A backup beside the database before its schema changes; an empty database needs none."""
    at = clock.now()
    folder = console.settings.instance / "backups"
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"before-upgrade-{migration}-{at:%Y%m%dT%H%M%S}.zip"
    write_backup(
        target, database_url=console.settings.database_url, instance=console.settings.instance, at=at
    )
    click.echo(say(N_("backup before the upgrade: %(file)s"), file=target), err=True)


@database.command()
@click.option("--revision", default="head", show_default=True, help="Up to this migration.")
@click.option(
    "--backup/--no-backup", default=True, help="Back up first, if there are migrations to come and any data."
)
@pass_console
def upgrade(console: Console, revision: str, backup: bool) -> None:
    """Migrate to the newest schema and load the divisions shipped in catalog/.

    All or nothing: if a migration fails, the database stays as it was. A database that a newer version has
    migrated is refused.
    """
    with console.app.app_context():
        before = current_migration()
        refuse_unknown(before)
        if backup and before and before != known_migrations()[0] and not is_empty():
            _back_up_first(console, before)
        # What was only read above must not hold SQLite's one writer's place against the migration.
        db.session.remove()
        try:
            alembic_upgrade(revision=revision)
        except Exception as error:
            message = N_("The migration failed, the database is as it was (migration %(migration)s): %(why)s")
            raise Failed(say(message, migration=before or "–", why=error)) from error
        if revision != "head":
            return
        counts = load_divisions(read_divisions(), by=SYSTEM, at=clock.now())
        take_calendar(by=SYSTEM, at=clock.now())
    added = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    click.echo(f"schema: head; divisions added: {added or 'none, all there'}")


@database.command()
@click.argument("revision")
@pass_console
def downgrade(console: Console, revision: str) -> None:
    """Go back to an older schema. Take a backup first: columns of the newer schema are lost."""
    with console.app.app_context():
        refuse_unknown(current_migration())
        alembic_downgrade(revision=revision)
    click.echo(f"schema: {revision}")


@database.command()
@click.option(
    "--audit-head",
    "witness",
    type=HeadType(),
    help="A head printed earlier, which must still be in the chain.",
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@pass_console
def check(console: Console, witness: Head | None, form: str) -> None:
    """Verify references, sums, the equations of orders, the allocation of payments and the chain of the audit.

    The heads that the job keep-audit-head has kept are among what the chain must still hold.

    Exit status 1 if anything is wrong.
    """
    with console.app.app_context(), reading_only():
        refuse_not_newest()
        witnesses = [*kept_outside(console.settings), *([] if witness is None else [witness])]
        found = problems(day_in_china(clock.now()), witnesses)
        head, unsealed = audit_chain.head(), audit_chain.count_unsealed()
        lines = [
            f"{say(CHECKS.get(problem.check, problem.check))}: {problem.subject}: "
            f"{say(problem.message, **problem.facts)}"
            for problem in found
        ]
        failed = say(N_("%(count)s problems found"), count=len(found))
        good = [
            say(N_("ok: references, sums, allocation and the chain of the audit hold")),
            say(N_("audit: %(sealed)s entries sealed, %(unsealed)s wait for the next sealing; head %(head)s"),
                sealed=head.position, unsealed=unsealed, head=head),
        ]  # fmt: skip
    if form == "json":
        document = {
            "problems": [
                {"check": p.check, "subject": p.subject, "detail": p.detail, "message": line}
                for p, line in zip(found, lines, strict=True)
            ],
            "audit": {"sealed": head.position, "unsealed": unsealed, "head": str(head)},
        }
        click.echo(json.dumps(document, ensure_ascii=False))
    else:
        click.echo("\n".join(lines or good))
    if found:
        raise Failed(failed)


COMMANDS = (database,)
