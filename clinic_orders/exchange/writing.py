"""Files out: CSV with BOM and XLSX with typed cells, in a form that an import reads back unchanged.

A spreadsheet takes a text that begins with ``= + - @`` (also in full width) or a line break or tab for a
formula, even in a CSV file. In CSV such a text gets an apostrophe in front, and one that has apostrophes
before such a character gets one more; ``reading.as_text`` takes one off again, so every text comes back
exactly. In XLSX texts are text cells, which are never formulas; there only the second half is needed.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO, Final

import xlsxwriter

from clinic_orders.exchange.cells import Sheet
from clinic_orders.exchange.kinds import Column, Kind
from clinic_orders.exchange.reading import ESCAPED, MESSAGE_COLUMN, Problem, Reading
from clinic_orders.rules.days import SHANGHAI
from clinic_orders.rules.errors import N_, RuleBroken

_RISKY: Final = re.compile(r"'*[=+\-@＝＋－＠\t\r\n]")
_PLAIN_NUMBER: Final = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
_SHEET_TEXT: Final = 32_767
SHEET_ROWS: Final = 1_048_576
_SHEET_DIGITS: Final = 15
# Spreadsheets count days from 1900 and have the first two months wrong.
_SHEET_FIRST_YEAR: Final = 1901

_FORMATS: Final = {
    Sheet.TEXT: "@",
    Sheet.WHOLE: "0",
    Sheet.DECIMAL: "0.00##",
    Sheet.DAY: "yyyy-mm-dd",
    Sheet.INSTANT: "yyyy-mm-dd hh:mm:ss",
}
_WIDTHS: Final = {Sheet.TEXT: 20, Sheet.WHOLE: 10, Sheet.DECIMAL: 12, Sheet.DAY: 12, Sheet.INSTANT: 20}


class TooMuchForSheet(RuleBroken):
    """A text or a number of rows that a spreadsheet can't hold."""

    message = N_("A spreadsheet can't hold this much. Choose CSV.")


def write_csv(kind: Kind, rows: Iterable[Mapping[str, Any]], out: BinaryIO, *, labels: bool = False) -> int:
    """Write rows as CSV (UTF-8 with BOM, CRLF) and tell how many. `labels` takes the Chinese headings.

    The values are those that reading gives; None and empty ones are written as nothing. `out` stays open.
    """
    with _text(out) as file:
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow([column.label if labels else column.name for column in kind.columns])
        count = 0
        for row in rows:
            writer.writerow([_csv_text(column, row.get(column.name)) for column in kind.columns])
            count += 1
        return count


def write_xlsx(
    kind: Kind,
    rows: Iterable[Mapping[str, Any]],
    out: BinaryIO,
    *,
    labels: bool = False,
    scratch: Path | None = None,
) -> int:
    """Write rows as XLSX with typed cells and tell how many; codes are text, instants in Asia/Shanghai.

    Rows are written as they come, in constant memory, to a file in `scratch` or the system's folder. `out` stays open.

    Raises:
        TooMuchForSheet: a text or the number of rows is beyond the format.

    """
    with _Book(out, kind.label, [column.sheet for column in kind.columns], scratch) as book:
        book.header([column.label if labels else column.name for column in kind.columns])
        count = 0
        for row in rows:
            book.row([_sheet_value(column, row.get(column.name)) for column in kind.columns])
            count += 1
        return count


def write_error_csv(reading: Reading, out: BinaryIO, say: Callable[[RuleBroken], str] = str) -> int:
    """Write the refused rows again as CSV with a message column, and tell how many.

    The rows stand as they came, so that the mended file can be imported as it is. `say` translates.
    """
    with _text(out) as file:
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow([*reading.kept_headings(), MESSAGE_COLUMN])
        count = 0
        for _number, cells, problems in reading.bad_rows():
            writer.writerow([*map(_repeated, cells), _repeated(_messages(problems, say))])
            count += 1
        return count


def write_error_xlsx(reading: Reading, out: BinaryIO, say: Callable[[RuleBroken], str] = str) -> int:
    """The same as XLSX, all cells as text.

    Raises:
        TooMuchForSheet: a text is beyond the format.

    """
    headings = [*reading.kept_headings(), MESSAGE_COLUMN]
    with _Book(out, reading.kind.label, [Sheet.TEXT] * len(headings)) as book:
        book.header(headings)
        count = 0
        for _number, cells, problems in reading.bad_rows():
            book.row([*cells, _messages(problems, say)])
            count += 1
        return count


