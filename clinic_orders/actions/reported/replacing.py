"""How rows that are never overwritten are kept: new, found as they are, or replacing an older one (R-ORD-8, R-STAT-1)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import itemgetter
from typing import Any

from sqlalchemy import Table, select

from clinic_orders.actions import audit
from clinic_orders.actions.bulk import (
    NumberedRow,
    Problems,
    Row,
    ids_by_key,
    in_parts,
    insert_rows,
    reserve_ids,
    update_rows,
)
from clinic_orders.actions.history.shared import Codes
from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.rules.parties import Actor
from clinic_orders.rules.roster_records import RecordTwice

# Above this many new and replaced rows of one file a single audit entry sums them up; the batch names the file.
AUDITED_ONE_BY_ONE = 50
_SUBJECT_LENGTH = 128
Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """A table of reported facts.

    Attributes:
        deed: the name of its deed in the history.
        subject: the table's word there.
        table: where the rows are.
        key: the columns of the natural key.
        compared: the columns in which a row that comes again may differ.
        found_by: the columns by which known rows are looked up; the key, where none of it may be empty.
        kept: what a row takes over from the one that it replaces, because files do not say it, with what it is
            where there is none.

    """

    deed: str
    subject: str
    table: Table
    key: tuple[str, ...]
    compared: tuple[str, ...]
    found_by: tuple[str, ...] = ()
    kept: Mapping[str, Any] = field(default_factory=dict)

    def key_of(self, values: Row) -> Key:
        """The natural key of a row of the table."""
        return tuple(values[name] for name in self.key)

    def differs(self, one: Row, other: Row) -> bool:
        """Whether two rows of one key say different things."""
        return any(one[name] != other[name] for name in self.compared)


@dataclass(slots=True)
class Kept:
    """What became of a file's rows.

    Attributes:
        new: rows as inserted, with their ids; those that replace one have its id in ``replaces_id``.
        replaced: the rows that were replaced, by key.
        unchanged: how many were found as they are.

    """

    new: list[dict[str, Any]] = field(default_factory=list)
    replaced: dict[Key, Row] = field(default_factory=dict)
    unchanged: int = 0

    @property
    def created(self) -> int:
        """How many rows are of a key that was not known."""
        return len(self.new) - len(self.replaced)


def standing_rows(facts: Facts, wanted: Iterable[Row]) -> dict[Key, Row]:
    """The rows that stand under the keys of some rows."""
    names = facts.found_by or facts.key
    return standing_by_key(facts, list(dict.fromkeys(tuple(row[name] for name in names) for row in wanted)))


def standing_by_key(facts: Facts, keys: Sequence[Key]) -> dict[Key, Row]:
    """The rows that stand under some keys, which are values of the columns by which known rows are looked up."""
    table = facts.table
    columns = [table.c[name] for name in facts.found_by or facts.key]
    found: dict[Key, Row] = {}
    for ids in in_parts(ids_by_key(table, columns, keys, "t.replaced_at IS NULL")):
        for row in db.session.connection().execute(select(table).where(table.c.id.in_(ids))).mappings():
            known = dict(row)
            found[facts.key_of(known)] = known
    return found


def refuse_twice(rows: Sequence[NumberedRow], key: Sequence[str], problems: Problems) -> None:
    """Refuse rows whose key stands in the file already; of one key only one row can hold."""
    seen: set[Key] = set()
    key_of = itemgetter(*key)
    if len({key_of(row) for _, row in rows}) == len(rows):
        return
    for number, row in rows:
        found = tuple(row[name] for name in key)
        if found in seen:
            problems.add(number, key[0], RecordTwice(key=" ".join(str(part) for part in found if part)))
        seen.add(found)


def keep(
    facts: Facts,
    wanted: Sequence[dict[str, Any]],
    known: Mapping[Key, Row],
    *,
    at: datetime,
    batch_id: int | None,
    same: Callable[[Row, Row], bool] | None = None,
) -> Kept:
    """Insert what is new, and put rows that differ in the place of those that stood.

    Args:
        facts: which table.
        wanted: rows with key and compared columns, no key twice.
        known: the rows that stand, by key.
        at: the instant from which the new rows are known.
        batch_id: the file they came with.
        same: whether a wanted and a known row say the same beyond the compared columns.

    """
    kept = Kept()
    of_batch = {"recorded_at": at, "replaced_at": None, "replaces_id": None, "import_batch_id": batch_id}
    for values in wanted:
        key = facts.key_of(values)
        old = known.get(key)
        if old is not None and not facts.differs(values, old) and (same is None or same(values, old)):
            kept.unchanged += 1
            continue
        if old is None:
            kept.new.append({**facts.kept, **values, **of_batch})
            continue
        kept.replaced[key] = old
        carried = {name: old[name] for name in facts.kept}
        kept.new.append({**carried, **values, **of_batch, "replaces_id": old["id"]})
    for row_id, values in zip(reserve_ids(facts.table, len(kept.new)), kept.new, strict=True):
        values["id"] = row_id
    # The old rows go first: the natural key is unique among those that stand.
    update_rows(facts.table, [{"id": row["id"], "replaced_at": at} for row in kept.replaced.values()])
    if kept.new:
        insert_rows(facts.table, kept.new, [name for name in kept.new[0] if name in facts.table.c])
    return kept


def item_codes(codes: Codes, kept: Kept, column: str = "item_id") -> dict[int | None, str]:
    """The codes of items by row id: those of the file, and of the rows that were replaced if they are few."""
    found: dict[int | None, str] = {row_id: code for code, row_id in codes.items.items()} | {None: ""}
    if len(kept.new) <= AUDITED_ONE_BY_ONE:
        others = {row[column] for row in kept.replaced.values()} - set(found)
        for row in db.session.execute(select(Item.id, Item.item_code).where(Item.id.in_(others))):
            found[row.id] = row.item_code
    return found


def sum_up(facts: Facts, created: int, updated: int, *, by: Actor, at: datetime) -> None:
    """One entry for a large file."""
    audit.record(
        facts.deed,
        by=by,
        at=at,
        subject_type=facts.subject,
        subject=f"× {created + updated}",
        after={"created": created, "updated": updated},
    )


def write_down(
    facts: Facts,
    kept: Kept,
    subject: Callable[[Row], str],
    shown: Callable[[Row], Mapping[str, Any]],
    *,
    by: Actor,
    at: datetime,
) -> None:
    """One entry per new or replaced row of a small file, with the values before and after; one for a large file."""
    if len(kept.new) > AUDITED_ONE_BY_ONE:
        sum_up(facts, kept.created, len(kept.replaced), by=by, at=at)
        return
    entries = []
    for values in kept.new:
        old = kept.replaced.get(facts.key_of(values))
        before, after = None if old is None else dict(shown(old)), dict(shown(values))
        if before is not None:
            after = {name: value for name, value in after.items() if before[name] != value}
            before = {name: before[name] for name in after}
        entries.append(
            {
                "subject_id": values["id"],
                "subject": subject(values)[:_SUBJECT_LENGTH],
                "institution_id": values.get("institution_id"),
                "county_code": values.get("county_code"),
                "before": before,
                "after": after,
            }
        )
    if entries:
        audit.record_all(facts.deed, entries, by=by, at=at, subject_type=facts.subject)
