"""Requests to leave the roster (R-ROSTER-3)."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from clinic_orders.models.base import Base, word
from clinic_orders.rules.exits import ExitState

_WAITING = text("state = 'asked'")


class ExitRequest(Base):
    """An institution asks to leave; one request of an institution waits at a time.

    ``last_day`` is the day asked for, and once agreed the one decided.
    """

    __tablename__ = "exit_request"

    id: Mapped[int] = mapped_column(primary_key=True)
    institution_id: Mapped[int] = mapped_column(ForeignKey("institution.id"), index=True)
    state: Mapped[ExitState] = mapped_column(word(ExitState))
    last_day: Mapped[date]
    reason: Mapped[str] = mapped_column(String(500))
    asked_at: Mapped[datetime]
    asked_by_name: Mapped[str] = mapped_column(String(64))
    answer: Mapped[str] = mapped_column(String(500), default="")
    ended_at: Mapped[datetime | None]
    ended_by_name: Mapped[str] = mapped_column(String(64), default="")
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}
    __table_args__ = (
        CheckConstraint("(state = 'asked') = (ended_at IS NULL)", name="ended_has_instant"),
        Index(
            "uq_exit_request_waiting",
            "institution_id",
            unique=True,
            sqlite_where=_WAITING,
            postgresql_where=_WAITING,
        ),
    )
