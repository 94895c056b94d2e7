"""What the questions of ordering share: plain rows and the values that are filled in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Date, Integer, bindparam

from clinic_orders.models.base import UtcDateTime, db

DAY: Final = bindparam("day", type_=Date)
INSTITUTION: Final = bindparam("institution", type_=Integer)
ORDERING: Final = bindparam("ordering", type_=Integer)
DRAFT: Final = bindparam("draft", type_=Integer)
SINCE: Final = bindparam("since", type_=UtcDateTime)


def rows_of(statement: Any, values: Mapping[str, Any] | None = None) -> Any:
    """Plain rows straight from the session's connection: nothing is loaded as a record here."""
    return db.session.connection().execute(statement, values or {})
