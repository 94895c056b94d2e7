"""Statements of account: what was worked out for a pair and month, and what the two sides said about it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from clinic_orders.models.base import Base, word
from clinic_orders.rules.payments import PaymentSide
from clinic_orders.rules.statements import StatementState


class AccountStatement(Base):
    """The account of an institution and a distributor over a month.

    The figures are those of the last time they were worked out; ``content`` holds every line from the first
    confirmation on, so that what is recorded later can be shown as a difference.
    """

    __tablename__ = "account_statement"

    id: Mapped[int] = mapped_column(primary_key=True)
    paying_id: Mapped[int] = mapped_column(ForeignKey("institution.id"))
    distributor_id: Mapped[int] = mapped_column(ForeignKey("distributor.id"))
    month: Mapped[str] = mapped_column(String(7))
    state: Mapped[StatementState] = mapped_column(word(StatementState), default=StatementState.READY)
    opening: Mapped[Decimal]
    receipts: Mapped[Decimal]
    returns: Mapped[Decimal]
    payments: Mapped[Decimal]
    closing: Mapped[Decimal]
    overdue: Mapped[Decimal]
    content: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    made_at: Mapped[datetime]
    institution_at: Mapped[datetime | None]
    institution_by: Mapped[str] = mapped_column(String(64), default="")
    distributor_at: Mapped[datetime | None]
    distributor_by: Mapped[str] = mapped_column(String(64), default="")
    differs_at: Mapped[datetime | None]
    differs_by: Mapped[str] = mapped_column(String(64), default="")
    differs_side: Mapped[PaymentSide | None] = mapped_column(word(PaymentSide))
    differs_reason: Mapped[str] = mapped_column(String(200), default="")
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}
    __table_args__ = (
        UniqueConstraint("paying_id", "distributor_id", "month"),
        CheckConstraint("opening + receipts - returns - payments = closing", name="adds_up"),
        CheckConstraint("(state = 'differs') = (differs_at IS NOT NULL)", name="difference_is_dated"),
        CheckConstraint("(differs_at IS NULL) = (differs_reason = '')", name="difference_has_reason"),
        CheckConstraint(
            "state <> 'agreed' OR (institution_at IS NOT NULL AND distributor_at IS NOT NULL)",
            name="agreed_by_both",
        ),
        CheckConstraint("state = 'ready' OR content IS NOT NULL", name="said_about_lines"),
        Index("ix_account_statement_distributor", "distributor_id", "month"),
    )
