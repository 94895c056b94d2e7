"""Many letters printed in one run: one row a run, from its choice to its files."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from clinic_orders.models.base import Base, word
from clinic_orders.rules.letter_runs import LetterRunState
from clinic_orders.rules.letters import LetterKind


class LetterRun(Base):
    """A run (``rules.letter_runs``); ``letter_ids`` are the letters in the order in which they are printed.

    ``token`` names its folder in the instance, ``address`` is our own one for the codes. ``attempt`` counts the
    processes that have claimed it and tells them apart; ``failures`` those that broke off. ``county_code`` is that of
    the bureau that chose the letters, empty for the city's.
    """

    __tablename__ = "letter_run"

    id: Mapped[int] = mapped_column(primary_key=True)
    token: Mapped[str] = mapped_column(String(32), unique=True)
    state: Mapped[LetterRunState] = mapped_column(word(LetterRunState), default=LetterRunState.WAITING)
    by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    by_name: Mapped[str] = mapped_column(String(64))
    county_code: Mapped[str] = mapped_column(String(6), default="")
    address: Mapped[str] = mapped_column(String(200), default="")
    first_day: Mapped[date]
    last_day: Mapped[date]
    kind: Mapped[LetterKind | None] = mapped_column(word(LetterKind))
    unsigned_only: Mapped[bool] = mapped_column(default=False)
    letter_ids: Mapped[list[int]] = mapped_column(JSON)
    total: Mapped[int]
    made: Mapped[int] = mapped_column(default=0)
    requested_at: Mapped[datetime]
    worker: Mapped[str] = mapped_column(String(64), default="")
    attempt: Mapped[int] = mapped_column(default=0)
    failures: Mapped[int] = mapped_column(default=0)
    heartbeat_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    error: Mapped[str] = mapped_column(Text, default="")

    __table_args__ = (
        CheckConstraint(
            "(state IN ('done', 'failed', 'cancelled')) = (ended_at IS NOT NULL)", name="ended_has_instant"
        ),
        CheckConstraint("total > 0 AND made >= 0 AND made <= total", name="made_of_total"),
        CheckConstraint("last_day >= first_day", name="days_in_order"),
        Index("ix_letter_run_state", "state", "id"),
    )
