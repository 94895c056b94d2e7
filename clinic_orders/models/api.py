"""Tokens of other programs, and the answers that belong to their calls (formats.md section 5)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from clinic_orders.models.accounts import RoleAssignment, User
from clinic_orders.models.base import Base


class ApiToken(Base):
    """A token of a program: it acts for an account in one organisation, narrowed to its scopes.

    The token itself is nowhere; ``mark`` are its first characters, by which people tell it from others. ``scopes`` are
    permissions with blanks between them.
    """

    __tablename__ = "api_token"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(24))
    mark: Mapped[str] = mapped_column(String(16))
    # Who reads the database can't call with what stands in it.
    token_digest: Mapped[str] = mapped_column(String(64), unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"), index=True)
    assignment_id: Mapped[int] = mapped_column(ForeignKey("role_assignment.id"), index=True)
    scopes: Mapped[str] = mapped_column(String(400))
    created_at: Mapped[datetime]
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    created_by_name: Mapped[str] = mapped_column(String(64))
    expires_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    revoked_by_name: Mapped[str] = mapped_column(String(64), default="")

    user: Mapped[User] = relationship(foreign_keys=[user_id])
    assignment: Mapped[RoleAssignment] = relationship()

    __table_args__ = (
        CheckConstraint("scopes <> ''", name="may_do_something"),
        CheckConstraint("expires_at > created_at", name="instants_in_order"),
    )


class ApiAnswer(Base):
    """What a call that stored something was answered: the same call gets the same again.

    Of the account in its organisation, not of the token: a program that was given a new token meanwhile still does
    nothing twice. ``digest`` is of method, address and body.
    """

    __tablename__ = "api_answer"

    id: Mapped[int] = mapped_column(primary_key=True)
    assignment_id: Mapped[int] = mapped_column(ForeignKey("role_assignment.id"))
    key: Mapped[str] = mapped_column(String(128))
    digest: Mapped[str] = mapped_column(String(64))
    status: Mapped[int] = mapped_column(default=0)
    headers: Mapped[dict[str, str]] = mapped_column(JSON)
    body: Mapped[Any] = mapped_column(JSON)
    at: Mapped[datetime]

    __table_args__ = (
        UniqueConstraint("assignment_id", "key"),
        Index("ix_api_answer_at", "at"),
    )
