"""Entries made on screen that move stock: sales, customer returns, losses; what somebody is typing; own settings.

The lines of a sale are sale lines like any other (``models.sales``): the entry is their paper, found by its number.
An entry is never changed. Taking it back is an event with its own instant, person and reason (R-ORD-8); its lines
stand no more from then on (``models.recorded``).
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from clinic_orders.models.base import Base, word
from clinic_orders.models.recorded import Recorded, standing_index, standing_key
from clinic_orders.rules.stock_entries import EntryKind


class StockEntry(Base):
    """The paper of a sale, a customer's return or a loss that somebody entered.

    ``form_key`` was made when the form was rendered, so that one form makes one entry. ``of_sale_no`` names the
    receipt of which a customer's return gives something back. ``amount`` is what was taken, below 0 for a return.
    """

    __tablename__ = "stock_entry"

    id: Mapped[int] = mapped_column(primary_key=True)
    institution_id: Mapped[int] = mapped_column(ForeignKey("institution.id"))
    kind: Mapped[EntryKind] = mapped_column(word(EntryKind))
    entry_no: Mapped[str] = mapped_column(String(64), unique=True)
    form_key: Mapped[str | None] = mapped_column(String(64), unique=True)
    happened_on: Mapped[date]
    of_sale_no: Mapped[str] = mapped_column(String(64), default="")
    amount: Mapped[Decimal]
    entered_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    entered_by_name: Mapped[str] = mapped_column(String(64))
    recorded_at: Mapped[datetime]
    taken_back_at: Mapped[datetime | None]
    taken_back_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    taken_back_by_name: Mapped[str] = mapped_column(String(64), default="")
    taken_back_reason: Mapped[str] = mapped_column(String(220), default="")
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}
    __table_args__ = (
        Index("ix_stock_entry_day", "institution_id", "happened_on"),
        CheckConstraint("amount % 100 = 0", name="whole_cents"),
        CheckConstraint("(taken_back_at IS NULL) = (taken_back_reason = '')", name="taken_back_has_reason"),
        CheckConstraint("kind = 'customer_return' OR of_sale_no = ''", name="only_returns_name_a_sale"),
    )


class StockLoss(Recorded, Base):
    """Base units of an item that are gone without having been sold 损耗, with a coded reason; no part of R-STOCK-3."""

    __tablename__ = "stock_loss"

    entry_id: Mapped[int] = mapped_column(ForeignKey("stock_entry.id"), index=True)
    line_no: Mapped[int]
    institution_id: Mapped[int] = mapped_column(ForeignKey("institution.id"))
    item_id: Mapped[int] = mapped_column(ForeignKey("item.id"))
    lost_on: Mapped[date]
    base_units: Mapped[int]
    batch_no: Mapped[str] = mapped_column(String(64), default="")
    reason: Mapped[str] = mapped_column(String(220))

    __table_args__ = (
        standing_key("stock_loss", "entry_id", "line_no"),
        standing_index("ix_stock_loss_ledger", "institution_id", "item_id", "lost_on"),
        CheckConstraint("base_units >= 1", name="units_at_least_one"),
        CheckConstraint("reason <> ''", name="has_reason"),
        CheckConstraint("replaced_at IS NULL OR replaced_at >= recorded_at", name="replaced_later"),
    )


class SaleDraft(Base):
    """What a person is typing on the sale form of an institution; nothing of it has happened yet.

    ``number`` is another one for every new draft, so that a phone's copy of a saved one is never filled in.
    """

    __tablename__ = "sale_draft"

    institution_id: Mapped[int] = mapped_column(ForeignKey("institution.id"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"), primary_key=True)
    # The boxes of the form by name, as typed.
    fields: Mapped[dict[str, Any]] = mapped_column(JSON)
    number: Mapped[int] = mapped_column(default=0)
    version: Mapped[int] = mapped_column(default=1)
    updated_at: Mapped[datetime]

    __mapper_args__ = {"version_id_col": version}
