"""Shipments and their acceptance, returns (R-DEL). A receipt is a shipment seen from the buyer's side: one number."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from clinic_orders.models.base import Base
from clinic_orders.models.orders import Order, OrderLine


class Shipment(Base):
    """Goods on their way under one delivery note, and their acceptance (送货单 / 入库单).

    ``due_on`` and ``payment_rule`` are written once at acceptance (R-PAY-2); ``acceptance_day`` is the day
    that counts for payment (R-DEL-6). ``owed`` is what the acceptance made payable before returns.
    """

    __tablename__ = "shipment"

    id: Mapped[int] = mapped_column(primary_key=True)
    receipt_no: Mapped[str] = mapped_column(String(64), unique=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("purchase_order.id"), index=True)
    # The parties are repeated from the order so that lists need no join.
    institution_id: Mapped[int] = mapped_column(ForeignKey("institution.id"))
    paying_id: Mapped[int] = mapped_column(ForeignKey("institution.id"))
    distributor_id: Mapped[int] = mapped_column(ForeignKey("distributor.id"))
    shipped_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]
    voided_at: Mapped[datetime | None]
    void_reason: Mapped[str] = mapped_column(String(100), default="")
    accepted_at: Mapped[datetime | None]
    accepted_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    accepted_by_name: Mapped[str] = mapped_column(String(64), default="")
    acceptance_day: Mapped[date | None]
    payment_rule: Mapped[str] = mapped_column(String(32), default="")
    due_on: Mapped[date | None]
    owed: Mapped[Decimal | None]
    packs: Mapped[int] = mapped_column(default=0)
    version: Mapped[int] = mapped_column(default=1)
    shipped_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    import_batch_id: Mapped[int | None] = mapped_column(ForeignKey("import_batch.id"))
    recorded_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    order: Mapped[Order] = relationship()
    lines: Mapped[list[ShipmentLine]] = relationship(back_populates="shipment", order_by="ShipmentLine.id")

    __mapper_args__ = {"version_id_col": version}
    __table_args__ = (
        CheckConstraint("accepted_at IS NULL OR voided_at IS NULL", name="not_accepted_and_void"),
        CheckConstraint("(accepted_at IS NULL) = (due_on IS NULL)", name="accepted_has_due_day"),
        CheckConstraint("(accepted_at IS NULL) = (owed IS NULL)", name="accepted_has_amount"),
        # What the night has to look at again.
        Index("ix_shipment_updated_at", "updated_at"),
        Index("ix_shipment_institution", "institution_id", "accepted_at"),
        Index("ix_shipment_paying", "paying_id", "due_on"),
        Index("ix_shipment_distributor", "distributor_id", "accepted_at"),
        # A month of everybody's deliveries and acceptances, for the checks and the statistics.
        Index("ix_shipment_delivered", "delivered_at", "accepted_at"),
        Index("ix_shipment_accepted", "accepted_at"),
    )


class ShipmentLine(Base):
    """One batch of one item in a shipment (R-DEL-1), and what was accepted and rejected of it (R-DEL-2)."""

    __tablename__ = "shipment_line"

    id: Mapped[int] = mapped_column(primary_key=True)
    shipment_id: Mapped[int] = mapped_column(ForeignKey("shipment.id"))
    order_line_id: Mapped[int] = mapped_column(ForeignKey("order_line.id"), index=True)
    batch_no: Mapped[str] = mapped_column(String(64))
    expiry_date: Mapped[date]
    shipped_packs: Mapped[int]
    invoice_no: Mapped[str] = mapped_column(String(200), default="")
    accepted_packs: Mapped[int | None]
    rejected_packs: Mapped[int | None]
    reject_reason: Mapped[str] = mapped_column(String(100), default="")
    short_expiry_reason: Mapped[str] = mapped_column(String(200), default="")
    returned_packs: Mapped[int] = mapped_column(default=0)

    shipment: Mapped[Shipment] = relationship(back_populates="lines")
    order_line: Mapped[OrderLine] = relationship()
    codes: Mapped[list[ShipmentCode]] = relationship(
        cascade="all, delete-orphan", order_by="ShipmentCode.code"
    )

    __table_args__ = (
        UniqueConstraint("shipment_id", "order_line_id", "batch_no"),
        CheckConstraint("shipped_packs >= 1", name="shipped_at_least_one"),
        CheckConstraint("(accepted_packs IS NULL) = (rejected_packs IS NULL)", name="both_or_none"),
        CheckConstraint(
            "accepted_packs IS NULL OR (accepted_packs >= 0 AND rejected_packs >= 0"
            " AND accepted_packs + rejected_packs = shipped_packs)",
            name="accepted_and_rejected_make_shipped",
        ),
        CheckConstraint(
            "coalesce(rejected_packs, 0) = 0 OR reject_reason <> ''", name="rejection_has_reason"
        ),
        CheckConstraint(
            "returned_packs >= 0 AND returned_packs <= coalesce(accepted_packs, 0)",
            name="returned_within_accepted",
        ),
    )


class ShipmentCode(Base):
    """A trace code on a shipment line; ``accepted`` None until the goods are received."""

    __tablename__ = "shipment_code"

    shipment_line_id: Mapped[int] = mapped_column(ForeignKey("shipment_line.id"), primary_key=True)
    code: Mapped[str] = mapped_column(String(64), primary_key=True, index=True)
    accepted: Mapped[bool | None]


class GoodsReturn(Base):
    """A return of accepted goods, agreed by the distributor; it counts from the day it is agreed (R-DEL-5)."""

    __tablename__ = "goods_return"

    id: Mapped[int] = mapped_column(primary_key=True)
    return_no: Mapped[str] = mapped_column(String(64), unique=True)
    shipment_id: Mapped[int] = mapped_column(ForeignKey("shipment.id"), index=True)
    institution_id: Mapped[int] = mapped_column(ForeignKey("institution.id"), index=True)
    distributor_id: Mapped[int] = mapped_column(ForeignKey("distributor.id"), index=True)
    requested_at: Mapped[datetime]
    requested_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    agreed_at: Mapped[datetime | None]
    refused_at: Mapped[datetime | None]
    refusal_reason: Mapped[str] = mapped_column(String(200), default="")
    sent_back_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]
    amount: Mapped[Decimal | None]
    version: Mapped[int] = mapped_column(default=1)
    import_batch_id: Mapped[int | None] = mapped_column(ForeignKey("import_batch.id"))
    recorded_at: Mapped[datetime]

    shipment: Mapped[Shipment] = relationship()
    lines: Mapped[list[ReturnLine]] = relationship(back_populates="goods_return", order_by="ReturnLine.id")

    __mapper_args__ = {"version_id_col": version}
    __table_args__ = (
        # A month of everybody's returns, for the checks.
        Index("ix_goods_return_agreed", "agreed_at"),
        CheckConstraint("agreed_at IS NULL OR refused_at IS NULL", name="not_agreed_and_refused"),
        CheckConstraint("(agreed_at IS NULL) = (amount IS NULL)", name="agreed_has_amount"),
    )


class ReturnLine(Base):
    """Packs of one received batch that go back, with a coded reason."""

    __tablename__ = "return_line"

    id: Mapped[int] = mapped_column(primary_key=True)
    return_id: Mapped[int] = mapped_column(ForeignKey("goods_return.id"))
    shipment_line_id: Mapped[int] = mapped_column(ForeignKey("shipment_line.id"), index=True)
    packs: Mapped[int]
    reason: Mapped[str] = mapped_column(String(100))

    goods_return: Mapped[GoodsReturn] = relationship(back_populates="lines")
    shipment_line: Mapped[ShipmentLine] = relationship()
    codes: Mapped[list[ReturnCode]] = relationship(cascade="all, delete-orphan", order_by="ReturnCode.code")

    __table_args__ = (
        UniqueConstraint("return_id", "shipment_line_id"),
        CheckConstraint("packs >= 1", name="packs_at_least_one"),
        CheckConstraint("reason <> ''", name="has_reason"),
    )


class ReturnCode(Base):
    """A trace code on packs that go back."""

    __tablename__ = "return_code"

    return_line_id: Mapped[int] = mapped_column(ForeignKey("return_line.id"), primary_key=True)
    code: Mapped[str] = mapped_column(String(64), primary_key=True, index=True)
