"""The base of all records: the database handle, column types, and what differs between the two databases.

This is the only file that imports flask_sqlalchemy, and the only one that knows SQLite from PostgreSQL.
"""

from __future__ import annotations

import enum
import os
import select
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final

from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session as FlaskSession
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
    create_engine,
    event,
)
from sqlalchemy.engine import Connection, Dialect
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.orm import DeclarativeBase, Session, SessionTransaction, registry

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
        if value.tzinfo is UTC:
            return value.replace(tzinfo=None)
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

# Whether new transactions only read. SQLite lets one writer work at a time: a transaction that reads first and
# writes later must take the writer's place at its very beginning, else it fails or loses updates; a page that
# only reads must not. On PostgreSQL a page that only reads needs no transaction.
_read_only: ContextVar[bool] = ContextVar("read_only", default=False)
_in_one_piece: ContextVar[bool] = ContextVar("in_one_piece", default=False)


@contextmanager
def reading_only() -> Iterator[None]:
    """Transactions begun inside are readers: see ``_Session``; on SQLite they do not queue behind writers."""
    token = _read_only.set(True)
    try:
        yield
    finally:
        _read_only.reset(token)


@contextmanager
def writing() -> Iterator[None]:
    """Transactions begun inside are writers, whatever was said of this context."""
    token = _read_only.set(False)
    try:
        yield
    finally:
        _read_only.reset(token)


@contextmanager
def reading_in_one_piece() -> Iterator[None]:
    """What is asked inside is asked within a transaction: a result fetched in parts lives in one."""
    token = _in_one_piece.set(True)
    try:
        yield
    finally:
        _in_one_piece.reset(token)


@contextmanager
def reading_one_state() -> Iterator[None]:
    """Everything asked inside sees the same state of the data, however long it takes, and no writer waits for it.

    SQLite gives that to every transaction; PostgreSQL on demand, from the first question on. A session that is in a
    transaction already keeps to it.
    """
    session = db.session()
    begins = not session.in_transaction()
    with reading_only(), reading_in_one_piece():
        if begins:
            connection = session.connection()
            if connection.dialect.name == "postgresql" and not connection.in_nested_transaction():
                connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield
    if begins:
        session.rollback()


REPLICA: Final = "replica"
"""The name under which the application knows its second database, where the settings name one."""
_from_replica: ContextVar[bool] = ContextVar("from_replica", default=False)


def set_reading_from_replica(value: bool) -> None:
    """Say for the rest of this context whether questions go to the replica; what writes never stands in such a context."""
    _from_replica.set(value)


def set_reading_only(value: bool) -> None:
    """Say for the rest of this context whether new transactions only read (web requests call this)."""
    _read_only.set(value)


_LANE: Final = "lane"


class _Session(FlaskSession):
    """A session that spares PostgreSQL the BEGIN and COMMIT of what only reads.

    At READ COMMITTED every statement looks at the data of its own moment, inside of a transaction and outside:
    a page that only reads sees the same without one and saves two ways to the server and back. A session keeps
    to the lane in which it began until its transaction ends, so that a deed that reads on the way, even under
    ``reading_only``, sees what it has written.
    """

    def get_bind(
        self,
        mapper: Any | None = None,
        clause: Any | None = None,
        bind: Engine | Connection | None = None,
        **kwargs: Any,
    ) -> Engine | Connection:
        """The engine of Flask-SQLAlchemy, or its lane without transactions."""
        found = super().get_bind(mapper=mapper, clause=clause, bind=bind, **kwargs)
        if not isinstance(found, Engine) or found.dialect.name != "postgresql":
            return found
        if _from_replica.get() and REPLICA in db.engines:
            found = db.engines[REPLICA]
        if _in_one_piece.get():
            return found
        lane: Engine | None = self.info.get(_LANE)
        if lane is not None:
            return lane
        return _reading_lane(found) if _read_only.get() else found


