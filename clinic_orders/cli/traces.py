"""``clinic-orders export-epcis``: what became of packs as EPCIS 2.0 in JSON-LD, of a shipment, a month or a code."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from clinic_orders import clock
from clinic_orders.cli.context import Console, Failed, pass_console
from clinic_orders.cli.whole_files import write_whole
from clinic_orders.exchange.epcis import write_epcis
from clinic_orders.models.base import reading_only
from clinic_orders.queries.epcis import life_events, month_events, shipment_events
from clinic_orders.queries.packs import life_of_pack
from clinic_orders.rules.days import Month, day_in_china
from clinic_orders.rules.epcis import PacksMoved
from clinic_orders.rules.pack_life import read_code
from clinic_orders.rules.parties import SYSTEM


@click.command("export-epcis")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--receipt", help="Of the shipment with this number.")
@click.option("--month", help="Of everything in a month, YYYY-MM.")
@click.option("--code", help="Of one trace code.")
@pass_console
def export_epcis(
    console: Console, file: Path, receipt: str | None, month: str | None, code: str | None
) -> None:
    """What became of packs, as an EPCIS 2.0 document in JSON-LD. Give one of --receipt, --month, --code."""
    if sum(one is not None for one in (receipt, month, code)) != 1:
        raise click.UsageError("give one of --receipt, --month, --code")
    at = clock.now()
    on = day_in_china(at)

    def events() -> Iterator[PacksMoved]:
        if receipt is not None:
            return shipment_events(receipt, SYSTEM, on)
        if month is not None:
            return month_events(Month.parse(month), SYSTEM, on)
        return life_events(life_of_pack(read_code(code or ""), SYSTEM, on=on))

    try:
        with console.app.app_context(), reading_only():
            number = write_whole(file, lambda out: write_epcis(out, events(), at=at))
    except OSError as error:
        raise Failed(f"{file}: {error.strerror}") from error
    click.echo(f"{number} events → {file}")


COMMANDS = (export_epcis,)
