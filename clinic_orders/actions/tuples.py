"""Rows as tuples straight to the database's driver, for the deeds that take many: no dictionary for each row.

Constraints and triggers hold as for any statement. ``actions.bulk`` is the way in; nobody else writes by this.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Connection, Dialect, Table

from clinic_orders.models.base import UtcDateTime

# From so many new rows on PostgreSQL's planner is told.
ANALYZED_FROM: Final = 2_000


def converters_of(table: Table, names: Iterable[str], dialect: Dialect) -> dict[str, Callable[[Any], Any]]:
    """How values of some columns become what the driver takes; columns that need nothing are left out."""
    found: dict[str, Callable[[Any], Any]] = {}
    for name in names:
        convert = table.c[name].type.dialect_impl(dialect).bind_processor(dialect)
        if convert is not None:
            # The lines of one paper share their instants, and turning one into text costs more than finding it again.
            is_instant = isinstance(table.c[name].type, UtcDateTime)
            found[name] = lru_cache(maxsize=4096)(convert) if is_instant else convert
    return found


def converted(convert: Callable[[Any], Any], values: Sequence[Any]) -> list[Any]:
    """What the values of a column become. Most occur often; those that can be remembered are worked out once."""
    try:
        known = {value: convert(value) for value in dict.fromkeys(values)}
    except TypeError:
        return list(map(convert, values))
    return [known[value] for value in values]


def insert_tuples(
    connection: Connection, table: str, names: Sequence[str], rows: list[tuple[Any, ...]]
) -> None:
    """Insert rows whose values are already as the driver takes them, in the order of the names."""
    columns = ", ".join(f'"{name}"' for name in names)
    if connection.dialect.name == "postgresql":
        cursor = connection.connection.cursor()
        with cursor.copy(f'COPY "{table}" ({columns}) FROM STDIN') as copy:
            for row in rows:
                copy.write_row(row)
        _look_at_what_grew(connection, table, len(rows))
        return
    places = ", ".join("?" * len(names))
    # The names are those of our own tables and columns; every value is a parameter.
    connection.exec_driver_sql(f'INSERT INTO "{table}" ({columns}) VALUES ({places})', rows)  # noqa: S608


def _look_at_what_grew(connection: Connection, table: str, rows: int) -> None:
    """Tell PostgreSQL's planner of a table that has grown by half, so that it goes on to choose the right index.

    Its own housekeeping does so after a commit, and a long file has only one. Without, keys were looked for in an
    index of their first column alone, the longer the history the slower.
    """
    grown: dict[str, list[float]] = connection.info.setdefault("rows_since_analyze", {})
    if table not in grown:
        # It counts -1 rows where nobody has looked yet.
        known = connection.exec_driver_sql(
            "SELECT reltuples FROM pg_class WHERE oid = %s::regclass", (table,)
        )
        grown[table] = [max(0.0, known.scalar_one()), 0]
    known_rows, since = grown[table]
    since += rows
    if since >= max(ANALYZED_FROM, known_rows / 2):
        # Whoever else looks at the table at this moment does it for us.
        connection.exec_driver_sql(f'ANALYZE (SKIP_LOCKED) "{table}"')
        known_rows, since = known_rows + since, 0
    grown[table] = [known_rows, since]


def update_tuples(
    connection: Connection, table: Table, names: Sequence[str], by_column: list[list[Any]]
) -> None:
    """Change rows by their id; ``by_column`` has the values of each of the names, and last the ids."""
    # The names are those of our own tables, columns and types; every value is a parameter.
    if connection.dialect.name == "postgresql":
        # One statement with arrays: an executemany would cost a round trip in the server for each row.
        arrays = ", ".join(
            f"%s::{table.c[name].type.compile(connection.dialect)}[]" for name in (*names, "id")
        )
        wanted = ", ".join(f'"{name}" = said."{name}"' for name in names)
        said = ", ".join(f'"{name}"' for name in (*names, "id"))
        connection.exec_driver_sql(
            f'UPDATE "{table.name}" AS t SET {wanted} '  # noqa: S608
            f"FROM unnest({arrays}) AS said({said}) WHERE t.id = said.id",
            tuple(by_column),
        )
        return
    wanted = ", ".join(f'"{name}" = ?' for name in names)
    connection.exec_driver_sql(
        f'UPDATE "{table.name}" SET {wanted} WHERE id = ?',  # noqa: S608
        list(zip(*by_column, strict=True)),
    )
