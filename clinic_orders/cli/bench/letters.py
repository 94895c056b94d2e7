"""``bench letters``: a run of letters against the same letters one by one."""

from __future__ import annotations

import json
import os
from typing import Final

import click

from clinic_orders.cli.bench.common import (
    machine,
)
from clinic_orders.cli.benchmark.letters import measure_letters

LETTERS_GOAL: Final = 10.0


@click.command("letters")
@click.option(
    "--rounds", default=3, show_default=True, type=click.IntRange(1, 20), help="At least 3 to judge by."
)
@click.option(
    "--letters", "count", default=3000, show_default=True, type=click.IntRange(1, 10_000), help="Of a run."
)
@click.option(
    "--sample", default=20, show_default=True, type=click.IntRange(1, 500), help="One by one in each round."
)
@click.option(
    "--processes",
    default=os.cpu_count() or 2,
    show_default=True,
    type=click.IntRange(1, 64),
    help="Of a run.",
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
def letters(rounds: int, count: int, sample: int, processes: int, form: str) -> None:
    """A run of letters with its ZIP and merged PDF against the same letters one by one through WeasyPrint."""
    found = measure_letters(count, sample, rounds, processes)
    if form == "json":
        click.echo(
            json.dumps(
                {
                    "machine": machine(),
                    "letters": count,
                    "processes": processes,
                    "one_by_one_per_second": found.single,
                    "run_per_second": found.bulk,
                    "ratio": found.ratio,
                    "processor_ratio": found.cpu_ratio,
                    "most_mb": found.most_mb,
                    "goal": LETTERS_GOAL,
                },
                ensure_ascii=False,
            )
        )
        return
    click.echo(", ".join(f"{name} {value}" for name, value in machine().items()))
    click.echo(f"one by one (WeasyPrint): {_rates(found.single)} letters/s, {found.single_kb:.0f} KB each")
    click.echo(
        f"a run of {count} ({processes} processes, ZIP and one PDF): {_rates(found.bulk)} letters/s, "
        f"{found.zip_kb:.0f} KB each in the ZIP, {found.pdf_kb:.1f} KB in the one PDF"
    )
    click.echo(
        f"by processor time: {_rates(found.single_cpu)} and {_rates(found.bulk_cpu)} letters/s, "
        f"ratio {found.cpu_ratio:.1f}; at most {found.most_mb:.0f} MB in a process"
    )
    verdict = "reached" if found.ratio >= LETTERS_GOAL else "MISSED"
    click.echo(f"ratio {found.ratio:.1f}, goal {LETTERS_GOAL:.0f}: {verdict}")


def _rates(rates: list[float]) -> str:
    return " / ".join(f"{one:.1f}" for one in sorted(rates))
