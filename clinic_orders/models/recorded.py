"""Rows that are never overwritten: what every table of reported facts has in common (R-ORD-8, R-STAT-1).

A correction is a row of its own. The row that it puts right gets ``replaced_at`` and stays, so that a month which
was closed between the two still sees what was recorded by then:
``recorded_at <= cut-off AND (replaced_at IS NULL OR replaced_at > cut-off)``. Today's checks see the rows that
stand: ``replaced_at IS NULL``. A natural key is unique among those only.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

# A condition of indexes, word for word the same in the queries that use them.
STANDING = "replaced_at IS NULL"
REPLACED = "replaced_at IS NOT NULL"


class Recorded:
    """Columns of a row that is replaced, never changed.

    Attributes:
        recorded_at: from when on the row is known here.
        replaced_at: until when it stood; None while it stands. A row that was withdrawn with its file has one too.
        replaces_id: the row of the same table that it put right; no foreign key, so that tables can be parted.
        import_batch_id: the file that it came with; None where a person or a program entered it.

    """

    id: Mapped[int] = mapped_column(primary_key=True)
    recorded_at: Mapped[datetime]
    replaced_at: Mapped[datetime | None]
    replaces_id: Mapped[int | None]
    import_batch_id: Mapped[int | None] = mapped_column(ForeignKey("import_batch.id"), index=True)


def standing_key(table: str, *columns: str) -> Index:
    """The natural key: unique among the rows that stand."""
    return Index(
        f"uq_{table}_standing",
        *columns,
        unique=True,
        sqlite_where=text(STANDING),
        postgresql_where=text(STANDING),
    )


def standing_index(name: str, *columns: str) -> Index:
    """An index over the rows that stand."""
    return Index(name, *columns, sqlite_where=text(STANDING), postgresql_where=text(STANDING))
