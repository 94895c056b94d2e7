"""A province on one machine: nginx before two web servers, PgBouncer, PostgreSQL and its replica; the first one dies.

    python -m scripts.province

Real programs on the loopback only, in a temporary folder, gone afterwards. People order, ship, receive and pay through
nginx; statistics are read from the replica; a web server is killed, then the first database, and the replica takes its
place. At the end every acknowledged deed must be there once. Ends with 1 if anything is missing. docs/operations.md
has what was seen.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from clinic_orders.cli.throwaway_postgres import DURABLE, Cluster, cluster, identity, replica
from clinic_orders.models.base import db
from tests.conftest import make_app, upgrade
from tests.crashes.load import Crowd, cast
from tests.crashes.proof import faults
from tests.crashes.site import Site, free_port
from tests.crashes.visitors import Visitor
from tests.people import PASSWORD

ROOT = Path(__file__).resolve().parent.parent
FROM_REPLICA = re.compile(r"数据取自统计备库[^<]*")
FROM_FIRST = re.compile(r"数据取自主库")
_PATIENCE = 10.0


@dataclass
class Seen:
    """What a rehearsal has shown.

    Attributes:
        lines: one for each step, with its seconds.
        deeds: acknowledged before the first database died, and in all.
        standstill: seconds from its death to the next acknowledged deed.
        faults: what is not as it was acknowledged.

    """

    lines: list[str] = field(default_factory=list)
    deeds: tuple[int, int] = (0, 0)
    standstill: float = 0.0
    faults: list[str] = field(default_factory=list)


def missing() -> list[str]:
    """The programs of which this machine lacks any."""
    return [name for name in ("nginx", "pgbouncer") if program(name) is None]


def program(name: str) -> str | None:
    """Where a program of the system lies; one for administrators too, whose folder not everybody's path has."""
    return shutil.which(name) or shutil.which(name, path="/usr/local/sbin:/usr/sbin:/sbin")


class Pooler:
    """PgBouncer by transaction; ``lead_to`` sends everybody to another server."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name, self.port = folder, name, free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address the web servers are told."""
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/orders"

    def lead_to(self, server: Cluster) -> None:
        """Write the settings; a running PgBouncer reads them again."""
        settings = self.folder / "pgbouncer.ini"
        settings.write_text(
            f"[databases]\norders = host={server.folder} dbname={self.name} user=postgres\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {self.port}\nunix_socket_dir =\n"
            "auth_type = any\npool_mode = transaction\ndefault_pool_size = 10\nmax_client_conn = 200\n"
            f"server_login_retry = 1\nlogfile = {self.folder}/pgbouncer.log\n"
        )
        if self.process is not None:
            self.process.send_signal(signal.SIGHUP)
            return
        self.process = subprocess.Popen(
            [program("pgbouncer") or "pgbouncer", "--quiet", settings],
            cwd=self.folder,
            stderr=subprocess.DEVNULL,
            **identity(),
        )
        _wait_for(self.port)


