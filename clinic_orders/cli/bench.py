"""``clinic-orders bench``: how fast it is, as ratios against floors measured in the same run (docs/performance.md)."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import platform
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import click
from flask import Flask

from clinic_orders.cli.benchmark.allocation import AllocationRounds, pages
from clinic_orders.cli.benchmark.checks import measure_checks
from clinic_orders.cli.benchmark.files import ImportRounds, SheetRounds, peak_of_import, write_sales
from clinic_orders.cli.benchmark.letters import measure_letters
from clinic_orders.cli.benchmark.measuring import CLOCK, PROCESSOR, Comparison, Rounds, Seconds, Spread
from clinic_orders.cli.benchmark.money import GROUPS, Made, fill_money
from clinic_orders.cli.benchmark.page import GZIP_GOAL, OrderPageRounds
from clinic_orders.cli.benchmark.peers import PEERS, Running, install, running
from clinic_orders.cli.benchmark.submission import SubmissionRounds
from clinic_orders.cli.benchmark.supervised import stages
from clinic_orders.cli.benchmark.traces import CODES_A_MONTH, add_codes, first_month, measure_traces
from clinic_orders.cli.benchmark.world import LINES, World, application, fill
from clinic_orders.cli.context import Console, Failed, pass_console
from clinic_orders.cli.throwaway_postgres import cluster, server_programs
from clinic_orders.config import load_settings
from clinic_orders.models.base import db

PAGE_GOAL: Final = 2.0
IMPORT_GOAL: Final = 0.25
SHEET_GOAL: Final = 0.5
# More does not fit into the bounds for a spreadsheet's unpacked size.
SHEET_ROWS: Final = 100_000
SUBMISSION_GOAL: Final = 6.0
LETTERS_GOAL: Final = 10.0
ALLOCATION_GOAL: Final = 5.0
SQLITE, POSTGRESQL = "sqlite", "postgresql"
_CARE: Final = {
    SQLITE: "WAL, synchronous=NORMAL: a commit does not wait for the disk",
    POSTGRESQL: "fsync=off, synchronous_commit=off: a commit does not wait for the disk",
}


# What every measurement can be asked.
_DATABASE: Final = click.option(
    "--database",
    "only",
    type=click.Choice([SQLITE, POSTGRESQL]),
    help="Only on this one; default both, PostgreSQL where its server is installed.",
)
_FORMAT: Final = click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")


def _rounds(usual: int) -> Callable[[Any], Any]:
    return click.option(
        "--rounds",
        default=usual,
        show_default=True,
        type=click.IntRange(1, 20),
        help="At least 3 to judge by.",
    )


@click.group("bench")
def bench() -> None:
    """Measure. Only ratios inside one run mean anything; the machine's own speed drifts."""


@bench.command("web")
@click.option("--peers", is_flag=True, help="Install Tryton and django-oscar and compare with their orders.")
@_rounds(5)
@_DATABASE
@_FORMAT
@pass_console
def web(console: Console, peers: bool, rounds: int, only: str | None, form: str) -> None:
    """The order page and a submission of 12 lines against their floors, on throw-away databases."""

    def say(text: str) -> None:
        click.echo(text, err=True)

    found: dict[str, Any] = {"rounds": rounds, "machine": _machine(), "databases": {}}
    with (
        tempfile.TemporaryDirectory(prefix="clinic-orders-bench-") as folder,
        contextlib.ExitStack() as stack,
    ):
        started = _start_peers(stack, Path(folder), say) if peers else []
        for name in _databases(only):
            say(f"filling a {name} database")
            # The peers' databases are SQLite files, so ours is held against them there.
            with _database(console.make_app, name, Path(folder)) as world:
                found["databases"][name] = _measure(
                    world, name, rounds, started if name == SQLITE else [], say
                )
    if form == "json":
        click.echo(json.dumps(found, ensure_ascii=False, indent=1))
    else:
        _print(found)


