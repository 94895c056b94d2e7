"""An installation that can be killed part by part: a database, two schedulers, a web server, a folder."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from sqlalchemy import make_url

from clinic_orders.cli.throwaway_postgres import Cluster

ROOT = Path(__file__).resolve().parents[2]
SECRET = "of the rehearsal only, it opens nothing"


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Site:
    """Real processes of the program on one database.

    Attributes:
        url: of the database.
        cluster: its server, if it has one.
        address: where the pages are.
        log: what all processes wrote.

    """

    def __init__(
        self,
        url: str,
        instance: Path,
        cluster: Cluster | None = None,
        *,
        workers: int = 2,
        threads: int = 4,
        more: Mapping[str, str] | None = None,
    ) -> None:
        self.url, self.instance, self.cluster = url, instance, cluster
        self.shape = ("--workers", str(workers), "--threads", str(threads))
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.log = instance / "processes.log"
        self.more = dict(more or {})
        self.server = 0
        self.schedulers: dict[int, int] = {}
        instance.mkdir(parents=True, exist_ok=True)
        self._mother = subprocess.Popen(
            [sys.executable, "-m", "tests.crashes.mother", self.log],
            cwd=ROOT,
            env=os.environ | self.settings(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def settings(self) -> dict[str, str]:
        """What the program's processes are told."""
        return {
            "CLINIC_ORDERS_DATABASE_URL": self.url,
            "CLINIC_ORDERS_INSTANCE": str(self.instance),
            "CLINIC_ORDERS_SECRET_KEY": SECRET,
            "CLINIC_ORDERS_LOGIN_LIMIT": "1000 per minute",
            "CLINIC_ORDERS_LOG_LEVEL": "WARNING",
            **self.more,
        }

    def _run(self, *arguments: str) -> int:
        assert self._mother.stdin is not None
        assert self._mother.stdout is not None
        self._mother.stdin.write(json.dumps(arguments) + "\n")
        self._mother.stdin.flush()
        return int(self._mother.stdout.readline())

    def start_server(self) -> None:
        """Start the web server; whoever wants a page waits for it."""
        self.server = self._run("serve", "--no-scheduler", *self.shape, "--port", str(self.port))

    def start_scheduler(self, which: int) -> None:
        """Start one of the schedulers."""
        self.schedulers[which] = self._run("scheduler")

    def wait_until_it_answers(self, seconds: float = 60.0) -> None:
        """Wait for the first page of a server that was started."""
        deadline = time.monotonic() + seconds
        while True:
            with contextlib.suppress(OSError, http.client.HTTPException):
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
                with contextlib.closing(connection):
                    connection.request("GET", "/healthz")
                    if connection.getresponse().status == 200:
                        return
            if time.monotonic() > deadline:
                raise TimeoutError(f"the server does not answer:\n{self.log.read_text()[-3000:]}")
            time.sleep(0.05)

    # Deaths.

    def kill_server(self) -> None:
        """The web server with all its processes."""
        kill_group(self.server)

    def kill_worker(self) -> None:
        """One web process; the server makes another."""
        for number in children(self.server)[:1]:
            kill(number)

    def kill_scheduler(self, which: int) -> None:
        """One of the schedulers."""
        kill_group(self.schedulers[which])

    def kill_database(self) -> None:
        """The database's server with all its processes, as a machine that lost its power."""
        assert self.cluster is not None
        self.cluster.kill()

    def kill_connection(self) -> None:
        """One process of the database: its server then throws out everybody and recovers."""
        assert self.cluster is not None
        name = make_url(self.url).database
        found = self.cluster.execute(
            f"SELECT pid FROM pg_stat_activity WHERE datname = '{name}' AND backend_type = 'client backend' "
            "ORDER BY query_start DESC NULLS LAST LIMIT 1"
        )
        for (number,) in found:
            kill(number)

    def end(self) -> None:
        """Stop everything that was started here."""
        for number in (self.server, *self.schedulers.values()):
            if number:
                kill_group(number)
        self._mother.kill()
        self._mother.communicate()


def kill(number: int) -> None:
    """End a process at once."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(number, signal.SIGKILL)


def kill_group(number: int) -> None:
    """End a process and all it has forked at once, and wait until they are gone."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(number, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            os.killpg(number, 0)
        except ProcessLookupError:
            return
        time.sleep(0.01)


def children(number: int) -> list[int]:
    """The processes that a process has forked."""
    try:
        return [int(one) for one in Path(f"/proc/{number}/task/{number}/children").read_text().split()]
    except FileNotFoundError:
        return []


@contextlib.contextmanager
def site(url: str, instance: Path, cluster: Cluster | None = None) -> Iterator[Site]:
    """An installation, all its processes gone after the block."""
    made = Site(url, instance, cluster)
    try:
        yield made
    finally:
        made.end()
