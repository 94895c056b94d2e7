"""Dump, look into and replace a PostgreSQL database, by the tools of its own client."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import URL

from clinic_orders.exchange.backups.manifest import BackupDamaged
from clinic_orders.exchange.backups.sqlite import InUse
from clinic_orders.rules.errors import N_, RuleBroken

NAME = "database.dump"
# Where Debian keeps the programs of each version.
DEBIAN = Path("/usr/lib/postgresql")


class ToolMissing(RuleBroken):
    """PostgreSQL's client programs are not installed."""

    message = N_(
        "%(tool)s is missing. Install PostgreSQL's client, at least as new as the server: apt-get install postgresql-client"
    )


class ToolFailed(RuleBroken):
    """A program of PostgreSQL gave up."""

    message = N_("%(tool)s failed: %(why)s")


class MayNotCreate(RuleBroken):
    """The account may not make the database into which a backup is tried first."""

    message = N_(
        "A backup is first tried in a database of its own, and this account may not make one: %(why)s "
        "Let an administrator run: ALTER ROLE %(role)s CREATEDB; Nothing was changed."
    )


def _tool(name: str) -> str:
    """A client program: on PATH, else the newest that Debian has."""
    found = shutil.which(name)
    if found:
        return found
    debian = sorted(DEBIAN.glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    if not debian:
        raise ToolMissing(tool=name)
    return str(debian[-1])


def _environment(url: URL, database: str) -> dict[str, str]:
    """Where libpq's programs find the database; a password never stands on a command line."""
    said: dict[str, Any] = {
        "PGHOST": url.query.get("host") or url.host,
        "PGPORT": url.query.get("port") or url.port,
        "PGUSER": url.username,
        "PGPASSWORD": url.password,
        "PGSSLMODE": url.query.get("sslmode"),
        "PGDATABASE": database,
        "PGCONNECT_TIMEOUT": "15",
    }
    return os.environ | {name: str(value) for name, value in said.items() if value}


def _run(tool: str, *arguments: str, url: URL, database: str) -> None:
    # The words are ours; names of databases and files are arguments, never a shell's text.
    done = subprocess.run(  # noqa: S603
        [_tool(tool), *arguments],
        env=_environment(url, database),
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode:
        raise ToolFailed(tool=tool, why=done.stderr.strip()[-500:])


@contextlib.contextmanager
def _connected(url: URL, database: str, *, autocommit: bool = False) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(
        url.set(drivername="postgresql", database=database).render_as_string(hide_password=False),
        autocommit=autocommit,
    ) as connection:
        yield connection


def dump(url: URL, target: Path) -> tuple[str, dict[str, int], str]:
    """Write a dump of one instant while others go on writing; answers its facts, counted at the same instant."""
    assert url.database
    _tool("pg_dump")
    with _connected(url, url.database) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        snapshot = connection.execute("SELECT pg_export_snapshot()").fetchone()
        assert snapshot
        found = _facts(connection)
        _run(
            "pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot[0]}",
            f"--file={target}", url=url, database=url.database,
        )  # fmt: skip
    return found


def facts(url: URL, database: str) -> tuple[str, dict[str, int], str]:
    """The migration, the number of rows by table, and the head of the audit's chain."""
    with _connected(url, database) as connection:
        return _facts(connection)


def _facts(connection: psycopg.Connection[Any]) -> tuple[str, dict[str, int], str]:
    tables = [
        row[0]
        for row in connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename"
        )
    ]
    counts: dict[str, int] = {}
    for name in tables:
        row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(name))).fetchone()
        counts[name] = row[0] if row else 0
    migration, head = None, None
    if counts.get("alembic_version"):
        migration = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    if counts.get("audit_link"):
        head = connection.execute(
            "SELECT position, digest FROM audit_link ORDER BY position DESC LIMIT 1"
        ).fetchone()
    return migration[0] if migration else "", counts, f"{head[0]}:{head[1]}" if head else ""


def load(url: URL, scratch: str, dumped: Path, backup: str) -> None:
    """Make a scratch database and fill it from a dump.

    Raises:
        MayNotCreate: the account may not.
        BackupDamaged: the dump can't be read.

    """
    _tool("pg_restore")
    try:
        with _maintenance(url) as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(scratch))
            )
    except psycopg.errors.InsufficientPrivilege as error:
        raise MayNotCreate(why=str(error).strip(), role=url.username or "?") from error
    try:
        _run(
            "pg_restore", "--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges",
            f"--dbname={scratch}", str(dumped), url=url, database=scratch,
        )  # fmt: skip
    except ToolFailed as error:
        raise BackupDamaged(file=backup, what=error.facts["why"]) from error


def remove(url: URL, database: str) -> None:
    """Remove a scratch database, if it is there."""
    with _maintenance(url) as connection:
        connection.execute(
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database))
        )


def replace(url: URL, scratch: str, aside: str) -> bool:
    """Put a scratch database in the place of another one, which is kept under another name; answers whether there was one.

    Raises:
        InUse: somebody is connected to the old one; nothing was changed.

    """
    assert url.database
    try:
        with _maintenance(url) as connection, connection.transaction():
            there = connection.execute(
                "SELECT 1 FROM pg_database WHERE datname = %s", (url.database,)
            ).fetchone()
            if there:
                _rename(connection, url.database, aside)
            _rename(connection, scratch, url.database)
    except psycopg.errors.ObjectInUse as error:
        raise InUse from error
    return there is not None


def _rename(connection: psycopg.Connection[Any], old: str, new: str) -> None:
    connection.execute(
        sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(old), sql.Identifier(new))
    )


@contextlib.contextmanager
def _maintenance(url: URL) -> Iterator[psycopg.Connection[Any]]:
    with _connected(url, "postgres", autocommit=True) as connection:
        yield connection
