"""Closed months: their figures as they were frozen (R-STAT-1)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from clinic_orders.models.base import Base


class ClosedMonth(Base):
    """A month that was closed: its cut-off instant and every figure as published; never changed.

    ``blocks`` is what ``statistics`` prints of city, counties and kinds, ``by_county`` the kinds of each county by
    its code, and ``sha256`` that of both as canonical JSON, so that a printed statement can be held against it.
    """

    __tablename__ = "closed_month"

    id: Mapped[int] = mapped_column(primary_key=True)
    month: Mapped[str] = mapped_column(String(7), unique=True)
    cut_off_at: Mapped[datetime]
    blocks: Mapped[dict[str, Any]] = mapped_column(JSON)
    by_county: Mapped[dict[str, Any]] = mapped_column(JSON)
    sha256: Mapped[str] = mapped_column(String(64))
    closed_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    closed_by_name: Mapped[str] = mapped_column(String(64))

    __table_args__ = (
        CheckConstraint("length(month) = 7", name="month_form"),
        CheckConstraint("length(sha256) = 64", name="hash_form"),
    )
