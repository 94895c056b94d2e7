"""``clinic-orders serve``: the production web server, with the scheduler as its own process beside it."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from typing import Any, Final

import click
from flask import Flask
from gunicorn.app.base import BaseApplication
from prometheus_client import values
from prometheus_client.multiprocess import mark_process_dead

from clinic_orders.cli.context import Console, pass_console
from clinic_orders.cli.logs import set_up_logs
from clinic_orders.cli.schema import refuse_not_newest
from clinic_orders.config import METRICS_FOLDER
from clinic_orders.exchange.backups import ServingLock
from clinic_orders.models.base import db


class Server(BaseApplication):  # type: ignore[misc]
    """Gunicorn with our application and settings, without a configuration file."""

    def __init__(self, app: Flask, options: dict[str, Any]) -> None:
        self.application = app
        self.options = options
        super().__init__()

    def load_config(self) -> None:
        """Hand over the options."""
        for key, value in self.options.items():
            self.cfg.set(key, value)

    def load(self) -> Flask:
        """The application, made once before the workers are forked."""
        return self.application


THREADS: Final = 4


def options(host: str, port: int, workers: int | None, threads: int = THREADS) -> dict[str, Any]:
    """Gunicorn's settings as they were measured: a process for each processor, four threads in each."""
    return {
        "bind": f"{host}:{port}",
        "workers": workers or min(8, multiprocessing.cpu_count()),
        "worker_class": "gthread",
        "threads": threads,
        "preload_app": True,
        "timeout": 120,
        "graceful_timeout": 30,
        "max_requests": 20000,
        "max_requests_jitter": 2000,
        "accesslog": None,
        "errorlog": "-",
        "loglevel": "warning",
        "proc_name": "clinic-orders",
    }


@contextlib.contextmanager
def _counting_together() -> Iterator[None]:
    """Let all web processes count in one folder, which is gone with the server."""
    alone = values.ValueClass
    with tempfile.TemporaryDirectory(prefix="clinic-orders-metrics-") as folder:
        os.environ[METRICS_FOLDER] = folder
        values.ValueClass = values.MultiProcessValue()  # type: ignore[no-untyped-call]
        try:
            yield
        finally:
            values.ValueClass = alone
            del os.environ[METRICS_FOLDER]


@click.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535))
@click.option(
    "--workers", type=click.IntRange(1, 64), help="Web processes; default one per processor, at most 8."
)
@click.option(
    "--threads",
    default=THREADS,
    show_default=True,
    type=click.IntRange(1, 32),
    help="Threads of each of them.",
)
@click.option("--no-scheduler", is_flag=True, help="Do not start the scheduler beside the web processes.")
@pass_console
def serve(
    console: Console, host: str, port: int, workers: int | None, threads: int, no_scheduler: bool
) -> None:
    """Serve the pages until stopped (Ctrl-C or SIGTERM): running requests are finished first."""
    # Before the application makes its counters.
    with _counting_together():
        _serve(console, options(host, port, workers, threads), no_scheduler)


def _serve(console: Console, chosen: dict[str, Any], no_scheduler: bool) -> None:
    app = console.app
    set_up_logs(console.settings)
    with app.app_context():
        refuse_not_newest()
        for engine in db.engines.values():
            engine.dispose()
    # Held until this process and those it forks have ended, so that nobody restores under a running server.
    lock = ServingLock(console.settings.instance, alone=False)
    beside: subprocess.Popen[bytes] | None = None
    if not no_scheduler:
        beside = subprocess.Popen(
            [sys.executable, "-m", "clinic_orders", "scheduler"], start_new_session=True
        )

    def post_fork(_server: Any, _worker: Any) -> None:
        # A connection made before the fork must not be used by two processes.
        with app.app_context():
            for engine in db.engines.values():
                engine.dispose(close=False)

    def child_exit(_server: Any, worker: Any) -> None:
        mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]

    click.echo(f"http://{chosen['bind']}")
    try:
        Server(
            app,
            chosen | {"post_fork": post_fork, "child_exit": child_exit},
        ).run()
    finally:
        lock.release()
        if beside is not None and beside.poll() is None:
            os.kill(beside.pid, signal.SIGTERM)
            try:
                beside.wait(30)
            except subprocess.TimeoutExpired:
                beside.kill()


COMMANDS = (serve,)
