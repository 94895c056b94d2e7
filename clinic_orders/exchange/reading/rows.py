"""A file on its way in: its header, its rows as values, and everything that is wrong with them."""

from __future__ import annotations

import io
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol

from clinic_orders.exchange.cells import FIRST_USUAL_YEAR, MAX_SHORT, CellEmpty, Sheet, excerpt, usual_instant
from clinic_orders.exchange.kinds import Column, Kind
from clinic_orders.exchange.reading import limits
from clinic_orders.exchange.reading.csv_files import CommaSeparated
from clinic_orders.exchange.reading.refusals import (
    CellsCounted,
    CellWithoutHeading,
    ColumnMissing,
    ColumnTwice,
    ColumnUnknown,
    FileEmpty,
    FileRefused,
    FileTooLarge,
    OldSpreadsheet,
    RowTwice,
    TooManyProblems,
    TooManyRows,
    WrongDelimiter,
)
from clinic_orders.exchange.reading.sources import Source
from clinic_orders.exchange.reading.spreadsheets import Spreadsheet
from clinic_orders.exchange.reading.texts import as_text, shortened, shown, to_millisecond
from clinic_orders.rules.errors import RuleBroken

# An error file has this column behind the others. A mended error file may be imported as it is.
MESSAGE_COLUMN: Final = "message"
MESSAGE_LABEL: Final = "错误说明"


@dataclass(frozen=True, slots=True)
class Problem:
    """One refusal.

    Attributes:
        row: as a spreadsheet numbers it; None where the whole file is meant.
        column: the name of the column, or the heading where it has no name; None where the row is meant.
        value: what was typed, shortened.
        refusal: the reason, to be translated by the door.

    """

    row: int | None
    column: str | None
    value: str
    refusal: RuleBroken

    def as_dict(self, say: Callable[[RuleBroken], str] = str) -> dict[str, Any]:
        """The entry of the import's report (formats.md section 1)."""
        return {"row": self.row, "column": self.column, "value": self.value, "message": say(self.refusal)}


class Table(Protocol):
    """Rows of raw cells that can be gone through again and again."""

    def records(self) -> Iterator[tuple[int, list[Any]]]:
        """Row number and cells of every row, empty rows included. Raises FileRefused."""
        ...

    def share(self) -> float:
        """How much of it was gone through, from 0 to 1."""
        ...