def _messages(problems: list[Problem], say: Callable[[RuleBroken], str]) -> str:
    return "; ".join(
        f"{problem.column}: {say(problem.refusal)}" if problem.column else say(problem.refusal)
        for problem in problems
    )


def _csv_text(column: Column, value: object) -> str:
    text = _written(column, value)
    return _guarded(text) if column.sheet is Sheet.TEXT else text


def _written(column: Column, value: object) -> str:
    return "" if value is None or value == "" else column.cell.write(value)


def _guarded(text: str) -> str:
    return f"'{text}" if _RISKY.match(text) else text


def _repeated(text: str) -> str:
    """A cell of a refused row, made harmless. What already is, and plain numbers, are left as they came."""
    if ESCAPED.match(text) or _PLAIN_NUMBER.fullmatch(text):
        return text
    return _guarded(text)


def _sheet_value(column: Column, value: object) -> str | Decimal | date:
    """What goes into a typed cell: text, number, date or naive time of Asia/Shanghai."""
    text = _written(column, value)
    if not text or column.sheet is Sheet.TEXT:
        return f"'{text}" if ESCAPED.match(text) else text
    if column.sheet in (Sheet.WHOLE, Sheet.DECIMAL):
        digits = len(text.strip("-").replace(".", "").lstrip("0"))
        return text if digits > _SHEET_DIGITS else Decimal(text)
    assert isinstance(value, date)
    if value.year < _SHEET_FIRST_YEAR:
        return text
    if isinstance(value, datetime):
        # A spreadsheet keeps parts of a second only roughly.
        return text if value.microsecond else value.astimezone(SHANGHAI).replace(tzinfo=None)
    return value


class _text:  # noqa: N801 - used as a function.
    """A text stream over a binary one that stays open."""

    def __init__(self, out: BinaryIO) -> None:
        self._file = io.TextIOWrapper(out, encoding="utf-8-sig", newline="", write_through=False)

    def __enter__(self) -> io.TextIOWrapper:
        return self._file

    def __exit__(self, *_: object) -> None:
        self._file.flush()
        self._file.detach()


class _Book:
    """One workbook with one sheet."""

    def __init__(self, out: BinaryIO, title: str, sorts: list[Sheet], scratch: Path | None = None) -> None:
        self._book = xlsxwriter.Workbook(
            out,
            {
                "constant_memory": True,
                "strings_to_formulas": False,
                "strings_to_urls": False,
                "tmpdir": scratch and str(scratch),
            },
        )
        self._sheet = self._book.add_worksheet(title)
        self._formats = {sort: self._book.add_format({"num_format": form}) for sort, form in _FORMATS.items()}
        self._bold = self._book.add_format({"bold": True, "bottom": 1})
        self._sorts = sorts
        self._next = 0
        for index, sort in enumerate(sorts):
            # The format of the whole column keeps codes typed in later as text, too.
            self._sheet.set_column(index, index, _WIDTHS[sort], self._formats[sort])

    def __enter__(self) -> _Book:
        return self

    def __exit__(self, *_: object) -> None:
        self._book.close()

    def header(self, headings: list[str]) -> None:
        self._sheet.freeze_panes(1, 0)
        for index, heading in enumerate(headings):
            self._sheet.write_string(0, index, heading, self._bold)
        self._next = 1

    def row(self, values: list[Any]) -> None:
        if self._next >= SHEET_ROWS:
            raise TooMuchForSheet
        for index, value in enumerate(values):
            sort = self._sorts[index] if index < len(self._sorts) else Sheet.TEXT
            if value == "":
                continue
            if isinstance(value, str):
                if len(value) > _SHEET_TEXT:
                    raise TooMuchForSheet
                self._sheet.write_string(self._next, index, value, self._formats[Sheet.TEXT])
            elif isinstance(value, (date, datetime)):
                self._sheet.write_datetime(self._next, index, value, self._formats[sort])
            else:
                self._sheet.write_number(self._next, index, value, self._formats[sort])
        self._next += 1
