"""Items, prices and editions of the recommended catalogue (R-CAT)."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from clinic_orders.models.base import Base
from clinic_orders.rules.parties import InstitutionKind


class Item(Base):
    """One item 品规: generic name + form + strength + pack + manufacturer (R-CAT-1).

    ``pack_size`` base units make a pack; it and ``base_unit`` never change for an item code.
    ``suits`` holds kinds as ``;village_clinic;retail_pharmacy;`` – empty means all kinds.
    The ``search_*`` columns are made by rules.pinyin when the item is written.
    """

    __tablename__ = "item"

    id: Mapped[int] = mapped_column(primary_key=True)
    item_code: Mapped[str] = mapped_column(String(64), unique=True)
    generic_name: Mapped[str] = mapped_column(String(128))
    form: Mapped[str] = mapped_column(String(64))
    strength: Mapped[str] = mapped_column(String(128))
    pack_size: Mapped[int]
    base_unit: Mapped[str] = mapped_column(String(16))
    manufacturer: Mapped[str] = mapped_column(String(200))
    batch: Mapped[str] = mapped_column(String(64))
    approval_no: Mapped[str] = mapped_column(String(64), default="")
    nhsa_code: Mapped[str] = mapped_column(String(32), default="")
    variety: Mapped[str] = mapped_column(String(200), default="")
    group: Mapped[str] = mapped_column("substitute_group", String(200), default="")
    suits: Mapped[str] = mapped_column(String(200), default="")
    ceiling_price: Mapped[Decimal | None]
    supplies_here: Mapped[bool] = mapped_column(default=False)
    cold_chain: Mapped[bool] = mapped_column(default=False)
    # Provenance of the shipped edition: shown beside prices, never used by a rule.
    batch_year: Mapped[int | None]
    pack_size_basis: Mapped[str] = mapped_column(String(200), default="")
    supply_regions: Mapped[str] = mapped_column(Text, default="")
    source: Mapped[str] = mapped_column(Text, default="")
    search_text: Mapped[str] = mapped_column(Text, default="")
    search_initials: Mapped[str] = mapped_column(Text, default="")
    search_pinyin: Mapped[str] = mapped_column(Text, default="")
    recorded_at: Mapped[datetime]

    prices: Mapped[list[Price]] = relationship(back_populates="item", order_by="Price.valid_from")

    __table_args__ = (CheckConstraint("pack_size >= 1", name="pack_size_at_least_one"),)

    def suits_kind(self, kind: InstitutionKind) -> bool:
        """Whether the item may be ordered by this kind of institution (R-CAT-1)."""
        return not self.suits or f";{kind.value};" in self.suits


class Price(Base):
    """The price of a pack from 00:00 Asia/Shanghai of a day on, with its document (R-CAT-2)."""

    __tablename__ = "price"

    id: Mapped[int] = mapped_column(primary_key=True)
    item_id: Mapped[int] = mapped_column(ForeignKey("item.id"))
    valid_from: Mapped[date]
    pack_price: Mapped[Decimal]
    document_no: Mapped[str] = mapped_column(String(128), default="")
    recorded_at: Mapped[datetime]

    item: Mapped[Item] = relationship(back_populates="prices")

    __table_args__ = (
        UniqueConstraint("item_id", "valid_from"),
        CheckConstraint("pack_price > 0", name="price_above_zero"),
    )


class Edition(Base):
    """A recommended catalogue 推荐目录 in force from a day until the next one (R-CAT-1)."""

    __tablename__ = "edition"

    id: Mapped[int] = mapped_column(primary_key=True)
    edition: Mapped[str] = mapped_column(String(64), unique=True)
    valid_from: Mapped[date]
    recorded_at: Mapped[datetime]

    items: Mapped[list[EditionItem]] = relationship(back_populates="edition")


class EditionItem(Base):
    """An item's place in an edition."""

    __tablename__ = "edition_item"

    edition_id: Mapped[int] = mapped_column(ForeignKey("edition.id"), primary_key=True)
    item_id: Mapped[int] = mapped_column(ForeignKey("item.id"), primary_key=True, index=True)

    edition: Mapped[Edition] = relationship(back_populates="items")
    item: Mapped[Item] = relationship()
