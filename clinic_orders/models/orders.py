"""Drafts, submissions, orders, their lines and everything that happened to them (R-ORD)."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from clinic_orders.models.base import Base, word
from clinic_orders.models.catalogue import Item
from clinic_orders.models.roster import Distributor, Institution
from clinic_orders.rules.order_steps import OrderParties
from clinic_orders.rules.ordering import LineQuantities
from clinic_orders.rules.parties import OrderMode

# A condition on order_line, word for word the same in the index and in the queries that use it.
UNSHIPPED = "confirmed_packs > shipped_packs + closed_packs + withdrawn_after"


class EventKind(StrEnum):
    """What can happen to an order or a line after submission (R-ORD-8)."""

    SUBMITTED = "submitted"
    ANSWERED = "answered"
    WITHDRAWN_BEFORE = "withdrawn_before"
    WITHDRAWN_AFTER = "withdrawn_after"
    DISOWNED = "disowned"
    LAPSED = "lapsed"
    CLOSED = "closed"
    RESENT = "resent"


class NumberSeries(Base):
    """The last number given out of each series, for example ``CG20261120``."""

    __tablename__ = "number_series"

    series: Mapped[str] = mapped_column(String(32), primary_key=True)
    last: Mapped[int]


class UsualItem(Base):
    """An item of an institution's usual list 常用清单."""

    __tablename__ = "usual_item"

    institution_id: Mapped[int] = mapped_column(ForeignKey("institution.id"), primary_key=True)
    item_id: Mapped[int] = mapped_column(ForeignKey("item.id"), primary_key=True)
    position: Mapped[int] = mapped_column(default=0)


class Draft(Base):
    """What one organisation is about to order for one institution; kept until it is sent (R-ORD-2).

    ``ordering_id`` is who types: the institution itself, its hospital, headquarters or lead hospital.
    ``version`` rises with every save. A village may ask its hospital to order what it typed
    (``for_review_at``); the hospital's ``reviewed_packs`` may only be lower. An emergency order has a draft of
    its own, so that the month's half-filled one stays as it is.
    """

    __tablename__ = "draft"

    id: Mapped[int] = mapped_column(primary_key=True)
    ordering_id: Mapped[int] = mapped_column(ForeignKey("institution.id"))
    institution_id: Mapped[int] = mapped_column(ForeignKey("institution.id"), index=True)
    version: Mapped[int] = mapped_column(default=0)
    emergency: Mapped[bool] = mapped_column(default=False)
    emergency_reason: Mapped[str] = mapped_column(String(200), default="")
    payer: Mapped[str] = mapped_column(String(16), default="receiver")
    for_review_at: Mapped[datetime | None]
    updated_at: Mapped[datetime]

    lines: Mapped[list[DraftLine]] = relationship(
        back_populates="draft", order_by="DraftLine.position", cascade="all, delete-orphan"
    )

    __table_args__ = (
        UniqueConstraint("ordering_id", "institution_id", "emergency"),
        CheckConstraint("payer IN ('receiver', 'orderer')", name="payer"),
    )


class DraftLine(Base):
    """One item of a draft with the quantity exactly as typed; a refused line stays with its reason."""

    __tablename__ = "draft_line"

    draft_id: Mapped[int] = mapped_column(ForeignKey("draft.id"), primary_key=True)
    item_id: Mapped[int] = mapped_column(ForeignKey("item.id"), primary_key=True)
    position: Mapped[int] = mapped_column(default=0)
    typed: Mapped[str] = mapped_column(String(32))
    reviewed_packs: Mapped[int | None]
    # The order numbers of the duplicates that the buyer has confirmed (R-ORD-4), joined by ";".
    confirmed_duplicates: Mapped[str] = mapped_column(Text, default="")
    # For an emergency order without a relation: whom the buyer picked (R-ORD-9).
    picked_distributor_id: Mapped[int | None] = mapped_column(ForeignKey("distributor.id"))
    refusal: Mapped[dict[str, Any] | None] = mapped_column(JSON)

    draft: Mapped[Draft] = relationship(back_populates="lines")
    item: Mapped[Item] = relationship()


