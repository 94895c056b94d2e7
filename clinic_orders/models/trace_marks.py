"""How far the nightly search for clues on trace codes has looked (rules section 12)."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from clinic_orders.models.base import Base


class TraceMark(Base):
    """The one mark: the day and instant of the last look, and the last sale line it has surely seen.

    ``digest`` is of what all codes are judged by together: products, pack sizes, memberships and policy.
    """

    __tablename__ = "trace_mark"

    id: Mapped[int] = mapped_column(primary_key=True)
    as_of: Mapped[date]
    looked_at: Mapped[datetime]
    sale_line_id: Mapped[int]
    digest: Mapped[str] = mapped_column(String(64))

    __table_args__ = (CheckConstraint("id = 1", name="only_one"),)
