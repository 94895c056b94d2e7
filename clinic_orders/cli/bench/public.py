"""``bench public``: public pages against the same bytes from memory under the same server."""

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
from clinic_orders.cli.benchmark.public import measure_public
from clinic_orders.cli.context import Console, pass_console
from clinic_orders.rules.publicity import LARGEST_PAGE


@click.command("public")
@rounds_option(5)
@DATABASE
@FORMAT
@pass_console
def public(console: Console, rounds: int, only: str | None, form: str) -> None:
    """Public pages over HTTP against the same bytes served from memory by the same process."""
    found: dict[str, Any] = {"rounds": rounds, "machine": machine(), "databases": {}}
    with tempfile.TemporaryDirectory(prefix="clinic-orders-bench-") as folder:
        for name in databases(only):
            click.echo(f"filling a {name} database", err=True)
            with filled(console.make_app, name, Path(folder)) as world:
                pages, comparisons = measure_public(world, rounds)
            found["databases"][name] = {
                "pages": [
                    {"address": page.address, "bytes": page.size, "small": page.size <= LARGEST_PAGE}
                    for page in pages
                ],
                "comparisons": [one.as_dict() for one in comparisons],
            }
    if told_as_json(found, form):
        return
    for name, part in found["databases"].items():
        click.echo(f"\n{name}")
        for page in part["pages"]:
            verdict = "met" if page["small"] else "MISSED"
            click.echo(f"  {page['address']}: {page['bytes'] / 1024:.1f} KB (goal <= 50 KB: {verdict})")
        for comparison in part["comparisons"]:
            print_comparison(comparison)
