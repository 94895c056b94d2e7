"""Who did what, when, with the facts before and after (append only)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from clinic_orders.models.base import Base


class AuditEntry(Base):
    """One deed. ``subject`` names the record for people (an order number, an institution code).

    ``batch_id`` is the imported file in whose course it was done.
    """

    __tablename__ = "audit_entry"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    deed: Mapped[str] = mapped_column(String(64), index=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"), index=True)
    actor_name: Mapped[str] = mapped_column(String(64))
    actor_role: Mapped[str] = mapped_column(String(16))
    org_name: Mapped[str] = mapped_column(String(200), default="")
    subject_type: Mapped[str] = mapped_column(String(32))
    subject_id: Mapped[int | None]
    subject: Mapped[str] = mapped_column(String(128), default="")
    # Whose matter it is, so that each party can read its own part of the history.
    # No foreign keys: the history outlives what an undone import takes away.
    institution_id: Mapped[int | None] = mapped_column(index=True)
    distributor_id: Mapped[int | None] = mapped_column(index=True)
    county_code: Mapped[str | None] = mapped_column(String(12), index=True)
    batch_id: Mapped[int | None] = mapped_column(index=True)
    before: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    after: Mapped[dict[str, Any] | None] = mapped_column(JSON)

    __table_args__ = (Index("ix_audit_entry_subject", "subject_type", "subject_id"),)


class AuditLink(Base):
    """One link of the chain over the audit: an entry's content bound to all entries before it.

    Neither entries nor links are ever changed or removed; triggers of the database refuse it. A link has no foreign
    key to its entry, so that it still tells of an entry that was removed behind the application's back.
    ``records`` is set where the entry tells of an imported file: the hash of all that the file did to records.
    """

    __tablename__ = "audit_link"

    # 1, 2, 3 … without gaps, in the order in which entries were sealed; entries of one sealing by their id.
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    entry_id: Mapped[int] = mapped_column(unique=True)
    content: Mapped[str] = mapped_column(String(64))
    records: Mapped[str | None] = mapped_column(String(64))
    digest: Mapped[str] = mapped_column(String(64))
    sealed_at: Mapped[datetime]
