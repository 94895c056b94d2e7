"""Copy, look into and replace an SQLite database."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from clinic_orders.exchange.backups.manifest import BackupDamaged
from clinic_orders.rules.errors import N_, RuleBroken

NAME = "database.sqlite3"


class InUse(RuleBroken):
    """Somebody works in the database that is to be replaced."""

    message = N_(
        "Somebody is working in this database. Stop the server and the scheduler, then restore again. Nothing was changed."
    )


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(path, isolation_level=None, timeout=15)
    try:
        yield connection
    finally:
        connection.close()


def copy(database: Path, target: Path) -> None:
    """Write a consistent copy: what was committed when it began, while others go on writing."""
    with _opened(database) as connection:
        connection.execute("VACUUM INTO ?", (str(target),))


def facts(database: Path) -> tuple[str, dict[str, int], str]:
    """The migration, the number of rows by table, and the head of the audit's chain."""
    with _opened(database) as connection:
        tables = [
            name
            for (name,) in connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
            )
        ]
        # Table names come from the database itself; a name that is no plain word is refused below.
        counts = {
            name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]  # noqa: S608
            for name in tables
            if name.isidentifier()
        }
        migration = ""
        if "alembic_version" in counts:
            found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
            migration = found[0] if found else ""
        head = None
        if "audit_link" in counts:
            head = connection.execute(
                "SELECT position, digest FROM audit_link ORDER BY position DESC LIMIT 1"
            ).fetchone()
    return migration, counts, f"{head[0]}:{head[1]}" if head else ""


def check_readable(database: Path, backup: str) -> None:
    """Let SQLite itself look at every page.

    Raises:
        BackupDamaged: it finds something wrong.

    """
    try:
        with _opened(database) as connection:
            found = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    except sqlite3.DatabaseError as error:
        raise BackupDamaged(file=backup, what=str(error)) from error
    if found != "ok":
        raise BackupDamaged(file=backup, what=found)


def replace(database: Path, scratch: Path, aside: Path) -> None:
    """Put a scratch database in the place of another one, which is kept aside; at no instant is there none.

    Raises:
        InUse: somebody has the old one open; nothing was changed.

    """
    if database.exists():
        try:
            with _opened(database) as connection:
                connection.execute("PRAGMA busy_timeout=2000")
                # Folds the log into the file; refused while anybody else has the database open.
                if connection.execute("PRAGMA journal_mode=DELETE").fetchone()[0] != "delete":
                    raise InUse
        except sqlite3.OperationalError as error:
            raise InUse from error
        was = database.stat()
        scratch.chmod(was.st_mode & 0o777)
        if os.geteuid() == 0:
            # An administrator restores for the account under which the server runs.
            os.chown(scratch, was.st_uid, was.st_gid)
        os.link(database, aside)
    for rest in ("-wal", "-shm", "-journal"):
        scratch.with_name(scratch.name + rest).unlink(missing_ok=True)
    scratch.replace(database)
    with contextlib.suppress(OSError):
        descriptor = os.open(database.parent, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
