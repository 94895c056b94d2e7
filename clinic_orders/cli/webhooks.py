"""``clinic-orders webhooks``: what has happened is told to the addresses that programs have registered."""

from __future__ import annotations

import click

from clinic_orders.cli.behind import run_out
from clinic_orders.cli.context import Console, pass_console
from clinic_orders.exchange.webhook_sender import Sender


def sender(console: Console) -> Sender:
    """What sends, as this process."""
    return Sender(console.settings)


@click.group("webhooks")
def webhooks() -> None:
    """Messages to other programs about what has happened."""


@webhooks.command("send")
@pass_console
def send(console: Console) -> None:
    """Send every message whose turn it is, then end. The scheduler does the same every minute."""
    click.echo(f"{run_out(console, sender(console))} messages were taken")


COMMANDS = (webhooks,)
