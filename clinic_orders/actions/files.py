"""Store a file's rows whole or not at all, and keep which file it was and what it did (formats.md section 2)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from sqlalchemy import text

from clinic_orders.actions import audit
from clinic_orders.actions.bulk import NumberedRow, Stored, recording
from clinic_orders.actions.catalogue import put_editions, put_items, put_prices
from clinic_orders.actions.history import put_orders, put_payments, put_receipts, put_returns
from clinic_orders.actions.policy import put_policies
from clinic_orders.actions.reported import (
    put_agreed_volumes,
    put_designated_pharmacies,
    put_issued_clues,
    put_listed_products,
    put_monitored_prices,
    put_other_purchases,
    put_product_codes,
    put_sales,
    put_settlements,
    put_shelf_prices,
    put_stock_counts,
    put_supply_problems,
    put_trace_products,
)
from clinic_orders.actions.roster import (
    put_commitments,
    put_distributors,
    put_institutions,
    put_mandates,
    put_relations,
)
from clinic_orders.actions.transaction import transaction
from clinic_orders.models.base import db, with_few_pages
from clinic_orders.models.exchange import ImportBatch
from clinic_orders.rules.parties import Actor, Permission


class Put(Protocol):
    """A deed that stores the rows of one kind, all or none."""

    def __call__(self, rows: Sequence[NumberedRow], *, by: Actor, at: datetime) -> Stored:
        """Store the rows; raises RowsRefused."""
        ...


class PutHistory(Protocol):
    """A deed that stores rows and keeps on each record from which batch it came."""

    def __call__(
        self, rows: Sequence[NumberedRow], *, by: Actor, at: datetime, batch_id: int | None
    ) -> Stored:
        """Store the rows; raises RowsRefused."""
        ...


PUT: Final[Mapping[str, Put]] = {
    "catalogue": put_items,
    "prices": put_prices,
    "editions": put_editions,
    "institutions": put_institutions,
    "mandates": put_mandates,
    "commitments": put_commitments,
    "distributors": put_distributors,
    "delivery-relations": put_relations,
    "policies": put_policies,
}
PUT_HISTORY: Final[Mapping[str, PutHistory]] = {
    "orders": put_orders,
    "receipts": put_receipts,
    "returns": put_returns,
    "payments": put_payments,
    "agreed-volumes": put_agreed_volumes,
    "supply-problems": put_supply_problems,
    "sales": put_sales,
    "settlements": put_settlements,
    "stock-counts": put_stock_counts,
    "shelf-prices": put_shelf_prices,
    "other-purchases": put_other_purchases,
    "trace-products": put_trace_products,
    "product-codes": put_product_codes,
    "designated-pharmacies": put_designated_pharmacies,
    "monitored-prices": put_monitored_prices,
    "listed-products": put_listed_products,
    "issued-clues": put_issued_clues,
}


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What is kept of a file: its name, its SHA-256 in hexadecimal, how many rows it had."""

    filename: str
    sha256: str
    rows: int


class _OnlyTried(Exception):
    """Ends a dry run, so that everything is undone."""


# Told the number of a batch that was only tried, while what it did still stands.
Look = Callable[[int], None]


def look_away(_batch_id: int) -> None:
    """Nobody looks at what a dry run would do."""


def store_file(
    kind: str,
    rows: Sequence[NumberedRow],
    file: FileFacts,
    *,
    dry_run: bool = False,
    traced: bool = True,
    look: Look = look_away,
    by: Actor,
    at: datetime,
) -> Stored:
    """Store all rows of a file in one transaction, or none; a dry run does the same and takes it back.

    Args:
        kind: as in formats.md.
        rows: number in the file and values of each row.
        file: what is kept of the file.
        dry_run: only try.
        traced: keep what is done to every record, so that the batch can be undone; not for whole demonstrations.
        look: looks at what a dry run did to every record, before it is taken back.
        by: who.
        at: when.

    Returns:
        How many records were made, changed and found as they were.

    Raises:
        RowsRefused: with a refusal for each row that can't be stored.
        KeyError: no such kind, which is a bug of the caller.

    """
    by.need(Permission.FILES_IMPORT)
    stored = Stored()
    try:
        with transaction():
            stored = _store(kind, rows, file, traced=traced, by=by, at=at)
            if dry_run:
                _show(stored.batch_id, look)
                raise _OnlyTried
    except _OnlyTried:
        pass
    return stored


