"""Payments between an institution and a distributor (R-PAY-7). What they reach is worked out, never stored (R-PAY-3)."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column, relationship

from clinic_orders.models.base import Base, word
from clinic_orders.models.deliveries import Shipment
from clinic_orders.rules.payments import PaymentSide


class Payment(Base):
    """Money of a paying organisation to a distributor, entered by one side and answered by the other.

    Its number is unique between the two. ``shipment_id`` is the receipt it names, which may be under way still.
    ``is_refund``: the money went the other way, out of what was paid ahead (decision 0035); the amount is above 0 too.
    ``form_key`` was made when the form was rendered, so that one form makes one payment.
    """

    __tablename__ = "payment"

    id: Mapped[int] = mapped_column(primary_key=True)
    payment_no: Mapped[str] = mapped_column(String(64))
    paying_id: Mapped[int] = mapped_column(ForeignKey("institution.id"))
    distributor_id: Mapped[int] = mapped_column(ForeignKey("distributor.id"))
    shipment_id: Mapped[int | None] = mapped_column(ForeignKey("shipment.id"), index=True)
    amount: Mapped[Decimal]
    is_refund: Mapped[bool] = mapped_column(default=False, server_default=false())
    paid_on: Mapped[date]
    method: Mapped[str] = mapped_column(String(32), default="")
    reference: Mapped[str] = mapped_column(String(64), default="")
    entered_by: Mapped[PaymentSide] = mapped_column(word(PaymentSide))
    entered_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    entered_by_name: Mapped[str] = mapped_column(String(64), default="")
    form_key: Mapped[str | None] = mapped_column(String(64), unique=True)
    confirmed_at: Mapped[datetime | None]
    confirmed_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    confirmed_by_name: Mapped[str] = mapped_column(String(64), default="")
    disputed_at: Mapped[datetime | None]
    disputed_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    disputed_by_name: Mapped[str] = mapped_column(String(64), default="")
    dispute_reason: Mapped[str] = mapped_column(String(200), default="")
    upheld_at: Mapped[datetime | None]
    upheld_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    upheld_by_name: Mapped[str] = mapped_column(String(64), default="")
    rejected_at: Mapped[datetime | None]
    rejected_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    rejected_by_name: Mapped[str] = mapped_column(String(64), default="")
    rejection_reason: Mapped[str] = mapped_column(String(200), default="")
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    version: Mapped[int] = mapped_column(default=1)
    import_batch_id: Mapped[int | None] = mapped_column(ForeignKey("import_batch.id"))
    recorded_at: Mapped[datetime]

    shipment: Mapped[Shipment | None] = relationship()

    __mapper_args__ = {"version_id_col": version}
    __table_args__ = (
        UniqueConstraint("paying_id", "distributor_id", "payment_no"),
        # Ten-thousandths of a yuan inside; a payment has whole cents.
        CheckConstraint("amount > 0 AND amount % 100 = 0", name="whole_cents_above_nothing"),
        CheckConstraint("NOT (is_refund AND shipment_id IS NOT NULL)", name="refund_names_no_receipt"),
        CheckConstraint("(disputed_at IS NULL) = (dispute_reason = '')", name="dispute_has_reason"),
        CheckConstraint("upheld_at IS NULL OR disputed_at IS NOT NULL", name="upheld_was_disputed"),
        CheckConstraint(
            "rejected_at IS NULL OR (disputed_at IS NOT NULL AND upheld_at IS NULL AND confirmed_at IS NULL)",
            name="rejected_was_disputed",
        ),
        CheckConstraint("(rejected_at IS NULL) = (rejection_reason = '')", name="rejection_has_reason"),
        CheckConstraint("withdrawn_at IS NULL OR confirmed_at IS NULL", name="not_withdrawn_and_confirmed"),
        CheckConstraint("(entered_by = 'file') = (import_batch_id IS NOT NULL)", name="file_has_batch"),
        CheckConstraint("entered_by <> 'file' OR confirmed_at IS NOT NULL", name="imported_is_confirmed"),
        Index("ix_payment_distributor", "distributor_id", "paid_on"),
    )