def _reading_lane(engine: Engine) -> Engine:
    """The same pool of connections, used without transactions; made once for each engine."""
    lane: Engine | None = getattr(engine, "reading_lane", None)
    if lane is None:
        lane = engine.execution_options(isolation_level="AUTOCOMMIT")
        engine.reading_lane = lane  # type: ignore[attr-defined]
    return lane


@event.listens_for(_Session, "after_begin")
def _keep_to_the_lane(session: Session, _transaction: SessionTransaction, connection: Connection) -> None:
    if not _in_one_piece.get():
        session.info.setdefault(_LANE, connection.engine)


@event.listens_for(_Session, "after_transaction_end")
def _leave_the_lane(session: Session, transaction: SessionTransaction) -> None:
    if transaction.parent is None:
        session.info.pop(_LANE, None)


def reads_without_transaction() -> bool:
    """Whether the session at hand has begun in the lane in which nothing can be undone."""
    lane = db.session().info.get(_LANE)
    return lane is not None and lane.get_execution_options().get("isolation_level") == "AUTOCOMMIT"


db = SQLAlchemy(
    model_class=Base,
    disable_autonaming=True,
    session_options={"class_": _Session, "expire_on_commit": False},
)


def in_one_piece(connection: Connection) -> Connection:
    """The connection, or the session's one with a transaction where this one has none (see ``_Session``).

    An answer that the server keeps and gives out in parts lives in a transaction.
    """
    if connection.engine.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
        return connection
    with reading_in_one_piece():
        return db.session.connection()


_PAGES_KEPT: Final = 65_536
"""KB of its pages that a connection to SQLite keeps in memory."""
_FEW_PAGES_KEPT: Final = 8_192
"""KB where very much is written in one piece: more would only hold pages that nobody asks for again."""


@contextmanager
def with_few_pages() -> Iterator[None]:
    """Run a block of a transaction in little memory however much it writes; only SQLite keeps pages on our side."""
    connection = db.session.connection()
    if connection.dialect.name != "sqlite":
        yield
        return
    # Of the connection itself, so that what was set is put back after a failure as well.
    raw: Any = connection.connection.dbapi_connection
    raw.execute(f"PRAGMA cache_size=-{_FEW_PAGES_KEPT}")
    try:
        yield
    finally:
        raw.execute(f"PRAGMA cache_size=-{_PAGES_KEPT}")


def prepare_engine(engine: Engine, *, pooled: bool = False) -> None:
    """Attach what the database in use needs; called once per engine.

    SQLite: WAL, foreign keys, a busy timeout and explicit BEGIN (deferred for readers, IMMEDIATE for
    writers). PostgreSQL: plans as pages need them, kept, and a look at every connection before it is used.

    Args:
        engine: of the database.
        pooled: whether a pooler stands before it that gives each transaction another connection: what is set of
            one would be another's, so it is set of the database itself (docs/operations.md).

    """
    if engine.dialect.name != "sqlite":
        if not pooled:
            _plan_for_pages(engine)
            _keep_plans(engine)
        _look_at_connections(engine)
        _stand_beside(engine, pooled=pooled)
        return

    @event.listens_for(engine, "connect")
    def _connect(dbapi_connection: Any, _record: Any) -> None:
        dbapi_connection.isolation_level = None
        cursor = dbapi_connection.cursor()
        cursor.execute("PRAGMA busy_timeout=15000")
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=NORMAL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute(f"PRAGMA cache_size=-{_PAGES_KEPT}")
        cursor.execute("PRAGMA temp_store=MEMORY")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN" if _read_only.get() else "BEGIN IMMEDIATE")


_BESIDE: Final = "beside"


def _stand_beside(engine: Engine, *, pooled: bool) -> None:
    """Make the two connections of ``committed_at_once``: nobody who holds one waits for another."""
    beside = create_engine(
        engine.url,
        isolation_level="AUTOCOMMIT",
        hide_parameters=engine.hide_parameters,
        connect_args={"prepare_threshold": None} if pooled else {},
        pool_size=1,
        max_overflow=1,
        pool_recycle=1800,
    )
    _look_at_connections(beside)
    setattr(engine, _BESIDE, beside)
    made_by = os.getpid()

    @event.listens_for(engine, "engine_disposed")
    def _go_along(_engine: Engine) -> None:
        # A process that was forked has no right to end the connections of the one it came from.
        beside.dispose(close=os.getpid() == made_by)


