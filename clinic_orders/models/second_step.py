"""The second step of a log-in: the secret a phone has, and the codes on a sheet of paper."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from clinic_orders.models.base import Base


class SecondStep(Base):
    """The secret of an account; it counts once the person has shown that the phone has it."""

    __tablename__ = "second_step"

    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"), primary_key=True, autoincrement=False)
    secret: Mapped[str] = mapped_column(String(64))
    begun_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]
    # The half minute of the last code that was taken: none counts twice (RFC 6238, section 5.2).
    last_step: Mapped[int] = mapped_column(default=0)
    # Of the codes on the present sheet of paper, in hexadecimal.
    paper_salt: Mapped[str] = mapped_column(String(32), default="")

    __table_args__ = (CheckConstraint("last_step >= 0", name="last_step_not_negative"),)


class PaperCode(Base):
    """A code for the day on which the phone is lost, good once; only its digest is kept."""

    __tablename__ = "paper_code"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"), index=True)
    digest: Mapped[str] = mapped_column(String(64))
    used_at: Mapped[datetime | None]

    __table_args__ = (UniqueConstraint("user_id", "digest"),)
