"""``bench checks``: the checks of a month and of a night."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import click

from clinic_orders.cli.bench.common import (
    DATABASE,
    FORMAT,
    bench_application,
    databases,
    machine,
    print_comparison,
    rounds_option,
)
from clinic_orders.cli.benchmark.checks import measure_checks
from clinic_orders.cli.benchmark.desk import measure_desk
from clinic_orders.cli.benchmark.supervised import stages
from clinic_orders.cli.context import Console, pass_console


@click.command("checks")
@rounds_option(3)
@DATABASE
@click.option(
    "--scale",
    default=0.1,
    show_default=True,
    type=click.FloatRange(0.001, 1),
    help="Share of the prefecture's institutions; 1 = 3,267 of them, 10 million sale lines in 12 months.",
)
@click.option(
    "--months",
    multiple=True,
    default=(12,),
    show_default=True,
    type=click.IntRange(1, 24),
    help="Months of history to measure at; several times for several, as 6, 12 and 24.",
)
@FORMAT
@pass_console
def checks(
    console: Console, rounds: int, only: str | None, scale: float, months: tuple[int, ...], form: str
) -> None:
    """Every check of a month against the leanest SQL over the same rows, a night against a full run, closing and the desk."""

    def say(words: str) -> None:
        click.echo(words, err=True)

    found: dict[str, Any] = {"rounds": rounds, "scale": scale, "machine": machine(), "databases": {}}
    with tempfile.TemporaryDirectory(prefix="clinic-orders-bench-") as folder:
        for name in databases(only):
            say(f"filling a {name} database, scale {scale}; this may take some minutes")
            with bench_application(console.make_app, name, Path(folder)) as app:
                found["databases"][name] = [
                    measure_checks(app, stage, rounds, say) | {"desk": measure_desk(app, stage, rounds, say)}
                    for stage in stages(app, scale, sorted(months))
                ]
    if form == "json":
        click.echo(json.dumps(found, ensure_ascii=False, indent=1))
        return
    click.echo(", ".join(f"{name} {value}" for name, value in found["machine"].items()))
    click.echo(f"scale {scale} of a prefecture, {rounds} rounds; ratios min / median / max")
    for name, parts in found["databases"].items():
        for part in parts:
            rows = ", ".join(f"{count:,} {what}" for what, count in part["rows"].items())
            click.echo(f"\n{name}, {part['months']} months ({rows}), as of {part['as_of']}")
            for comparison in (*part["comparisons"], part["night"]):
                print_comparison(comparison)
            click.echo(f"    looked at again: {part['night']['institutions']} institutions")
            once = {"carrying stock forward to the month": part["carrying_ms"]} | part["desk"]["once_ms"]
            for what, took in once.items():
                click.echo(
                    f"  {what}: {took['clock']} ms by the clock, {took['processor']} ms processor time"
                )
            for page in part["desk"]["pages"]:
                least, median, most = page["ms"].values()
                click.echo(
                    f"  {page['name']}: {least:.0f} / {median:.0f} / {most:.0f} ms, {page['statements']} statements"
                )
