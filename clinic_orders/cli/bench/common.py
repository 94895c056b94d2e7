"""What every measurement is asked with, where it runs, and how a comparison is printed."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import platform
import sqlite3
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import click
from flask import Flask

from clinic_orders.cli.benchmark.world import World, application, fill
from clinic_orders.cli.context import Failed
from clinic_orders.cli.throwaway_postgres import SETTINGS, cluster, kept_cluster, server_programs

SQLITE, POSTGRESQL = "sqlite", "postgresql"
CARE: Final = {
    SQLITE: "WAL, synchronous=NORMAL: a commit does not wait for the disk",
    POSTGRESQL: "fsync=off, synchronous_commit=off: a commit does not wait for the disk",
}


# What every measurement can be asked.
DATABASE: Final = click.option(
    "--database",
    "only",
    type=click.Choice([SQLITE, POSTGRESQL]),
    help="Only on this one; default both, PostgreSQL where its server is installed.",
)


FORMAT: Final = click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")


def rounds_option(usual: int) -> Callable[[Any], Any]:
    """The option --rounds with its usual number."""
    return click.option(
        "--rounds",
        default=usual,
        show_default=True,
        type=click.IntRange(1, 20),
        help="At least 3 to judge by.",
    )


def databases(only: str | None) -> list[str]:
    """The databases to measure on: all that can be."""
    if server_programs() is not None or only == SQLITE:
        return [only] if only else [SQLITE, POSTGRESQL]
    if only:
        raise Failed("PostgreSQL's server is not installed: apt-get install postgresql")
    click.echo("PostgreSQL's server is not installed; measured on SQLite only", err=True)
    return [SQLITE]


def machine() -> dict[str, Any]:
    """What it was measured on: cores, processor, versions."""
    facts = {
        "cores": os.cpu_count(),
        "processor": platform.machine(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
    }
    return facts | {name: version(name) for name in ("flask", "jinja2", "sqlalchemy", "psycopg")}


@contextlib.contextmanager
def filled(make_app: Callable[[], Flask], name: str, folder: Path) -> Iterator[World]:
    """A filled database of this kind with the application on it; gone after the block."""
    with bench_application(make_app, name, folder) as app:
        world = fill(app)
        # What the filling left behind is not the application's; the collector need not look at it.
        gc.collect()
        gc.freeze()
        yield world


@contextlib.contextmanager
def bench_application(
    make_app: Callable[[], Flask], name: str, folder: Path, **settings: str
) -> Iterator[Flask]:
    """The application on an empty database of this kind, gone after the block. ``settings`` are PostgreSQL's."""
    with contextlib.ExitStack() as stack:
        if name == SQLITE:
            url = f"sqlite:///{folder / 'bench.sqlite3'}"
        else:
            server = stack.enter_context(cluster(SETTINGS | settings))
            url = server.url(server.create())
        yield stack.enter_context(application(make_app, url, folder / f"{name}-instance"))


@contextlib.contextmanager
def kept_application(
    make_app: Callable[[], Flask], name: str, folder: Path, *, anew: bool, **settings: str
) -> Iterator[Flask]:
    """The application on a database that stays in its folder; ``anew``: on an empty one. ``settings`` are PostgreSQL's."""
    folder.mkdir(parents=True, exist_ok=True)
    for one in (folder.parent, folder):
        # PostgreSQL's server runs as somebody else where this process is root's.
        one.chmod(0o755)
    with contextlib.ExitStack() as stack:
        if name == SQLITE:
            if anew:
                for left in folder.glob("bench.sqlite3*"):
                    left.unlink()
            url = f"sqlite:///{folder / 'bench.sqlite3'}"
        else:
            server = stack.enter_context(kept_cluster(folder / "server", SETTINGS | settings))
            if anew:
                server.drop("bench")
                server.create(name="bench")
            url = server.url("bench")
        yield stack.enter_context(application(make_app, url, folder / "instance"))


def told_as_json(found: dict[str, Any], form: str) -> bool:
    """Print what was measured as JSON if that is wanted; else only on which machine, and the caller goes on in words."""
    if form == "json":
        click.echo(json.dumps(found, ensure_ascii=False, indent=1))
        return True
    click.echo(", ".join(f"{name} {value}" for name, value in found["machine"].items()))
    return False


def print_comparison(comparison: dict[str, Any]) -> None:
    """Print a ratio with its spread, goal and times in milliseconds."""
    ratio, times, floor = comparison["ratio"], comparison["ms"], comparison["floor_ms"]
    met = "met" if comparison["met"] else "MISSED"
    click.echo(f"  {comparison['name']} against {comparison['floor']}:")
    click.echo(
        f"    {spread(ratio)} by {comparison['by']} (goal {comparison['goal']} x: {met}); "
        f"{times['median']:.2f} ms against {floor['median']:.2f} ms"
    )
    if comparison["other"] is not None:
        click.echo(f"    {spread(comparison['other']['ratio'])} by {comparison['other']['by']}")


def spread(ratio: dict[str, float]) -> str:
    """The least, middle and greatest ratio, in words."""
    return f"{ratio['min']:.2f} / {ratio['median']:.2f} / {ratio['max']:.2f} x"
