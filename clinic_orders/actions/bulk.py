"""What the deeds that take many rows have in common: one transaction, few statements, all refusals at once.

Such a deed is called ``put_…(rows, *, by, at)``. Each row comes with its number in the file, so that a refusal can
name it; the deed looks at all rows, and stores either all of them or none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Connection, Dialect, Table, func, select, text
from sqlalchemy.sql.schema import ScalarElementColumnDefault

from clinic_orders.models.base import db
from clinic_orders.rules.errors import N_, RuleBroken

T = TypeVar("T")
Row = Mapping[str, Any]
NumberedRow = tuple[int, Row]


@dataclass(frozen=True, slots=True)
class RowProblem:
    """Why one row can't be stored.

    Attributes:
        row: its number in the file.
        column: the column the refusal is about; empty for the whole row.
        refusal: what is wrong and what to do.
    """

    row: int
    column: str
    refusal: RuleBroken


@dataclass(slots=True)
class Stored:
    """How many records a deed made, changed and found as they were; what it wants to be looked at."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    warnings: list[RowProblem] = field(default_factory=list)


class RowsRefused(RuleBroken):
    """Some rows can't be stored, so none was; ``problems`` names each."""

    message = N_("%(count)s places in the file have to be put right; nothing was stored.")

    def __init__(self, problems: Sequence[RowProblem]) -> None:
        super().__init__(count=len(problems))
        self.problems = list(problems)


class UnknownCode(RuleBroken):
    """A row names something that is not there."""

    message = N_("%(code)s is not known here. Import it first, or correct the code.")


@dataclass(slots=True)
class Problems:
    """Gathers the refusals of a deed's rows."""

    found: list[RowProblem] = field(default_factory=list)

    def add(self, row: int, column: str, refusal: RuleBroken) -> None:
        """Note a refusal."""
        self.found.append(RowProblem(row, column, refusal))

    def raise_if_any(self) -> None:
        """Refuse the whole file if any row was refused.

        Raises:
            RowsRefused: with every problem, in the order of the rows.
        """
        if self.found:
            raise RowsRefused(sorted(self.found, key=lambda problem: problem.row))


def in_parts(values: Iterable[T], size: int = 500) -> Iterator[list[T]]:
    """Cut many values into lists that a statement can carry as parameters."""
    iterator = iter(values)
    while part := list(islice(iterator, size)):
        yield part


def reserve_ids(table: Table, count: int) -> range | list[int]:
    """Row ids for so many new rows of a table, so that rows which point to each other go in by plain inserts.

    On SQLite the transaction is the only writer, so the ids behind the last one are its own; PostgreSQL gives
    them out of the table's sequence.
    """
    if not count:
        return []
    if db.session.get_bind().dialect.name == "postgresql":
        statement = text(
            "SELECT nextval(pg_get_serial_sequence(:table, 'id')) FROM generate_series(1, :count)"
        )
        return list(db.session.scalars(statement, {"table": table.name, "count": count}))
    first = (db.session.scalar(select(func.max(table.c.id))) or 0) + 1
    return range(first, first + count)


def insert_rows(table: Table, rows: Iterable[Row]) -> None:
    """Insert many rows of the same columns by the fastest way of the database, inside the session's transaction.

    SQLAlchemy builds a dictionary of parameters for every row of an executemany, which costs more than the
    database's own work. Here the statement and the conversion of each column are made once, and the rows go on as
    tuples: to SQLite's executemany, to PostgreSQL's COPY. Constraints hold as for any insert.

    Args:
        table: where they go.
        rows: values by column name; every row has the columns of the first. A column left out takes its
            constant default.

    Raises:
        KeyError: a row lacks a column of the first.

    """
    connection = db.session.connection()
    dialect = connection.dialect
    given: list[str] = []
    constants: dict[str, Any] = {}
    converters: dict[str, Callable[[Any], Any]] = {}
    for part in in_parts(rows, 2000):
        if not given:
            given = list(part[0])
            constants = {
                column.name: column.default.arg
                for column in table.columns
                if column.name not in part[0] and isinstance(column.default, ScalarElementColumnDefault)
            }
            converters = _converters(table, (*given, *constants), dialect)
        by_column = [[row[name] for row in part] for name in given]
        by_column += [[value] * len(part) for value in constants.values()]
        names = (*given, *constants)
        for index, name in enumerate(names):
            if name in converters:
                by_column[index] = list(map(converters[name], by_column[index]))
        _insert_tuples(connection, table.name, names, list(zip(*by_column, strict=True)))


def _converters(table: Table, names: Iterable[str], dialect: Dialect) -> dict[str, Callable[[Any], Any]]:
    """How values of some columns become what the driver takes; columns that need nothing are left out."""
    found: dict[str, Callable[[Any], Any]] = {}
    for name in names:
        convert = table.c[name].type.dialect_impl(dialect).bind_processor(dialect)
        if convert is not None:
            found[name] = convert
    return found


def _insert_tuples(
    connection: Connection, table: str, names: Sequence[str], rows: list[tuple[Any, ...]]
) -> None:
    columns = ", ".join(f'"{name}"' for name in names)
    if connection.dialect.name == "postgresql":
        cursor = connection.connection.cursor()
        with cursor.copy(f'COPY "{table}" ({columns}) FROM STDIN') as copy:
            for row in rows:
                copy.write_row(row)
        return
    places = ", ".join("?" * len(names))
    # The names are those of our own tables and columns; every value is a parameter.
    connection.exec_driver_sql(f'INSERT INTO "{table}" ({columns}) VALUES ({places})', rows)  # noqa: S608


def update_rows(table: Table, rows: Sequence[Row]) -> None:
    """Change many rows by their ``id``; every mapping has the same columns besides it.

    Args:
        table: whose rows.
        rows: the id and the new values by column name.

    """
    if not rows:
        return
    connection = db.session.connection()
    names = [name for name in rows[0] if name != "id"]
    converters = _converters(table, names, connection.dialect)
    for part in in_parts(rows, 2000):
        by_column = [
            list(map(converters[name], [row[name] for row in part]))
            if name in converters
            else [row[name] for row in part]
            for name in (*names, "id")
        ]
        _update_tuples(connection, table, names, by_column)


def _update_tuples(
    connection: Connection, table: Table, names: Sequence[str], by_column: list[list[Any]]
) -> None:
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
