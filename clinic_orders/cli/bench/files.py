"""``bench files``: imports, spreadsheets, peak memory."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click

from clinic_orders.cli.bench.common import (
    CARE,
    DATABASE,
    FORMAT,
    POSTGRESQL,
    SQLITE,
    databases,
    filled,
    machine,
    print_comparison,
    rounds_option,
    told_as_json,
)
from clinic_orders.cli.benchmark.files import ImportRounds, SheetRounds, peak_of_import, write_sales
from clinic_orders.cli.benchmark.measuring import CLOCK, PROCESSOR, Comparison
from clinic_orders.cli.benchmark.world import World
from clinic_orders.cli.context import Console, pass_console

IMPORT_GOAL: Final = 0.25
SHEET_GOAL: Final = 0.5
# More does not fit into the bounds for a spreadsheet's unpacked size.
SHEET_ROWS: Final = 100_000


@click.command("files")
@click.option("--rows", default=500_000, show_default=True, type=click.IntRange(1000, 500_000))
@rounds_option(3)
@DATABASE
@FORMAT
@pass_console
def files(console: Console, rows: int, rounds: int, only: str | None, form: str) -> None:
    """The import of sales against the database's own bulk load; spreadsheets against their library; peak memory."""

    def say(text: str) -> None:
        click.echo(text, err=True)

    found: dict[str, Any] = {"rows": rows, "rounds": rounds, "machine": machine(), "databases": {}}
    with tempfile.TemporaryDirectory(prefix="clinic-orders-bench-") as name:
        folder = Path(name)
        for database in databases(only):
            say(f"filling a {database} database")
            with filled(console.make_app, database, folder) as world:
                found["databases"][database] = _measure_files(world, database, folder, rows, rounds, say)
    if told_as_json(found, form):
        return
    click.echo(f"{rows:,} rows, {rounds} rounds; ratios min / median / max over the rounds")
    for database, part in found["databases"].items():
        click.echo(f"\n{database} ({CARE[database]})")
        for comparison in part["comparisons"]:
            print_comparison(comparison)
        peaks = ", ".join(f"{number:,} rows {peak / 1024:.0f} MB" for number, peak in part["peaks"].items())
        click.echo(f"  peak memory of an import at the console: {peaks}")


def _measure_files(
    world: World, database: str, folder: Path, rows: int, rounds: int, say: Callable[[str], None]
) -> dict[str, Any]:
    comparisons = []
    by = PROCESSOR if database == SQLITE else CLOCK
    small = max(1000, rows // 50)
    texts = write_sales(world.app, folder, rows)
    turns = ImportRounds(world, texts, rows)
    for number in range(1, rounds + 1):
        say(f"{database}: import, round {number} of {rounds}")
        turns.run()
    bulk = "PostgreSQL's COPY" if database == POSTGRESQL else "executemany of ready tuples"
    comparisons.append(
        Comparison(
            f"import of {rows:,} sale lines, CSV",
            bulk,
            IMPORT_GOAL,
            False,
            turns.rounds,
            by,
            both=database == SQLITE,
        )
    )
    if database == SQLITE:
        # A spreadsheet has no part in the database, so it is measured once.
        sheet = SheetRounds(write_sales(world.app, folder, min(rows, SHEET_ROWS), "xlsx"))
        for number in range(1, rounds + 1):
            say(f"XLSX, round {number} of {rounds}")
            sheet.run()
        name = f"reading of {min(rows, SHEET_ROWS):,} rows, XLSX"
        comparisons.append(
            Comparison(name, "python-calamine alone", SHEET_GOAL, False, sheet.rounds, PROCESSOR)
        )
    say(f"{database}: peak memory")
    peaks = {
        number: peak_of_import(world.app, write_sales(world.app, folder, number))
        for number in (small, rows // 2, rows)
    }
    return {"comparisons": [comparison.as_dict() for comparison in comparisons], "peaks": peaks}
