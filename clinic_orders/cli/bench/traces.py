"""``bench traces``: looking up trace codes, and their clues."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import click

from clinic_orders.cli.bench.common import (
    DATABASE,
    FORMAT,
    SQLITE,
    bench_application,
    databases,
    machine,
    print_comparison,
    rounds_option,
)
from clinic_orders.cli.benchmark.bulk import SETTINGS, Bulk
from clinic_orders.cli.benchmark.supervised import stages
from clinic_orders.cli.benchmark.traces import CODES_A_MONTH, add_codes, first_month, measure_traces
from clinic_orders.cli.context import Console, pass_console


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
@FORMAT
@pass_console
def traces(
    console: Console, rounds: int, only: str | None, codes: int | None, months: tuple[int, ...], form: str
) -> None:
    """One trace code's look-up, and the clues of a month, against the leanest SQL over the same rows."""

    def say(words: str) -> None:
        click.echo(words, err=True)

    found: dict[str, Any] = {"rounds": rounds, "machine": machine(), "databases": {}}
    longest = max(months)
    with tempfile.TemporaryDirectory(prefix="clinic-orders-bench-") as folder:
        for name in databases(only):
            wanted = codes or (5_000_000 if name == SQLITE else 50_000_000)
            scale = wanted / (longest * CODES_A_MONTH)
            say(f"filling a {name} database with about {wanted:,} codes; this may take some minutes")
            with bench_application(console.make_app, name, Path(folder), **SETTINGS) as app:
                parts, done = [], 0
                bulk = Bulk(app)
                bulk.fill()
                for stage in stages(app, scale, sorted(months), alike=True):
                    say(f"{stage.months} months: codes on {stage.sale_lines:,} sale lines")
                    stored = add_codes(app, first_month(longest), stage.months, after=done)
                    done = stage.months
                    say(f"{stage.months} months: indexes of {stored['codes']:,} codes")
                    with bulk.asked():
                        parts.append(measure_traces(app, stage, stored, rounds, say))
                found["databases"][name] = parts
    if form == "json":
        click.echo(json.dumps(found, ensure_ascii=False, indent=1))
        return
    click.echo(", ".join(f"{name} {value}" for name, value in found["machine"].items()))
    click.echo(f"{rounds} rounds; ratios min / median / max")
    for name, parts in found["databases"].items():
        for part in parts:
            rows = ", ".join(f"{count:,} {what}" for what, count in part["rows"].items())
            click.echo(f"\n{name}, {part['months']} months ({rows}), as of {part['as_of']}")
            for comparison in part["comparisons"]:
                print_comparison(comparison)
            click.echo(f"    clues: {part['findings']}")
