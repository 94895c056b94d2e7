"""Sales to patients and customers with their trace codes, and what the insurance fund settled (R-PRICE, R-TRACE).

Tens of millions of rows: nothing points at a sale line but its codes, and a month of sales is found by ``sold_on``,
the day in Asia/Shanghai, by which PostgreSQL parts the codes into months (``actions.code_months``). Row ids rise in
the order of recording, so "what is new since" is a range of ids.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from sqlalchemy import DDL, CheckConstraint, ForeignKey, Index, String, event, text
from sqlalchemy.orm import Mapped, mapped_column

from clinic_orders.models.base import Base
from clinic_orders.models.recorded import REPLACED, Recorded, standing_index, standing_key


class SaleLine(Recorded, Base):
    """A line of a receipt: base units of an item, or another product, with the amount taken.

    Negative ``base_units`` are a customer's return. ``item_id`` None: a product outside the catalogue, whose name is
    ``other_product``. A line of the same number that comes with other values is a correction (``models.recorded``);
    the codes belong to the version of the line with which they came.
    """

    __tablename__ = "sale_line"

    institution_id: Mapped[int] = mapped_column(ForeignKey("institution.id"))
    sale_no: Mapped[str] = mapped_column(String(64))
    line_no: Mapped[str] = mapped_column(String(64))
    item_id: Mapped[int | None] = mapped_column(ForeignKey("item.id"))
    other_product: Mapped[str] = mapped_column(String(200), default="")
    sold_at: Mapped[datetime]
    sold_on: Mapped[date]
    base_units: Mapped[int]
    amount: Mapped[Decimal]
    insured: Mapped[bool] = mapped_column(default=False)

    __table_args__ = (
        standing_key("sale_line", "institution_id", "sale_no", "line_no"),
        # A month of everybody; an institution's item over time, for the stock ledger and for what its sales cost.
        standing_index("ix_sale_line_day", "sold_on", "institution_id"),
        standing_index("ix_sale_line_ledger", "institution_id", "item_id", "sold_on"),
        # The few corrected lines, for whoever has to look at what they were.
        Index(
            "ix_sale_line_replaced",
            "replaced_at",
            sqlite_where=text(REPLACED),
            postgresql_where=text(REPLACED),
        ),
        CheckConstraint("base_units <> 0", name="units_not_zero"),
        CheckConstraint("base_units < 0 OR amount >= 0", name="sale_not_below_zero"),
        CheckConstraint("amount % 100 = 0", name="whole_cents"),
        CheckConstraint("(item_id IS NULL) = (other_product <> '')", name="item_or_other_product"),
        CheckConstraint("replaced_at IS NULL OR replaced_at >= recorded_at", name="replaced_later"),
    )


class SaleCode(Base):
    """A trace code on a sale line; found by code, by line, and on PostgreSQL by the month of the sale.

    Rows go in through ``actions.reported.sale_codes`` only, which keeps ``RepeatedCode`` with them.
    """

    __tablename__ = "sale_code"

    code: Mapped[str] = mapped_column(String(64), primary_key=True)
    sale_line_id: Mapped[int] = mapped_column(ForeignKey("sale_line.id"), primary_key=True, index=True)
    # That of the line; PostgreSQL wants the column by which a table is parted in its key.
    sold_on: Mapped[date] = mapped_column(primary_key=True)

    # The key is the row, so SQLite need not keep both.
    __table_args__ = {"sqlite_with_rowid": False, "postgresql_partition_by": "RANGE (sold_on)"}


MONTH_TABLE: Final = re.compile(r"sale_code_(\d{4}_\d{2}|rest)")
"""The names of the tables into which PostgreSQL parts the codes; ``rest`` takes the months that have none yet."""

event.listen(
    SaleCode.__table__,
    "after_create",
    DDL("CREATE TABLE sale_code_rest PARTITION OF sale_code DEFAULT").execute_if(  # type: ignore[no-untyped-call]
        dialect="postgresql"
    ),
)


class RepeatedCode(Base):
    """A line on which a code came that came on more than one, whatever became of the lines; all lines of such a code.

    Only among these few can one pack have been sold twice (R-TRACE-2, T1 to T3): the search of a month need not look
    through the codes of all years for them, nor for where else they were.
    """

    __tablename__ = "repeated_code"

    code: Mapped[str] = mapped_column(String(64), primary_key=True)
    sale_line_id: Mapped[int] = mapped_column(ForeignKey("sale_line.id"), primary_key=True)
    # That of the line, so that those of a month are found.
    sold_on: Mapped[date] = mapped_column(index=True)

    __table_args__ = {"sqlite_with_rowid": False}


class Settlement(Recorded, Base):
    """What the fund settled with an institution for an item in a month (医保结算, R-PRICE-7); ``YYYY-MM``."""

    __tablename__ = "settlement"

    institution_id: Mapped[int] = mapped_column(ForeignKey("institution.id"))
    item_id: Mapped[int] = mapped_column(ForeignKey("item.id"))
    month: Mapped[str] = mapped_column(String(7))
    base_units: Mapped[int]
    amount: Mapped[Decimal]

    __table_args__ = (
        standing_key("settlement", "month", "institution_id", "item_id"),
        CheckConstraint("base_units >= 0", name="units_not_negative"),
        CheckConstraint("amount >= 0 AND amount % 100 = 0", name="whole_cents_not_negative"),
        CheckConstraint("replaced_at IS NULL OR replaced_at >= recorded_at", name="replaced_later"),
    )