def _show(batch_id: int | None, look: Look) -> None:
    """Let somebody look at what a dry run did."""
    assert batch_id is not None
    db.session.flush()
    look(batch_id)


@contextmanager
def storing(
    kind: str, file: FileFacts, *, dry_run: bool = False, look: Look = look_away, by: Actor, at: datetime
) -> Iterator[ImportBatch]:
    """A transaction in which a long file is stored part by part with ``put_rows``, whole or not at all.

    An exception inside takes everything back, as a dry run does at the end, when ``look`` has seen what it did.
    """
    by.need(Permission.FILES_IMPORT)
    try:
        with transaction(), with_few_pages():
            batch = begin_batch(kind, file, by=by, at=at)
            yield batch
            end_batch(batch, by=by, at=at)
            if dry_run:
                _show(batch.id, look)
                raise _OnlyTried
    except _OnlyTried:
        pass


def wait_for_other_imports() -> None:
    """One import at a time, so that two files never make the same record at once; on SQLite it is so anyway."""
    if db.session.get_bind().dialect.name == "postgresql":
        db.session.execute(text("LOCK TABLE import_batch IN SHARE ROW EXCLUSIVE MODE"))


def begin_batch(kind: str, file: FileFacts, *, traced: bool = True, by: Actor, at: datetime) -> ImportBatch:
    """Make the batch of a file, with nothing counted yet; inside a deed's transaction."""
    wait_for_other_imports()
    batch = ImportBatch(
        kind=kind,
        filename=file.filename[-200:],
        sha256=file.sha256,
        rows=file.rows,
        created=0,
        updated=0,
        unchanged=0,
        by_id=by.user_id,
        by_name=by.name,
        at=at,
        traced=traced,
    )
    db.session.add(batch)
    db.session.flush()
    return batch


def put_rows(batch: ImportBatch, rows: Sequence[NumberedRow], *, by: Actor, at: datetime) -> Stored:
    """Store rows as part of a batch, count them, and keep what was done to each record; inside a deed's transaction.

    A file may be stored in one call or, part by part, in several transactions.

    Raises:
        RowsRefused: with a refusal for each row that can't be stored.

    """
    with audit.of_batch(batch.id), recording(batch.id) if batch.traced else nullcontext():
        if batch.kind in PUT_HISTORY:
            stored = PUT_HISTORY[batch.kind](rows, by=by, at=at, batch_id=batch.id)
        else:
            stored = PUT[batch.kind](rows, by=by, at=at)
    batch.created += stored.created
    batch.updated += stored.updated
    batch.unchanged += stored.unchanged
    db.session.flush()
    return stored


def end_batch(batch: ImportBatch, *, by: Actor, at: datetime) -> None:
    """Write a stored file into the history; inside the transaction of its last rows."""
    with audit.of_batch(batch.id):
        audit.record(
            "store_file",
            by=by,
            at=at,
            subject_type="import_batch",
            subject_id=batch.id,
            subject=batch.filename[:128],
            after={
                "kind": batch.kind,
                "rows": batch.rows,
                "created": batch.created,
                "updated": batch.updated,
                "unchanged": batch.unchanged,
            },
        )


def _store(
    kind: str, rows: Sequence[NumberedRow], file: FileFacts, *, traced: bool, by: Actor, at: datetime
) -> Stored:
    batch = begin_batch(kind, file, traced=traced, by=by, at=at)
    stored = put_rows(batch, rows, by=by, at=at)
    stored.batch_id = batch.id
    end_batch(batch, by=by, at=at)
    return stored
