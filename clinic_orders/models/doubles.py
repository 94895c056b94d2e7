"""Pairs of orders that look alike, and what the bureau has decided about them (R-ORD-4, R-VOL-2)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from clinic_orders.models.base import Base, word
from clinic_orders.rules.doubles import DoubleDecision


class OrderDouble(Base):
    """An order of an outside channel and one that was known before; ``set_aside_id`` counts nowhere any more."""

    __tablename__ = "order_double"

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("purchase_order.id"))
    other_id: Mapped[int] = mapped_column(ForeignKey("purchase_order.id"), index=True)
    found_at: Mapped[datetime]
    decision: Mapped[DoubleDecision | None] = mapped_column(word(DoubleDecision))
    set_aside_id: Mapped[int | None] = mapped_column(ForeignKey("purchase_order.id"))
    decided_at: Mapped[datetime | None]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    decided_by_name: Mapped[str] = mapped_column(String(64), default="")
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}
    __table_args__ = (
        UniqueConstraint("order_id", "other_id"),
        CheckConstraint("order_id <> other_id", name="two_orders"),
        CheckConstraint(
            "(coalesce(decision, '') = 'same') = (set_aside_id IS NOT NULL)", name="same_sets_aside"
        ),
        CheckConstraint(
            "set_aside_id IS NULL OR set_aside_id IN (order_id, other_id)", name="set_aside_of_pair"
        ),
        CheckConstraint("(decision IS NULL) = (decided_at IS NULL)", name="decided_has_instant"),
        # Every question that counts orders looks here; nearly all rows have nothing.
        Index(
            "ix_order_double_set_aside",
            "set_aside_id",
            sqlite_where=text("set_aside_id IS NOT NULL"),
            postgresql_where=text("set_aside_id IS NOT NULL"),
        ),
    )
