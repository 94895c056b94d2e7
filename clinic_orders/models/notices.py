"""Notices to a party: what happened, to whom, with the facts; and alarms that stay until somebody ends them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from clinic_orders.models.base import Base


class Notice(Base):
    """A message in a party's inbox. Exactly one addressee column is set, or none for the city bureau.

    ``kind`` is a stable word (for example ``proxy_order_placed``); its text stands in web.display, the facts
    fill it. ``link`` is a path inside the application.
    """

    __tablename__ = "notice"

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(48), index=True)
    institution_id: Mapped[int | None] = mapped_column(ForeignKey("institution.id"), index=True)
    distributor_id: Mapped[int | None] = mapped_column(ForeignKey("distributor.id"), index=True)
    county_code: Mapped[str | None] = mapped_column(ForeignKey("county.code"), index=True)
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)
    link: Mapped[str] = mapped_column(String(200), default="")
    created_at: Mapped[datetime]
    read_at: Mapped[datetime | None]
    read_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))

    __table_args__ = (
        CheckConstraint(
            "(CASE WHEN institution_id IS NULL THEN 0 ELSE 1 END)"
            " + (CASE WHEN distributor_id IS NULL THEN 0 ELSE 1 END)"
            " + (CASE WHEN county_code IS NULL THEN 0 ELSE 1 END) <= 1",
            name="one_addressee",
        ),
    )


class Alarm(Base):
    """Something the bureau must act on, raised once while open ("no distributor", R-CAT-3; emergency, R-ORD-9)."""

    __tablename__ = "alarm"

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(48))
    # Made of the ids that define the alarm; unique among open alarms of the kind.
    key: Mapped[str] = mapped_column(String(128))
    institution_id: Mapped[int | None] = mapped_column(ForeignKey("institution.id"), index=True)
    item_id: Mapped[int | None] = mapped_column(ForeignKey("item.id"), index=True)
    order_id: Mapped[int | None] = mapped_column(ForeignKey("purchase_order.id"), index=True)
    county_code: Mapped[str] = mapped_column(ForeignKey("county.code"), index=True)
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)
    times: Mapped[int] = mapped_column(default=1)
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    closed_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    closed_reason: Mapped[str] = mapped_column(String(200), default="")

    __table_args__ = (Index("ix_alarm_open", "kind", "key", "closed_at"),)
