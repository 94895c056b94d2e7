"""A throw-away PostgreSQL server for one test run or one measurement: made in a temporary folder, removed at the end."""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import psycopg

_LOCALE: Final = ("--encoding=UTF8", "--no-locale")
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
    "timezone": "UTC",
    "log_min_messages": "fatal",
}


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
    """One running server. `url(name)` addresses a database of it, `create` and `drop` make and remove them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._numbers = itertools.count(1)

    def url(self, name: str) -> str:
        """SQLAlchemy's address of a database."""
        return f"postgresql+psycopg://postgres@/{name}?host={self.folder}"

    def create(self, template: str | None = None) -> str:
        """Make a database, empty or a copy of another to which nobody is connected; return its name."""
        name = f"test_{next(self._numbers)}"
        copy = f"TEMPLATE {template} STRATEGY file_copy" if template else "TEMPLATE template0"
        self._execute(f"CREATE DATABASE {name} {copy}")
        return name

    def drop(self, name: str) -> None:
        """Remove a database and whoever is still connected to it."""
        self._execute(f"DROP DATABASE {name} WITH (FORCE)")

    def _execute(self, statement: str) -> None:
        with psycopg.connect(
            host=str(self.folder), user="postgres", dbname="postgres", autocommit=True
        ) as connection:
            connection.execute(statement.encode())


@contextlib.contextmanager
def cluster(settings: Mapping[str, str] = SETTINGS) -> Iterator[Cluster]:
    """Make, start, give, stop and remove a server. As root it runs as the user postgres, since it refuses root.

    Args:
        settings: of the server.

    Raises:
        RuntimeError: the server's programs are not installed, or it did not start; the message says why.

    """
    programs = server_programs()
    if programs is None:
        raise RuntimeError(
            "PostgreSQL's server is needed: `apt-get install postgresql` (`make test` does it), "
            "or name the folder that holds initdb in POSTGRES_BIN."
        )
    owner = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
    identity: dict[str, Any] = (
        {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []} if owner else {}
    )
    folder = Path(tempfile.mkdtemp(prefix="clinic-orders-pg-", dir="/tmp"))
    try:
        if owner:
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        made = subprocess.run(
            [programs / "initdb", f"--pgdata={folder}/data", "--username=postgres", "--auth=trust", *_LOCALE],
            capture_output=True,
            text=True,
            check=False,
            cwd=folder,
            **identity,
        )
        if made.returncode:
            raise RuntimeError(f"initdb failed:\n{made.stdout}{made.stderr}")
        told = [f"-c{name}={value}" for name, value in settings.items()]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                [programs / "postgres", "-D", folder / "data", "-k", folder, *told],
                stdout=log,
                stderr=log,
                cwd=folder,
                preexec_fn=_die_with_parent,
                **identity,
            )
        try:
            _wait_until_ready(folder, server)
            yield Cluster(folder)
        finally:
            server.send_signal(signal.SIGQUIT)
            server.wait(20)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wait_until_ready(folder: Path, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            psycopg.connect(host=str(folder), user="postgres", dbname="postgres").close()
        except psycopg.OperationalError as error:
            if server.poll() is not None or time.monotonic() > deadline:
                log = (folder / "log").read_text(errors="replace")
                raise RuntimeError(f"PostgreSQL did not start: {error}\n{log}") from error
            time.sleep(0.02)
        else:
            return
