"""Many letters printed in one run: one row a run, from its choice to its files."""

from __future__ import annotations

from datetime import date

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from clinic_orders.models.background import Work
from clinic_orders.models.base import Base, word
from clinic_orders.rules.letter_runs import LETTER_RUN, LetterRunState
from clinic_orders.rules.letters import LetterKind


class LetterRun(Work, Base):
    """A run (``rules.letter_runs``); ``letter_ids`` are the letters in the order in which they are printed.

    ``address`` is our own one for the codes. ``county_code`` is that of the bureau that chose the letters, empty for
    the city's.
    """

    __tablename__ = "letter_run"
    course = LETTER_RUN

    state: Mapped[LetterRunState] = mapped_column(word(LetterRunState), default=LetterRunState.WAITING)
    by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    county_code: Mapped[str] = mapped_column(String(6), default="")
    address: Mapped[str] = mapped_column(String(200), default="")
    first_day: Mapped[date]
    last_day: Mapped[date]
    kind: Mapped[LetterKind | None] = mapped_column(word(LetterKind))
    unsigned_only: Mapped[bool] = mapped_column(default=False)
    letter_ids: Mapped[list[int]] = mapped_column(JSON)
    total: Mapped[int]
    made: Mapped[int] = mapped_column(default=0)

    __table_args__ = (
        CheckConstraint(
            "(state IN ('done', 'failed', 'cancelled')) = (ended_at IS NOT NULL)", name="ended_has_instant"
        ),
        CheckConstraint("total > 0 AND made >= 0 AND made <= total", name="made_of_total"),
        CheckConstraint("last_day >= first_day", name="days_in_order"),
        Index("ix_letter_run_state", "state", "id"),
    )