@contextmanager
def committed_at_once() -> Iterator[Connection]:
    """A connection beside the session's, on which each statement is committed by itself, however the deed ends.

    For what many deeds want at the same moment and nobody has to give back: a row changed in the deed's own transaction
    is locked until that ends. Only PostgreSQL has one, since SQLite has one writer anyway; there, and where the session
    was handed a connection of which everything will be undone, it is the session's own.
    """
    engine = db.engines[None]
    beside: Engine | None = getattr(engine, _BESIDE, None) if isinstance(engine, Engine) else None
    if beside is None:
        yield db.session.connection()
        return
    with beside.connect() as connection:
        yield connection


_SILENCE: Final = 30.0
"""Seconds after which an idle connection is asked for a sign of life, however healthy it looks."""


def _plan_for_pages(engine: Engine) -> None:
    """Have the server run plans as they are, and count a page of an index at hand as one beside another.

    PostgreSQL compiles the expressions of a question that it expects to be dear, one by one: a check of many joined
    parts has some three hundred of them, and compiling these took as long as the question itself. And it expects a disk
    that turns: rather than look up the names of fifty institutions it reads those of all.
    """

    @event.listens_for(engine, "connect")
    def _set(dbapi_connection: Any, _record: Any) -> None:
        # Outside of a transaction, else the setting would go with the first one that is given up.
        dbapi_connection.autocommit = True
        dbapi_connection.execute("SET jit = off")
        dbapi_connection.execute("SET random_page_cost = 1.1")
        dbapi_connection.autocommit = False


_STATEMENTS_KEPT: Final = 500
"""So many statements a connection knows by heart; the driver's hundred are fewer than the pages of one role ask."""


def _keep_plans(engine: Engine) -> None:
    """Have the driver keep what it has prepared: a statement that is forgotten is planned anew whenever it is asked."""

    @event.listens_for(engine, "connect")
    def _keep(dbapi_connection: Any, _record: Any) -> None:
        dbapi_connection.prepared_max = _STATEMENTS_KEPT
        # At the second time instead of the sixth: every statement of a page is asked again and again.
        dbapi_connection.prepare_threshold = 1


def _look_at_connections(engine: Engine) -> None:
    """Find out before use whether the server has left a connection of the pool, mostly without asking it.

    A server that ends or restarts says so and closes its end: the idle socket has then something to be read.
    Such a connection, and one that was silent for long, which a firewall may have forgotten, is asked for a sign
    of life; if none comes, all idle connections are given up and new ones made, and the page notices nothing.
    """

    @event.listens_for(engine, "checkin")
    def _note(_dbapi_connection: Any, record: Any) -> None:
        record.info["used"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def _look(dbapi_connection: Any, record: Any, _proxy: Any) -> None:
        used = record.info.get("used")
        fresh = used is None or time.monotonic() - used < _SILENCE
        if fresh and not dbapi_connection.closed and not _has_something_to_read(dbapi_connection):
            return
        try:
            engine.dialect.do_ping(dbapi_connection)
        except Exception as error:
            if not isinstance(error, engine.dialect.loaded_dbapi.Error):
                raise
            raise InvalidatePoolError from error


def _has_something_to_read(dbapi_connection: Any) -> bool:
    waiting = select.poll()
    waiting.register(dbapi_connection.fileno(), select.POLLIN)
    return bool(waiting.poll(0))


def lock_clause(connection_dialect: str) -> bool:
    """Whether SELECT … FOR UPDATE means something on this database (SQLite's BEGIN IMMEDIATE already locks)."""
    return connection_dialect == "postgresql"
