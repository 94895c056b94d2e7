"""``bench web``: the order page and a submission against their floors, and against peers."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click

from clinic_orders.cli.bench.common import (
    CARE,
    DATABASE,
    FORMAT,
    SQLITE,
    databases,
    filled,
    machine,
    print_comparison,
    rounds_option,
)
from clinic_orders.cli.benchmark.measuring import CLOCK, PROCESSOR, Comparison, Rounds, Seconds, Spread
from clinic_orders.cli.benchmark.page import GZIP_GOAL, OrderPageRounds
from clinic_orders.cli.benchmark.peers import PEERS, Running, install, running
from clinic_orders.cli.benchmark.submission import SubmissionRounds
from clinic_orders.cli.benchmark.world import LINES, World
from clinic_orders.cli.context import Console, pass_console
from clinic_orders.config import load_settings
from clinic_orders.models.base import db

PAGE_GOAL: Final = 2.0
SUBMISSION_GOAL: Final = 6.0


@click.command("web")
@click.option("--peers", is_flag=True, help="Install Tryton and django-oscar and compare with their orders.")
@rounds_option(5)
@DATABASE
@FORMAT
@pass_console
def web(console: Console, peers: bool, rounds: int, only: str | None, form: str) -> None:
    """The order page and a submission of 12 lines against their floors, on throw-away databases."""

    def say(text: str) -> None:
        click.echo(text, err=True)

    found: dict[str, Any] = {"rounds": rounds, "machine": machine(), "databases": {}}
    with (
        tempfile.TemporaryDirectory(prefix="clinic-orders-bench-") as folder,
        contextlib.ExitStack() as stack,
    ):
        started = _start_peers(stack, Path(folder), say) if peers else []
        for name in databases(only):
            say(f"filling a {name} database")
            # The peers' databases are SQLite files, so ours is held against them there.
            with filled(console.make_app, name, Path(folder)) as world:
                found["databases"][name] = _measure(
                    world, name, rounds, started if name == SQLITE else [], say
                )
    if form == "json":
        click.echo(json.dumps(found, ensure_ascii=False, indent=1))
    else:
        _print(found)


def _start_peers(stack: contextlib.ExitStack, folder: Path, say: Callable[[str], None]) -> list[Running]:
    home = load_settings().instance / "peers"
    started = []
    for peer in PEERS:
        python = install(peer, home, say)
        say(f"setting up {peer.name}; this may take a minute")
        started.append(stack.enter_context(running(peer, python, folder / peer.name)))
    return started


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
        "care": CARE[name],
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
            print_comparison(comparison)
        for facts in part["peers"]:
            versions = ", ".join(f"{package} {number}" for package, number in facts["versions"].items())
            click.echo(f"  {facts['peer']} ({versions})")
            click.echo(f"    does more: {facts['does_more']}")
            click.echo(f"    does less: {facts['does_less']}")
