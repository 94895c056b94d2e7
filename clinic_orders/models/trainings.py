"""Training of staff: what, when, who, how long, with a paper as evidence (R-STAT-3)."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from clinic_orders.models.base import Base


class TrainingRecord(Base):
    """One training as the institution entered it; taken back, it stays on record."""

    __tablename__ = "training_record"

    id: Mapped[int] = mapped_column(primary_key=True)
    institution_id: Mapped[int] = mapped_column(ForeignKey("institution.id"), index=True)
    day: Mapped[date]
    subject: Mapped[str] = mapped_column(String(200))
    # Names, or how many of which group; as the evidence says.
    persons: Mapped[str] = mapped_column(String(500))
    persons_count: Mapped[int]
    # Hours with at most four decimals, of each person.
    hours: Mapped[Decimal]
    file_name: Mapped[str] = mapped_column(String(200), default="")
    media_type: Mapped[str] = mapped_column(String(64), default="")
    sha256: Mapped[str] = mapped_column(String(64), default="")
    stored_as: Mapped[str | None] = mapped_column(String(64), unique=True)
    form_key: Mapped[str] = mapped_column(String(64), unique=True)
    recorded_at: Mapped[datetime]
    recorded_by_name: Mapped[str] = mapped_column(String(64))
    removed_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("persons_count > 0", name="somebody_was_trained"),
        CheckConstraint("hours > 0", name="some_time"),
        CheckConstraint("(stored_as IS NULL) = (file_name = '')", name="file_has_name"),
    )
