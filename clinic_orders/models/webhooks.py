"""Webhooks: whom to tell, what has happened, what was sent to whom and how that went (formats.md section 5)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from clinic_orders.models.accounts import RoleAssignment, User
from clinic_orders.models.base import Base, word
from clinic_orders.rules.webhooks import DeliveryState, Event, Failure, PauseReason, WebhookState

_UNSPREAD = text("spread_at IS NULL")
_WAITING = text("state = 'waiting'")


class Webhook(Base):
    """An address to which messages are sent about what an account in its organisation may read.

    It belongs to the account in its organisation, as answers of calls do, not to the token with which it was made.
    ``events`` are words with blanks between them. ``secret`` is sealed with the application's key, the one before it
    counts until ``old_secret_until``. A process that posts its messages has claimed it until ``claimed_until``; what
    it says under an older ``claim`` does not count. ``not_before``: the receiver answers nobody and is left alone
    until then.
    """

    __tablename__ = "webhook"

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(String(24), unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"), index=True)
    assignment_id: Mapped[int] = mapped_column(ForeignKey("role_assignment.id"), index=True)
    url: Mapped[str] = mapped_column(String(500))
    events: Mapped[str] = mapped_column(String(800))
    secret: Mapped[str] = mapped_column(String(255))
    old_secret: Mapped[str] = mapped_column(String(255), default="")
    old_secret_until: Mapped[datetime | None]
    state: Mapped[WebhookState] = mapped_column(word(WebhookState))
    paused_because: Mapped[PauseReason | None] = mapped_column(word(PauseReason))
    state_since: Mapped[datetime]
    created_at: Mapped[datetime]
    created_by_name: Mapped[str] = mapped_column(String(64))
    # The first failure since the last message that was taken.
    failing_since: Mapped[datetime | None]
    failures: Mapped[int] = mapped_column(default=0)
    not_before: Mapped[datetime | None]
    claim: Mapped[int] = mapped_column(default=0)
    claimed_until: Mapped[datetime | None]

    user: Mapped[User] = relationship()
    assignment: Mapped[RoleAssignment] = relationship()

    __table_args__ = (
        CheckConstraint("events <> ''", name="hears_of_something"),
        CheckConstraint("(state = 'paused') = (paused_because IS NOT NULL)", name="paused_has_reason"),
        CheckConstraint("(old_secret = '') = (old_secret_until IS NULL)", name="old_secret_ends"),
        CheckConstraint("failures >= 0", name="failures_not_negative"),
    )


class WebhookEvent(Base):
    """Something that happened, written in the transaction of the deed; a job looks afterwards who is told.

    No foreign keys to its record, which an undone import may take away.
    """

    __tablename__ = "webhook_event"

    id: Mapped[int] = mapped_column(primary_key=True)
    # By which a receiver knows a message that comes twice.
    key: Mapped[str] = mapped_column(String(40), unique=True)
    event: Mapped[Event] = mapped_column(word(Event))
    at: Mapped[datetime] = mapped_column(index=True)
    subject_type: Mapped[str] = mapped_column(String(32))
    subject_id: Mapped[int | None]
    subject: Mapped[str] = mapped_column(String(128))
    spread_at: Mapped[datetime | None]

    __table_args__ = (
        Index("ix_webhook_event_unspread", "id", sqlite_where=_UNSPREAD, postgresql_where=_UNSPREAD),
    )


class WebhookDelivery(Base):
    """One message for one address: an event, told until it is taken or given up."""

    __tablename__ = "webhook_delivery"

    id: Mapped[int] = mapped_column(primary_key=True)
    webhook_id: Mapped[int] = mapped_column(ForeignKey("webhook.id"))
    event_id: Mapped[int] = mapped_column(ForeignKey("webhook_event.id"), index=True)
    # What the record is called and where a call reads it, as the message says.
    number: Mapped[str] = mapped_column(String(128))
    href: Mapped[str | None] = mapped_column(String(200))
    state: Mapped[DeliveryState] = mapped_column(word(DeliveryState))
    tries: Mapped[int] = mapped_column(default=0)
    # Since when it is tried: it was made then, or somebody asked for it again.
    begun_at: Mapped[datetime]
    next_try_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]

    webhook: Mapped[Webhook] = relationship()
    event: Mapped[WebhookEvent] = relationship()

    __table_args__ = (
        UniqueConstraint("webhook_id", "event_id"),
        CheckConstraint("(state = 'waiting') = (next_try_at IS NOT NULL)", name="waiting_has_next_try"),
        CheckConstraint("(state = 'waiting') = (ended_at IS NULL)", name="ended_has_instant"),
        CheckConstraint("tries >= 0", name="tries_not_negative"),
        Index(
            "ix_webhook_delivery_waiting",
            "webhook_id",
            "next_try_at",
            sqlite_where=_WAITING,
            postgresql_where=_WAITING,
        ),
    )


class WebhookAttempt(Base):
    """One posting of a message and how it ended; ``status`` is None where nobody answered."""

    __tablename__ = "webhook_attempt"

    id: Mapped[int] = mapped_column(primary_key=True)
    webhook_id: Mapped[int] = mapped_column(ForeignKey("webhook.id"), index=True)
    delivery_id: Mapped[int] = mapped_column(ForeignKey("webhook_delivery.id"), index=True)
    at: Mapped[datetime]
    duration_ms: Mapped[int]
    status: Mapped[int | None]
    failure: Mapped[Failure | None] = mapped_column(word(Failure))
    answer: Mapped[str] = mapped_column(String(500), default="")

    delivery: Mapped[WebhookDelivery] = relationship()

    __table_args__ = (CheckConstraint("duration_ms >= 0", name="duration_not_negative"),)
