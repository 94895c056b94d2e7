"""Stamps: what tells a process that remembers something whether it still holds."""

from __future__ import annotations

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from clinic_orders.models.base import Base

WATCHED: dict[str, tuple[str, ...]] = {
    "catalogue": ("item", "price", "edition", "edition_item"),
    "policy": ("policy_value",),
    "relations": ("delivery_relation",),
}
"""By stamp the tables whose every change gives it a new token."""


class Stamp(Base):
    """The state of some tables, as a word that never comes twice.

    Triggers of the database write a new random ``token`` in the transaction of every change, whoever makes it: a
    deed, an import of another process, or somebody with a database console. So the same token means the same rows,
    also across processes, and a database that was restored never shows a token of what came after.
    """

    __tablename__ = "stamp"

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    token: Mapped[str] = mapped_column(String(32))
