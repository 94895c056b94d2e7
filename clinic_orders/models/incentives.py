"""Who has been told that it stands on a list of a year: preference, or a notice of missed reports (decision 0053)."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from clinic_orders.models.base import Base, word
from clinic_orders.rules.incentives import YearList


class YearListEntry(Base):
    """An institution on a list of a year, with the figures it was told; nobody is told twice."""

    __tablename__ = "year_list_entry"

    id: Mapped[int] = mapped_column(primary_key=True)
    year: Mapped[int]
    institution_id: Mapped[int] = mapped_column(ForeignKey("institution.id"), index=True)
    list: Mapped[YearList] = mapped_column(word(YearList))
    purchased: Mapped[Decimal]
    fulfilment: Mapped[Decimal | None]
    missed: Mapped[int]
    told_at: Mapped[datetime]
    told_by_name: Mapped[str] = mapped_column(String(64))

    __table_args__ = (
        UniqueConstraint("year", "list", "institution_id"),
        CheckConstraint("missed >= 0", name="missed"),
    )
