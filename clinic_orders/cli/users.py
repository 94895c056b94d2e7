"""``clinic-orders user``: accounts from the terminal. Passwords are never arguments, which shells remember."""

from __future__ import annotations

import csv
import io
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import click

from clinic_orders import clock
from clinic_orders.actions import accounts as deeds
from clinic_orders.actions.accounts import AccountNotFound, NewAccount
from clinic_orders.cli.context import Console, Failed, pass_console
from clinic_orders.cli.schema import say
from clinic_orders.documents.slips import login_slips
from clinic_orders.models.base import reading_only
from clinic_orders.queries import accounts as questions
from clinic_orders.queries.roster import has_demo_data
from clinic_orders.rules.accounts import log_mark
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.errors import N_
from clinic_orders.rules.parties import SYSTEM, Role

ROLES = [role.value for role in Role if role is not Role.SYSTEM]


@click.group("user")
def user() -> None:
    """Accounts: open, set a first password, lock, issue for a whole roster."""


_FROM_STDIN = click.option(
    "--password-stdin",
    is_flag=True,
    help="Read the first password from the standard input; else a random one is made.",
)


def _typed(from_stdin: bool) -> str | None:
    return sys.stdin.readline().rstrip("\r\n") if from_stdin else None


def _tell(made: NewAccount) -> None:
    click.echo(f"{made.username}  {made.password}")
    click.echo("This first password is shown once and must be changed at the first log-in.", err=True)


def _id_of(username: str) -> int:
    found = questions.user_id_of(username)
    if found is None:
        raise AccountNotFound()
    return found


@user.command()
@click.argument("username")
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), required=True)
@click.option("--institution", default="", help="Code of the institution (roles institution and hospital).")
@click.option("--distributor", default="", help="Code of the distributor (role distributor).")
@click.option("--county", default=None, help="Code of the county (role county).")
@click.option("--phone", default=None)
@_FROM_STDIN
@pass_console
def add(
    console: Console,
    username: str,
    name: str,
    role: str,
    institution: str,
    distributor: str,
    county: str | None,
    phone: str | None,
    password_stdin: bool,
) -> None:
    """Open an account named USERNAME for the person NAME and print its first password."""
    password = _typed(password_stdin)
    with console.app.app_context():
        at = clock.now()
        made = deeds.open_account(
            username,
            name,
            Role(role),
            institution_id=_organisation(Role.INSTITUTION, institution, at),
            distributor_id=_organisation(Role.DISTRIBUTOR, distributor, at),
            county_code=county,
            phone=phone,
            password=password,
            by=SYSTEM,
            at=at,
        )
    _tell(made)


def _organisation(role: Role, code: str, at: datetime) -> int | None:
    if not code:
        return None
    found = questions.find_organisation(SYSTEM, role, code, day_in_china(at))
    if found is None:
        raise Failed(f"{role.value} {code}: not found")
    return found


@user.command()
@click.argument("username")
@_FROM_STDIN
@pass_console
def passwd(console: Console, username: str, password_stdin: bool) -> None:
    """Set a first password for USERNAME, lift a lock-out and end all sessions."""
    password = _typed(password_stdin)
    with console.app.app_context():
        made = deeds.reset_password(_id_of(username), password=password, by=SYSTEM, at=clock.now())
    _tell(made)


@user.command()
@click.argument("username")
@pass_console
def lock(console: Console, username: str) -> None:
    """Close the account of USERNAME: its sessions end, nobody logs in with it until `user unlock`."""
    with console.app.app_context():
        deeds.close_account(_id_of(username), by=SYSTEM, at=clock.now())
    click.echo(f"{username}: locked")


@user.command()
@click.argument("username")
@pass_console
def unlock(console: Console, username: str) -> None:
    """Open the account of USERNAME again."""
    with console.app.app_context():
        deeds.reopen_account(_id_of(username), by=SYSTEM, at=clock.now())
    click.echo(f"{username}: unlocked")


@user.command("no-second-step")
@click.argument("username")
@pass_console
def no_second_step(console: Console, username: str) -> None:
    """Take the second step of the log-in from USERNAME, who lost phone and sheet; their sessions end."""
    with console.app.app_context():
        deeds.remove_second_step(_id_of(username), by=SYSTEM, at=clock.now())
    click.echo(f"{username}: the password alone opens the account")


@user.command("of-mark")
@click.argument("mark")
@pass_console
def of_mark(console: Console, mark: str) -> None:
    """Say whose MARK stands in the server's log beside a refused request; it needs the instance's key."""
    with console.app.app_context(), reading_only():
        secret = console.settings.secret_key
        for row in questions.list_accounts(SYSTEM, day_in_china(clock.now())):
            if log_mark(row.user_id, secret) == mark:
                click.echo(f"{row.username} {row.name}")
                return
        raise Failed(say(N_("No account has the mark %(mark)s; it may be of another instance."), mark=mark))


@user.command("list")
@click.option("--role", type=click.Choice(ROLES), default=None)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@pass_console
def list_users(console: Console, role: str | None, form: str) -> None:
    """Accounts with their roles, one a line."""
    with console.app.app_context(), reading_only():
        rows = questions.list_accounts(
            SYSTEM, day_in_china(clock.now()), role=None if role is None else Role(role)
        )
    for row in rows:
        if form == "json":
            click.echo(json.dumps(asdict(row), ensure_ascii=False, default=str))
        else:
            state = "locked" if row.disabled_at else "open"
            click.echo(
                f"{row.username:24} {row.role.value:12} {state:7} {row.name}  {row.org_name}{row.place}"
            )


@user.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--county", default=None, help="Only institutions of this county.")
@click.option(
    "--address", default="http://127.0.0.1:8000", show_default=True, help="Where to log in, for the slips."
)
@pass_console
def issue(console: Console, file: Path, county: str | None, address: str) -> None:
    """Open accounts for every institution without one and write the slips to FILE (.pdf or .csv).

    FILE can be read by its owner only. Nobody can show these passwords again.
    """
    if file.suffix not in {".pdf", ".csv"}:
        raise click.UsageError("FILE ends in .pdf or .csv")
    try:
        # The file is opened first: a full disk or a wrong folder must not leave accounts nobody can open.
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise Failed(f"{file}: {error.strerror}") from error
    with os.fdopen(descriptor, "wb") as out, console.app.app_context():
        at = clock.now()
        made = deeds.issue_accounts_for_roster(county_code=county, progress=_progress, by=SYSTEM, at=at)
        # Passwords first: should the paper fail, they are not lost.
        content = _as_csv(made)
        if file.suffix == ".pdf" and made:
            try:
                content = login_slips(
                    [asdict(account) for account in made],
                    address=address,
                    printed_at=at,
                    demo=has_demo_data(),
                )
            except Exception:
                rescued = file.with_suffix(".csv")
                _write_private(rescued, content)
                click.echo(f"The paper could not be made; the passwords are in {rescued}.", err=True)
                raise
        out.write(content)
    click.echo(f"{len(made)} accounts; slips: {file}")


def _progress(done: int, whole: int) -> None:
    click.echo(f"\r{done} of {whole} passwords", err=True, nl=done == whole)


def _as_csv(made: Sequence[NewAccount]) -> bytes:
    lines = [("username", "password", "name", "place")]
    lines += [(account.username, account.password, account.name, account.place) for account in made]

    file = io.StringIO(newline="")
    csv.writer(file, lineterminator="\r\n").writerows(lines)
    return file.getvalue().encode("utf-8-sig")


def _write_private(file: Path, content: bytes) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        out.write(content)


COMMANDS = (user,)
