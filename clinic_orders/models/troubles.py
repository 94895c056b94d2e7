"""What a database says when the trouble is not the program's: busy, away, full, or only to be read."""

from __future__ import annotations

import enum
import sqlite3
from typing import Final

import psycopg
from psycopg import errors as pg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError


class Trouble(enum.Enum):
    """Why a database did not do what was asked. In each case nothing is stored by half."""

    BUSY = "busy"
    """Somebody else held the writer's place, or every connection, for too long."""
    AWAY = "away"
    """It does not answer: stopped, starting, killed, or the way to it is broken."""
    FULL = "full"
    """The disk it writes to is full."""
    READ_ONLY = "read only"
    """It answers questions only: a replica, or files that may not be written."""


_SQLITE: Final = {
    sqlite3.SQLITE_BUSY: Trouble.BUSY,
    sqlite3.SQLITE_LOCKED: Trouble.BUSY,
    sqlite3.SQLITE_CANTOPEN: Trouble.AWAY,
    sqlite3.SQLITE_FULL: Trouble.FULL,
    sqlite3.SQLITE_READONLY: Trouble.READ_ONLY,
}
# A file that may not grow is said by the system, not by SQLite.
_SQLITE_WRITING: Final = frozenset(
    {sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE, sqlite3.SQLITE_IOERR_FSYNC}
)
_PRIMARY_CODE: Final = 0xFF

_POSTGRES: Final[tuple[tuple[Trouble, tuple[type[psycopg.Error], ...]], ...]] = (
    (Trouble.FULL, (pg.DiskFull,)),
    (Trouble.READ_ONLY, (pg.ReadOnlySqlTransaction,)),
    (
        Trouble.BUSY,
        (pg.TooManyConnections, pg.LockNotAvailable, pg.DeadlockDetected, pg.SerializationFailure),
    ),
    (
        Trouble.AWAY,
        (pg.AdminShutdown, pg.CrashShutdown, pg.CannotConnectNow, pg.IdleInTransactionSessionTimeout),
    ),
)


def trouble_of(error: BaseException) -> Trouble | None:
    """Which trouble an error of the database is; none if it is a mistake of the program.

    Args:
        error: as SQLAlchemy or the driver raised it.

    """
    if isinstance(error, PoolTimeoutError):
        return Trouble.BUSY
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, sqlite3.Error):
        code = getattr(cause, "sqlite_errorcode", 0)
        return Trouble.FULL if code in _SQLITE_WRITING else _SQLITE.get(code & _PRIMARY_CODE)
    if not isinstance(cause, psycopg.Error):
        return None
    for trouble, kinds in _POSTGRES:
        if isinstance(cause, kinds):
            return trouble
    # A connection that could not be made or was cut has no state of its own to tell.
    lost = isinstance(cause, psycopg.OperationalError) and cause.sqlstate is None
    refused = cause.sqlstate is not None and cause.sqlstate.startswith("08")
    return Trouble.AWAY if lost or refused else None
