"""Import batches to look at: which there are, and what each did to every record, before and after."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, String, func, select

from clinic_orders.models.base import db
from clinic_orders.models.exchange import BatchRecord, ImportBatch, RecordChange
from clinic_orders.models.roster import Institution
from clinic_orders.queries.lists import stands_in, with_words
from clinic_orders.queries.traced import TRACED, Traced, names_by_id, names_of, plain

Facts = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ShownRecord:
    """What a batch did to one record, in words.

    Attributes:
        word: what such a record is called, a msgid.
        name: what people call this one.
        change: made, changed or taken out.
        before: its facts before, those that differ; codes and names instead of row ids.
        after: its facts after.

    """

    word: str
    name: str
    change: RecordChange
    before: Facts
    after: Facts


def kept_form(record: ShownRecord) -> dict[str, Any]:
    """The record as plain values, which ``shown_again`` makes the record of."""
    return {
        "word": record.word,
        "name": record.name,
        "change": record.change.value,
        "before": record.before,
        "after": record.after,
    }


def shown_again(kept: Mapping[str, Any]) -> ShownRecord:
    """The record that ``kept_form`` made plain values of."""
    return ShownRecord(**{**kept, "change": RecordChange(kept["change"])})


def batch(batch_id: int) -> ImportBatch | None:
    """One import batch."""
    return db.session.get(ImportBatch, batch_id)


def _conditions(batch_id: int, words: str, change: str) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [BatchRecord.batch_id == batch_id]
    conditions += with_words(words, BatchRecord.name)
    if change:
        conditions.append(BatchRecord.change == RecordChange(change))
    return conditions


def _own_rows(traced: Traced, batch_id: int, words: str, change: str) -> list[ColumnElement[bool]]:
    """The rows of a ``Recorded`` table that came with the batch."""
    table = traced.table
    conditions: list[ColumnElement[bool]] = [table.c.import_batch_id == batch_id]

    def at_institution(word: str) -> ColumnElement[bool]:
        fitting = select(Institution.id).where(stands_in(word, Institution.code))
        return table.c.institution_id.in_(fitting)

    texts = [table.c[name] for name in traced.name if isinstance(table.c[name].type, String)]
    conditions += with_words(words, *texts, also=at_institution if "institution_id" in table.c else None)
    if change == RecordChange.CREATED:
        conditions.append(table.c.replaces_id.is_(None))
    elif change == RecordChange.CHANGED:
        conditions.append(table.c.replaces_id.is_not(None))
    elif change:
        conditions.append(table.c.id < 0)
    return conditions


def count_records(batch_id: int, words: str = "", change: str = "") -> int:
    """How many records of a batch have all the words in their name, and were changed in a way ("" = any)."""
    return sum(count for _, count in _counts(batch_id, words, change))


def _counts(batch_id: int, words: str, change: str) -> Iterator[tuple[Traced | None, int]]:
    kept = select(func.count()).select_from(BatchRecord).where(*_conditions(batch_id, words, change))
    yield None, db.session.scalar(kept) or 0
    for traced in TRACED.values():
        if traced.is_recorded:
            own = _own_rows(traced, batch_id, words, change)
            yield traced, db.session.scalar(select(func.count()).select_from(traced.table).where(*own)) or 0


def records(
    batch_id: int, words: str = "", change: str = "", *, offset: int = 0, limit: int | None = None
) -> Iterator[ShownRecord]:
    """Those records, in the order in which the batch wrote them."""
    left = limit
    for traced, count in list(_counts(batch_id, words, change)):
        if offset >= count or left == 0:
            offset = max(0, offset - count)
            continue
        found = count - offset if left is None else min(left, count - offset)
        # By parts, so that a file of a long batch never has all of it in memory; each goes on behind the one before.
        last = 0
        for start in range(offset, offset + found, 500):
            cut = _Cut(last, offset if start == offset else 0, min(500, offset + found - start))
            if traced is None:
                part, last = _kept(batch_id, words, change, cut)
            else:
                part, last = _standing(traced, batch_id, words, change, cut)
            yield from part
        offset, left = 0, None if left is None else left - found


class _Cut(NamedTuple):
    """Which rows of a question: those behind an id, after so many, and how many."""

    last: int
    offset: int
    limit: int


def _kept(batch_id: int, words: str, change: str, cut: _Cut) -> tuple[list[ShownRecord], int]:
    rows = db.session.scalars(
        select(BatchRecord)
        .where(*_conditions(batch_id, words, change), BatchRecord.id > cut.last)
        .order_by(BatchRecord.id)
        .offset(cut.offset)
        .limit(cut.limit)
    ).all()
    said = _Words(batch_id, [(row.table_name, facts) for row in rows for facts in (row.before, row.after)])
    return [
        ShownRecord(
            TRACED[row.table_name].word,
            row.name,
            row.change,
            said.of(row.table_name, row.before),
            said.of(row.table_name, row.after),
        )
        for row in rows
    ], rows[-1].id if rows else cut.last


def _standing(
    traced: Traced, batch_id: int, words: str, change: str, cut: _Cut
) -> tuple[list[ShownRecord], int]:
    table = traced.table
    own = _own_rows(traced, batch_id, words, change)
    statement = select(table).where(*own, table.c.id > cut.last).order_by(table.c.id)
    rows = [dict(row) for row in db.session.execute(statement.offset(cut.offset).limit(cut.limit)).mappings()]
    replaced = {row["replaces_id"] for row in rows} - {None}
    old = {
        row["id"]: dict(row)
        for row in db.session.execute(select(table).where(table.c.id.in_(replaced))).mappings()
    }
    said = _Words(batch_id, [(table.name, row) for row in (*rows, *old.values())])
    shown = []
    for row, name in zip(rows, names_of(traced, rows), strict=True):
        before, after = old.get(row["replaces_id"] or 0), row
        if before is not None:
            differs = [column for column in row if row[column] != before[column]]
            before, after = (
                {column: facts[column] for column in differs if column not in _OF_STANDING}
                for facts in (before, row)
            )
        shown.append(
            ShownRecord(
                traced.word,
                name,
                RecordChange.CREATED if before is None else RecordChange.CHANGED,
                said.of(table.name, before),
                said.of(table.name, {key: value for key, value in after.items() if key not in _OF_STANDING}),
            )
        )
    return shown, rows[-1]["id"] if rows else cut.last


_OF_STANDING = frozenset({"replaced_at", "replaces_id"})


class _Words:
    """Says facts of records in words: what a row id points to by its name."""

    def __init__(self, batch_id: int, rows: Iterable[tuple[str, Mapping[str, Any] | None]]) -> None:
        wanted: dict[str, set[int]] = {}
        for table_name, facts in rows:
            for column in TRACED[table_name].table.columns:
                value = (facts or {}).get(column.name)
                for pointer in column.foreign_keys:
                    if isinstance(value, int) and pointer.column.table.name in TRACED:
                        wanted.setdefault(pointer.column.table.name, set()).add(value)
        self._names: dict[str, dict[int, str]] = {}
        for name, ids in wanted.items():
            found = names_by_id(TRACED[name], ids)
            gone = ids - set(found)
            if gone:
                found |= {row_id: f"#{row_id}" for row_id in gone} | self._undone(batch_id, name, gone)
            self._names[name] = found

    @staticmethod
    def _undone(batch_id: int, table_name: str, ids: set[int]) -> dict[int, str]:
        """Names of records that the batch made and that went when it was undone."""
        rows = db.session.execute(
            select(BatchRecord.record_id, BatchRecord.name).where(
                BatchRecord.batch_id == batch_id,
                BatchRecord.table_name == table_name,
                BatchRecord.record_id.in_(ids),
            )
        )
        return {row.record_id: row.name for row in rows}

    def of(self, table_name: str, facts: Mapping[str, Any] | None) -> Facts:
        """The facts that say something to people."""
        traced, said = TRACED[table_name], {}
        for name, value in (facts or {}).items():
            if not traced.is_shown(name) and name not in traced.sums:
                continue
            column = traced.table.c[name]
            for pointer in column.foreign_keys:
                if pointer.column.table.name in self._names and isinstance(value, int):
                    value = self._names[pointer.column.table.name][value]
            said[name.removesuffix("_id")] = plain(value)
        return said


def batches_that_touched(table_name: str, record_id: int) -> Sequence[ImportBatch]:
    """The batches that made or changed a record, newest first; those that were undone are left out."""
    touched = select(BatchRecord.batch_id).where(
        BatchRecord.table_name == table_name, BatchRecord.record_id == record_id
    )
    return db.session.scalars(
        select(ImportBatch)
        .where(ImportBatch.id.in_(touched), ImportBatch.undone_at.is_(None))
        .order_by(ImportBatch.id.desc())
    ).all()
