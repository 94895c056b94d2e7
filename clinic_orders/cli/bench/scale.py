"""``bench scale``: what grows how when one database holds more and more prefectures."""

from __future__ import annotations

import contextlib
import os
import resource
import tempfile
from pathlib import Path
from typing import Any

import click

from clinic_orders.cli.bench.common import DATABASE, FORMAT, databases, machine, told_as_json
from clinic_orders.cli.benchmark.scale.measures import DISK, measure_scale
from clinic_orders.cli.context import Console, Failed, pass_console
from clinic_orders.exchange.demonstration import SCALES


def _numbers(_context: click.Context, _option: click.Parameter, value: str) -> list[int]:
    try:
        found = [int(part) for part in value.split(",")]
    except ValueError as error:
        raise click.BadParameter("numbers with commas between them, such as 1,4,16") from error
    if found != sorted(set(found)) or found[0] < 1:
        raise click.BadParameter("each more than the one before")
    return found


@click.command("scale")
@click.option(
    "--base",
    type=click.Choice(sorted(SCALES)),
    default="prefecture",
    show_default=True,
    help="What there is one of, four of and so on: a prefecture of 4,267 institutions, or two counties of 344.",
)
@click.option(
    "--steps", default="1,4,16", show_default=True, callback=_numbers, help="How many at each step."
)
@click.option("--months", default=3, show_default=True, type=click.IntRange(2, 24), help="Of history.")
@click.option(
    "--keep",
    type=click.Path(path_type=Path, file_okay=False),
    help="A folder in which the grown databases stay to be looked at; it must not hold any yet.",
)
@DATABASE
@FORMAT
@pass_console
def scale(
    console: Console, base: str, steps: list[int], months: int, keep: Path | None, only: str | None, form: str
) -> None:
    """Grow a province in one database; pages, orders, checks, closing, import and size at each step, and their law."""

    def say(words: str) -> None:
        click.echo(words, err=True)

    found: dict[str, Any] = {"machine": machine(), "databases": {}}
    with contextlib.ExitStack() as stack:
        home = keep or Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="clinic-orders-scale-", dir="/tmp"))
        )
        for name in databases(only):
            folder = (home / name).resolve()
            if folder.exists():
                raise Failed(f"{folder} is there already; name another folder")
            folder.mkdir(parents=True)
            for one in (home, folder):
                # PostgreSQL's server runs as somebody else where this process is root's.
                one.chmod(0o755)
            before = round(os.getloadavg()[0], 1)
            told = measure_scale(console.make_app, name, folder, base, months, steps, say)
            told["load"] = [before, round(os.getloadavg()[0], 1)]
            told["memory_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            found["databases"][name] = told
    if told_as_json(found, form):
        return
    for name, told in found["databases"].items():
        _tell(name, told)


def _tell(name: str, told: dict[str, Any]) -> None:
    click.echo(
        f"\n{name}, {told['months']} months, load of the machine {told['load'][0]} before, {told['load'][1]} after, "
        f"at most {told['memory_mb']} MB of memory"
    )
    for row in told["rows"]:
        click.echo("  " + ", ".join(f"{count:,} {word}" for word, count in row.items()))
    click.echo(
        f"  {'processor time in ms (size in MB)':<44}{'at each step':>52}  exponent  of 60,000   last step  of 60,000"
    )
    for what, figure in told["figures"].items():
        unit = 1e-6 if what == DISK else 1e3
        values = "".join(f"{value * unit:>12,.1f}" for value in figure["values"])
        law = (
            f"{figure['exponent']:>10.2f}{figure['of_60000'] * unit:>12,.0f}" if "exponent" in figure else ""
        )
        click.echo(f"  {what:<44}{values:>44}{law}")
