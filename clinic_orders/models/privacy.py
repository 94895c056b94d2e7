"""What persons ask about their own data (decision 0056)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from clinic_orders.models.base import Base, word
from clinic_orders.rules.privacy import RequestKind, RequestState

_WAITING = text("state = 'waiting'")


class PersonalRequest(Base):
    """A person asks that data about them be corrected, erased or explained; one request of a person waits at a time."""

    __tablename__ = "personal_request"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"), index=True)
    kind: Mapped[RequestKind] = mapped_column(word(RequestKind))
    words: Mapped[str] = mapped_column(String(500))
    state: Mapped[RequestState] = mapped_column(word(RequestState))
    asked_at: Mapped[datetime]
    answer: Mapped[str] = mapped_column(String(500), default="")
    answered_at: Mapped[datetime | None]
    answered_by_name: Mapped[str] = mapped_column(String(64), default="")

    __table_args__ = (
        CheckConstraint("(state = 'waiting') = (answered_at IS NULL)", name="answered_has_instant"),
        CheckConstraint("answered_at IS NULL OR answer <> ''", name="answered_has_words"),
        Index(
            "uq_personal_request_waiting",
            "user_id",
            unique=True,
            sqlite_where=_WAITING,
            postgresql_where=_WAITING,
        ),
    )
