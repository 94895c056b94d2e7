"""Policy parameters as dated records (rules section 13)."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from clinic_orders.models.base import Base


class PolicyValue(Base):
    """A value of a parameter from a day on, for a kind and scale (empty = all).

    ``value`` is text in the parameter's own form (rules.policy parses it); empty = not set.
    ``confirmed`` says that the bureau vouches for it with the document it rests on; ``example`` marks values
    of the demonstration, which are never official.
    """

    __tablename__ = "policy_value"

    id: Mapped[int] = mapped_column(primary_key=True)
    parameter: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(32), default="")
    scale: Mapped[str] = mapped_column(String(64), default="")
    valid_from: Mapped[date]
    value: Mapped[str] = mapped_column(String(64))
    document_no: Mapped[str] = mapped_column(String(128), default="")
    confirmed: Mapped[bool] = mapped_column(default=False)
    example: Mapped[bool] = mapped_column(default=False)
    set_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    recorded_at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("parameter", "kind", "scale", "valid_from"),)
