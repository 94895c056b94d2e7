"""Drafts of letters printed in one run to be read before anything is issued: one row a run."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON
from sqlalchemy.orm import Mapped, mapped_column

from clinic_orders.models.base import Base
from clinic_orders.models.paper_runs import PaperRun, of_every_run


class DraftRun(PaperRun, Base):
    """A run; ``case_numbers`` are the cases whose next letter is printed as a draft, in this order.

    ``wanted`` says which filters of the list of cases chose them. ``left_out`` has, by case, the message and the facts
    of the refusal with which its letter could not go out as it stands.
    """

    __tablename__ = "draft_run"

    case_numbers: Mapped[list[str]] = mapped_column(JSON)
    wanted: Mapped[dict[str, Any]] = mapped_column(JSON)
    left_out: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)

    __table_args__ = of_every_run(__tablename__)
