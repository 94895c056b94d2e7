"""``clinic-orders db``: migrate and verify."""

from __future__ import annotations

import json

import click
from flask_migrate import downgrade as alembic_downgrade
from flask_migrate import upgrade as alembic_upgrade

from clinic_orders import clock
from clinic_orders.actions.divisions import load_divisions
from clinic_orders.cli.context import Console, Failed, pass_console
from clinic_orders.exchange.divisions import read_divisions
from clinic_orders.queries.integrity import problems
from clinic_orders.rules.parties import SYSTEM


@click.group("db")
def database() -> None:
    """Migrate the database and verify its integrity."""


@database.command()
@click.option("--revision", default="head", show_default=True, help="Up to this migration.")
@pass_console
def upgrade(console: Console, revision: str) -> None:
    """Migrate to the newest schema and load the divisions shipped in catalog/."""
    with console.app.app_context():
        alembic_upgrade(revision=revision)
        if revision != "head":
            return
        counts = load_divisions(read_divisions(), by=SYSTEM, at=clock.now())
    added = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    click.echo(f"schema: head; divisions added: {added or 'none, all there'}")


@database.command()
@click.argument("revision")
@pass_console
def downgrade(console: Console, revision: str) -> None:
    """Go back to an older schema. Take a backup first: columns of the newer schema are lost."""
    with console.app.app_context():
        alembic_downgrade(revision=revision)
    click.echo(f"schema: {revision}")


@database.command()
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@pass_console
def check(console: Console, form: str) -> None:
    """Verify foreign keys and that every running sum equals its rows. Exit status 1 if anything is wrong."""
    with console.app.app_context():
        found = problems()
    if form == "json":
        click.echo(
            json.dumps(
                {"problems": [{"check": p.check, "subject": p.subject, "detail": p.detail} for p in found]},
                ensure_ascii=False,
            )
        )
    else:
        for problem in found:
            click.echo(f"{problem.check}: {problem.subject}: {problem.detail}")
    if found:
        raise Failed(f"{len(found)} problems found")
    if form == "text":
        click.echo("ok: foreign keys and sums hold")


COMMANDS = (database,)
