"""What institutions report of their shelves: counts, posted prices, purchases of other products (R-STOCK, R-PRICE-5, R-VOL-6)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from sqlalchemy import CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from clinic_orders.models.base import Base
from clinic_orders.models.recorded import Recorded, standing_index, standing_key


class StockCount(Recorded, Base):
    """Base units of an item on the shelf at the end of a day (盘点, R-STOCK-3)."""

    __tablename__ = "stock_count"

    institution_id: Mapped[int] = mapped_column(ForeignKey("institution.id"))
    item_id: Mapped[int] = mapped_column(ForeignKey("item.id"))
    counted_on: Mapped[date]
    base_units: Mapped[int]

    __table_args__ = (
        standing_key("stock_count", "institution_id", "item_id", "counted_on"),
        # Who has counted anything in the last 400 days.
        standing_index("ix_stock_count_day", "counted_on", "institution_id"),
        CheckConstraint("base_units >= 0", name="units_not_negative"),
        CheckConstraint("replaced_at IS NULL OR replaced_at >= recorded_at", name="replaced_later"),
    )


class ShelfPrice(Recorded, Base):
    """The price per pack on the tag, from a day on (标价, R-PRICE-5)."""

    __tablename__ = "shelf_price"

    institution_id: Mapped[int] = mapped_column(ForeignKey("institution.id"))
    item_id: Mapped[int] = mapped_column(ForeignKey("item.id"))
    posted_on: Mapped[date]
    price: Mapped[Decimal]

    __table_args__ = (
        standing_key("shelf_price", "institution_id", "item_id", "posted_on"),
        standing_index("ix_shelf_price_day", "posted_on", "institution_id"),
        CheckConstraint("price > 0", name="price_above_zero"),
        CheckConstraint("replaced_at IS NULL OR replaced_at >= recorded_at", name="replaced_later"),
    )


class OtherPurchase(Recorded, Base):
    """A purchase of a non-selected product of a group 同类组 (R-VOL-6)."""

    __tablename__ = "other_purchase"

    institution_id: Mapped[int] = mapped_column(ForeignKey("institution.id"))
    document_no: Mapped[str] = mapped_column(String(64))
    line_no: Mapped[str] = mapped_column(String(64))
    # ``group`` is a word of SQL.
    substitute_group: Mapped[str] = mapped_column(String(200))
    product_name: Mapped[str] = mapped_column(String(200))
    base_units: Mapped[int]
    amount: Mapped[Decimal]
    purchased_on: Mapped[date]
    justified: Mapped[bool] = mapped_column(default=False)

    __table_args__ = (
        standing_key("other_purchase", "institution_id", "document_no", "line_no"),
        standing_index("ix_other_purchase_day", "purchased_on", "institution_id"),
        CheckConstraint("base_units >= 1", name="units_at_least_one"),
        CheckConstraint("amount >= 0 AND amount % 100 = 0", name="whole_cents_not_negative"),
        CheckConstraint("replaced_at IS NULL OR replaced_at >= recorded_at", name="replaced_later"),
    )
