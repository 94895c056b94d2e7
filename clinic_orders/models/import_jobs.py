"""Long files that are taken in behind the scenes: one row a file, from the upload to its end."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from clinic_orders.models.background import Work
from clinic_orders.models.base import Base, word
from clinic_orders.rules.import_jobs import IMPORT, ImportState


class ImportJob(Work, Base):
    """A long file on its way (``rules.import_jobs``); done, it has its batch.

    ``read_bytes`` of its ``size`` were read. ``report`` holds the first refusals, or warnings of a file that was stored
    or tried, in words of every language.
    A ``trial`` is taken back at its end; then the counts say what storing would do, and ``differences`` holds the first
    of ``differences_count`` records that it would make or change.
    """

    __tablename__ = "import_job"
    course = IMPORT

    kind: Mapped[str] = mapped_column(String(32), index=True)
    filename: Mapped[str] = mapped_column(String(200))
    size: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[ImportState] = mapped_column(word(ImportState), default=ImportState.WAITING)
    by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    run_after: Mapped[datetime]
    rows: Mapped[int] = mapped_column(default=0)
    read_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    created: Mapped[int] = mapped_column(default=0)
    updated: Mapped[int] = mapped_column(default=0)
    unchanged: Mapped[int] = mapped_column(default=0)
    trial: Mapped[bool] = mapped_column(default=False)
    tried_at: Mapped[datetime | None]
    # Of hundreds of records, which lists of imports never show.
    differences: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list, deferred=True)
    differences_count: Mapped[int] = mapped_column(default=0)
    # Refusals, or warnings of a file that was stored; how many rows were refused.
    problems: Mapped[int] = mapped_column(default=0)
    rejected: Mapped[int] = mapped_column(default=0)
    report: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    cancelled_by: Mapped[str] = mapped_column(String(64), default="")
    batch_id: Mapped[int | None] = mapped_column(ForeignKey("import_batch.id"), unique=True)

    __table_args__ = (
        CheckConstraint(
            "(state IN ('done', 'refused', 'failed', 'cancelled')) = (ended_at IS NOT NULL)",
            name="ended_has_instant",
        ),
        CheckConstraint("state <> 'tried' OR (trial AND tried_at IS NOT NULL)", name="tried_has_instant"),
        CheckConstraint("batch_id IS NULL OR state = 'done'", name="batch_is_done"),
        CheckConstraint("size >= 0 AND read_bytes >= 0", name="sizes_not_negative"),
        Index("ix_import_job_state", "state", "run_after"),
    )
