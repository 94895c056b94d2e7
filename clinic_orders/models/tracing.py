"""Which item a code on a pack means: the first seven digits of a trace code, or the 69-code (R-TRACE-1)."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from clinic_orders.models.base import Base
from clinic_orders.models.recorded import Recorded, standing_key


class TraceProduct(Recorded, Base):
    """A product and pack level: its item, and how many base units a pack with such a code holds."""

    __tablename__ = "trace_product"

    prefix: Mapped[str] = mapped_column(String(7))
    item_id: Mapped[int] = mapped_column(ForeignKey("item.id"), index=True)
    base_units_per_code: Mapped[int]

    __table_args__ = (
        standing_key("trace_product", "prefix"),
        CheckConstraint("length(prefix) = 7", name="seven_digits"),
        CheckConstraint("base_units_per_code >= 1", name="units_at_least_one"),
        CheckConstraint("replaced_at IS NULL OR replaced_at >= recorded_at", name="replaced_later"),
    )


class ProductCode(Recorded, Base):
    """The 69-code (GTIN without its leading zero) that is printed on every pack of an item; several may be."""

    __tablename__ = "product_code"

    barcode: Mapped[str] = mapped_column(String(14))
    item_id: Mapped[int] = mapped_column(ForeignKey("item.id"), index=True)

    __table_args__ = (
        standing_key("product_code", "barcode"),
        CheckConstraint("length(barcode) IN (8, 13, 14)", name="gtin_length"),
        CheckConstraint("replaced_at IS NULL OR replaced_at >= recorded_at", name="replaced_later"),
    )
