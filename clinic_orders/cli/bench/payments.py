"""``bench payments``: the allocation of payments, and the money pages."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import click
from flask import Flask

from clinic_orders.cli.bench.common import (
    DATABASE,
    FORMAT,
    SQLITE,
    bench_application,
    databases,
    machine,
    print_comparison,
    rounds_option,
    told_as_json,
)
from clinic_orders.cli.benchmark.allocation import AllocationRounds, pages
from clinic_orders.cli.benchmark.measuring import CLOCK, PROCESSOR, Comparison
from clinic_orders.cli.benchmark.money import GROUPS, Made, fill_money
from clinic_orders.cli.context import Console, pass_console

ALLOCATION_GOAL: Final = 5.0


@click.command("payments")
@rounds_option(5)
@DATABASE
@click.option(
    "--size",
    type=click.Choice(["prefecture", "small"]),
    default="prefecture",
    show_default=True,
    help="small: one institution of twenty; only to see whether it runs.",
)
@FORMAT
@pass_console
def payments(console: Console, rounds: int, only: str | None, size: str, form: str) -> None:
    """The allocation of a prefecture's 24 months against reading its rows, and the money pages."""
    small = tuple(replace(group, count=group.count // 20) for group in GROUPS)
    found: dict[str, Any] = {"rounds": rounds, "machine": machine(), "databases": {}}
    with tempfile.TemporaryDirectory(prefix="clinic-orders-bench-") as folder:
        for name in databases(only):
            click.echo(f"filling a {name} database; this may take some minutes", err=True)
            with bench_application(console.make_app, name, Path(folder)) as app:
                made = fill_money(app, GROUPS if size == "prefecture" else small)
                found["databases"][name] = _measure_payments(app, made, name, rounds)
    if told_as_json(found, form):
        return
    for name, part in found["databases"].items():
        click.echo(f"\n{name}: " + ", ".join(f"{count} {what}" for what, count in part["rows"].items()))
        print_comparison(part["comparison"])
        click.echo(f"    the pass had the process grow by {part['grown_kb'] / 1024:.1f} MB")
        for page in part["pages"]:
            times = page["ms"]
            click.echo(
                f"  page of a {page['name']} ({page['path']}): {page['statements']} statements, "
                f"{times['min']:.0f} / {times['median']:.0f} / {times['max']:.0f} ms"
            )


def _measure_payments(app: Flask, made: Made, name: str, rounds: int) -> dict[str, Any]:
    allocation, shown = AllocationRounds(app, made), pages(app, made)
    for _ in range(rounds):
        allocation.run()
        for page in shown:
            page.run()
    comparison = Comparison(
        f"allocation of {allocation.sums.pairs} pairs in one ordered pass",
        "reading the same rows and columns, in any order",
        ALLOCATION_GOAL,
        True,
        allocation.rounds,
        PROCESSOR if name == SQLITE else CLOCK,
    )
    return {
        "rows": {
            "institutions": made.institutions,
            "pairs": made.pairs,
            "receipts": made.receipts,
            "returns": made.returns,
            "payments": made.payments,
            "open receipts": allocation.sums.open_receipts,
            "institutions of the busiest distributor": made.busiest_institutions,
        },
        "comparison": comparison.as_dict(),
        "grown_kb": allocation.grown_kb,
        "pages": [page.as_dict() for page in shown],
    }