class Submission(Base):
    """The answer that belongs to a form's key: the same key always gets the same orders (R-ORD-2)."""

    __tablename__ = "submission"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(64), unique=True)
    ordering_id: Mapped[int] = mapped_column(ForeignKey("institution.id"), index=True)
    institution_id: Mapped[int] = mapped_column(ForeignKey("institution.id"), index=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    at: Mapped[datetime]
    # {"orders": ["CG…"], "refused": [{"item_code": …, "code": …, "facts": {…}}]}
    result: Mapped[dict[str, Any]] = mapped_column(JSON)


class Order(Base):
    """An order 采购单 to one distributor (R-ORD-1). States are derived by rules.ordering, never stored.

    ``answer_due_at`` is the end of the last day to answer (or the emergency hour); after it an unanswered
    order has lapsed, whether or not a job has run. ``version`` guards against two people acting at once.
    """

    __tablename__ = "purchase_order"

    id: Mapped[int] = mapped_column(primary_key=True)
    order_no: Mapped[str] = mapped_column(String(64), unique=True)
    submission_id: Mapped[int | None] = mapped_column(ForeignKey("submission.id"), index=True)
    institution_id: Mapped[int] = mapped_column(ForeignKey("institution.id"))
    ordering_id: Mapped[int] = mapped_column(ForeignKey("institution.id"), index=True)
    paying_id: Mapped[int] = mapped_column(ForeignKey("institution.id"), index=True)
    distributor_id: Mapped[int] = mapped_column(ForeignKey("distributor.id"))
    mode: Mapped[OrderMode] = mapped_column(word(OrderMode))
    channel: Mapped[str] = mapped_column(String(64), default="clinic_orders")
    emergency: Mapped[bool] = mapped_column(default=False)
    emergency_reason: Mapped[str] = mapped_column(String(200), default="")
    submitted_at: Mapped[datetime]
    answer_due_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]
    disowned_at: Mapped[datetime | None]
    lapse_recorded_at: Mapped[datetime | None]
    resent_from_id: Mapped[int | None] = mapped_column(ForeignKey("purchase_order.id"))
    lines_count: Mapped[int] = mapped_column(default=0)
    packs: Mapped[int] = mapped_column(default=0)
    amount: Mapped[Decimal]
    version: Mapped[int] = mapped_column(default=1)
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    import_batch_id: Mapped[int | None] = mapped_column(ForeignKey("import_batch.id"))
    recorded_at: Mapped[datetime]
    updated_at: Mapped[datetime] = mapped_column(index=True)

    institution: Mapped[Institution] = relationship(foreign_keys=[institution_id])
    ordering: Mapped[Institution] = relationship(foreign_keys=[ordering_id])
    paying: Mapped[Institution] = relationship(foreign_keys=[paying_id])
    distributor: Mapped[Distributor] = relationship()
    lines: Mapped[list[OrderLine]] = relationship(back_populates="order", order_by="OrderLine.line_no")
    events: Mapped[list[OrderEvent]] = relationship(back_populates="order", order_by="OrderEvent.id")

    __mapper_args__ = {"version_id_col": version}
    __table_args__ = (
        # Imported history may not tell why; whoever orders here must (R-ORD-9).
        CheckConstraint(
            "NOT emergency OR emergency_reason <> '' OR import_batch_id IS NOT NULL",
            name="emergency_has_reason",
        ),
        CheckConstraint("amount >= 0", name="amount_not_negative"),
        CheckConstraint("answered_at IS NULL OR answered_at >= submitted_at", name="answer_after_submission"),
        Index("ix_purchase_order_distributor", "distributor_id", "submitted_at"),
        Index("ix_purchase_order_institution", "institution_id", "submitted_at"),
        # To whom a distributor brings anything, without its orders.
        Index("ix_purchase_order_served", "distributor_id", "institution_id"),
        Index("ix_purchase_order_unanswered", "answered_at", "answer_due_at", "submitted_at"),
        # What waits for a distributor is counted on each of its pages; among all its orders that is a handful.
        Index(
            "ix_purchase_order_to_answer",
            "distributor_id",
            "answer_due_at",
            sqlite_where=text("answered_at IS NULL"),
            postgresql_where=text("answered_at IS NULL"),
        ),
        # A month of everybody's orders, for the checks and the statistics.
        Index("ix_purchase_order_submitted", "submitted_at", "answered_at"),
        # The few emergencies, whose delivery limits run from submission.
        Index(
            "ix_purchase_order_emergency",
            "submitted_at",
            sqlite_where=text("emergency = 1"),
            postgresql_where=text("emergency"),
        ),
    )

    @property
    def parties(self) -> OrderParties:
        """Who takes part in the order, for the table of steps in ``rules.ordering``."""
        return OrderParties(self.ordering_id, self.institution_id, self.distributor_id)


