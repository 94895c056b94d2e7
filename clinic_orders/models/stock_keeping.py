"""How an institution keeps its stock: its own numbers for the suggestion, and what it has been told of."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from clinic_orders.models.base import Base, word
from clinic_orders.rules.reordering import StockNews


class StockSetting(Base):
    """An institution's own numbers; without a row the defaults of ``rules.reordering`` hold."""

    __tablename__ = "stock_setting"

    institution_id: Mapped[int] = mapped_column(ForeignKey("institution.id"), primary_key=True)
    use_days: Mapped[int]
    lead_days: Mapped[int]
    cover_days: Mapped[int]
    expiry_days: Mapped[int]
    tells: Mapped[bool]
    version: Mapped[int] = mapped_column(default=1)
    updated_at: Mapped[datetime]

    __mapper_args__ = {"version_id_col": version}
    __table_args__ = (
        CheckConstraint(
            "use_days >= 7 AND lead_days >= 0 AND cover_days >= 1 AND expiry_days >= 0",
            name="days_make_sense",
        ),
    )


class StockTold(Base):
    """News of an item that an institution was told, so that it hears it once; ended when it is true no more."""

    __tablename__ = "stock_told"

    id: Mapped[int] = mapped_column(primary_key=True)
    institution_id: Mapped[int] = mapped_column(ForeignKey("institution.id"))
    item_id: Mapped[int] = mapped_column(ForeignKey("item.id"))
    news: Mapped[StockNews] = mapped_column(word(StockNews))
    # The batch that is near its expiry; empty for an item that is out.
    batch_no: Mapped[str] = mapped_column(String(64), default="")
    told_on: Mapped[date]
    told_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]

    __table_args__ = (
        Index(
            "uq_stock_told_open",
            "institution_id",
            "item_id",
            "news",
            "batch_no",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )
