"""A throw-away PostgreSQL server for one test run or one measurement: made in a temporary folder, removed at the end.

It can also be killed, started again, copied as a replica and promoted, which the rehearsals of crashes need. A
measurement that fills its databases for long may keep their folder and start a server on it again.
"""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import click
import psycopg

_LOCALE: Final = ("--encoding=UTF8", "--no-locale", "--no-sync")
# Durability is switched off: what a crash would lose here is wanted by nobody.
SETTINGS: Final = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum": "off",
    "shared_buffers": "64MB",
    "max_connections": "60",
    # As a server in China is set up, so that whatever leans on the server's zone is seen.
    "timezone": "Asia/Shanghai",
    "log_min_messages": "fatal",
}

# As a server in service: what a commit has acknowledged survives whatever is killed; a replica may follow.
DURABLE: Final = {
    **SETTINGS,
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "wal_level": "replica",
    "max_wal_senders": "4",
    "autovacuum": "on",
}

STILL: float = 60
"""A server that has done nothing for so many seconds will not come up, nor go down, by itself."""
TELL_EVERY: float = 30
"""So many seconds apart it is told, on standard error, how far it is."""
# The process that recovers, and those that write out what it has changed.
_HELPER: Final = re.compile(r"postgres: (startup|checkpointer|background writer|walwriter)")


def server_programs() -> Path | None:
    """The folder with initdb and postgres: POSTGRES_BIN, else Debian's newest, else beside initdb on PATH, else None."""
    named = os.environ.get("POSTGRES_BIN")
    if named:
        return Path(named)
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    found = str(debian[-1]) if debian else shutil.which("initdb")
    return Path(found).resolve().parent if found else None


def _die_with_parent() -> None:
    """Linux ends the server at once when its starter is killed, so that none is left behind."""
    set_parent_death_signal = 1
    ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGQUIT)


