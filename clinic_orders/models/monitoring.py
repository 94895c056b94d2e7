"""Price monitoring (R-STAT-4): who reports, what is watched, what was observed, what was published."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from clinic_orders.models.base import Base
from clinic_orders.models.recorded import Recorded, standing_index, standing_key


class Sentinel(Base):
    """An institution that reports prices every month 监测点, first and last day included."""

    __tablename__ = "sentinel"

    id: Mapped[int] = mapped_column(primary_key=True)
    institution_id: Mapped[int] = mapped_column(ForeignKey("institution.id"))
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]
    set_by_name: Mapped[str] = mapped_column(String(64))
    recorded_at: Mapped[datetime]

    __table_args__ = (
        UniqueConstraint("institution_id", "valid_from"),
        CheckConstraint("valid_to IS NULL OR valid_to >= valid_from", name="days_in_order"),
    )


class WatchedItem(Base):
    """An item whose price is watched 监测品种, first and last day included."""

    __tablename__ = "watched_item"

    id: Mapped[int] = mapped_column(primary_key=True)
    item_id: Mapped[int] = mapped_column(ForeignKey("item.id"))
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]
    set_by_name: Mapped[str] = mapped_column(String(64))
    recorded_at: Mapped[datetime]

    __table_args__ = (
        UniqueConstraint("item_id", "valid_from"),
        CheckConstraint("valid_to IS NULL OR valid_to >= valid_from", name="days_in_order"),
    )


class MonitoredPrice(Recorded, Base):
    """What a sentinel asks for a pack on a day, or that it has none; several days a month tell of changes."""

    __tablename__ = "monitored_price"

    institution_id: Mapped[int] = mapped_column(ForeignKey("institution.id"))
    item_id: Mapped[int] = mapped_column(ForeignKey("item.id"))
    observed_on: Mapped[date]
    price: Mapped[Decimal | None]
    out_of_stock: Mapped[bool] = mapped_column(default=False)

    __table_args__ = (
        standing_key("monitored_price", "institution_id", "item_id", "observed_on"),
        standing_index("ix_monitored_price_day", "observed_on", "institution_id"),
        CheckConstraint("price IS NULL OR price > 0", name="price_above_zero"),
        CheckConstraint("price IS NOT NULL OR out_of_stock", name="price_or_out"),
        CheckConstraint("replaced_at IS NULL OR replaced_at >= recorded_at", name="replaced_later"),
    )


class PricePublication(Base):
    """The figures of a month as they were published; ``rows`` are those of the page, word for word."""

    __tablename__ = "price_publication"

    month: Mapped[str] = mapped_column(String(7), primary_key=True)
    rows: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    sentinels: Mapped[int]
    expected: Mapped[int]
    reported: Mapped[int]
    published_at: Mapped[datetime]
    published_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    published_by_name: Mapped[str] = mapped_column(String(64))

    __table_args__ = (CheckConstraint("length(month) = 7", name="month_form"),)


class ListedProduct(Recorded, Base):
    """A product that is not a selected one here, with its listed price 挂网价 and the anchors of its label."""

    __tablename__ = "listed_product"

    product_code: Mapped[str] = mapped_column(String(64))
    variety: Mapped[str] = mapped_column(String(200))
    product_name: Mapped[str] = mapped_column(String(200))
    manufacturer: Mapped[str] = mapped_column(String(200))
    status: Mapped[str] = mapped_column(String(32))
    listed_from: Mapped[date]
    price: Mapped[Decimal]
    own_selected_price: Mapped[Decimal | None]
    highest_selected_price: Mapped[Decimal | None]
    highest_listed_price: Mapped[Decimal | None]

    __table_args__ = (
        standing_key("listed_product", "product_code", "listed_from"),
        CheckConstraint("price > 0", name="price_above_zero"),
        CheckConstraint("replaced_at IS NULL OR replaced_at >= recorded_at", name="replaced_later"),
    )
