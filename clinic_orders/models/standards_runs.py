"""Sheets of the six unified standards for many institutions: one row a run, from its choice to its files."""

from __future__ import annotations

from datetime import date

from sqlalchemy import JSON, String
from sqlalchemy.orm import Mapped, mapped_column

from clinic_orders.models.base import Base, word
from clinic_orders.models.paper_runs import PaperRun, of_every_run
from clinic_orders.rules.parties import InstitutionKind


class StandardsRun(PaperRun, Base):
    """A run; ``institution_ids`` are those whose sheets are printed, in this order, as they were ``on_day``.

    ``place_code`` and ``place`` are the county that was chosen; ``township`` is empty and ``kind`` None where all of
    it was. ``sheets`` are values of ``rules.standards.Sheet``; ``phone`` is where to complain, as it stood in the
    settings when the run was asked for.
    """

    __tablename__ = "standards_run"

    on_day: Mapped[date]
    place_code: Mapped[str] = mapped_column(String(12))
    place: Mapped[str] = mapped_column(String(64))
    township: Mapped[str] = mapped_column(String(64), default="")
    kind: Mapped[InstitutionKind | None] = mapped_column(word(InstitutionKind))
    sheets: Mapped[list[str]] = mapped_column(JSON)
    phone: Mapped[str] = mapped_column(String(64), default="")
    institution_ids: Mapped[list[int]] = mapped_column(JSON)

    __table_args__ = of_every_run(__tablename__)
