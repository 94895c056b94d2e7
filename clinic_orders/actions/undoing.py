"""Undo an import batch while nothing rests on it (formats.md section 2).

One way for every kind: what the batch changed gets its values of before, what it made is taken out, what it took out
comes back. Nothing is lost by it (R-ORD-8): the batch, its audit and the contents of what was taken out stay readable
in ``batch_record``, and rows of ``models.recorded.Recorded`` are ended, not removed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Table, delete, func, insert, select, update

from clinic_orders.actions import audit
from clinic_orders.actions.bulk import in_parts, insert_rows, reserve_ids, update_rows
from clinic_orders.actions.files import wait_for_other_imports
from clinic_orders.actions.history.shared import touch_many
from clinic_orders.actions.loading import NotFound
from clinic_orders.actions.policy_reach import ANSWERS, EVER, PAYMENTS, reach_back
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.exchange import BatchRecord, ImportBatch, RecordChange
from clinic_orders.models.policy import PolicyValue
from clinic_orders.queries.resting import Done, Entry, Resting, done_by, rows_now, what_rests_on
from clinic_orders.queries.traced import TRACED, Traced, in_order, names_of, plain, typed
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.parties import Actor, Permission


class BatchUndone(RuleBroken):
    """A batch is undone once."""

    message = N_("Import %(number)s was undone already. Import the file again if it was right after all.")


class BatchUntraced(RuleBroken):
    """What the batch did was not kept."""

    message = N_(
        "What import %(number)s changed was not kept, so it can't be undone. "
        "Import a file with the right values instead."
    )


class BatchRestedOn(RuleBroken):
    """Something rests on the batch; ``resting`` says what."""

    message = N_("Import %(number)s can't be undone: %(count)s records rest on it. Undo or end these first.")

    def __init__(self, *, number: int, resting: Sequence[Resting]) -> None:
        super().__init__(number=number, count=sum(one.count for one in resting))
        self.resting = list(resting)


@dataclass(frozen=True, slots=True)
class Undone:
    """How many records an undo took out, put back to what they were, and brought back."""

    removed: int
    restored: int
    returned: int


@transactional
def undo_batch(batch_id: int, *, by: Actor, at: datetime) -> Undone:
    """Take back everything that an imported file did; the same file can be imported again afterwards.

    Raises:
        NotFound: no such batch.
        BatchUndone: it was undone before.
        BatchUntraced: what it did was not kept.
        BatchRestedOn: something rests on it.

    """
    by.need(Permission.FILES_IMPORT)
    wait_for_other_imports()
    batch = db.session.scalars(
        select(ImportBatch)
        .where(ImportBatch.id == batch_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if batch is None:
        raise NotFound(number=batch_id)
    if batch.undone_at is not None:
        raise BatchUndone(number=batch_id)
    if not batch.traced:
        raise BatchUntraced(number=batch_id)
    done = done_by(batch_id)
    resting = what_rests_on(batch, done)
    if resting:
        raise BatchRestedOn(number=batch_id, resting=resting)
    restored = sum(_restore(TRACED[name], done, at) for name in done.entries)
    removed = _take_out(batch, done)
    returned = sum(_bring_back(traced, done) for traced in in_order(done.entries))
    ended, stood = _end_rows(batch, at)
    batch.undone_at, batch.undone_by_id, batch.undone_by_name = at, by.user_id, by.name
    db.session.flush()
    db.session.expire_all()
    if PolicyValue.__tablename__ in done.entries:
        # The rows are what they were; what they are not from which day on is not worth telling apart.
        reach_back(ANSWERS + PAYMENTS, EVER, by=by, at=at)
    undone = Undone(removed + ended, restored + stood, returned)
    audit.record(
        "undo_batch",
        by=by,
        at=at,
        subject_type="import_batch",
        subject_id=batch.id,
        subject=batch.filename[:128],
        before={"kind": batch.kind, "created": batch.created, "updated": batch.updated},
        after={
            "undone_at": at,
            "removed": undone.removed,
            "restored": undone.restored,
            "returned": undone.returned,
        },
    )
    return undone


def _restore(traced: Traced, done: Done, at: datetime) -> int:
    """Give changed records their values of before; from running sums only the batch's part is taken."""
    entries = done.of(traced.table.name, RecordChange.CHANGED)
    if not entries:
        return 0
    table = traced.table
    now = rows_now(traced, [entry.key for entry in entries])
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for entry in entries:
        row = now[entry.key]
        values = {name: _value_before(traced, name, entry, row) for name in entry.before}
        if "id" in table.c:
            groups.setdefault(tuple(values), []).append({"id": entry.key[0], **values})
            continue
        same = [column == row[column.name] for column in traced.keys]
        db.session.execute(update(table).where(*same).values(values))
    for rows in groups.values():
        update_rows(table, rows)
    if "version" in table.c:
        touch_many(table, (entry.key[0] for entry in entries), at)
    if traced.head:
        (pointer,) = table.c[traced.head].foreign_keys
        touch_many(pointer.column.table, (now[entry.key][traced.head] for entry in entries), at)
    return len(entries)


