"""Rows of an answer one after the other, a thousand at a time in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import Select

from clinic_orders.models.base import db, reading_in_one_piece

Row = dict[str, Any]
PART: Final = 1000


def stream(statement: Select[*tuple[Any, ...]]) -> Iterator[Row]:
    """The rows of a statement as dictionaries."""
    with reading_in_one_piece():
        rows = db.session.execute(statement.execution_options(yield_per=PART))
    for row in rows.mappings():
        yield dict(row)
