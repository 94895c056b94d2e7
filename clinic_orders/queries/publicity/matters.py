"""Which matters are open to the public, and by what a kept page is known to hold still."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import exists, func, select

from clinic_orders.models.audit import AuditEntry
from clinic_orders.models.base import db
from clinic_orders.models.publicity import HiddenPhone, PublicMatter
from clinic_orders.rules.publicity import Matter


@dataclass(frozen=True, slots=True)
class Decision:
    """A matter as it stands; ``version`` 0 = nobody ever decided, so it is closed."""

    matter: Matter
    open: bool
    document_no: str = ""
    decided_at: datetime | None = None
    decided_by: str = ""
    version: int = 0


def decisions() -> list[Decision]:
    """Every matter in its order; one statement."""
    rows = {row.matter: row for row in db.session.scalars(select(PublicMatter))}
    return [
        Decision(matter, False)
        if (row := rows.get(matter)) is None
        else Decision(matter, row.open, row.document_no, row.decided_at, row.decided_by, row.version)
        for matter in Matter
    ]


def open_matters() -> frozenset[Matter]:
    """What the public may see; one statement."""
    return frozenset(db.session.scalars(select(PublicMatter.matter).where(PublicMatter.open)))


def phone_is_hidden(institution_id: int) -> bool:
    """Whether an institution's telephone stays unsaid."""
    asked = select(exists().where(HiddenPhone.institution_id == institution_id))
    return bool(db.session.connection().scalar(asked))


_LAST_DEED: Final = select(func.max(AuditEntry.id))


def last_deed() -> int:
    """The newest entry of the audit: while it stays the same, nobody has done anything (one look into an index)."""
    return db.session.connection().scalar(_LAST_DEED) or 0