class Cluster:
    """One server. `url(name)` addresses a database of it, `create` and `drop` make and remove them."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        self.folder = folder
        self.settings = dict(settings)
        self.server: subprocess.Popen[bytes] | None = None
        self._numbers = itertools.count(1)

    def url(self, name: str) -> str:
        """SQLAlchemy's address of a database."""
        return f"postgresql+psycopg://postgres@/{name}?host={self.folder}"

    def create(self, template: str | None = None, name: str | None = None) -> str:
        """Make a database, empty or a copy of another to which nobody is connected; return its name."""
        name = name or f"test_{next(self._numbers)}"
        copy = f"TEMPLATE {template} STRATEGY file_copy" if template else "TEMPLATE template0"
        self.execute(f"CREATE DATABASE {name} {copy}")
        return name

    def drop(self, name: str) -> None:
        """Remove a database and whoever is still connected to it."""
        self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def execute(self, statement: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run one statement as the owner of everything; its rows, if it has any."""
        with psycopg.connect(
            host=str(self.folder), user="postgres", dbname=database, autocommit=True
        ) as connection:
            found = connection.execute(statement.encode())
            return found.fetchall() if found.description else []

    def start(self) -> None:
        """Start the server, also after a crash, and wait until it takes connections, however long it recovers.

        Raises:
            RuntimeError: it did not start, or does nothing any more; the message says why.

        """
        told = [f"-c{name}={value}" for name, value in self.settings.items()]
        with (self.folder / "log").open("ab") as log:
            self.server = subprocess.Popen(
                [_programs() / "postgres", "-D", self.folder / "data", "-k", self.folder, *told],
                stdout=log,
                stderr=log,
                cwd=self.folder,
                preexec_fn=_die_with_parent,
                **identity(),
            )
        _wait_until_ready(self.folder, self.server)

    def kill(self) -> None:
        """End the server as a lost machine would, with every process that answers for it."""
        if self.server is None:
            return
        # The others notice the death of the first within moments, but a start must not meet one of them.
        children = _children(self.server.pid)
        for number in (self.server.pid, *children):
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        self.server.wait(20)
        for number in children:
            _wait_until_gone(number)

    def stop(self, *, in_order: bool = False) -> None:
        """End the server at once, and what a crash would lose is lost; or in order, when all is on the disk."""
        if self.server is not None and self.server.poll() is None:
            self.server.send_signal(signal.SIGINT if in_order else signal.SIGQUIT)
            if in_order:
                _wait_until_ended(self.server)
            self.server.wait(20)


@contextlib.contextmanager
def cluster(settings: Mapping[str, str] = SETTINGS) -> Iterator[Cluster]:
    """Make, start, give, stop and remove a server. As root it runs as the user postgres, since it refuses root.

    Args:
        settings: of the server.

    Raises:
        RuntimeError: the server's programs are not installed, or it did not start; the message says why.

    """
    with _folder() as folder:
        _run("initdb", f"--pgdata={folder}/data", "--username=postgres", "--auth=trust", *_LOCALE, cwd=folder)
        yield from _running(Cluster(folder, settings))


@contextlib.contextmanager
def kept_cluster(folder: Path, settings: Mapping[str, str]) -> Iterator[Cluster]:
    """A server on a folder that stays with all its databases; made where the folder holds none yet.

    Args:
        folder: that its owner may enter.
        settings: of the server, this time.

    Raises:
        RuntimeError: as for ``cluster``.

    """
    folder.mkdir(parents=True, exist_ok=True)
    owner = identity()
    if owner:
        os.chown(folder, owner["user"], owner["group"])
    if not (folder / "data" / "PG_VERSION").exists():
        _run("initdb", f"--pgdata={folder}/data", "--username=postgres", "--auth=trust", *_LOCALE, cwd=folder)
    made = Cluster(folder, settings)
    made.start()
    try:
        yield made
    finally:
        made.stop(in_order=True)


@contextlib.contextmanager
def replica(primary: Cluster, name: str) -> Iterator[Cluster]:
    """A second server that follows a running one by streaming, made with pg_basebackup.

    Args:
        primary: whom it follows; its settings must allow it (``DURABLE`` do).
        name: by which the primary knows it (``synchronous_standby_names``).

    Raises:
        RuntimeError: the copy could not be made, or it did not start.

    """
    with _folder() as folder:
        origin = f"host={primary.folder} user=postgres application_name={name}"
        _run(
            "pg_basebackup", f"--pgdata={folder}/data", f"--dbname={origin}", "--write-recovery-conf",
            "--checkpoint=fast", "--no-sync", cwd=folder,
        )  # fmt: skip
        yield from _running(Cluster(folder, primary.settings | {"hot_standby": "on"}))


def _running(made: Cluster) -> Iterator[Cluster]:
    made.start()
    try:
        yield made
    finally:
        made.stop()


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    """A folder of the server's owner, gone after the block."""
    folder = Path(tempfile.mkdtemp(prefix="clinic-orders-pg-", dir="/tmp"))
    try:
        owner = identity()
        if owner:
            os.chown(folder, owner["user"], owner["group"])
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path:
    programs = server_programs()
    if programs is None:
        raise RuntimeError(
            "PostgreSQL's server is needed: `apt-get install postgresql` (`make test` does it), "
            "or name the folder that holds initdb in POSTGRES_BIN."
        )
    return programs


def identity() -> dict[str, Any]:
    """As whom the programs run, in the words of subprocess: as root they refuse to."""
    if os.geteuid() != 0:
        return {}
    owner = pwd.getpwnam("postgres")
    return {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}


def _run(program: str, *arguments: str, cwd: Path) -> None:
    done = subprocess.run(
        [_programs() / program, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        **identity(),
    )
    if done.returncode:
        raise RuntimeError(f"{program} failed:\n{done.stdout}{done.stderr}")


def _wait_until_gone(number: int) -> None:
    deadline = time.monotonic() + 20
    while Path(f"/proc/{number}").exists() and time.monotonic() < deadline:
        time.sleep(0.01)


class _AtWork:
    """Tells whether a server that takes no connections yet, or no more, still does something.

    Its helpers are looked at and not the server itself, which answers our own attempts to connect. One that waits for
    the disk is at work too.
    """

    def __init__(self, server: subprocess.Popen[bytes]) -> None:
        self._server = server
        self._begun = self._moved = self._told = time.monotonic()
        self._before: dict[int, tuple[str, ...]] = {}

    def look(self, what: str) -> bool:
        """Whether it has moved within the last minute; every half minute it is told how far it is.

        Args:
            what: one waits for, for the message.

        """
        now = time.monotonic()
        titles, after, on_disk = [], {}, False
        for number in _children(self._server.pid):
            with contextlib.suppress(OSError):
                title = Path(f"/proc/{number}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
                if _HELPER.match(title):
                    state, *figures = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
                    # Processor time in user mode and in the system's, its own and that of commands it has run.
                    after[number] = (title, *figures[10:14])
                    on_disk = on_disk or state == "D"
                    titles.append(title.removeprefix("postgres: "))
        if after != self._before or on_disk:
            self._before, self._moved = after, now
        if now - self._told > TELL_EVERY:
            self._told = now
            doing = "; ".join(sorted(titles)) or "nothing to be seen"
            click.echo(f"PostgreSQL {what} for {now - self._begun:.0f} s: {doing}", err=True)
        return now - self._moved < STILL


def _children(number: int) -> list[int]:
    try:
        return [*map(int, Path(f"/proc/{number}/task/{number}/children").read_text().split())]
    except OSError:
        return []


def _wait_until_ready(folder: Path, server: subprocess.Popen[bytes]) -> None:
    """Wait as long as it gets on: what was not written out before a crash may take many minutes to recover."""
    work = _AtWork(server)
    while True:
        try:
            psycopg.connect(host=str(folder), user="postgres", dbname="postgres").close()
        except psycopg.OperationalError as error:
            ended = server.poll() is not None
            if ended or not work.look("has been starting"):
                if not ended:
                    server.send_signal(signal.SIGQUIT)
                    server.wait(20)
                why = "" if ended else f" and did nothing for {STILL:.0f} s"
                log = (folder / "log").read_text(errors="replace")
                raise RuntimeError(f"PostgreSQL did not start{why}: {error}\n{log}") from error
            time.sleep(0.02)
        else:
            return


def _wait_until_ended(server: subprocess.Popen[bytes]) -> None:
    """Wait as long as it still writes out what it holds."""
    work = _AtWork(server)
    while server.poll() is None:
        if not work.look("has been stopping"):
            raise RuntimeError(f"PostgreSQL did not stop and did nothing for {STILL:.0f} s.")
        time.sleep(0.02)
