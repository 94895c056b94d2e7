"""What the rows of all runs of papers have in common (``rules.paper_runs``)."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from clinic_orders.models.background import Work
from clinic_orders.models.base import word
from clinic_orders.rules.paper_runs import PAPER_RUN, PaperRunState


class PaperRun(Work):
    """A run of ``total`` papers, of which ``made`` are made.

    ``county_code`` is that of the bureau that asked for it, empty for the city's.
    """

    course = PAPER_RUN

    state: Mapped[PaperRunState] = mapped_column(word(PaperRunState), default=PaperRunState.WAITING)
    by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    county_code: Mapped[str] = mapped_column(String(6), default="")
    total: Mapped[int]
    made: Mapped[int] = mapped_column(default=0)


def of_every_run(table: str) -> tuple[CheckConstraint | Index, ...]:
    """The constraints and indexes of a table of runs."""
    return (
        CheckConstraint(
            "(state IN ('done', 'failed', 'cancelled')) = (ended_at IS NOT NULL)", name="ended_has_instant"
        ),
        CheckConstraint("total > 0 AND made >= 0 AND made <= total", name="made_of_total"),
        Index(f"ix_{table}_state", "state", "id"),
    )
