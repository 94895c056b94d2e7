"""The stocking list 配备目录 of an institution with its draft (R-STOCK-2)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from clinic_orders.models.base import Base


class StockingList(Base):
    """An institution's list; ``adopted_at`` None: nothing but a draft so far."""

    __tablename__ = "stocking_list"

    institution_id: Mapped[int] = mapped_column(ForeignKey("institution.id"), primary_key=True)
    adopted_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}


class StockingItem(Base):
    """An item of the list, of its draft, or of both. Where the two differ, the draft waits to be adopted."""

    __tablename__ = "stocking_item"

    institution_id: Mapped[int] = mapped_column(ForeignKey("stocking_list.institution_id"), primary_key=True)
    item_id: Mapped[int] = mapped_column(ForeignKey("item.id"), primary_key=True, index=True)
    listed: Mapped[bool]
    drafted: Mapped[bool]

    __table_args__ = (CheckConstraint("listed OR drafted", name="in_list_or_draft"),)
