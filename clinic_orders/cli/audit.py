"""``clinic-orders audit``: the head of the audit's chain, kept outside, and the chain against heads that were kept."""

from __future__ import annotations

from pathlib import Path

import click

from clinic_orders import clock
from clinic_orders.actions.sealing import seal_audit
from clinic_orders.cli.context import Console, Failed, pass_console
from clinic_orders.cli.schema import refuse_not_newest, say
from clinic_orders.config import Settings
from clinic_orders.exchange.audit_heads import folder_of, keep_head, kept_heads
from clinic_orders.models.base import reading_only
from clinic_orders.queries import audit_chain
from clinic_orders.queries.audit_chain import Head, broken_places
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.errors import N_
from clinic_orders.rules.parties import SYSTEM

_HEAD_DIGITS = 64


class HeadType(click.ParamType[Head]):
    """A head of the audit's chain, as ``audit head``, ``db check`` and ``backup`` print it."""

    name = "position:digest"

    def convert(self, value: str, _param: click.Parameter | None, _ctx: click.Context | None) -> Head:
        """Read it."""
        position, _, digest = value.partition(":")
        if not position.isdecimal() or len(digest) != _HEAD_DIGITS:
            self.fail("expected POSITION:DIGEST as db check prints it")
        return Head(int(position), digest)


def kept_outside(settings: Settings) -> list[Head]:
    """The heads of the folder of the settings; none where nothing was kept yet."""
    folder = folder_of(settings)
    return list(kept_heads(folder)) if folder.is_dir() else []


@click.group("audit")
def audit() -> None:
    """The chain of the audit: its head, and whether it still holds what was kept outside."""


@audit.command("head")
@click.option("--keep", is_flag=True, help="Write it into the folder of the heads as well, once a day.")
@pass_console
def head_command(console: Console, keep: bool) -> None:
    """Seal what is new and print the head, POSITION:DIGEST."""
    with console.app.app_context():
        refuse_not_newest()
        at = clock.now()
        seal_audit(by=SYSTEM, at=at)
        head, folder = audit_chain.head(), folder_of(console.settings)
        click.echo(str(head))
        if not keep:
            return
        try:
            path = keep_head(folder, head, day=day_in_china(at), at=at)
        except OSError as error:
            raise Failed(f"{folder}: {error.strerror or error}") from error
        click.echo(
            str(path or say(N_("Today's head is kept already in %(folder)s."), folder=folder)), err=True
        )


@audit.command("verify")
@click.argument("kept", required=False, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--head", "heads", multiple=True, type=HeadType(), help="A head printed earlier; more than once."
)
@pass_console
def verify(console: Console, kept: Path | None, heads: tuple[Head, ...]) -> None:
    """Walk the whole chain and compare it with the heads that were kept.

    KEPT: a folder of heads or one file of it, for example from another machine; default is the folder of the
    settings. Exit status 1 if anything is wrong.
    """
    with console.app.app_context(), reading_only():
        refuse_not_newest()
        witnesses = [*(kept_outside(console.settings) if kept is None else kept_heads(kept)), *heads]
        lines = [
            f"{broken.subject}: {say(broken.message, **broken.facts)}" for broken in broken_places(*witnesses)
        ]
        good = say(
            N_("The chain holds: %(sealed)s entries, %(kept)s heads that were kept are in it; head %(head)s"),
            sealed=(head := audit_chain.head()).position,
            kept=len(witnesses),
            head=head,
        )
        failed = say(N_("%(count)s problems found"), count=len(lines))
    click.echo("\n".join(lines or [good]))
    if lines:
        raise Failed(failed)


COMMANDS = (audit,)
