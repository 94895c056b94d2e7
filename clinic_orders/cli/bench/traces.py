"""``bench traces``: looking up trace codes, and their clues."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any, Final

import click

from clinic_orders.cli.bench.common import (
    DATABASE,
    FORMAT,
    SQLITE,
    databases,
    kept_application,
    machine,
    print_comparison,
    rounds_option,
    told_as_json,
)
from clinic_orders.cli.benchmark.bulk import SETTINGS, Bulk
from clinic_orders.cli.benchmark.supervised import Stage, stages
from clinic_orders.cli.benchmark.traces import CODES_A_MONTH, add_codes, first_month, measure_traces
from clinic_orders.cli.context import Console, pass_console

_FILLED: Final = "filled.json"


def _fill(
    console: Console,
    name: str,
    home: Path,
    wanted: int,
    months: list[int],
    rounds: int,
    say: Callable[[str], None],
) -> list[dict[str, Any]]:
    """Fill a database month by month and measure at each length; with 0 rounds nothing."""
    longest, done = months[-1], 0
    parts = []
    with kept_application(console.make_app, name, home, anew=True, **SETTINGS) as app:
        bulk = Bulk(app)
        bulk.fill()
        for stage in stages(app, wanted / (longest * CODES_A_MONTH), months, alike=True):
            say(f"{stage.months} months: codes on {stage.sale_lines:,} sale lines")
            stored = add_codes(app, first_month(longest), stage.months, after=done)
            done = stage.months
            if rounds or done == longest:
                say(f"{done} months: indexes of {stored['codes']:,} codes")
                bulk.ask()
            if rounds:
                parts.append(measure_traces(app, stage, stored, rounds, say))
            if done == longest:
                (home / _FILLED).write_text(
                    json.dumps({"stage": asdict(stage), "codes": stored}, default=str)
                )
            elif rounds:
                bulk.fill()
    return parts


def _measure_again(
    console: Console, name: str, home: Path, rounds: int, say: Callable[[str], None]
) -> list[dict[str, Any]]:
    """Measure a database that was filled before, at its whole length."""
    told = json.loads((home / _FILLED).read_text())
    days = {name: date.fromisoformat(told["stage"][name]) for name in ("on", "cycle_begins")}
    with kept_application(console.make_app, name, home, anew=False, **SETTINGS) as app:
        return [measure_traces(app, Stage(**told["stage"] | days), told["codes"], rounds, say)]


@click.command("traces")
@rounds_option(3)
@DATABASE
@click.option(
    "--codes",
    type=click.IntRange(1000),
    help="Codes; default 50 million on PostgreSQL, with 20 million sale lines, and 5 million on SQLite.",
)
@click.option(
    "--months",
    multiple=True,
    default=(6, 12, 24),
    show_default=True,
    type=click.IntRange(1, 24),
    help="Months of history to measure at; several times for several.",
)
@click.option(
    "--keep",
    type=click.Path(path_type=Path, file_okay=False),
    help="A folder in which the filled databases stay: the next time only their whole length is measured.",
)
@click.option("--fill-only", is_flag=True, help="Fill the databases of --keep and measure nothing.")
@FORMAT
@pass_console
def traces(
    console: Console,
    rounds: int,
    only: str | None,
    codes: int | None,
    months: tuple[int, ...],
    keep: Path | None,
    fill_only: bool,
    form: str,
) -> None:
    """One trace code's look-up, and the clues of a month, against the leanest SQL over the same rows."""
    if fill_only and keep is None:
        raise click.UsageError("--fill-only fills what --keep FOLDER keeps")

    def say(words: str) -> None:
        click.echo(words, err=True)

    found: dict[str, Any] = {"rounds": rounds, "machine": machine(), "databases": {}}
    with contextlib.ExitStack() as stack:
        folder = keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="clinic-orders-bench-")))
        for name in databases(only):
            home = (folder / name).resolve()
            filled = (home / _FILLED).exists()
            if not filled:
                wanted = codes or (5_000_000 if name == SQLITE else 50_000_000)
                say(f"filling a {name} database with about {wanted:,} codes; this may take some minutes")
                parts = _fill(console, name, home, wanted, sorted(months), 0 if fill_only else rounds, say)
            elif not fill_only:
                parts = _measure_again(console, name, home, rounds, say)
            else:
                parts = []
            found["databases"][name] = parts
    if told_as_json(found, form):
        return
    click.echo(f"{rounds} rounds; ratios min / median / max")
    for name, parts in found["databases"].items():
        for part in parts:
            rows = ", ".join(f"{count:,} {what}" for what, count in part["rows"].items())
            click.echo(f"\n{name}, {part['months']} months ({rows}), as of {part['as_of']}")
            for comparison in part["comparisons"]:
                print_comparison(comparison)
            click.echo(f"    clues: {part['findings']}")
