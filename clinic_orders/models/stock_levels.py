"""What lay on all shelves at the end of a day, kept each night for those who look at many at once (decision 0050).

They are worked out of counts, acceptances, returns, sales and losses, and written anew every night; nothing rests on them.
"""

from __future__ import annotations

from datetime import date

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from clinic_orders.models.base import Base


class StockKeeper(Base):
    """An institution that recorded sales or counts lately, and how its shelf looked as a whole.

    ``items`` are those it is known to have had, ``out`` and ``near`` how many of them are used up and near their expiry.
    """

    __tablename__ = "stock_keeper"

    institution_id: Mapped[int] = mapped_column(ForeignKey("institution.id"), primary_key=True)
    looked_on: Mapped[date]
    items: Mapped[int]
    out: Mapped[int]
    near: Mapped[int]
    # Of any item; None where only acceptances and sales are known.
    counted_on: Mapped[date | None]

    __table_args__ = (CheckConstraint("out <= items AND near <= items", name="parts_of_the_items"),)


class StockLevel(Base):
    """One item on the shelf of a keeper, in base units; below 0 where more was sold than the books know of."""

    __tablename__ = "stock_level"

    institution_id: Mapped[int] = mapped_column(ForeignKey("institution.id"), primary_key=True)
    item_id: Mapped[int] = mapped_column(ForeignKey("item.id"), primary_key=True, index=True)
    on_hand: Mapped[int]
    out: Mapped[bool]
    near_units: Mapped[int]
    # Of the batch that should be used first.
    expires_on: Mapped[date | None]
    counted_on: Mapped[date | None]


class StockSum(Base):
    """One item on all shelves of a county: keepers that are known to have had it, and what is there together."""

    __tablename__ = "stock_sum"

    county_code: Mapped[str] = mapped_column(ForeignKey("county.code"), primary_key=True)
    item_id: Mapped[int] = mapped_column(ForeignKey("item.id"), primary_key=True)
    keepers: Mapped[int]
    on_hand: Mapped[int] = mapped_column(BigInteger)
    out: Mapped[int]
    near: Mapped[int]
    near_units: Mapped[int] = mapped_column(BigInteger)