class Reading:
    """A file on its way in.

    Attributes:
        kind: what it is read as.
        headings: the header as the file has it.
        problems: everything refused so far, in the order of finding.
        rows_read: data rows met so far; empty ones do not count.

    """

    def __init__(self, kind: Kind, table: Table | None, refusal: FileRefused | None = None) -> None:
        self.kind = kind
        self.headings: list[str] = []
        self.problems: list[Problem] = []
        self.rows_read = 0
        self._table = table
        self._header_row = 0
        self._columns: list[Column | None] = []
        self._ignored: set[int] = set()
        if refusal is not None:
            self._give_up(refusal)
        else:
            self._read_header()

    @property
    def is_clean(self) -> bool:
        """Whether nothing was refused so far."""
        return not self.problems

    def refuse(
        self, row: int | None, refusal: RuleBroken, column: str | None = None, value: str = ""
    ) -> None:
        """Add a refusal that the importer found."""
        self.problems.append(Problem(row, column, excerpt(value), refusal))

    @property
    def share(self) -> float:
        """How much of the file was gone through, from 0 to 1."""
        return self._table.share() if self._table is not None else 1.0

    def values(self, after: int = 0, refused: Collection[int] = ()) -> Iterator[tuple[int, Sequence[Any]]]:
        """Number and values of every good row, in the order of the kind's columns; the others become problems.

        Nothing is given where the header was refused. A value that is not there is the cell's `absent`, or
        what the column falls back on. Whether two rows have the same key is not looked at, so the memory that
        this takes does not grow with the file.

        Args:
            after: rows up to this number are passed over, as they were read before,
            refused: except these, which were refused then; they are looked at again and become problems again.

        """
        if self._table is None or self.problems:
            return
        self.rows_read = 0
        columns = _RowsOfValues(self.kind, self._columns, self._ignored)
        try:
            for numbers, cells in self._blocks(self._table):
                if numbers[0] > after and self.rows_read + len(cells) <= limits.MAX_ROWS:
                    try:
                        values = columns.of(cells)
                    except (RuleBroken, _LooksWrong):
                        # One of them wants a closer look, so each is looked at alone.
                        pass
                    else:
                        self.rows_read += len(cells)
                        yield from zip(numbers, values, strict=True)
                        continue
                yield from self._one_by_one(zip(numbers, cells, strict=True), columns, after, refused)
        except FileRefused as refusal:
            self._give_up(refusal)

    def _blocks(self, table: Table) -> Iterator[tuple[list[int], list[list[Any]]]]:
        """Numbers and cells of some rows below the header at a time. Raises FileRefused behind the last good row."""
        records = table.records()
        for number, _ in records:
            if number >= self._header_row:
                break
        while True:
            numbers: list[int] = []
            cells: list[list[Any]] = []
            broken: FileRefused | None = None
            try:
                for number, row in islice(records, limits.TOGETHER):
                    numbers.append(number)
                    cells.append(row)
            except FileRefused as refusal:
                broken = refusal
            if cells:
                yield numbers, cells
            if broken is not None:
                raise broken
            if len(cells) < limits.TOGETHER:
                return

    def _one_by_one(
        self,
        rows: Iterable[tuple[int, list[Any]]],
        columns: _RowsOfValues,
        after: int,
        refused: Collection[int],
    ) -> Iterator[tuple[int, Sequence[Any]]]:
        """The values of rows of which something may be wrong, or which were read before: see ``values``."""
        for number, cells in rows:
            if self.rows_read >= limits.MAX_ROWS and any(map(shown, cells)):
                raise TooManyRows(limit=limits.MAX_ROWS, row=number)
            if number <= after and number not in refused:
                self.rows_read += any(map(shown, cells))
                continue
            try:
                values: Sequence[Any] = columns.of([cells])[0]
            except (RuleBroken, _LooksWrong):
                if not any(map(shown, cells)):
                    continue
                self.rows_read += 1
                mended = self._look_closely(number, cells, columns)
                if len(self.problems) >= limits.MAX_PROBLEMS:
                    raise TooManyProblems(limit=limits.MAX_PROBLEMS, row=number) from None
                if mended is None:
                    continue
                values = mended
            else:
                self.rows_read += 1
            if number > after:
                yield number, values

    def rows(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """The same as mappings by column name; a row that repeats the key of another becomes a problem."""
        names = [column.name for column in self.kind.columns]
        seen: dict[tuple[Any, ...], int] = {}
        for number, values in self.values():
            row = dict(zip(names, values, strict=True))
            if self._is_new(number, row, seen):
                yield number, row

    def bad_rows(self) -> Iterator[tuple[int, list[str], list[Problem]]]:
        """Number, cells as text and problems of every refused row, read once more from the file."""
        by_row: dict[int, list[Problem]] = {}
        for problem in self.problems:
            if problem.row is not None:
                by_row.setdefault(problem.row, []).append(problem)
        kept = [index for index in range(len(self.headings)) if index not in self._ignored]
        if self._table is None:
            return
        try:
            for number, cells in self._table.records():
                if number > self._header_row and number in by_row:
                    texts = [shown(cell) for cell in cells]
                    texts += [""] * (len(self.headings) - len(texts))
                    extra = texts[len(self.headings) :]
                    yield number, [texts[index] for index in kept] + extra, by_row[number]
        except FileRefused:
            # Where reading had to end, the rows before it are all there is to repeat.
            return

    def refused_texts(self, name: str) -> set[str]:
        """What stands in a column of the refused rows, read once more from the file."""
        place = next((at for at, column in enumerate(self._columns) if column and column.name == name), None)
        if self._table is None or place is None:
            return set()
        numbers = {problem.row for problem in self.problems}
        try:
            return {
                shown(cells[place])
                for number, cells in self._table.records()
                if number in numbers and place < len(cells)
            }
        except FileRefused:
            return set()

    def kept_headings(self) -> list[str]:
        """The header without the message column of an earlier error file."""
        return [heading for index, heading in enumerate(self.headings) if index not in self._ignored]

    def _give_up(self, refusal: FileRefused) -> None:
        self.problems.append(Problem(refusal.row, None, "", refusal))

    def _read_header(self) -> None:
        assert self._table is not None
        try:
            for number, cells in self._table.records():
                if any(shown(cell) for cell in cells):
                    self._header_row = number
                    self._take_header([shown(cell) for cell in cells])
                    return
            raise FileEmpty
        except FileRefused as refusal:
            self._give_up(refusal)

    def _take_header(self, headings: list[str]) -> None:
        while headings and not headings[-1]:
            headings.pop()
        if len(headings) == 1:
            for found in (";", "\t", "；", "|"):
                if found in headings[0]:
                    raise WrongDelimiter(found="Tab" if found == "\t" else found, row=self._header_row)
        self.headings = headings
        first: dict[str, str] = {}
        for index, heading in enumerate(headings):
            column = self.kind.by_heading(heading) if heading else None
            self._columns.append(column)
            if column is None:
                if heading.casefold() == MESSAGE_COLUMN or heading == MESSAGE_LABEL:
                    self._ignored.add(index)
                elif heading:
                    possible = "、".join(column.name for column in self.kind.columns)
                    refusal = ColumnUnknown(heading=excerpt(heading), columns=possible)
                    self.refuse(self._header_row, refusal, excerpt(heading), heading)
            elif column.name in first:
                twice = ColumnTwice(name=column.name, first=first[column.name], second=heading)
                self.refuse(self._header_row, twice, column.name, heading)
            else:
                first[column.name] = heading
        for column in self.kind.columns:
            if column.required and column.name not in first:
                missing = ColumnMissing(name=column.name, label=column.label)
                self.refuse(self._header_row, missing, column.name)

    def _look_closely(self, number: int, cells: list[Any], columns: _RowsOfValues) -> Sequence[Any] | None:
        """Everything that is wrong with a row; its values if it only has empty cells too many."""
        extra = cells[len(self.headings) :]
        if len(cells) < len(self.headings) or any(map(shown, extra)):
            self.refuse(number, CellsCounted(found=len(cells), expected=len(self.headings)))
            return None
        before = len(self.problems)
        for index, column in enumerate(self._columns):
            raw = cells[index]
            if column is not None:
                try:
                    _value(column, raw)
                except RuleBroken as refusal:
                    self.refuse(number, shortened(refusal), column.name, shown(raw))
            elif index not in self._ignored and shown(raw):
                self.refuse(number, CellWithoutHeading(position=index + 1), None, shown(raw))
        return columns.of([cells[: len(self.headings)]])[0] if len(self.problems) == before else None

    def _is_new(self, number: int, row: dict[str, Any], seen: dict[tuple[Any, ...], int]) -> bool:
        names = self.kind.key + self.kind.also_distinct_by
        key = tuple(row[name] for name in names)
        first = seen.setdefault(key, number)
        if first == number:
            return True
        words = ", ".join(
            f"{name} {self.kind.column(name).cell.write(value)}"
            for name, value in zip(names, key, strict=True)
            if value not in (None, "")
        )
        self.refuse(number, RowTwice(first=first, key=words), names[0], str(key[0]))
        return False


class _LooksWrong(Exception):
    """A row with more or fewer cells than headings."""


def _value(column: Column, raw: object) -> Any:
    """What a cell says.

    Raises:
        RuleBroken: it says nothing that the column takes.

    """
    typed = as_text(raw, column.sheet)
    if not typed or typed.isspace():
        if not column.takes_empty:
            raise CellEmpty(label=column.label)
        return column.cell.absent
    return column.cell.read(typed)


class _Remembered(dict[Any, Any]):
    """The values of a column by what stands in its cells: most cells say what another one said before."""

    def __init__(self, column: Column) -> None:
        super().__init__()
        self._column = column
        self._parse = column.cell.parse
        self._limit = min(column.cell.limit, MAX_SHORT)
        self._sheet = column.sheet
        self._is_instant = column.sheet is Sheet.INSTANT
        # No text of a number is as long as what such a cell takes.
        self._is_number = column.sheet in {Sheet.WHOLE, Sheet.DECIMAL} and column.cell.limit >= MAX_SHORT

    def __missing__(self, raw: Any) -> Any:
        # What follows gives what _value gives, by the shortest way for the cells that there are most of.
        if type(raw) is str and 0 < len(raw) <= self._limit and raw[0] != "'" and (typed := raw.strip()):
            value = self._parse(typed)
        elif self._is_instant and type(raw) is datetime and raw.year >= FIRST_USUAL_YEAR:
            value = usual_instant(to_millisecond(raw))
        elif self._is_number and type(raw) is float:
            value = self._parse(as_text(raw, self._sheet))
        else:
            value = _value(self._column, raw)
            if isinstance(raw, str) and len(raw) > MAX_SHORT:
                return value
        if len(self) >= limits.MAX_REMEMBERED:
            self.clear()
        self[raw] = value
        return value


class _Ignored(dict[Any, Any]):
    """A column of which nothing is taken."""

    def __missing__(self, _raw: Any) -> None:
        return None


class _Nothing(dict[Any, Any]):
    """A column without a heading, in which nothing may stand."""

    def __missing__(self, raw: Any) -> None:
        if shown(raw):
            raise _LooksWrong


class _RowsOfValues:
    """Turns the cells of rows into values in the order of the kind's columns, a column at a time."""

    def __init__(self, kind: Kind, headings: Sequence[Column | None], ignored: Collection[int]) -> None:
        self._columns: list[dict[Any, Any]] = [
            _Remembered(column) if column else _Ignored() if index in ignored else _Nothing()
            for index, column in enumerate(headings)
        ]
        place = {column.name: index for index, column in enumerate(headings) if column}
        left_out = [column for column in kind.columns if column.name not in place]
        self._absent = [column.cell.absent for column in left_out]
        place |= {column.name: len(headings) + index for index, column in enumerate(left_out)}
        order = [place[column.name] for column in kind.columns]
        self._order = order
        names = [column.name for column in kind.columns]
        self._falls_back = [
            (names.index(column.name), names.index(column.falls_back_on))
            for column in kind.columns
            if column.falls_back_on is not None
        ]

    def of(self, rows: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]:
        """The values of rows with as many cells as there are headings.

        Raises:
            RuleBroken, _LooksWrong: something is wrong with one of the rows.

        """
        width = len(self._columns)
        if any(len(cells) != width for cells in rows):
            raise _LooksWrong
        # A whole column is looked up without a step of Python for each cell.
        found = [
            list(map(column.__getitem__, texts))
            for column, texts in zip(self._columns, zip(*rows, strict=True), strict=True)
        ]
        found += [[absent] * len(rows) for absent in self._absent]
        values = [found[place] for place in self._order]
        for empty, other in self._falls_back:
            values[empty] = [
                instead if value is None or value == "" else value
                for value, instead in zip(values[empty], values[other], strict=True)
            ]
        return list(zip(*values, strict=True))


def open_file(kind: Kind, source: Path | BinaryIO) -> Reading:
    """Look at a file and its header. What is wrong stands in the result's `problems`; nothing is raised for it.

    The file must allow seeking and stay open until the reading is done. Of a path it is opened as often as needed.

    Raises:
        OSError: the file can't be opened.

    """
    try:
        return Reading(kind, _table(Source(source)))
    except FileRefused as refusal:
        return Reading(kind, None, refusal)


def _table(source: Source) -> Table:
    with source.bytes_from_start() as file:
        start = file.read(8)
        size = file.seek(0, io.SEEK_END)
    if not size:
        raise FileEmpty
    if size > limits.MAX_BYTES:
        raise FileTooLarge(limit=limits.MAX_BYTES // 1024 // 1024)
    if start.startswith(b"PK"):
        return Spreadsheet(source)
    if start.startswith(b"\xd0\xcf\x11\xe0"):
        raise OldSpreadsheet
    return CommaSeparated(source, size)