class OrderLine(Base):
    """One item of an order with its frozen price and its running quantities in packs (R-ORD-5).

    The quantities are sums of the events and shipments, kept in the same transaction; ``db check`` compares.
    """

    __tablename__ = "order_line"

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("purchase_order.id"))
    line_no: Mapped[int]
    item_id: Mapped[int] = mapped_column(ForeignKey("item.id"))
    pack_price: Mapped[Decimal]
    packs: Mapped[int]
    amount: Mapped[Decimal]
    confirmed_packs: Mapped[int | None]
    answer_reason: Mapped[str] = mapped_column(String(100), default="")
    withdrawn_before: Mapped[int] = mapped_column(default=0)
    withdrawn_after: Mapped[int] = mapped_column(default=0)
    closed_packs: Mapped[int] = mapped_column(default=0)
    shipped_packs: Mapped[int] = mapped_column(default=0)
    accepted_packs: Mapped[int] = mapped_column(default=0)
    rejected_packs: Mapped[int] = mapped_column(default=0)
    returned_packs: Mapped[int] = mapped_column(default=0)

    order: Mapped[Order] = relationship(back_populates="lines")
    item: Mapped[Item] = relationship()

    __table_args__ = (
        UniqueConstraint("order_id", "item_id"),
        Index("ix_order_line_item", "item_id", "order_id"),
        # The few lines of which something is still to be shipped; the work lists of distributors read only these.
        Index(
            "ix_order_line_unshipped",
            "order_id",
            sqlite_where=text(UNSHIPPED),
            postgresql_where=text(UNSHIPPED),
        ),
        CheckConstraint("packs >= 1", name="packs_at_least_one"),
        CheckConstraint(
            "withdrawn_before >= 0 AND withdrawn_after >= 0 AND closed_packs >= 0 AND shipped_packs >= 0"
            " AND accepted_packs >= 0 AND rejected_packs >= 0 AND returned_packs >= 0",
            name="quantities_not_negative",
        ),
        CheckConstraint(
            "confirmed_packs IS NULL OR (confirmed_packs >= 0 AND confirmed_packs <= packs - withdrawn_before)",
            name="confirmed_within_ordered",
        ),
        CheckConstraint("withdrawn_before <= packs", name="withdrawn_within_ordered"),
        CheckConstraint(
            "shipped_packs + closed_packs + withdrawn_after <= coalesce(confirmed_packs, 0)",
            name="shipped_within_confirmed",
        ),
        CheckConstraint("accepted_packs + rejected_packs <= shipped_packs", name="accepted_within_shipped"),
        CheckConstraint("returned_packs <= accepted_packs", name="returned_within_accepted"),
    )

    @property
    def quantities(self) -> LineQuantities:
        """The line's packs as the rules look at them (R-ORD-5)."""
        return LineQuantities(
            ordered=self.packs,
            withdrawn_before=self.withdrawn_before,
            confirmed=self.confirmed_packs,
            withdrawn_after=self.withdrawn_after,
            closed=self.closed_packs,
            shipped=self.shipped_packs,
            accepted=self.accepted_packs,
            rejected=self.rejected_packs,
            returned=self.returned_packs,
        )


class OrderEvent(Base):
    """Something that happened, dated, never changed (R-ORD-8). ``line_id`` None: the whole order."""

    __tablename__ = "order_event"

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("purchase_order.id"), index=True)
    line_id: Mapped[int | None] = mapped_column(ForeignKey("order_line.id"), index=True)
    kind: Mapped[EventKind] = mapped_column(word(EventKind))
    packs: Mapped[int | None]
    reason: Mapped[str] = mapped_column(String(100), default="")
    at: Mapped[datetime]
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    actor_name: Mapped[str] = mapped_column(String(64))
    recorded_at: Mapped[datetime]

    order: Mapped[Order] = relationship(back_populates="events")
