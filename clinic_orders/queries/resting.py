"""What rests on an import batch, so that it can't be undone any more (formats.md section 2).

Three sorts: records of the batch that somebody changed since; records that point to one the batch made; and what was
decided by one without pointing to it, such as an order by the price of its day. The first two are found from the
schema for every table of ``queries.traced``; the third are the questions at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from typing import Any, Final

from sqlalchemy import Column, Table, func, or_, select, tuple_

from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Edition, EditionItem
from clinic_orders.models.clues import Clue
from clinic_orders.models.deliveries import GoodsReturn, Shipment
from clinic_orders.models.exchange import BatchRecord, ImportBatch, RecordChange
from clinic_orders.models.orders import Order, OrderLine
from clinic_orders.models.payments import Payment
from clinic_orders.queries.traced import TRACED, Traced, names_by_id, typed
from clinic_orders.rules.days import day_in_china, start_of_day
from clinic_orders.rules.errors import N_
from clinic_orders.rules.parties import OrderMode

_PART: Final = 500
_NAMED: Final = 5
Key = tuple[int, str]
Row = Mapping[str, Any]

CHANGED_SINCE: Final = N_("changed since")
BELONGS_TO_IT: Final = N_("belongs to it")
DECIDED_BY_IT: Final = N_("was decided by it")
# What people call records of other tables that may point here.
_OTHERS: Final = {
    "draft": N_("draft of an order"),
    "draft_line": N_("draft of an order"),
    "usual_item": N_("usual list"),
    "submission": N_("submission of an order"),
    "role_assignment": N_("user's role"),
    "notice": N_("notice"),
    "alarm": N_("alarm"),
    "suspension": N_("suspension"),
}
_OTHER: Final = N_("another record")


@dataclass(frozen=True, slots=True)
class Resting:
    """Some records that stand on a batch.

    Attributes:
        why: CHANGED_SINCE, BELONGS_TO_IT or DECIDED_BY_IT, a msgid.
        word: what one of them is called, a msgid.
        count: how many there are; of some only the first are counted.
        names: the first few, as people call them.

    """

    why: str
    word: str
    count: int
    names: tuple[str, ...]


@dataclass(slots=True)
class Entry:
    """What a batch did to one record, from its first touch to its last."""

    key: Key
    name: str
    change: RecordChange
    before: dict[str, Any]
    after: dict[str, Any]


@dataclass(slots=True)
class Done:
    """What a batch did, by table and key; rows of ``Recorded`` tables speak for themselves."""

    entries: dict[str, dict[Key, Entry]] = field(default_factory=dict)

    def of(self, table: str, *changes: RecordChange) -> list[Entry]:
        """The entries of a table with these changes."""
        return [entry for entry in self.entries.get(table, {}).values() if entry.change in changes]

    def has_made(self, table: str, key: Key) -> bool:
        """Whether the batch made a record."""
        entry = self.entries.get(table, {}).get(key)
        return entry is not None and entry.change is RecordChange.CREATED


def _parts(values: Iterable[Any], size: int = _PART) -> Iterator[list[Any]]:
    iterator = iter(values)
    while part := list(islice(iterator, size)):
        yield part


def done_by(batch_id: int) -> Done:
    """What a batch did to the records of which it keeps a trace; one that it wrote in several parts once."""
    done = Done()
    record = BatchRecord
    for row in db.session.execute(
        select(
            record.table_name,
            record.record_id,
            record.record_key,
            record.name,
            record.change,
            record.before,
            record.after,
        )
        .where(record.batch_id == batch_id)
        .order_by(record.id)
    ):
        entries, key = done.entries.setdefault(row.table_name, {}), (row.record_id, row.record_key)
        old = entries.get(key)
        if old is None:
            entries[key] = Entry(key, row.name, row.change, dict(row.before or {}), dict(row.after or {}))
        elif row.change is RecordChange.REMOVED and old.change is RecordChange.CREATED:
            del entries[key]
        else:
            old.change = row.change if old.change is RecordChange.CHANGED else old.change
            old.before = {**(row.before or {}), **old.before}
            old.after = {**old.after, **(row.after or {})}
    return done


def rows_now(traced: Traced, keys: Sequence[Key]) -> dict[Key, dict[str, Any]]:
    """The rows of some keys as they are now; those that are gone are left out."""
    found: dict[Key, dict[str, Any]] = {}
    table, wanted = traced.table, set(keys)
    first = traced.keys[0]
    for part in _parts(sorted({key[0] for key in wanted})):
        for found_row in db.session.execute(select(table).where(first.in_(part))).mappings():
            row = dict(found_row)
            if (key := traced.key_of(row)) in wanted:
                found[key] = row
    return found


def what_rests_on(batch: ImportBatch, done: Done) -> list[Resting]:
    """Everything that keeps a batch from being undone; empty: it can be undone."""
    found: list[Resting] = []
    for name in done.entries:
        traced = TRACED[name]
        found += _changed_since(traced, done)
        found += _pointing_at(traced, done)
    for traced in TRACED.values():
        if traced.is_recorded:
            found += _replaced_since(traced, batch)
    for name, question in _DECIDED.items():
        rows = _rows_of(TRACED[name], batch, done)
        if rows:
            word, names = question(batch, rows)
            if names:
                found.append(Resting(DECIDED_BY_IT, word, len(names), tuple(sorted(names)[:_NAMED])))
    return found


def _rows_of(traced: Traced, batch: ImportBatch, done: Done) -> list[Row]:
    """The records of one kind that a batch made or changed, as they are now."""
    if traced.is_recorded:
        # Nothing but the number of its file is kept of these; a row that was put right since stands for itself.
        table = traced.table
        statement = select(table).where(table.c.import_batch_id == batch.id, table.c.replaced_at.is_(None))
        return [dict(row) for row in db.session.execute(statement).mappings()]
    touched = done.of(traced.table.name, RecordChange.CREATED, RecordChange.CHANGED)
    return list(rows_now(traced, [entry.key for entry in touched]).values()) if touched else []


def _changed_since(traced: Traced, done: Done) -> list[Resting]:
    """Records that are no longer what the batch made of them."""
    touched = done.of(traced.table.name, RecordChange.CREATED, RecordChange.CHANGED)
    now = rows_now(traced, [entry.key for entry in touched])
    names = []
    for entry in touched:
        row = now.get(entry.key)
        if row is None or any(
            row[column] != typed(traced.table.c[column], value)
            for column, value in entry.after.items()
            if traced.decides(column)
        ):
            names.append(entry.name)
    return [Resting(CHANGED_SINCE, traced.word, len(names), tuple(names[:_NAMED]))] if names else []


def _pointing_at(traced: Traced, done: Done) -> list[Resting]:
    """Records that point to one the batch made and are not of the batch themselves."""
    ids = [entry.key[0] for entry in done.of(traced.table.name, RecordChange.CREATED)]
    if not ids or "id" not in traced.table.c:
        return []
    found = []
    for table in db.metadata.sorted_tables:
        for column in table.columns:
            if any(pointer.column is traced.table.c.id for pointer in column.foreign_keys):
                other = TRACED.get(table.name)
                if other is not None and other.owner == column.name:
                    continue
                found += _pointers(table, other, column, ids, done)
    return found


def _pointers(
    table: Table, other: Traced | None, column: Column[Any], ids: Sequence[int], done: Done
) -> list[Resting]:
    wanted = list(table.primary_key.columns)
    if other is not None and other.owner:
        wanted.append(table.c[other.owner])
    count = 0
    some: list[int] = []
    for part in _parts(ids):
        if other is None:
            count += db.session.scalar(select(func.count()).select_from(table).where(column.in_(part))) or 0
            continue
        for row in map(dict, db.session.execute(select(*wanted).where(column.in_(part))).mappings()):
            if other.owner and done.has_made(other.owner_table.table.name, (row[other.owner], "")):
                continue
            if not done.has_made(table.name, other.key_of(row)):
                count += 1
                if len(some) < _NAMED and "id" in row:
                    some.append(row["id"])
    if not count:
        return []
    names = names_by_id(other, some) if other is not None and some else {}
    word = other.word if other is not None else _OTHERS.get(table.name, _OTHER)
    return [Resting(BELONGS_TO_IT, word, count, tuple(names.values()))]


def _replaced_since(traced: Traced, batch: ImportBatch) -> list[Resting]:
    """Rows of the batch that another file, a person or a program put right since, or acted on."""
    table = traced.table
    standing = table.alias()
    same = [
        or_(table.c[name] == standing.c[name], table.c[name].is_(None) & standing.c[name].is_(None))
        for name in traced.name
    ]
    replaced = (
        select(table.c.id)
        .join(standing, *_all(same))
        .where(
            table.c.import_batch_id == batch.id,
            table.c.replaced_at.is_not(None),
            standing.c.replaced_at.is_(None),
            or_(standing.c.import_batch_id.is_(None), standing.c.import_batch_id != batch.id),
        )
    )
    statements = [replaced]
    if "version" in table.c:
        statements.append(
            select(table.c.id).where(
                table.c.import_batch_id == batch.id, table.c.replaced_at.is_(None), table.c.version > 1
            )
        )
    found = []
    for statement in statements:
        ids = list(db.session.scalars(statement.limit(1000)))
        if ids:
            names = tuple(names_by_id(traced, ids[:_NAMED]).values())
            found.append(Resting(CHANGED_SINCE, traced.word, len(ids), names))
    return found


def _all(conditions: Sequence[Any]) -> tuple[Any]:
    whole = conditions[0]
    for condition in conditions[1:]:
        whole = whole & condition
    return (whole,)


# What was decided by a record without pointing to it. Only what people did here since the file came can rest on it:
# imported papers bring their own prices, parties and days. ---------------------------------------------------


def _orders_since(batch: ImportBatch, column: Any, values: Iterable[Any]) -> Iterator[Any]:
    """Lines of orders that were submitted here since the batch, with one of the values in a column."""
    for part in _parts(set(values) - {None}):
        yield from db.session.execute(
            select(
                Order.order_no,
                Order.institution_id,
                Order.ordering_id,
                Order.distributor_id,
                Order.mode,
                Order.submitted_at,
                OrderLine.item_id,
            )
            .join(OrderLine, OrderLine.order_id == Order.id)
            .where(Order.import_batch_id.is_(None), Order.submitted_at >= batch.at, column.in_(part))
        )


def _first_days(rows: Iterable[Row], key: str, day: str = "valid_from") -> dict[Any, date]:
    """The first of the days from which the records hold, by what they are about."""
    found: dict[Any, date] = {}
    for row in rows:
        found[row[key]] = min(row[day], found.get(row[key], row[day]))
    return found


def _orders_by(batch: ImportBatch, column: Any, about: str, first: Mapping[Any, date]) -> set[str]:
    return {
        line.order_no
        for line in _orders_since(batch, column, first)
        if day_in_china(line.submitted_at) >= first[getattr(line, about)]
    }


def _by_item(batch: ImportBatch, rows: Sequence[Row]) -> tuple[str, set[str]]:
    ids = {row["id"] for row in rows}
    return N_("order"), {line.order_no for line in _orders_since(batch, OrderLine.item_id, ids)}


def _by_price(batch: ImportBatch, rows: Sequence[Row]) -> tuple[str, set[str]]:
    return N_("order"), _orders_by(batch, OrderLine.item_id, "item_id", _first_days(rows, "item_id"))


def _by_edition(batch: ImportBatch, rows: Sequence[Row]) -> tuple[str, set[str]]:
    days = {row["id"]: row["valid_from"] for row in rows}
    places = db.session.execute(
        select(EditionItem.item_id, EditionItem.edition_id).where(EditionItem.edition_id.in_(days))
    )
    held = [{"item_id": row.item_id, "valid_from": days[row.edition_id]} for row in places]
    return N_("order"), _orders_by(batch, OrderLine.item_id, "item_id", _first_days(held, "item_id"))


def _by_edition_item(batch: ImportBatch, rows: Sequence[Row]) -> tuple[str, set[str]]:
    editions = {row["edition_id"] for row in rows}
    days: dict[int, date] = {}
    for row in db.session.execute(select(Edition.id, Edition.valid_from).where(Edition.id.in_(editions))):
        days[row.id] = row.valid_from
    held = [{"item_id": row["item_id"], "valid_from": days[row["edition_id"]]} for row in rows]
    return N_("order"), _orders_by(batch, OrderLine.item_id, "item_id", _first_days(held, "item_id"))


def _by_institution(batch: ImportBatch, rows: Sequence[Row]) -> tuple[str, set[str]]:
    first = _first_days(rows, "institution_id")
    return N_("order"), _orders_by(batch, Order.institution_id, "institution_id", first)


def _by_letter(batch: ImportBatch, rows: Sequence[Row]) -> tuple[str, set[str]]:
    first = _first_days(rows, "institution_id", "signed_on")
    return N_("order"), _orders_by(batch, Order.institution_id, "institution_id", first)


def _by_mandate(batch: ImportBatch, rows: Sequence[Row]) -> tuple[str, set[str]]:
    pairs = {(row["institution_id"], row["hospital_id"]) for row in rows}
    lines = _orders_since(batch, Order.institution_id, {row["institution_id"] for row in rows})
    return N_("order"), {
        line.order_no
        for line in lines
        if line.mode is OrderMode.PROXY and (line.institution_id, line.ordering_id) in pairs
    }


def _by_relation(batch: ImportBatch, rows: Sequence[Row]) -> tuple[str, set[str]]:
    by_distributor: dict[int, list[Row]] = {}
    for row in rows:
        by_distributor.setdefault(row["distributor_id"], []).append(row)
    return N_("order"), {
        line.order_no
        for line in _orders_since(batch, Order.distributor_id, by_distributor)
        if any(
            row["institution_id"] in {None, line.institution_id}
            and row["item_id"] in {None, line.item_id}
            and row["valid_from"] <= day_in_china(line.submitted_at)
            for row in by_distributor[line.distributor_id]
        )
    }


def _by_policy(batch: ImportBatch, rows: Sequence[Row]) -> tuple[str, set[str]]:
    """Days to answer and days to pay are written down when an order is sent and goods are received (R-PAY-2)."""
    first = min(row["valid_from"] for row in rows)
    since = max(batch.at, start_of_day(first))
    names: set[str] = set()
    if any(row["parameter"].startswith("order.") for row in rows):
        names |= set(
            db.session.scalars(
                select(Order.order_no)
                .where(Order.import_batch_id.is_(None), Order.submitted_at >= since)
                .limit(1000)
            )
        )
    if any(row["parameter"].startswith(("payment.", "delivery.")) for row in rows):
        names |= set(
            db.session.scalars(
                select(Shipment.receipt_no)
                .where(Shipment.accepted_by_id.is_not(None), Shipment.accepted_at >= since)
                .limit(1000)
            )
        )
    return N_("order or receipt"), names


def _by_receipt(batch: ImportBatch, rows: Sequence[Row]) -> tuple[str, set[str]]:
    """Money that names no receipt reaches those that fall due first (R-PAY-3)."""
    names: set[str] = set()
    pairs = {(row["paying_id"], row["distributor_id"]) for row in rows if row["accepted_at"] is not None}
    for part in _parts(pairs):
        names |= set(
            db.session.scalars(
                select(Payment.payment_no).where(
                    tuple_(Payment.paying_id, Payment.distributor_id).in_(part),
                    Payment.recorded_at >= batch.at,
                    Payment.shipment_id.is_(None),
                    Payment.withdrawn_at.is_(None),
                )
            )
        )
    return N_("payment"), names


def _by_return(batch: ImportBatch, rows: Sequence[Row]) -> tuple[str, set[str]]:
    """What a return takes off is worked out after the earlier ones of its receipt (R-PAY-1)."""
    own = {row["id"] for row in rows}
    names: set[str] = set()
    for part in _parts({row["shipment_id"] for row in rows}):
        names |= {
            row.return_no
            for row in db.session.execute(
                select(GoodsReturn.id, GoodsReturn.return_no).where(
                    GoodsReturn.shipment_id.in_(part),
                    GoodsReturn.agreed_at.is_not(None),
                    GoodsReturn.recorded_at >= batch.at,
                )
            )
            if row.id not in own
        }
    return N_("return"), names


def _by_issued_clue(batch: ImportBatch, rows: Sequence[Row]) -> tuple[str, set[str]]:
    """What is looked into names the clue from above by its batch and number (R-TRACE-3)."""
    names: set[str] = set()
    for part in _parts({(row["issued_batch"], row["clue_no"]) for row in rows}):
        names |= set(
            db.session.scalars(
                select(Clue.number).where(
                    tuple_(Clue.issued_batch, Clue.issued_no).in_(part), Clue.assigned_at >= batch.at
                )
            )
        )
    return N_("clue that is looked into"), names


_DECIDED: Final[Mapping[str, Callable[[ImportBatch, Sequence[Row]], tuple[str, set[str]]]]] = {
    "item": _by_item,
    "price": _by_price,
    "edition": _by_edition,
    "edition_item": _by_edition_item,
    "institution_record": _by_institution,
    "commitment": _by_letter,
    "mandate": _by_mandate,
    "delivery_relation": _by_relation,
    "policy_value": _by_policy,
    "shipment": _by_receipt,
    "goods_return": _by_return,
    "issued_clue": _by_issued_clue,
}
