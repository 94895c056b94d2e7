"""What was said about money that falls due, and the holds that follow from it (rules section 12, R-PAY-5)."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from clinic_orders.models.base import Base, word
from clinic_orders.rules.payment_reminders import ReminderStage


class PaymentReminder(Base):
    """A receipt was reminded of one stage; the unique row is what makes it once."""

    __tablename__ = "payment_reminder"

    id: Mapped[int] = mapped_column(primary_key=True)
    shipment_id: Mapped[int] = mapped_column(ForeignKey("shipment.id"))
    stage: Mapped[ReminderStage] = mapped_column(word(ReminderStage))
    # The day whose reminders these were; a missed day is caught up later.
    for_day: Mapped[date]
    sent_at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("shipment_id", "stage"),)


class PaymentHold(Base):
    """An institution's debt to a distributor stops orders, from the notice until it is paid.

    ``amount`` and ``since`` are those of the last look; ``after_days`` and ``min_amount`` the policy it rests on.
    """

    __tablename__ = "payment_hold"

    id: Mapped[int] = mapped_column(primary_key=True)
    paying_id: Mapped[int] = mapped_column(ForeignKey("institution.id"))
    distributor_id: Mapped[int] = mapped_column(ForeignKey("distributor.id"))
    amount: Mapped[Decimal]
    since: Mapped[date]
    after_days: Mapped[int]
    min_amount: Mapped[Decimal]
    scope: Mapped[str] = mapped_column(String(16))
    receipts: Mapped[int]
    began_at: Mapped[datetime]
    looked_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("amount > 0", name="something_is_owed"),
        CheckConstraint("ended_at IS NULL OR ended_at >= began_at", name="ends_after_it_began"),
        Index("ix_payment_hold_paying", "paying_id", "ended_at"),
        Index("ix_payment_hold_distributor", "distributor_id", "ended_at"),
    )
