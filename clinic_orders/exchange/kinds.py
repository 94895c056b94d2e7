"""What a kind of file is: its columns and its natural key (formats.md section 2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from clinic_orders.exchange.cells import Cell, Sheet


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a kind of file.

    Attributes:
        name: what the header says, the contract of formats.md.
        label: the Chinese heading, taken as well.
        cell: how its cells are read and written.
        required: whether the file must have the column.
        may_be_empty: whether a cell may be empty; by default, where the column is not required.
        falls_back_on: the column whose value holds where this one is empty.

    """

    name: str
    label: str
    cell: Cell
    required: bool = True
    may_be_empty: bool | None = None
    falls_back_on: str | None = None

    @property
    def parse(self) -> Callable[[str], Any]:
        """A stripped, non-empty text → the value; raises RuleBroken."""
        return self.cell.parse

    @property
    def sheet(self) -> Sheet:
        """As what its values are kept in a spreadsheet."""
        return self.cell.sheet

    @property
    def takes_empty(self) -> bool:
        """Whether a cell may be empty."""
        return not self.required if self.may_be_empty is None else self.may_be_empty


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of file.

    Attributes:
        name: as the console calls it.
        label: in Chinese.
        columns: in the order in which an export has them.
        key: names of the columns of the natural key; importing the same key again changes the same record.
        also_distinct_by: further columns in which rows with one key may differ within a file.
        stored_together: a long file is stored in parts; rows that agree in these columns are in one part. None: the
            whole file is one, as any row may speak of any other.

    """

    name: str
    label: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    also_distinct_by: tuple[str, ...] = ()
    stored_together: tuple[str, ...] | None = None
    _by_heading: Mapping[str, Column] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        headings: dict[str, Column] = {}
        for column in self.columns:
            for heading in (column.name, column.label):
                if headings.setdefault(heading, column) is not column:
                    raise ValueError(f"{self.name}: two columns are called {heading}")
        object.__setattr__(self, "_by_heading", headings)

    def column(self, name: str) -> Column:
        """The column of a name.

        Raises:
            KeyError: the kind has no such column, which is a bug of the caller.

        """
        column = self._by_heading[name]
        if column.name != name:
            raise KeyError(name)
        return column

    def by_heading(self, heading: str) -> Column | None:
        """The column that a heading of a file means: its name in any case, or its label."""
        heading = heading.strip()
        return self._by_heading.get(heading) or self._by_heading.get(heading.casefold())

    def key_of(self, row: Mapping[str, Any]) -> tuple[Any, ...]:
        """The natural key of a row that was read."""
        return tuple(row[name] for name in self.key)
