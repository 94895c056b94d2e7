"""What the rows of all work behind the scenes have in common (``rules.background``)."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from clinic_orders.rules.background import Course


class Work:
    """Columns of a piece of work from the wish to its end.

    ``token`` names its folder in the instance. ``attempt`` counts the processes that have claimed it and tells them
    apart; ``failures`` counts those that broke off, ``error`` says why the last one did. ``worker`` is the process,
    and ``heartbeat_at`` when it last said that it lives.
    """

    course: ClassVar[Course[Any]]
    if TYPE_CHECKING:
        state: Mapped[Any]

    id: Mapped[int] = mapped_column(primary_key=True)
    token: Mapped[str] = mapped_column(String(32), unique=True)
    by_name: Mapped[str] = mapped_column(String(64))
    requested_at: Mapped[datetime]
    worker: Mapped[str] = mapped_column(String(64), default="")
    attempt: Mapped[int] = mapped_column(default=0)
    failures: Mapped[int] = mapped_column(default=0)
    heartbeat_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    error: Mapped[str] = mapped_column(Text, default="")
