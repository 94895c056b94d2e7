"""Links to pay by, and every message of the gateway about them (R-PAY-7). No key and no secret stands here."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from clinic_orders.models.base import Base, word
from clinic_orders.rules.payment_links import LinkState, Verdict


class PaymentLink(Base):
    """An invitation to pay one sum; paid, it has exactly one payment.

    ``number`` is the trade's number at the gateway (out_trade_no). ``shipment_id`` is the receipt meant, if one is.
    Whoever knows ``token`` may pay, so that a link can be sent to the person with the money.
    """

    __tablename__ = "payment_link"

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(String(64), unique=True)
    token: Mapped[str] = mapped_column(String(64), unique=True)
    form_key: Mapped[str] = mapped_column(String(64), unique=True)
    paying_id: Mapped[int] = mapped_column(ForeignKey("institution.id"))
    distributor_id: Mapped[int] = mapped_column(ForeignKey("distributor.id"), index=True)
    shipment_id: Mapped[int | None] = mapped_column(ForeignKey("shipment.id"), index=True)
    amount: Mapped[Decimal]
    app_id: Mapped[str] = mapped_column(String(32))
    seller_id: Mapped[str] = mapped_column(String(32))
    state: Mapped[LinkState] = mapped_column(word(LinkState), default=LinkState.OPEN)
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    created_by_name: Mapped[str] = mapped_column(String(64), default="")
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    paid_at: Mapped[datetime | None]
    trade_no: Mapped[str] = mapped_column(String(64), default="")
    payment_id: Mapped[int | None] = mapped_column(ForeignKey("payment.id"), unique=True)
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}
    __table_args__ = (
        CheckConstraint("amount > 0 AND amount % 100 = 0", name="whole_cents_above_nothing"),
        CheckConstraint("(state = 'paid') = (payment_id IS NOT NULL)", name="paid_has_payment"),
        CheckConstraint("(state = 'paid') = (paid_at IS NOT NULL)", name="paid_has_instant"),
        Index("ix_payment_link_state", "state", "created_at"),
        Index("ix_payment_link_paying", "paying_id", "created_at"),
    )


class GatewayMessage(Base):
    """A message of the gateway as it came, believed or not, and what it was taken for.

    ``fields`` is what came, as JSON, cut at some length; ``asked`` tells an answer to our question from a notification.
    """

    __tablename__ = "gateway_message"

    id: Mapped[int] = mapped_column(primary_key=True)
    link_id: Mapped[int | None] = mapped_column(ForeignKey("payment_link.id"), index=True)
    number: Mapped[str] = mapped_column(String(64), default="", index=True)
    asked: Mapped[bool] = mapped_column(default=False)
    fields: Mapped[str] = mapped_column(Text)
    verdict: Mapped[Verdict] = mapped_column(word(Verdict))
    received_at: Mapped[datetime]
