"""Long ordered passes over rows as the driver of the database in use gives them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Dialect, Select
from sqlalchemy.types import TypeEngine

from clinic_orders.models.base import in_one_piece


def driver_rows(
    connection: Connection,
    statement: Select[*tuple[Any, ...]],
    part: int = 5000,
    values: Mapping[str, Any] | None = None,
) -> Iterator[Sequence[tuple[Any, ...]]]:
    """The rows of a question as the driver gives them, in parts, never all at once.

    No type reads the values: SQLite gives instants and days as text, PostgreSQL as they are. Making a row object of
    each row would cost more than fetching it. On PostgreSQL the server keeps the rest of the answer until it is asked.
    """
    if connection.dialect.name == "postgresql":
        # PostgreSQL plans a cursor for its first rows; here all are read, and sorting them beats walking an index.
        connection.exec_driver_sql("SET LOCAL cursor_tuple_fraction = 1")
    whole = in_one_piece(connection)
    with whole.execute(statement, values or {}, execution_options={"stream_results": True}) as result:
        # A buffered result has read one row ahead; that one comes from it, the others from its cursor.
        first = result.fetchone()
        if first is None or result.cursor is None:
            return
        yield (tuple(first),)
        while rows := result.cursor.fetchmany(part):
            yield rows


def as_driver(kind: TypeEngine[Any], value: Any, dialect: Dialect) -> Any:
    """A value as the driver takes and gives it; the other way is ``from_driver``."""
    process = kind.dialect_impl(dialect).bind_processor(dialect)
    return value if process is None else process(value)


def from_driver(kind: TypeEngine[Any], value: Any, dialect: Dialect) -> Any:
    """The value that the driver gave, as the type in a record holds it."""
    process = kind.dialect_impl(dialect).result_processor(dialect, None)
    return value if process is None else process(value)
