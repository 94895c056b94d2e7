"""How far the nightly check of selling prices has looked, and by what it judged then (rules section 12)."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from clinic_orders.models.base import Base


class PriceMark(Base):
    """The one mark: the day and instant of the last look, and the last rows it has surely seen.

    ``digest`` is of all prices, letters, memberships, kinds and policy together; by item and institution they stand
    in ``price_input``.
    """

    __tablename__ = "price_mark"

    id: Mapped[int] = mapped_column(primary_key=True)
    as_of: Mapped[date]
    looked_at: Mapped[datetime]
    sale_line_id: Mapped[int]
    shelf_price_id: Mapped[int]
    digest: Mapped[str] = mapped_column(String(64))

    __table_args__ = (CheckConstraint("id = 1", name="only_one"),)


class PriceInput(Base):
    """What prices were judged by: of an item, an institution, or the policy; dated rows as JSON.

    A copy, because these tables are changed in place and a batch that is undone takes rows away: only what was seen
    tells what has changed since.
    """

    __tablename__ = "price_input"

    subject: Mapped[str] = mapped_column(String(32), primary_key=True)
    content: Mapped[str] = mapped_column(Text)
