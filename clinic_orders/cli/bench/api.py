"""``bench api``: calls of other programs against the same rows as JSON, and against the deed alone."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import click

from clinic_orders.cli.bench.common import (
    DATABASE,
    FORMAT,
    databases,
    filled,
    machine,
    print_comparison,
    rounds_option,
    told_as_json,
)
from clinic_orders.cli.benchmark.api import measure_api
from clinic_orders.cli.context import Console, pass_console


@click.command("api")
@rounds_option(5)
@DATABASE
@FORMAT
@pass_console
def api(console: Console, rounds: int, only: str | None, form: str) -> None:
    """A page of orders and an order over the HTTP API, by processor time."""
    found: dict[str, Any] = {"rounds": rounds, "machine": machine(), "databases": {}}
    with tempfile.TemporaryDirectory(prefix="clinic-orders-bench-") as folder:
        for name in databases(only):
            click.echo(f"filling a {name} database", err=True)
            with filled(console.make_app, name, Path(folder)) as world:
                comparisons = measure_api(world, rounds)
            found["databases"][name] = [one.as_dict() for one in comparisons]
    if told_as_json(found, form):
        return
    for name, comparisons in found["databases"].items():
        click.echo(f"\n{name}")
        for comparison in comparisons:
            print_comparison(comparison)
