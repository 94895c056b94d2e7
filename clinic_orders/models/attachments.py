"""What every table of attached files has in common; the files lie in the instance folder under ``stored_as``."""

from __future__ import annotations

from typing import Any

from sqlalchemy import CheckConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from clinic_orders.rules.attachments import AttachedFile


class Attached:
    """Columns of a file that came with an answer or lies in evidence."""

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    media_type: Mapped[str] = mapped_column(String(64))
    size: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))
    stored_as: Mapped[str] = mapped_column(String(64), unique=True)


def not_empty() -> CheckConstraint:
    """A file holds something."""
    return CheckConstraint("size > 0", name="not_empty")


def of_file(file: AttachedFile) -> dict[str, Any]:
    """The columns of a file that was checked and stored."""
    return {
        "name": file.name,
        "media_type": file.media_type.value,
        "size": file.size,
        "sha256": file.sha256,
        "stored_as": file.stored_as,
    }
