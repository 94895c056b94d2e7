"""``bench checks``: the checks of a month and of a night."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import click
from flask import Flask

from clinic_orders.cli.bench.common import (
    DATABASE,
    FORMAT,
    bench_application,
    databases,
    machine,
    print_comparison,
    rounds_option,
    told_as_json,
)
from clinic_orders.cli.benchmark.bulk import SETTINGS
from clinic_orders.cli.benchmark.checks import DESK, PARTS, carry_to, measure_checks
from clinic_orders.cli.benchmark.desk import measure_desk
from clinic_orders.cli.benchmark.measuring import Seconds
from clinic_orders.cli.benchmark.supervised import Stage, stages
from clinic_orders.cli.benchmark.supervised_kept import kept_worlds
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
@click.option("--part", "parts", type=click.Choice(PARTS), multiple=True, help="Only this; default all.")
@click.option(
    "--keep",
    type=click.Path(path_type=Path, file_okay=False),
    help="A folder in which the filled databases stay for the next time; else they are made and thrown away.",
)
@click.option("--fill", "only_fill", is_flag=True, help="Only fill what is kept, measure nothing.")
@FORMAT
@pass_console
def checks(
    console: Console,
    /,
    rounds: int,
    only: str | None,
    scale: float,
    months: tuple[int, ...],
    parts: tuple[str, ...],
    keep: Path | None,
    only_fill: bool,
    form: str,
) -> None:
    """Every check of a month against the leanest SQL over the same rows, a night against a full run, closing and the desk."""
    if only_fill and keep is None:
        raise click.UsageError("--fill needs --keep and the folder in which the databases stay.")

    def say(words: str) -> None:
        click.echo(words, err=True)

    wanted = parts or PARTS

    def measured(app: Flask, stage: Stage, carrying: Seconds) -> dict[str, Any]:
        told = {"clock": round(carrying.wall * 1000), "processor": round(carrying.cpu * 1000)}
        return measure_checks(app, stage, rounds, say, wanted) | {"carrying_ms": told, "desk": None}

    found: dict[str, Any] = {"rounds": rounds, "scale": scale, "machine": machine(), "databases": {}}
    for name in databases(only):
        told = found["databases"][name] = []
        load = os.getloadavg()[0]
        if keep is None:
            say(f"filling a {name} database, scale {scale}; this may take some minutes")
            with (
                tempfile.TemporaryDirectory(prefix="clinic-orders-bench-") as folder,
                bench_application(console.make_app, name, Path(folder), **SETTINGS) as app,
            ):
                for stage in stages(app, scale, sorted(months)):
                    told.append(measured(app, stage, carry_to(app, stage, say)))
                    if DESK in wanted:
                        told[-1]["desk"] = measure_desk(app, stage, rounds, say)
        else:
            home = (keep / name).resolve()
            with kept_worlds(console.make_app, name, home, scale, sorted(months), say) as worlds:
                for world in worlds:
                    if only_fill:
                        continue
                    with world.whole() as app:
                        told.append(measured(app, world.stage, world.carrying))
                    if DESK in wanted:
                        with world.copied(say) as app:
                            told[-1]["desk"] = measure_desk(app, world.stage, rounds, say)
        for part in told:
            part["load"] = {"before": round(load, 1), "after": round(os.getloadavg()[0], 1)}
    if told_as_json(found, form):
        return
    click.echo(f"scale {scale} of a prefecture, {rounds} rounds; ratios min / median / max")
    for name, told in found["databases"].items():
        for part in told:
            _tell(name, part)


def _tell(name: str, part: dict[str, Any]) -> None:
    rows = ", ".join(f"{count:,} {what}" for what, count in part["rows"].items())
    load = part["load"]
    click.echo(
        f"\n{name}, {part['months']} months ({rows}), as of {part['as_of']}, "
        f"load of the machine {load['before']} before, {load['after']} after"
    )
    for comparison in part["comparisons"]:
        print_comparison(comparison)
        found = part["findings"].get(comparison["name"])
        if found is not None:
            told = ", ".join(f"{count:,} {rule}" for rule, count in found.items())
            click.echo(f"    findings: {told or 'none'}")
    if part["night"] is not None:
        print_comparison(part["night"])
        click.echo(f"    looked at again: {part['night']['institutions']} institutions")
    desk = part["desk"] or {"once_ms": {}, "pages": []}
    once = {"carrying stock forward to the month": part["carrying_ms"]} | desk["once_ms"]
    for what, took in once.items():
        click.echo(f"  {what}: {took['clock']} ms by the clock, {took['processor']} ms processor time")
    for page in desk["pages"]:
        least, median, most = page["ms"].values()
        click.echo(
            f"  {page['name']}: {least:.0f} / {median:.0f} / {most:.0f} ms, {page['statements']} statements"
        )
