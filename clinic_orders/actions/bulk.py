"""What the deeds that take many rows have in common: one transaction, few statements, all refusals at once.

Such a deed is called ``put_…(rows, *, by, at)``. Each row comes with its number in the file, so that a refusal can
name it; the deed looks at all rows, and stores either all of them or none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Table, func, select, text

from clinic_orders.models.base import db
from clinic_orders.rules.errors import N_, RuleBroken

T = TypeVar("T")
Row = Mapping[str, Any]
NumberedRow = tuple[int, Row]


@dataclass(frozen=True, slots=True)
class RowProblem:
    """Why one row can't be stored.

    Attributes:
        row: its number in the file.
        column: the column the refusal is about; empty for the whole row.
        refusal: what is wrong and what to do.
    """

    row: int
    column: str
    refusal: RuleBroken


@dataclass(slots=True)
class Stored:
    """How many records a deed made, changed and found as they were; what it wants to be looked at."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    warnings: list[RowProblem] = field(default_factory=list)


class RowsRefused(RuleBroken):
    """Some rows can't be stored, so none was; ``problems`` names each."""

    message = N_("%(count)s places in the file have to be put right; nothing was stored.")

    def __init__(self, problems: Sequence[RowProblem]) -> None:
        super().__init__(count=len(problems))
        self.problems = list(problems)


class UnknownCode(RuleBroken):
    """A row names something that is not there."""

    message = N_("%(code)s is not known here. Import it first, or correct the code.")


@dataclass(slots=True)
class Problems:
    """Gathers the refusals of a deed's rows."""

    found: list[RowProblem] = field(default_factory=list)

    def add(self, row: int, column: str, refusal: RuleBroken) -> None:
        """Note a refusal."""
        self.found.append(RowProblem(row, column, refusal))

    def raise_if_any(self) -> None:
        """Refuse the whole file if any row was refused.

        Raises:
            RowsRefused: with every problem, in the order of the rows.
        """
        if self.found:
            raise RowsRefused(sorted(self.found, key=lambda problem: problem.row))


def in_parts(values: Iterable[T], size: int = 500) -> Iterator[list[T]]:
    """Cut many values into lists that a statement can carry as parameters."""
    iterator = iter(values)
    while part := list(islice(iterator, size)):
        yield part


def reserve_ids(table: Table, count: int) -> range | list[int]:
    """Row ids for so many new rows of a table, so that rows which point to each other go in by plain inserts.

    On SQLite the transaction is the only writer, so the ids behind the last one are its own; PostgreSQL gives
    them out of the table's sequence.
    """
    if not count:
        return []
    if db.session.get_bind().dialect.name == "postgresql":
        statement = text(
            "SELECT nextval(pg_get_serial_sequence(:table, 'id')) FROM generate_series(1, :count)"
        )
        return list(db.session.scalars(statement, {"table": table.name, "count": count}))
    first = (db.session.scalar(select(func.max(table.c.id))) or 0) + 1
    return range(first, first + count)
