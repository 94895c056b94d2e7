"""What the deeds that take many rows have in common: one transaction, few statements, all refusals at once.

Such a deed is called ``put_…(rows, *, by, at)``. Each row comes with its number in the file, so that a refusal can
name it; the deed looks at all rows, and stores either all of them or none.

It writes through ``insert_rows``, ``update_rows`` and ``delete_rows``. Inside ``recording(batch_id)``, which
``actions.files`` opens around a file, these also keep every record before and after in ``batch_record``, from which
the trial's differences, the batch's page and its undoing come. A new kind of file needs no more than that and a line
for each of its tables in ``queries.traced``. Rows of ``models.recorded.Recorded`` are their own trace, by their
``import_batch_id`` and ``replaced_at``: nothing is kept of them beside. A file that is stored in parts calls
``actions.files.begin_batch``, ``put_rows`` for each part, and ``end_batch``, each inside a transaction of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final, TypeVar, cast

from sqlalchemy import Column, ColumnElement, Table, delete, func, select, text
from sqlalchemy.sql.schema import ScalarElementColumnDefault

from clinic_orders.actions.tuples import converted, converters_of, insert_tuples, update_tuples
from clinic_orders.models.base import db
from clinic_orders.models.exchange import BatchRecord, RecordChange
from clinic_orders.queries.traced import TRACED, Traced, names_of, plain
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
    """How many records a deed made, changed and found as they were; what it wants to be looked at.

    ``batch_id`` names the import batch, where there is one.
    """

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    warnings: list[RowProblem] = field(default_factory=list)
    batch_id: int | None = None


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


# What a batch does, kept while it is stored. ----------------------------------------------------------------

_RECORDS: Final = cast("Table", BatchRecord.__table__)
_Key = tuple[str, int, str]


@dataclass(slots=True)
class _Entry:
    """What the batch has done to one record so far."""

    change: RecordChange
    before: dict[str, Any] | None
    after: Mapping[str, Any] | None


class _Recorder:
    """Gathers what a batch does, so that a record that is written twice has one before and one after."""

    def __init__(self, batch_id: int) -> None:
        self.batch_id = batch_id
        self._entries: dict[_Key, _Entry] = {}

    def _key(self, traced: Traced, row: Mapping[str, Any]) -> _Key:
        return traced.table.name, *traced.key_of(row)

    def _comes_with_owner(self, traced: Traced, row: Mapping[str, Any]) -> bool:
        """Whether a record belongs to one that the batch made."""
        if not traced.owner:
            return False
        (pointer,) = traced.table.c[traced.owner].foreign_keys
        owner = self._entries.get((pointer.column.table.name, row[traced.owner], ""))
        return owner is not None and owner.change is RecordChange.CREATED

    def created(self, traced: Traced, rows: Iterable[Mapping[str, Any]]) -> None:
        """Note new records."""
        for row in rows:
            if self._comes_with_owner(traced, row):
                continue
            key = self._key(traced, row)
            gone = self._entries.get(key)
            if gone is None:
                self._entries[key] = _Entry(RecordChange.CREATED, None, row)
                continue
            # The id of a record that was taken out is given out again: for the history it is one record.
            old = gone.before or {}
            changed = {name: value for name, value in row.items() if old.get(name) != value}
            if changed:
                named = {column.name: row[column.name] for column in traced.keys}
                before = named | {name: old.get(name) for name in changed}
                self._entries[key] = _Entry(RecordChange.CHANGED, before, named | changed)
            else:
                del self._entries[key]

    def changed(self, traced: Traced, row_id: int, before: dict[str, Any], after: Mapping[str, Any]) -> None:
        """Note the columns that differ."""
        key = (traced.table.name, row_id, "")
        entry = self._entries.get(key)
        if entry is None:
            self._entries[key] = _Entry(RecordChange.CHANGED, before, after)
            return
        if entry.before is not None:
            entry.before = {**before, **entry.before}
        entry.after = {**(entry.after or {}), **after}

    def removed(self, traced: Traced, rows: Iterable[Mapping[str, Any]]) -> None:
        """Note records that are taken out."""
        for row in rows:
            key = self._key(traced, row)
            entry = self._entries.pop(key, None)
            if entry is not None and entry.change is RecordChange.CREATED:
                continue
            before = dict(row) if entry is None else {**row, **(entry.before or {})}
            self._entries[key] = _Entry(RecordChange.REMOVED, before, None)

    def flush(self) -> None:
        """Write everything down."""
        by_table: dict[str, list[tuple[_Key, _Entry]]] = {}
        for key, entry in self._entries.items():
            by_table.setdefault(key[0], []).append((key, entry))
        self._entries = {}
        for name, entries in by_table.items():
            self._write(TRACED[name], entries)

    def _write(self, traced: Traced, entries: Sequence[tuple[_Key, _Entry]]) -> None:
        names = names_of(traced, [_named(key, entry, traced) for key, entry in entries])
        _insert(
            _RECORDS,
            (
                {
                    "batch_id": self.batch_id,
                    "table_name": key[0],
                    "record_id": key[1],
                    "record_key": key[2],
                    "name": name,
                    "change": entry.change,
                    "before": _kept(entry.before),
                    "after": _kept(entry.after),
                }
                for (key, entry), name in zip(entries, names, strict=True)
            ),
        )


def _named(key: _Key, entry: _Entry, traced: Traced) -> Mapping[str, Any]:
    """What is known of the columns that name a record; of a changed one only its id may be."""
    return {traced.keys[0].name: key[1], **(entry.before or {}), **(entry.after or {})}


def _kept(row: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if row is None else {name: plain(value) for name, value in row.items()}


_recorder: ContextVar[_Recorder | None] = ContextVar("recorder", default=None)


@contextmanager
def recording(batch_id: int) -> Iterator[None]:
    """Keep what the deeds inside do through the helpers below as what this batch did; written at the end."""
    recorder = _Recorder(batch_id)
    token = _recorder.set(recorder)
    try:
        yield
        recorder.flush()
    finally:
        _recorder.reset(token)


def insert_rows(table: Table, rows: Iterable[Row], columns: Sequence[str] = ()) -> None:
    """Insert many rows of the same columns by the fastest way of the database, inside the session's transaction.

    What belongs to a batch is kept as new; its rows get an ``id`` for that if they have none.

    SQLAlchemy builds a dictionary of parameters for every row of an executemany, which costs more than the
    database's own work. Here the statement and the conversion of each column are made once, and the rows go on as
    tuples: to SQLite's executemany, to PostgreSQL's COPY. Constraints hold as for any insert.

    Args:
        table: where they go.
        rows: values by column name; every row has the columns of the first. A column left out takes its
            constant default.
        columns: those to take, where the rows hold more.

    Raises:
        KeyError: a row lacks a column of the first; or a batch is recorded and the table has no line in
            ``queries.traced``. Both are bugs.

    """
    recorder = _recorder.get()
    if recorder is not None and not _is_its_own_trace(traced := TRACED[table.name]):
        rows = list(rows)
        if rows and "id" in table.c and "id" not in rows[0]:
            ids = reserve_ids(table, len(rows))
            rows = [{"id": row_id, **row} for row_id, row in zip(ids, rows, strict=True)]
        recorder.created(traced, rows)
    _insert(table, rows, columns)


def _is_its_own_trace(traced: Traced) -> bool:
    """Whether rows carry their batch themselves, or belong to rows that do (the trace codes of sales)."""
    return traced.is_recorded or bool(traced.owner and traced.owner_table.is_recorded)


def _insert(table: Table, rows: Iterable[Row], columns: Sequence[str] = ()) -> None:
    connection = db.session.connection()
    dialect = connection.dialect
    given: list[str] = []
    constants: dict[str, Any] = {}
    converters: dict[str, Callable[[Any], Any]] = {}
    for part in in_parts(rows, 2000):
        if not given:
            given = list(columns or part[0])
            constants = {
                column.name: column.default.arg
                for column in table.columns
                if column.name not in given and isinstance(column.default, ScalarElementColumnDefault)
            }
            converters = converters_of(table, (*given, *constants), dialect)
        by_column = [[row[name] for row in part] for name in given]
        by_column += [[value] * len(part) for value in constants.values()]
        names = (*given, *constants)
        for index, name in enumerate(names):
            if name in converters:
                by_column[index] = converted(converters[name], by_column[index])
        insert_tuples(connection, table.name, names, list(zip(*by_column, strict=True)))


def insert_columns(table: Table, columns: Mapping[str, Sequence[Any]]) -> None:
    """Insert many rows that are their own trace, given a column at a time: see ``insert_rows``, without its mappings.

    Args:
        table: where they go.
        columns: equally many values of each column; one left out is NULL, or what the database falls back on.

    Raises:
        KeyError: a batch is recorded and the rows are not their own trace, which is a bug.

    """
    if _recorder.get() is not None and not _is_its_own_trace(TRACED[table.name]):
        raise KeyError(table.name)
    connection = db.session.connection()
    converters = converters_of(table, columns, connection.dialect)
    values = [
        converted(converters[name], column) if name in converters else column
        for name, column in columns.items()
    ]
    rows = zip(*values, strict=True)
    while part := list(islice(rows, 2000)):
        insert_tuples(connection, table.name, list(columns), part)


def ids_by_key(
    table: Table, columns: Sequence[Column[Any]], keys: Sequence[tuple[Any, ...]], condition: str
) -> list[int]:
    """The ids of the rows that have one of some keys, found through the index of the key, key by key.

    A long list of keys in an IN makes both databases read much more than the few rows that are wanted.

    Args:
        table: with an ``id``.
        columns: of the key; none of a key's values is None.
        keys: the keys.
        condition: of the rows of the table, which is called ``t``; text of our own.

    """
    connection = db.session.connection()
    converters = converters_of(table, [column.name for column in columns], connection.dialect)
    kinds = [converters.get(column.name) for column in columns]
    equal = " AND ".join(f't."{column.name}" = k.k{place}' for place, column in enumerate(columns))
    names = ", ".join(f"k{place}" for place in range(len(columns)))
    found: list[int] = []
    for part in in_parts(keys, 1000):
        by_column = [
            [convert(key[place]) for key in part] if convert else [key[place] for key in part]
            for place, convert in enumerate(kinds)
        ]
        # The names are those of our own tables and columns; every value is a parameter.
        if connection.dialect.name == "postgresql":
            lists = ", ".join(f"%s::{column.type.compile(connection.dialect)}[]" for column in columns)
            statement = f'SELECT t.id FROM unnest({lists}) AS k({names}) JOIN "{table.name}" t ON {equal} AND {condition}'  # noqa: S608
            rows = connection.exec_driver_sql(statement, tuple(by_column))
        else:
            places = ", ".join([f"({', '.join('?' * len(columns))})"] * len(part))
            statement = (
                f'WITH k({names}) AS (VALUES {places}) SELECT t.id FROM k CROSS JOIN "{table.name}" t '  # noqa: S608
                f"WHERE {equal} AND {condition}"
            )
            rows = connection.exec_driver_sql(
                statement, tuple(value for key in zip(*by_column, strict=True) for value in key)
            )
        found += [row_id for (row_id,) in rows.all()]
    return found


def update_rows(table: Table, rows: Sequence[Row]) -> None:
    """Change many rows by their ``id``; every mapping has the same columns besides it.

    Of a batch the columns that differ are kept before and after.

    Args:
        table: whose rows.
        rows: the id and the new values by column name.

    Raises:
        KeyError: a batch is recorded and the table has no line in ``queries.traced``, which is a bug.

    """
    if not rows:
        return
    connection = db.session.connection()
    recorder = _recorder.get()
    if recorder is not None and not (traced := TRACED[table.name]).is_recorded:
        _record_changes(recorder, traced, rows)
    names = [name for name in rows[0] if name != "id"]
    converters = converters_of(table, names, connection.dialect)
    for part in in_parts(rows, 2000):
        by_column = [
            list(map(converters[name], [row[name] for row in part]))
            if name in converters
            else [row[name] for row in part]
            for name in (*names, "id")
        ]
        update_tuples(connection, table, names, by_column)


def _record_changes(recorder: _Recorder, traced: Traced, rows: Sequence[Row]) -> None:
    table = traced.table
    columns = [name for name in rows[0] if name != "id"]
    wanted = [table.c.id, *(table.c[name] for name in columns)]
    for part in in_parts(rows):
        statement = select(*wanted).where(table.c.id.in_([row["id"] for row in part]))
        old = {row[0]: row[1:] for row in db.session.connection().execute(statement)}
        for row in part:
            kept = zip(columns, old[row["id"]], strict=True)
            before = {name: value for name, value in kept if value != row[name]}
            if before:
                recorder.changed(traced, row["id"], before, {name: row[name] for name in before})


def delete_rows(table: Table, condition: ColumnElement[bool]) -> None:
    """Take out the rows that a condition names; those of a batch are kept as they were.

    Raises:
        KeyError: a batch is recorded and the table has no line in ``queries.traced``, which is a bug.

    """
    recorder = _recorder.get()
    if recorder is not None:
        rows = db.session.connection().execute(select(table).where(condition)).mappings()
        recorder.removed(TRACED[table.name], [dict(row) for row in rows])
    db.session.connection().execute(delete(table).where(condition))
