"""Files that came in: one row per import batch, and what each batch made, changed and took away."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from clinic_orders.models.base import Base, word


class RecordChange(StrEnum):
    """What a batch did to a record."""

    CREATED = "created"
    CHANGED = "changed"
    REMOVED = "removed"


class ImportBatch(Base):
    """One imported file, whole or not at all (formats.md section 2).

    ``traced`` says that what it did is kept in ``batch_record``, so that it can be undone; files that came before
    that was kept, and the large demonstration, are not. The batch, its records and its audit outlive the undoing.
    """

    __tablename__ = "import_batch"

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(32), index=True)
    filename: Mapped[str] = mapped_column(String(200))
    sha256: Mapped[str] = mapped_column(String(64))
    rows: Mapped[int]
    created: Mapped[int]
    updated: Mapped[int]
    unchanged: Mapped[int]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    by_name: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime]
    traced: Mapped[bool] = mapped_column(default=False)
    undone_at: Mapped[datetime | None]
    undone_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    undone_by_name: Mapped[str] = mapped_column(String(64), default="")


class BatchRecord(Base):
    """What a batch did to one record: its columns before and after, as plain JSON (``actions.bulk`` writes them).

    A changed record has only the columns that differ; a removed one has all of them before, a new one all of them
    after. The ``after`` of a new record is left out where the record itself still is what the batch made of it
    (``queries.traced.Traced``); when the batch is undone, it is filled in before the record goes. ``name`` is what
    people call the record. ``record_id`` is the record's ``id``, or the first part of its key, with the rest in ``record_key``. It is no foreign key:
    records go, and what a batch did stays readable (R-ORD-8).
    """

    __tablename__ = "batch_record"

    id: Mapped[int] = mapped_column(primary_key=True)
    batch_id: Mapped[int] = mapped_column(ForeignKey("import_batch.id"))
    table_name: Mapped[str] = mapped_column(String(32))
    record_id: Mapped[int]
    record_key: Mapped[str] = mapped_column(String(64), default="")
    name: Mapped[str] = mapped_column(String(200))
    change: Mapped[RecordChange] = mapped_column(word(RecordChange))
    before: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    after: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))

    __table_args__ = (
        Index("ix_batch_record_batch", "batch_id", "id"),
        Index("ix_batch_record_record", "table_name", "record_id", "batch_id"),
    )
