"""``clinic-orders token``: tokens of other programs from the terminal (formats.md section 1)."""

from __future__ import annotations

import json
from datetime import timedelta

import click

from clinic_orders import clock
from clinic_orders.actions import api_tokens as deeds
from clinic_orders.actions.accounts import AccountNotFound
from clinic_orders.cli.context import Console, Failed, pass_console
from clinic_orders.cli.schema import say
from clinic_orders.models.base import reading_only
from clinic_orders.queries import api_tokens as questions
from clinic_orders.rules.api import MOST_DAYS, SCOPES, USUAL_DAYS
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.errors import N_
from clinic_orders.rules.parties import SYSTEM, Permission, Role

_ROLES = [role.value for role in Role if role is not Role.SYSTEM]


@click.group("token")
def token() -> None:
    """Tokens with which other programs call: make, list, revoke."""


@token.command()
@click.argument("username")
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice([scope.value for scope in SCOPES]),
    multiple=True,
    required=True,
    help="What the program may do; may be given several times.",
)
@click.option("--days", type=click.IntRange(1, MOST_DAYS), default=USUAL_DAYS, show_default=True)
@click.option("--role", type=click.Choice(_ROLES), default=None, help="Where the account has several roles.")
@pass_console
def add(
    console: Console, username: str, name: str, scopes: tuple[str, ...], days: int, role: str | None
) -> None:
    """Make a token for the program NAME, which acts for the account USERNAME, and print it once."""
    with console.app.app_context():
        at = clock.now()
        on = day_in_china(at)
        found = [one for one in questions.owners(username, on=on) if role in (None, one.role.value)]
        if not found:
            raise AccountNotFound()
        if len(found) > 1:
            raise Failed(
                say(N_("%(name)s has several roles. Choose one with --role."), name=found[0].username)
            )
        made = deeds.make_token(
            found[0].assignment_id,
            name,
            [Permission(scope) for scope in scopes],
            on + timedelta(days=days),
            by=SYSTEM,
            at=at,
        )
    click.echo(made.token)
    click.echo("This token is shown once; only its digest is kept.", err=True)


@token.command("list")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@pass_console
def list_tokens(console: Console, form: str) -> None:
    """Tokens with their accounts, one a line; never the tokens themselves."""
    with console.app.app_context(), reading_only():
        at = clock.now()
        rows = questions.list_tokens(on=day_in_china(at), at=at)
    if form == "json":
        click.echo(json.dumps([row._asdict() for row in rows], ensure_ascii=False, default=str))
        return
    for row in rows:
        state = "valid" if row.holds(at) else "revoked" if row.revoked_at else "ended"
        used = "never" if row.last_used_at is None else f"{row.last_used_at:%Y-%m-%d %H:%M}Z"
        click.echo(
            f"{row.mark}  {state:7} until {day_in_china(row.expires_at) - timedelta(days=1)}  used {used}  "
            f"{row.username}  {row.name}  {row.scopes}"
        )


@token.command()
@click.argument("mark")
@pass_console
def revoke(console: Console, mark: str) -> None:
    """End the token that begins with MARK at once."""
    with console.app.app_context():
        found = questions.token_with_mark(mark)
        if found is None:
            raise Failed(say(N_("No token begins with %(mark)s; see `token list`."), mark=mark))
        deeds.revoke_token(found, by=SYSTEM, at=clock.now())
    click.echo(f"{mark}: revoked")


COMMANDS = (token,)