@contextlib.contextmanager
def pooler(name: str, server: Cluster) -> Iterator[Pooler]:
    """PgBouncer before a server, gone after the block."""
    folder = Path(tempfile.mkdtemp(prefix="clinic-orders-pgbouncer-", dir="/tmp"))
    if owner := identity():
        os.chown(folder, owner["user"], owner["group"])
    made = Pooler(folder, name)
    try:
        made.lead_to(server)
        yield made
    finally:
        if made.process is not None:
            made.process.kill()
            made.process.wait(20)
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def front_door(folder: Path, ports: list[int]) -> Iterator[str]:
    """nginx with the example of deploy/, without TLS, before several web servers; its address."""
    port = free_port()
    text = (ROOT / "deploy" / "nginx" / "clinic-orders.conf").read_text()
    text = text.replace("/var/log/nginx", str(folder)).replace("listen 80;", f"listen unix:{folder}/unused;")
    text = text.replace("listen 443 ssl", f"listen 127.0.0.1:{port}")
    servers = " ".join(f"server 127.0.0.1:{one} max_fails=1 fail_timeout=1s;" for one in ports)
    text = text.replace("server 127.0.0.1:8000;", servers)
    text = "\n".join(line for line in text.splitlines() if "ssl_" not in line)
    settings = folder / "nginx.conf"
    settings.write_text(
        f"pid {folder}/nginx.pid;\nerror_log {folder}/nginx.error;\nevents {{}}\nhttp {{\n{text}\n}}\n"
    )
    command = [program("nginx") or "nginx", "-p", str(folder), "-c", str(settings), "-g", "daemon off;"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        _wait_for(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


def _wait_for(port: int) -> None:
    for _ in range(200):
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        time.sleep(0.05)
    raise TimeoutError(f"nobody listens on port {port}")


def rehearse(
    *, clinics: int = 4, deeds: int = 40, seed: int = 1, told: Callable[[str], None] = lambda _words: None
) -> Seen:
    """Go through the whole of it.

    Args:
        clinics: how many work at the same time.
        deeds: acknowledged in each part of the rehearsal.
        seed: of what people type.
        told: hears each step.

    """
    seen, began = Seen(), time.monotonic()

    def say(words: str) -> None:
        seen.lines.append(f"{time.monotonic() - began:6.1f} s  {words}")
        told(seen.lines[-1])

    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="clinic-orders-province-")))
        first = stack.enter_context(cluster(DURABLE))
        name = first.create()
        with make_app(first.url(name), instance=folder) as app:
            upgrade(app)
            members = cast(app, clinics)
        # Set of the database, since nothing may be set of a connection that is another's in the next transaction.
        first.execute(f"ALTER DATABASE {name} SET jit = off")
        second = stack.enter_context(replica(first, "second"))
        first.execute("ALTER SYSTEM SET synchronous_standby_names = 'FIRST 1 (second)'")
        first.execute("SELECT pg_reload_conf()")
        say("primary and replica run; a commit waits for the replica's disk")
        front = stack.enter_context(pooler(name, first))
        more = {
            "CLINIC_ORDERS_POOLER": "1",
            "CLINIC_ORDERS_REPLICA_URL": second.url(name),
            "CLINIC_ORDERS_TRUSTED_PROXIES": "1",
        }
        machines = [Site(front.url, folder / "instance", more=more) for _ in range(2)]
        for machine in machines:
            stack.callback(machine.end)
            machine.start_server()
        machines[0].start_scheduler(0)
        for machine in machines:
            machine.wait_until_it_answers()
        address = stack.enter_context(front_door(folder, [machine.port for machine in machines]))
        say("nginx before two web servers of two processes each, PgBouncer by transaction")
        crowd = Crowd(address, members, seed)
        crowd.begin()
        stack.callback(crowd.stopped.set)
        official = Visitor(address)
        official.log_in("city", PASSWORD)

        lags = []
        for _ in range(deeds):
            crowd.wait_for(1)
            lags.append(float(official.page("/readyz").json()["replica"]["seconds_behind"] or 0.0))
        say(
            f"{crowd.ledger.count} deeds; the replica was at most {max(lags) * 1000:.0f} ms behind at {len(lags)} looks"
        )
        _expect(official, FROM_REPLICA, say)

        machines[0].kill_server()
        crowd.wait_for(deeds)
        say(f"one web server killed; the other took {deeds} deeds more")
        machines[0].start_server()

        before = crowd.ledger.count
        first.kill()
        died = time.monotonic()
        say(f"primary killed after {before} deeds")
        second.execute("SELECT pg_promote()")
        front.lead_to(second)
        while crowd.ledger.done.acquire(blocking=False):
            # What was acknowledged by the dead one.
            pass
        crowd.wait_for(1)
        seen.standstill = time.monotonic() - died
        say(f"replica promoted, PgBouncer led there; next deed {seen.standstill:.1f} s after the death")
        crowd.wait_for(deeds)
        _expect(official, FROM_FIRST, say)
        crowd.end()
        seen.deeds = (before, crowd.ledger.count)
        for machine in machines:
            machine.end()
        with make_app(second.url(name), instance=folder) as app:
            seen.faults = faults(app, crowd.ledger)
            with app.app_context():
                db.session.remove()
        say(f"{seen.deeds[1]} deeds acknowledged, {len(seen.faults)} faults")
    return seen


def _expect(official: Visitor, words: re.Pattern[str], say: Callable[[str], None]) -> None:
    """Look where the statistics were read.

    Who has just logged in has stored something, and reads the first database until the replica has it for certain.
    """
    patience = time.monotonic() + _PATIENCE
    while (found := words.search(official.page("/statistics/").text)) is None:
        if time.monotonic() > patience:
            raise AssertionError(f"the page of the statistics does not say {words.pattern}")
        time.sleep(0.2)
    say(f"statistics: {found.group()}")


def main() -> int:
    """Rehearse, and say what was seen."""
    if lacking := missing():
        print(
            f"These programs are needed: {', '.join(lacking)} (apt-get install nginx-light pgbouncer)",
            file=sys.stderr,
        )
        return 3
    seen = rehearse(told=lambda words: print(words, flush=True))
    for fault in seen.faults:
        print(f"  {fault}")
    return 1 if seen.faults else 0


if __name__ == "__main__":
    sys.exit(main())
