"""Runs of the scheduled jobs: claimed by their row, so that two schedulers make one run."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from clinic_orders.models.base import Base, word


class RunState(StrEnum):
    """How far a run has come."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class JobRun(Base):
    """One run of a job for one scheduled slot; the unique slot is the claim (rules section 12)."""

    __tablename__ = "job_run"

    id: Mapped[int] = mapped_column(primary_key=True)
    job: Mapped[str] = mapped_column(String(64), index=True)
    scheduled_at: Mapped[datetime]
    as_of: Mapped[date]
    attempt: Mapped[int] = mapped_column(default=1)
    state: Mapped[RunState] = mapped_column(word(RunState))
    started_at: Mapped[datetime]
    heartbeat_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    rows_read: Mapped[int] = mapped_column(default=0)
    changed: Mapped[int] = mapped_column(default=0)
    failures: Mapped[int] = mapped_column(default=0)
    trigger: Mapped[str] = mapped_column(String(16), default="schedule")
    worker: Mapped[str] = mapped_column(String(64), default="")
    error: Mapped[str] = mapped_column(Text, default="")

    __table_args__ = (UniqueConstraint("job", "scheduled_at", "attempt"),)
