"""How the money of each institution and distributor lies, kept so that no page lays it out anew (R-PAY-3).

A copy of what ``rules.allocation`` says of receipts, returns and payments: never the truth, always to be thrown away.
Nothing here points to a record or keeps one from being taken out again.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from sqlalchemy import CheckConstraint, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from clinic_orders.models.base import Base


class PayableChange(Base):
    """Something that decides about the money of these two has changed since it was last laid out.

    Triggers of the database write it in the transaction of the change, whoever makes it: a deed, an import of another
    process, or somebody with a database console. Rows are only added, so that two who change the same never wait for
    each other, and are taken away by whoever lays the money out.
    """

    __tablename__ = "payable_change"

    id: Mapped[int] = mapped_column(primary_key=True)
    paying_id: Mapped[int]
    distributor_id: Mapped[int]

    __table_args__ = (Index("ix_payable_change_pair", "paying_id", "distributor_id"),)


class PayablePair(Base):
    """How the money between an institution and a distributor lay when it was last laid out.

    It holds on every day from ``laid_on`` to ``holds_until``, where nothing dated ahead is waiting for ever; outside
    of these days it says nothing. ``receipts`` counts the accepted ones, paid ones too, the first and last of which fall due on
    ``first_due`` and ``last_due``; ``advance`` is all that waits, less what refunds sent back without finding it.
    """

    __tablename__ = "payable_pair"

    paying_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    distributor_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    laid_on: Mapped[date]
    holds_until: Mapped[date | None]
    receipts: Mapped[int]
    first_due: Mapped[date | None]
    last_due: Mapped[date | None]
    advance: Mapped[Decimal]

    __table_args__ = (
        CheckConstraint("holds_until IS NULL OR holds_until >= laid_on", name="holds_a_day"),
        CheckConstraint("(receipts = 0) = (last_due IS NULL)", name="receipts_fall_due"),
        CheckConstraint("receipts >= 0", name="nothing_below_zero"),
        Index("ix_payable_pair_distributor", "distributor_id"),
    )


class PayableOpen(Base):
    """A receipt on which something is outstanding, as of the days of its ``PayablePair``.

    Number and due day are repeated from the receipt so that sums and lists need no join.
    """

    __tablename__ = "payable_open"

    paying_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    distributor_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    shipment_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    receipt_no: Mapped[str] = mapped_column(String(64))
    due_on: Mapped[date]
    outstanding: Mapped[Decimal]

    __table_args__ = (
        CheckConstraint("outstanding > 0", name="something_outstanding"),
        Index("ix_payable_open_distributor", "distributor_id"),
    )
