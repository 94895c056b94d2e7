"""What the bureau shows the public: a row a matter, and the telephones that stay unsaid (decision 0043)."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from clinic_orders.models.base import Base, word
from clinic_orders.rules.publicity import Matter


class PublicMatter(Base):
    """Whether a matter is open to the public; a matter without a row is closed."""

    __tablename__ = "public_matter"

    matter: Mapped[Matter] = mapped_column(word(Matter), primary_key=True)
    open: Mapped[bool]
    document_no: Mapped[str] = mapped_column(String(128), default="")
    decided_at: Mapped[datetime]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    decided_by: Mapped[str] = mapped_column(String(64))
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}


class HiddenPhone(Base):
    """An institution whose telephone the public does not see; shown again, the row is gone."""

    __tablename__ = "hidden_phone"

    institution_id: Mapped[int] = mapped_column(ForeignKey("institution.id"), primary_key=True)
    hidden_at: Mapped[datetime]
    hidden_by: Mapped[str] = mapped_column(String(64))


class PriceComparison(Base):
    """Posted prices 标价 of an item in a county as they stood at the end of a month, kept once the month is over."""

    __tablename__ = "price_comparison"

    id: Mapped[int] = mapped_column(primary_key=True)
    month: Mapped[str] = mapped_column(String(7))
    item_id: Mapped[int] = mapped_column(ForeignKey("item.id"), index=True)
    county_code: Mapped[str] = mapped_column(ForeignKey("county.code"))
    shops: Mapped[int]
    lowest: Mapped[Decimal]
    highest: Mapped[Decimal]
    # The sum of the prices, so that a mean over counties can be made of it.
    total: Mapped[Decimal]
    made_at: Mapped[datetime]

    __table_args__ = (
        Index("uq_price_comparison_row", "month", "item_id", "county_code", unique=True),
        CheckConstraint("length(month) = 7", name="month_form"),
        CheckConstraint("shops >= 1", name="somebody_posts"),
        CheckConstraint("lowest > 0 AND highest >= lowest", name="prices_in_order"),
    )
