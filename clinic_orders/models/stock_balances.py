"""Stock carried forward: what the ledger of R-STOCK-3 says at the end of closed months, kept so that nobody adds up the years.

A copy of what counts, receipts, returns and sales say: never the truth, always to be thrown away (decision 0048).
Nothing here points to a record or keeps one from being taken out again.
"""

from __future__ import annotations

from datetime import date

from sqlalchemy import CheckConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from clinic_orders.models.base import Base


class StockWatch(Base):
    """The one row that says up to which day triggers of the database note what changes.

    ``ready_to``: everybody who wrote before that was known has ended, so stock may be carried to days up to this.
    """

    __tablename__ = "stock_watch"

    id: Mapped[int] = mapped_column(primary_key=True)
    until: Mapped[date]
    ready_to: Mapped[date | None]

    __table_args__ = (CheckConstraint("id = 1", name="only_one"),)


class StockDisturbed(Base):
    """Something that moves an institution's stock on a day that is watched has changed since.

    Triggers write it in the transaction of the change, whoever makes it. Rows are only added, so that two who change
    the same never wait for each other, and are taken away by whoever carries the stock anew.
    """

    __tablename__ = "stock_disturbed"

    id: Mapped[int] = mapped_column(primary_key=True)
    institution_id: Mapped[int]
    day: Mapped[date]

    __table_args__ = (Index("ix_stock_disturbed_institution", "institution_id", "day"),)


class StockCarried(Base):
    """The stock of an institution was carried to the end of a day; what has no ``StockBalance`` of that day is 0."""

    __tablename__ = "stock_carried"

    institution_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    carried_on: Mapped[date] = mapped_column(primary_key=True)


class StockBalance(Base):
    """Base units of an item in the ledger at the end of a day, and whether it was ever counted by then."""

    __tablename__ = "stock_balance"

    carried_on: Mapped[date] = mapped_column(primary_key=True)
    institution_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    item_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    base_units: Mapped[int]
    counted: Mapped[bool]

    # The key is the row, so SQLite need not keep both.
    __table_args__ = {"sqlite_with_rowid": False}