def _value_before(traced: Traced, name: str, entry: Entry, now: Mapping[str, Any]) -> Any:
    if name in traced.sums:
        return now[name] - (entry.after[name] - entry.before[name])
    return typed(traced.table.c[name], entry.before[name])


def _take_out(batch: ImportBatch, done: Done) -> int:
    """Take out what the batch made, what belongs to it first; its contents are kept before they go."""
    made = {name: [entry.key[0] for entry in done.of(name, RecordChange.CREATED)] for name in done.entries}
    owned = {
        traced.table.name: made[traced.owner_table.table.name]
        for traced in TRACED.values()
        if traced.owner and made.get(traced.owner_table.table.name)
    }
    count = 0
    for traced in reversed(in_order({*made, *owned})):
        table = traced.table
        if owned.get(table.name):
            _take_out_owned(traced, owned[table.name], batch)
        entries = done.of(table.name, RecordChange.CREATED)
        count += len(entries)
        if "id" in table.c:
            for part in in_parts(entry.key[0] for entry in entries):
                db.session.execute(delete(table).where(table.c.id.in_(part)))
            continue
        for row in rows_now(traced, [entry.key for entry in entries]).values():
            db.session.execute(delete(table).where(*(column == row[column.name] for column in traced.keys)))
    return count


def _take_out_owned(traced: Traced, owners: Sequence[int], batch: ImportBatch) -> None:
    """Take out what wholly belongs to records that go, such as events; no copy was made at import."""
    table = traced.table
    pointer = table.c[traced.owner]
    for part in in_parts(owners):
        rows = [dict(row) for row in db.session.execute(select(table).where(pointer.in_(part))).mappings()]
        if not rows:
            continue
        kept = []
        for row, name in zip(rows, names_of(traced, rows), strict=True):
            record_id, record_key = traced.key_of(row)
            kept.append(
                {
                    "batch_id": batch.id,
                    "table_name": table.name,
                    "record_id": record_id,
                    "record_key": record_key,
                    "name": name,
                    "change": RecordChange.CREATED,
                    "before": None,
                    "after": {column: plain(value) for column, value in row.items()},
                }
            )
        insert_rows(cast("Table", BatchRecord.__table__), kept)
        db.session.execute(delete(table).where(pointer.in_(part)))


def _bring_back(traced: Traced, done: Done) -> int:
    """Put records back that the batch took out; one whose id was given out since gets another."""
    entries = done.of(traced.table.name, RecordChange.REMOVED)
    taken = rows_now(traced, [entry.key for entry in entries]) if "id" in traced.table.c else {}
    for entry in entries:
        values = {name: typed(traced.table.c[name], value) for name, value in entry.before.items()}
        if entry.key in taken:
            (values["id"],) = reserve_ids(traced.table, 1)
        db.session.execute(insert(traced.table).values(values))
    return len(entries)


def _end_rows(batch: ImportBatch, at: datetime) -> tuple[int, int]:
    """End the batch's rows of ``Recorded`` tables; copies of what they had replaced stand from now on.

    A month that was closed before sees what it saw (R-STAT-1): what stood then stood until the file came, and again
    from now on.
    """
    ended = stood = 0
    for traced in TRACED.values():
        if not traced.is_recorded:
            continue
        table = traced.table
        own = (table.c.import_batch_id == batch.id) & table.c.replaced_at.is_(None)
        ended += db.session.scalar(select(func.count()).select_from(table).where(own)) or 0
        undone = select(ImportBatch.id).where(ImportBatch.undone_at.is_not(None))
        replacing = table.alias()
        old = (
            select(table, replacing.c.id.label("replacing_id"))
            .join(replacing, replacing.c.replaces_id == table.c.id)
            .where(
                replacing.c.import_batch_id == batch.id,
                table.c.import_batch_id.is_(None)
                | ((table.c.import_batch_id != batch.id) & table.c.import_batch_id.not_in(undone)),
            )
        )
        again = [dict(row) for row in db.session.execute(old).mappings()]
        db.session.execute(update(table).where(own).values(replaced_at=at))
        _stand_again(traced, again, at)
        stood += len(again)
    return ended, stood


def _stand_again(traced: Traced, rows: Sequence[dict[str, Any]], at: datetime) -> None:
    """Copies of replaced rows, with what belongs to them."""
    table = traced.table
    copies: dict[int, int] = {}
    for row, row_id in zip(rows, reserve_ids(table, len(rows)), strict=True):
        copies[row["id"]] = row_id
        row |= {"id": row_id, "recorded_at": at, "replaced_at": None, "replaces_id": row.pop("replacing_id")}
    insert_rows(table, rows)
    for owned in TRACED.values():
        if not owned.owner or owned.owner_table is not traced:
            continue
        for part in in_parts(copies):
            found = db.session.execute(
                select(owned.table).where(owned.table.c[owned.owner].in_(part))
            ).mappings()
            insert_rows(owned.table, [{**row, owned.owner: copies[row[owned.owner]]} for row in found])