@bench.command("payments")
@_rounds(5)
@_DATABASE
@click.option(
    "--size",
    type=click.Choice(["prefecture", "small"]),
    default="prefecture",
    show_default=True,
    help="small: one institution of twenty; only to see whether it runs.",
)
@_FORMAT
@pass_console
def payments(console: Console, rounds: int, only: str | None, size: str, form: str) -> None:
    """The allocation of a prefecture's 24 months against reading its rows, and the money pages."""
    small = tuple(replace(group, count=group.count // 20) for group in GROUPS)
    found: dict[str, Any] = {"rounds": rounds, "machine": _machine(), "databases": {}}
    with tempfile.TemporaryDirectory(prefix="clinic-orders-bench-") as folder:
        for name in _databases(only):
            click.echo(f"filling a {name} database; this may take some minutes", err=True)
            with _application(console.make_app, name, Path(folder)) as app:
                made = fill_money(app, GROUPS if size == "prefecture" else small)
                found["databases"][name] = _measure_payments(app, made, name, rounds)
    if form == "json":
        click.echo(json.dumps(found, ensure_ascii=False, indent=1))
        return
    click.echo(", ".join(f"{name} {value}" for name, value in found["machine"].items()))
    for name, part in found["databases"].items():
        click.echo(f"\n{name}: " + ", ".join(f"{count} {what}" for what, count in part["rows"].items()))
        _print_comparison(part["comparison"])
        click.echo(f"    the pass had the process grow by {part['grown_kb'] / 1024:.1f} MB")
        for page in part["pages"]:
            times = page["ms"]
            click.echo(
                f"  page of a {page['name']} ({page['path']}): {page['statements']} statements, "
                f"{times['min']:.0f} / {times['median']:.0f} / {times['max']:.0f} ms"
            )


@bench.command("letters")
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
def letters_command(rounds: int, count: int, sample: int, processes: int, form: str) -> None:
    """A run of letters with its ZIP and merged PDF against the same letters one by one through WeasyPrint."""
    found = measure_letters(count, sample, rounds, processes)
    if form == "json":
        click.echo(
            json.dumps(
                {
                    "machine": _machine(),
                    "letters": count,
                    "processes": processes,
                    "one_by_one_per_second": found.single,
                    "run_per_second": found.bulk,
                    "ratio": found.ratio,
                    "goal": LETTERS_GOAL,
                },
                ensure_ascii=False,
            )
        )
        return
    click.echo(", ".join(f"{name} {value}" for name, value in _machine().items()))
    click.echo(f"one by one (WeasyPrint): {_rates(found.single)} letters/s, {found.single_kb:.0f} KB each")
    click.echo(
        f"a run of {count} ({processes} processes, ZIP and one PDF): {_rates(found.bulk)} letters/s, "
        f"{found.zip_kb:.0f} KB each in the ZIP, {found.pdf_kb:.1f} KB in the one PDF"
    )
    verdict = "reached" if found.ratio >= LETTERS_GOAL else "MISSED"
    click.echo(f"ratio {found.ratio:.1f}, goal {LETTERS_GOAL:.0f}: {verdict}")


def _rates(rates: list[float]) -> str:
    return " / ".join(f"{one:.1f}" for one in sorted(rates))


@bench.command("checks")
@_rounds(3)
@_DATABASE
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
@_FORMAT
@pass_console
def checks(
    console: Console, rounds: int, only: str | None, scale: float, months: tuple[int, ...], form: str
) -> None:
    """Every check of a whole month against the leanest SQL over the same rows, and a night against a full run."""

    def say(words: str) -> None:
        click.echo(words, err=True)

    found: dict[str, Any] = {"rounds": rounds, "scale": scale, "machine": _machine(), "databases": {}}
    with tempfile.TemporaryDirectory(prefix="clinic-orders-bench-") as folder:
        for name in _databases(only):
            say(f"filling a {name} database, scale {scale}; this may take some minutes")
            with _application(console.make_app, name, Path(folder)) as app:
                found["databases"][name] = [
                    measure_checks(app, stage, rounds, say) for stage in stages(app, scale, sorted(months))
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
                _print_comparison(comparison)
            click.echo(f"    looked at again: {part['night']['institutions']} institutions")


@bench.command("traces")
@_rounds(3)
@_DATABASE
@click.option(
    "--codes",
    type=click.IntRange(1000),
    help="Codes on sales and receipts; default 40 million on PostgreSQL (with 20 million sales), 5 million on SQLite.",
)
@click.option(
    "--months",
    multiple=True,
    default=(6, 12, 24),
    show_default=True,
    type=click.IntRange(1, 24),
    help="Months of history to measure at; several times for several.",
)
@_FORMAT
@pass_console
def traces(
    console: Console, rounds: int, only: str | None, codes: int | None, months: tuple[int, ...], form: str
) -> None:
    """One trace code's look-up, and the clues of a month, against the leanest SQL over the same rows."""

    def say(words: str) -> None:
        click.echo(words, err=True)

    found: dict[str, Any] = {"rounds": rounds, "machine": _machine(), "databases": {}}
    longest = max(months)
    with tempfile.TemporaryDirectory(prefix="clinic-orders-bench-") as folder:
        for name in _databases(only):
            wanted = codes or (5_000_000 if name == SQLITE else 40_000_000)
            scale = wanted / (2 * longest * CODES_A_MONTH)
            say(f"filling a {name} database with about {wanted:,} codes; this may take some minutes")
            with _application(console.make_app, name, Path(folder)) as app:
                parts, done = [], 0
                for stage in stages(app, scale, sorted(months)):
                    stored = add_codes(app, first_month(longest), stage.months, after=done)
                    done = stage.months
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
                _print_comparison(comparison)
            click.echo(f"    clues: {part['findings']}")


def _databases(only: str | None) -> list[str]:
    """The databases to measure on: all that can be."""
    if server_programs() is not None or only == SQLITE:
        return [only] if only else [SQLITE, POSTGRESQL]
    if only:
        raise Failed("PostgreSQL's server is not installed: apt-get install postgresql")
    click.echo("PostgreSQL's server is not installed; measured on SQLite only", err=True)
    return [SQLITE]


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


@bench.command("files")
@click.option("--rows", default=500_000, show_default=True, type=click.IntRange(1000, 500_000))
@_rounds(3)
@_DATABASE
@_FORMAT
@pass_console
def files(console: Console, rows: int, rounds: int, only: str | None, form: str) -> None:
    """The import of sales against the database's own bulk load; spreadsheets against their library; peak memory."""

    def say(text: str) -> None:
        click.echo(text, err=True)

    found: dict[str, Any] = {"rows": rows, "rounds": rounds, "machine": _machine(), "databases": {}}
    with tempfile.TemporaryDirectory(prefix="clinic-orders-bench-") as name:
        folder = Path(name)
        for database in _databases(only):
            say(f"filling a {database} database")
            with _database(console.make_app, database, folder) as world:
                found["databases"][database] = _measure_files(world, database, folder, rows, rounds, say)
    if form == "json":
        click.echo(json.dumps(found, ensure_ascii=False, indent=1))
        return
    click.echo(", ".join(f"{name} {value}" for name, value in found["machine"].items()))
    click.echo(f"{rows:,} rows, {rounds} rounds; ratios min / median / max over the rounds")
    for database, part in found["databases"].items():
        click.echo(f"\n{database} ({_CARE[database]})")
        for comparison in part["comparisons"]:
            _print_comparison(comparison)
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


def _machine() -> dict[str, Any]:
    facts = {
        "cores": os.cpu_count(),
        "processor": platform.machine(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
    }
    return facts | {name: version(name) for name in ("flask", "jinja2", "sqlalchemy", "psycopg")}


def _start_peers(stack: contextlib.ExitStack, folder: Path, say: Callable[[str], None]) -> list[Running]:
    home = load_settings().instance / "peers"
    started = []
    for peer in PEERS:
        python = install(peer, home, say)
        say(f"setting up {peer.name}; this may take a minute")
        started.append(stack.enter_context(running(peer, python, folder / peer.name)))
    return started


@contextlib.contextmanager
def _database(make_app: Callable[[], Flask], name: str, folder: Path) -> Iterator[World]:
    """A filled database of this kind with the application on it; gone after the block."""
    with _application(make_app, name, folder) as app:
        world = fill(app)
        # What the filling left behind is not the application's; the collector need not look at it.
        gc.collect()
        gc.freeze()
        yield world


@contextlib.contextmanager
def _application(make_app: Callable[[], Flask], name: str, folder: Path) -> Iterator[Flask]:
    """The application on an empty database of this kind; gone after the block."""
    with contextlib.ExitStack() as stack:
        if name == SQLITE:
            url = f"sqlite:///{folder / 'bench.sqlite3'}"
        else:
            server = stack.enter_context(cluster())
            url = server.url(server.create())
        yield stack.enter_context(application(make_app, url, folder / f"{name}-instance"))


def _measure(
    world: World, name: str, rounds: int, peers: list[Running], say: Callable[[str], None]
) -> dict[str, Any]:
    page, submission = OrderPageRounds(world), SubmissionRounds(world)
    orders = {running.peer.name: Rounds() for running in peers}
    for number in range(1, rounds + 1):
        say(f"{name}: round {number} of {rounds}")
        page.run()
        submission.run()
        for peer in peers:
            held = orders[peer.peer.name]
            for seconds in peer.place(peer.peer.orders):
                held.add(submission.last_whole, Seconds(seconds, 0))
            held.close()
    with world.app.app_context(), db.engine.connect() as connection:
        server = ".".join(str(part) for part in connection.dialect.server_version_info or ())
    # SQLite works inside this process, so its processor time leaves nothing out.
    by = PROCESSOR if name == SQLITE else CLOCK
    compared = [
        Comparison(
            f"order page, {page.facts.rows} items",
            "its template rendered from ready data",
            PAGE_GOAL,
            True,
            page.rounds,
            by,
        ),
        Comparison(
            f"order of {LINES} lines sent",
            "the same inserts by SQLAlchemy Core",
            SUBMISSION_GOAL,
            True,
            submission.rounds,
            by,
        ),
        *(
            Comparison(
                f"order of {LINES} lines typed and sent",
                peer.peer.title,
                peer.peer.goal,
                False,
                orders[peer.peer.name],
                both=False,
            )
            for peer in peers
        ),
    ]
    return {
        "version": server,
        "care": _CARE[name],
        "page": {
            "rows": page.facts.rows,
            "statements": page.facts.statements,
            "bytes": page.facts.size,
            "gzip_bytes": page.facts.gzip_size,
            "gzip_goal": GZIP_GOAL,
            "gzip_met": page.facts.gzip_size <= GZIP_GOAL,
        },
        "submission": {"statements": submission.statements, "rows_written": submission.facts.rows},
        "draft_ms": Spread.of([value * 1000 for value in submission.drafts]).as_dict(),
        "comparisons": [comparison.as_dict() for comparison in compared],
        "peers": [running.facts for running in peers],
    }


def _print(found: dict[str, Any]) -> None:
    machine = found["machine"]
    click.echo(", ".join(f"{name} {value}" for name, value in machine.items()))
    click.echo(
        f"{found['rounds']} rounds; times are means of a round, ratios min / median / max over the rounds"
    )
    click.echo("a busy machine interrupts: the clock tells less then, processor time of this process stays")
    if found["rounds"] < 3:
        click.echo("fewer than 3 rounds: not to be judged by")
    for name, part in found["databases"].items():
        page, submission = part["page"], part["submission"]
        click.echo(f"\n{name} {part['version']} ({part['care']})")
        met = "met" if page["gzip_met"] else "MISSED"
        click.echo(
            f"  order page: {page['rows']} items, {page['statements']} statements, {page['bytes'] / 1024:.1f} KB, "
            f"{page['gzip_bytes'] / 1024:.1f} KB after gzip (goal <= {page['gzip_goal'] // 1024} KB: {met})"
        )
        rows = ", ".join(f"{count} {table}" for table, count in submission["rows_written"].items())
        click.echo(f"  submission: {submission['statements']} statements; wrote {rows}")
        for comparison in part["comparisons"]:
            _print_comparison(comparison)
        for facts in part["peers"]:
            versions = ", ".join(f"{package} {number}" for package, number in facts["versions"].items())
            click.echo(f"  {facts['peer']} ({versions})")
            click.echo(f"    does more: {facts['does_more']}")
            click.echo(f"    does less: {facts['does_less']}")


def _print_comparison(comparison: dict[str, Any]) -> None:
    ratio, times, floor = comparison["ratio"], comparison["ms"], comparison["floor_ms"]
    met = "met" if comparison["met"] else "MISSED"
    click.echo(f"  {comparison['name']} against {comparison['floor']}:")
    click.echo(
        f"    {_spread(ratio)} by {comparison['by']} (goal {comparison['goal']} x: {met}); "
        f"{times['median']:.2f} ms against {floor['median']:.2f} ms"
    )
    if comparison["other"] is not None:
        click.echo(f"    {_spread(comparison['other']['ratio'])} by {comparison['other']['by']}")


def _spread(ratio: dict[str, float]) -> str:
    return f"{ratio['min']:.2f} / {ratio['median']:.2f} / {ratio['max']:.2f} x"


COMMANDS = (bench,)
