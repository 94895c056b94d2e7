"""Bank statements that became payments: files, their lines, and the remembered columns of each organisation."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from clinic_orders.models.base import Base, word
from clinic_orders.rules.bank_files import BankLineState


class BankFile(Base):
    """One uploaded statement. ``content`` holds its rows until somebody has said what the columns mean."""

    __tablename__ = "bank_file"

    id: Mapped[int] = mapped_column(primary_key=True)
    # I or D with the row id of the institution or distributor.
    owner: Mapped[str] = mapped_column(String(16))
    filename: Mapped[str] = mapped_column(String(200))
    content: Mapped[list[Any] | None] = mapped_column(JSON(none_as_null=True))
    lines: Mapped[int] = mapped_column(default=0)
    known: Mapped[int] = mapped_column(default=0)
    by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    by_name: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime]

    __table_args__ = (Index("ix_bank_file_owner", "owner", "at"),)


class BankLine(Base):
    """One line. ``fingerprint`` is unique for an organisation; a line that was here before names that one."""

    __tablename__ = "bank_line"

    id: Mapped[int] = mapped_column(primary_key=True)
    file_id: Mapped[int] = mapped_column(ForeignKey("bank_file.id"))
    owner: Mapped[str] = mapped_column(String(16))
    row_no: Mapped[int]
    paid_on: Mapped[date]
    amount: Mapped[Decimal]
    party: Mapped[str] = mapped_column(String(100), default="")
    account: Mapped[str] = mapped_column(String(64), default="")
    reference: Mapped[str] = mapped_column(String(200), default="")
    fingerprint: Mapped[str | None] = mapped_column(String(64))
    same_as_id: Mapped[int | None] = mapped_column(ForeignKey("bank_line.id"))
    state: Mapped[BankLineState] = mapped_column(word(BankLineState), default=BankLineState.OPEN)
    payment_id: Mapped[int | None] = mapped_column(ForeignKey("payment.id"))
    # How often it was entered: after an undo the next entry is another payment.
    times: Mapped[int] = mapped_column(default=0)

    __table_args__ = (
        UniqueConstraint("owner", "fingerprint"),
        CheckConstraint("(state = 'known') = (same_as_id IS NOT NULL)", name="known_names_the_first"),
        CheckConstraint("(state = 'entered') = (payment_id IS NOT NULL)", name="entered_has_payment"),
        CheckConstraint("amount > 0", name="above_nothing"),
        Index("ix_bank_line_file", "file_id", "row_no"),
    )


class BankColumns(Base):
    """What the headings of an organisation's statements mean, as last said."""

    __tablename__ = "bank_columns"

    owner: Mapped[str] = mapped_column(String(16), primary_key=True)
    headings: Mapped[dict[str, Any]] = mapped_column(JSON)
