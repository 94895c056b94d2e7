"""Many letters printed in one run: one row a run, from its choice to its files."""

from __future__ import annotations

from datetime import date

from sqlalchemy import JSON, CheckConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from clinic_orders.models.base import Base, word
from clinic_orders.models.paper_runs import PaperRun, of_every_run
from clinic_orders.rules.letters import LetterKind


class LetterRun(PaperRun, Base):
    """A run; ``letter_ids`` are the letters in the order in which they are printed.

    ``address`` is our own one for the codes.
    """

    __tablename__ = "letter_run"

    address: Mapped[str] = mapped_column(String(200), default="")
    first_day: Mapped[date]
    last_day: Mapped[date]
    kind: Mapped[LetterKind | None] = mapped_column(word(LetterKind))
    unsigned_only: Mapped[bool] = mapped_column(default=False)
    letter_ids: Mapped[list[int]] = mapped_column(JSON)

    __table_args__ = (
        *of_every_run(__tablename__),
        CheckConstraint("last_day >= first_day", name="days_in_order"),
    )
