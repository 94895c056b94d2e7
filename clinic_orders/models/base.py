"""The base of all records: the database handle, column types, and what differs between the two databases.

This is the only file that imports flask_sqlalchemy, and the only one that knows SQLite from PostgreSQL.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import (
    BigInteger,
    Date,
    DateTime,
    Engine,
    Enum,
    Integer,
    MetaData,
    String,
    Text,
    TypeDecorator,
    event,
)
from sqlalchemy.engine import Connection, Dialect
from sqlalchemy.orm import DeclarativeBase, registry

NAMING = {
    "ix": "ix_%(column_0_N_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class _Scaled(TypeDecorator[Decimal]):
    """An exact Decimal outside, a whole number of the smallest part inside (SQLite has no decimals)."""

    impl = BigInteger
    cache_ok = True
    places = 4

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> int | None:
        """Turn the Decimal into whole smallest parts; refuse what does not fit, never round."""
        if value is None:
            return None
        if not isinstance(value, Decimal):
            raise TypeError(f"an exact amount must be Decimal, not {type(value).__name__}")
        scaled = value.scaleb(self.places)
        whole = int(scaled)
        if scaled != whole:
            raise ValueError(f"more than {self.places} decimals: {value}")
        return whole

    def process_result_value(self, value: int | None, dialect: Dialect) -> Decimal | None:
        """Turn whole smallest parts into the Decimal."""
        return None if value is None else Decimal(value).scaleb(-self.places)


class Yuan(_Scaled):
    """Money or a share: at most four decimals, stored as ten-thousandths (rules section 0)."""

    cache_ok = True


class Degrees(_Scaled):
    """A longitude or latitude in degrees: at most six decimals, stored as millionths."""

    cache_ok = True
    places = 6


class UtcDateTime(TypeDecorator[datetime]):
    """An instant: aware outside (UTC), stored without zone as UTC in both databases."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive instants and store UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"instant without zone: {value!r}")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return aware UTC."""
        return None if value is None else value.replace(tzinfo=UTC)


def word(kind: type[enum.StrEnum], length: int = 32) -> Enum:
    """A column type for a closed list of words, with a CHECK that repeats the list."""
    return Enum(
        kind,
        native_enum=False,
        create_constraint=True,
        length=length,
        values_callable=lambda members: [member.value for member in members],
        validate_strings=True,
        name=_snake(kind.__name__),
    )


def _snake(name: str) -> str:
    return "".join("_" + letter.lower() if letter.isupper() else letter for letter in name).lstrip("_")


class Base(DeclarativeBase):
    """The mother of all records."""

    registry = registry(
        metadata=MetaData(naming_convention=NAMING),
        type_annotation_map={
            datetime: UtcDateTime,
            date: Date,
            Decimal: Yuan,
            str: String,
            int: Integer,
        },
    )


LongText = Text
db = SQLAlchemy(model_class=Base, disable_autonaming=True, session_options={"expire_on_commit": False})

# SQLite lets one writer work at a time. A transaction that reads first and writes later must take the
# writer's place at its very beginning, else it fails or loses updates; a page that only reads must not.
_read_only: ContextVar[bool] = ContextVar("read_only", default=False)


@contextmanager
def reading_only() -> Iterator[None]:
    """Transactions begun inside are readers: on SQLite they do not queue behind writers."""
    token = _read_only.set(True)
    try:
        yield
    finally:
        _read_only.reset(token)


def set_reading_only(value: bool) -> None:
    """Say for the rest of this context whether new transactions only read (web requests call this)."""
    _read_only.set(value)


def prepare_engine(engine: Engine) -> None:
    """Attach what the database in use needs; called once per engine.

    SQLite: WAL, foreign keys, a busy timeout and explicit BEGIN (deferred for readers, IMMEDIATE for
    writers). PostgreSQL needs nothing here.
    """
    if engine.dialect.name != "sqlite":
        return

    @event.listens_for(engine, "connect")
    def _connect(dbapi_connection: Any, _record: Any) -> None:
        dbapi_connection.isolation_level = None
        cursor = dbapi_connection.cursor()
        cursor.execute("PRAGMA busy_timeout=15000")
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=NORMAL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA cache_size=-65536")
        cursor.execute("PRAGMA temp_store=MEMORY")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN" if _read_only.get() else "BEGIN IMMEDIATE")


def lock_clause(connection_dialect: str) -> bool:
    """Whether SELECT … FOR UPDATE means something on this database (SQLite's BEGIN IMMEDIATE already locks)."""
    return connection_dialect == "postgresql"
