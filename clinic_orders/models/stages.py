"""The stage board as it was last reckoned: a copy, never the truth (R-STAT-5)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from clinic_orders.models.base import Base, word
from clinic_orders.rules.findings import Grade
from clinic_orders.rules.stages import Stage


class StageRow(Base):
    """An institution in a cycle of agreed volume, in packs, as ``rules.stages.CycleStages`` names them.

    ``detail`` has the agreements by themselves, so that they add up to the line whatever happens meanwhile; a list
    does not need it. ``as_of`` and ``reckoned_at`` are the same in every row. Nothing here points to a record or keeps
    one from being taken out again.
    """

    __tablename__ = "stage_row"

    id: Mapped[int] = mapped_column(primary_key=True)
    institution_id: Mapped[int]
    cycle_start: Mapped[date]
    cycle_end: Mapped[date]
    items: Mapped[int]
    reported: Mapped[int | None]
    agreed: Mapped[int]
    due: Mapped[int]
    ordered: Mapped[int]
    undelivered: Mapped[int]
    counted: Mapped[int]
    waiting: Mapped[int]
    waiting_late: Mapped[int]
    unpaid: Mapped[int]
    overdue: Mapped[int]
    behind: Mapped[int]
    grade: Mapped[Grade | None] = mapped_column(word(Grade))
    report: Mapped[str] = mapped_column(String(8))
    stands: Mapped[Stage] = mapped_column(word(Stage))
    detail: Mapped[list[Any]] = mapped_column(JSON, deferred=True)
    as_of: Mapped[date]
    reckoned_at: Mapped[datetime]

    __table_args__ = (
        UniqueConstraint("institution_id", "cycle_start", "cycle_end"),
        CheckConstraint("cycle_end >= cycle_start", name="days_in_order"),
        Index("ix_stage_row_cycle", "cycle_start", "cycle_end"),
    )
