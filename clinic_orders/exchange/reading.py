"""Files in: CSV or XLSX → rows of values, with every refusal named by row and column.

``open_file`` looks at a file once in bounded memory (size, encoding, what a spreadsheet would unpack to) and
at its header; ``Reading.rows`` then gives the good rows one by one and gathers what is wrong with the others.
Nothing here knows the records: whoever imports adds refusals of its own with ``Reading.refuse``.

Rows are numbered as a spreadsheet shows them: the header is row 1, the first data row is row 2.
"""

from __future__ import annotations

import codecs
import csv
import io
import lzma
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Protocol
from xml.etree import ElementTree

from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from clinic_orders.exchange.cells import CellEmpty, NumberLostDigits, Sheet, excerpt
from clinic_orders.exchange.tables import MAX_TRACE_CODES, Column, Kind
from clinic_orders.rules.errors import N_, RuleBroken

if TYPE_CHECKING:
    from typing_extensions import Buffer

MAX_BYTES: Final = 200 * 1024 * 1024
MAX_COLUMNS: Final = 200
MAX_ROWS: Final = 500_000
MAX_RECORD: Final = 1_000_000
MAX_PROBLEMS: Final = 10_000
# A spreadsheet is unpacked and held as a whole, so less of it is taken than of CSV.
MAX_UNPACKED: Final = 128 * 1024 * 1024
MAX_CELLS: Final = 5_000_000
MAX_TEXT: Final = 256 * 1024 * 1024
# An error file has this column behind the others. A mended error file may be imported as it is.
MESSAGE_COLUMN: Final = "message"
MESSAGE_LABEL: Final = "错误说明"
# What a spreadsheet would take for a formula, in half and full width (see writing.py).
ESCAPED: Final = re.compile(r"'+[=+\-@＝＋－＠\t\r\n]")

_CHUNK: Final = 64 * 1024
_DIGITS_KEPT: Final = 15
# The last cell of a sheet is XFD1048576.
_PLACE_LETTERS: Final = 3
_PLACE_DIGITS: Final = 7

# The library's own limit is for the whole process and too short for a cell of trace codes.
csv.field_size_limit(MAX_TRACE_CODES + 1024)


class FileRefused(RuleBroken):
    """A file, or the rest of it, that can't be read. `row` says where, if anywhere."""

    @property
    def row(self) -> int | None:
        """The row at which reading ended, if it had begun."""
        row: int | None = self.facts.get("row")
        return row


class FileEmpty(FileRefused):
    """Nothing in it."""

    message = N_("The file is empty. It needs a header row with the names of the columns.")


class FileTooLarge(FileRefused):
    """More bytes than are taken."""

    message = N_("The file is larger than %(limit)s MB. Split it.")


class OldSpreadsheet(FileRefused):
    """The binary format before 2007, or a workbook with a password."""

    message = N_(
        "This is an old or protected Excel file. Save it as .xlsx without a password, or as CSV UTF-8."
    )


class NotASpreadsheet(FileRefused):
    """A damaged or foreign packed file."""

    message = N_("The file can't be read as a spreadsheet. Save it as .xlsx or as CSV UTF-8.")


class SpreadsheetTooLarge(FileRefused):
    """A spreadsheet that would fill the memory."""

    message = N_(
        "The spreadsheet is too large to unpack. Delete empty columns and rows, or save it as CSV UTF-8."
    )


class FormulaFailed(FileRefused):
    """A formula's error such as #N/A, which would otherwise be read as an empty cell."""

    message = N_("The cell %(cell)s shows a formula error. Put the value itself there.")


class Utf16(FileRefused):
    """What Excel calls Unicode text."""

    message = N_("The file is “Unicode text”. Save it as CSV UTF-8 or as .xlsx.")


class NotText(FileRefused):
    """NUL bytes, as in pictures and programs."""

    message = N_("Row %(row)s holds a NUL byte: this is not a text file. Save it as CSV UTF-8 or as .xlsx.")


class EncodingUnknown(FileRefused):
    """Neither UTF-8 nor GB18030."""

    message = N_(
        "The characters are neither UTF-8 nor GB18030, or the file is damaged. Save it as CSV UTF-8."
    )


class RecordTooLong(FileRefused):
    """A row without an end, or a quotation mark that is never closed."""

    message = N_("Row %(row)s is too long. Is a quotation mark not closed, or a line break missing?")


class QuotesBroken(FileRefused):
    """Quotation marks in a row that do not fit together."""

    message = N_(
        "The quotation marks of row %(row)s do not fit together. Double those inside a value, or save as .xlsx."
    )


class TooManyColumns(FileRefused):
    """More columns than any kind has."""

    message = N_(
        "The file has more than %(limit)s columns. Delete the empty ones to the right, or check the commas."
    )


class TooManyRows(FileRefused):
    """More rows than are taken at once."""

    message = N_("The file has more than %(limit)s rows. Split it.")


class WrongDelimiter(FileRefused):
    """Columns that are not separated by commas."""

    message = N_("The columns are separated by “%(found)s”. Save the file with commas.")


class TooManyProblems(FileRefused):
    """Reading stopped after very many refusals."""

    message = N_("More than %(limit)s problems. The rows from %(row)s on were not checked.")


class HeaderRefused(RuleBroken):
    """The header does not fit the kind of file."""


class ColumnUnknown(HeaderRefused):
    """A heading that the kind does not have."""

    message = N_("There is no column “%(heading)s” in a file of this kind. Possible: %(columns)s.")


class ColumnMissing(HeaderRefused):
    """A column that must be there."""

    message = N_("The column “%(name)s” (%(label)s) is missing.")


class ColumnTwice(HeaderRefused):
    """Two headings that mean the same column."""

    message = N_("The column “%(name)s” stands twice: “%(first)s” and “%(second)s”.")


class RowRefused(RuleBroken):
    """A row does not fit the header or another row."""


class CellsCounted(RowRefused):
    """More or fewer cells than headings."""

    message = N_("The row has %(found)s cells, the header has %(expected)s. Is a comma missing or too many?")


class CellWithoutHeading(RowRefused):
    """A value in a column without a heading."""

    message = N_("Cell %(position)s has no heading above it.")


class RowTwice(RowRefused):
    """Two rows of one file with the same natural key."""

    message = N_("The row repeats row %(first)s: %(key)s. Delete one of them.")


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

    def rows(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Number and values of every good row, with all columns of the kind; the others become problems.

        Nothing is given where the header was refused. A value that is not there is the cell's `absent`, or
        what the column falls back on.
        """
        if self._table is None or self.problems:
            return
        self.rows_read = 0
        seen: dict[tuple[Any, ...], int] = {}
        try:
            for number, cells in self._data():
                self.rows_read += 1
                if self.rows_read > MAX_ROWS:
                    raise TooManyRows(limit=MAX_ROWS, row=number)
                row = self._values(number, cells)
                if len(self.problems) >= MAX_PROBLEMS:
                    raise TooManyProblems(limit=MAX_PROBLEMS, row=number)
                if row is not None and self._is_new(number, row, seen):
                    yield number, row
        except FileRefused as refusal:
            self._give_up(refusal)

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
                    texts = [_shown(cell) for cell in cells]
                    texts += [""] * (len(self.headings) - len(texts))
                    extra = texts[len(self.headings) :]
                    yield number, [texts[index] for index in kept] + extra, by_row[number]
        except FileRefused:
            # Where reading had to end, the rows before it are all there is to repeat.
            return

    def kept_headings(self) -> list[str]:
        """The header without the message column of an earlier error file."""
        return [heading for index, heading in enumerate(self.headings) if index not in self._ignored]

    def _give_up(self, refusal: FileRefused) -> None:
        self.problems.append(Problem(refusal.row, None, "", refusal))

    def _read_header(self) -> None:
        assert self._table is not None
        try:
            for number, cells in self._table.records():
                if any(_shown(cell) for cell in cells):
                    self._header_row = number
                    self._take_header([_shown(cell) for cell in cells])
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

    def _data(self) -> Iterator[tuple[int, list[Any]]]:
        assert self._table is not None
        for number, cells in self._table.records():
            if number > self._header_row and any(_shown(cell) for cell in cells):
                yield number, cells

    def _values(self, number: int, cells: list[Any]) -> dict[str, Any] | None:
        before = len(self.problems)
        extra = cells[len(self.headings) :]
        if len(cells) < len(self.headings) or any(_shown(cell) for cell in extra):
            counted = CellsCounted(found=len(cells), expected=len(self.headings))
            self.refuse(number, counted)
            return None
        row = {column.name: column.cell.absent for column in self.kind.columns}
        for index, column in enumerate(self._columns):
            raw = cells[index]
            if column is not None:
                self._read_cell(number, column, raw, row)
            elif index not in self._ignored and _shown(raw):
                self.refuse(number, CellWithoutHeading(position=index + 1), None, _shown(raw))
        if len(self.problems) > before:
            return None
        for column in self.kind.columns:
            if column.falls_back_on is not None and row[column.name] in (None, ""):
                row[column.name] = row[column.falls_back_on]
        return row

    def _read_cell(self, number: int, column: Column, raw: object, row: dict[str, Any]) -> None:
        try:
            typed = as_text(raw, column.sheet)
            if not typed.strip():
                if not column.takes_empty:
                    raise CellEmpty(label=column.label)
                return
            row[column.name] = column.cell.read(typed)
        except RuleBroken as refusal:
            self.refuse(number, _shortened(refusal), column.name, _shown(raw))

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


def open_file(kind: Kind, source: Path | BinaryIO) -> Reading:
    """Look at a file and its header. What is wrong stands in the result's `problems`; nothing is raised for it.

    The file must allow seeking and stay open until the reading is done. Of a path it is opened as often as needed.

    Raises:
        OSError: the file can't be opened.

    """
    try:
        return Reading(kind, _table(_Source(source)))
    except FileRefused as refusal:
        return Reading(kind, None, refusal)


def as_text(cell: object, sheet: Sheet) -> str:
    """A cell as the text that a CSV file would have, for a column of a sort.

    Numbers lose the noise of binary fractions and the `.0` of whole ones, dates become ISO, and the mark that
    keeps a text from being a formula is taken off again.

    Raises:
        NumberLostDigits: a number so long that the spreadsheet has dropped its end.

    >>> as_text(28.0, Sheet.WHOLE), as_text(0.1 + 0.2, Sheet.DECIMAL), as_text("'=A1", Sheet.TEXT)
    ('28', '0.3', '=A1')

    """
    if isinstance(cell, str):
        return cell[1:] if sheet is Sheet.TEXT and ESCAPED.match(cell) else cell
    if isinstance(cell, bool):
        return "Y" if cell else "N"
    if isinstance(cell, (int, float)):
        return _number_text(cell)
    if isinstance(cell, datetime):
        nearest = _to_millisecond(cell)
        if sheet is Sheet.DAY and nearest.time() == time():
            return nearest.date().isoformat()
        return nearest.isoformat()
    if isinstance(cell, date):
        return f"{cell.isoformat()}T00:00" if sheet is Sheet.INSTANT else cell.isoformat()
    return str(cell)


def _number_text(number: float) -> str:
    if abs(number) >= 10**_DIGITS_KEPT:
        raise NumberLostDigits(typed=f"{number:.0f}")
    if number == int(number):
        return str(int(number))
    shortest = f"{number:.{_DIGITS_KEPT}g}"
    if "e" in shortest:
        shortest = f"{number:.20f}".rstrip("0")
    return shortest


def _to_millisecond(moment: datetime) -> datetime:
    moment += timedelta(microseconds=500)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _shown(cell: object) -> str:
    """A cell as an error file repeats it."""
    try:
        return (cell if isinstance(cell, str) else as_text(cell, Sheet.TEXT)).strip()
    except NumberLostDigits as lost:
        return str(lost.facts["typed"])


def _shortened(refusal: RuleBroken) -> RuleBroken:
    typed = refusal.facts.get("typed")
    if isinstance(typed, str):
        refusal.facts["typed"] = excerpt(typed)
    return refusal


# Sources ----------------------------------------------------------------------------------------------


class _Source:
    """A file that can be read again from its beginning."""

    def __init__(self, source: Path | BinaryIO) -> None:
        self._source = source

    def bytes_from_start(self) -> io.BufferedReader:
        if isinstance(self._source, Path):
            return self._source.open("rb")
        self._source.seek(0)
        return io.BufferedReader(_KeptOpen(self._source))


class _KeptOpen(io.RawIOBase):
    """Somebody else's file, which must not be closed when the reader of it is."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._file = file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        view = memoryview(buffer)
        data = self._file.read(len(view))
        view[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()


def _table(source: _Source) -> Table:
    with source.bytes_from_start() as file:
        start = file.read(8)
        size = file.seek(0, io.SEEK_END)
    if not size:
        raise FileEmpty
    if size > MAX_BYTES:
        raise FileTooLarge(limit=MAX_BYTES // 1024 // 1024)
    if start.startswith(b"PK"):
        return _Spreadsheet(source)
    if start.startswith(b"\xd0\xcf\x11\xe0"):
        raise OldSpreadsheet
    return _CommaSeparated(source, _encoding(source))


# CSV --------------------------------------------------------------------------------------------------


def _encoding(source: _Source) -> str:
    """The encoding of a text file, found by going through it once.

    Some pairs of GB18030 bytes are valid UTF-8 by accident (支, 片, 瓶): a file that would have only odd
    characters of two bytes in UTF-8, none of them Latin or Greek, is GB18030. A file that is mostly valid
    UTF-8 is damaged UTF-8 and not GB18030, whatever that would make of it.
    """
    lenient = codecs.getincrementaldecoder("utf-8")("replace")
    broken = wide = odd = rows = 0
    with source.bytes_from_start() as file:
        start = file.read(3)
        if start[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            raise Utf16
        has_mark = start == codecs.BOM_UTF8
        chunk = start
        while chunk:
            if b"\0" in chunk:
                raise NotText(row=rows + chunk[: chunk.index(0)].count(b"\n") + 1)
            rows += chunk.count(b"\n")
            if not chunk.isascii() or lenient.getstate()[0]:
                marks = _strange(lenient.decode(chunk))
                broken, wide, odd = broken + marks[0], wide + marks[1], odd + marks[2]
            chunk = file.read(_CHUNK)
    broken += _strange(lenient.decode(b"", final=True))[0]
    if not broken and (has_mark or wide or not odd):
        return "utf-8-sig"
    if has_mark or wide > broken or not _decodes(source, "gb18030"):
        if not broken:
            return "utf-8-sig"
        raise EncodingUnknown
    return "gb18030"


_BROKEN: Final = re.compile("\ufffd")
_WIDE: Final = re.compile("[\u0800-\ufefe\uff00-\ufffc\U00010000-\U0010ffff]")
_ODD: Final = re.compile("[\u0100-\u036f\u0400-\u07ff]")


def _strange(characters: str) -> tuple[int, int, int]:
    return (
        sum(1 for _ in _BROKEN.finditer(characters)),
        sum(1 for _ in _WIDE.finditer(characters)),
        sum(1 for _ in _ODD.finditer(characters)),
    )


def _decodes(source: _Source, encoding: str) -> bool:
    strict = codecs.getincrementaldecoder(encoding)("strict")
    with source.bytes_from_start() as file:
        try:
            while chunk := file.read(_CHUNK):
                strict.decode(chunk)
            strict.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


class _CommaSeparated:
    """A CSV file, read line by line. A row never takes more memory than MAX_RECORD characters."""

    def __init__(self, source: _Source, encoding: str) -> None:
        self._source = source
        self._encoding = encoding

    def records(self) -> Iterator[tuple[int, list[Any]]]:
        with io.TextIOWrapper(self._source.bytes_from_start(), encoding=self._encoding, newline="") as file:
            lines = _Lines(file)
            reader = csv.reader(lines, strict=True)
            while True:
                try:
                    cells = next(reader)
                except StopIteration:
                    return
                except csv.Error as error:
                    too_long = "larger than field limit" in str(error)
                    raise (RecordTooLong if too_long else QuotesBroken)(row=lines.row) from None
                if len(cells) > MAX_COLUMNS:
                    raise TooManyColumns(limit=MAX_COLUMNS, row=lines.row)
                yield lines.row, cells
                lines.begin_next_row()


class _Lines:
    """The lines of a file, with a limit on those that one row takes up."""

    def __init__(self, file: io.TextIOWrapper) -> None:
        self._file = file
        self._taken = 0
        self.row = 1

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._file.readline(MAX_RECORD + 1 - self._taken)
        if not line:
            raise StopIteration
        self._taken += len(line)
        if self._taken > MAX_RECORD:
            raise RecordTooLong(row=self.row)
        return line

    def begin_next_row(self) -> None:
        self._taken = 0
        self.row += 1


# XLSX -------------------------------------------------------------------------------------------------

_CELL: Final = re.compile(rb"""<(?:\w+:)?(row|c)\b((?:[^<>"']|"[^"]*"|'[^']*')*)>""")
_PLACE: Final = re.compile(rb"""\br\s*=\s*["']([A-Za-z]*)([0-9]+)["']""")
_SORT: Final = re.compile(rb"""\bt\s*=\s*["'](\w+)["']""")
_SHARED: Final = re.compile(rb"<(?:\w+:)?si\b")
_INDEX: Final = re.compile(rb"\s*<(?:\w+:)?v\b[^<>]*>\s*([0-9]{1,9})")
# What the standard library raises for damaged archives, depending on where the damage is.
_DAMAGE: Final = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, RuntimeError, EOFError, OSError, ValueError, LookupError,
)  # fmt: skip
_RELATION: Final = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


class _Spreadsheet:
    """The first visible sheet of an XLSX workbook.

    The library unpacks a sheet as a whole into a full rectangle, so what it would come to is counted before:
    a few bytes can ask for a rectangle of sixteen thousand million cells, or for one long text in every cell.
    """

    def __init__(self, source: _Source) -> None:
        with source.bytes_from_start() as file:
            try:
                with zipfile.ZipFile(file) as packed:
                    _survey(packed)
            except _DAMAGE:
                raise NotASpreadsheet from None
        with source.bytes_from_start() as file:
            try:
                workbook = CalamineWorkbook.from_filelike(io.BytesIO(file.read()))
                visible = [
                    sheet.name
                    for sheet in workbook.sheets_metadata
                    if sheet.typ == SheetTypeEnum.WorkSheet and sheet.visible == SheetVisibleEnum.Visible
                ]
                if not visible:
                    raise FileEmpty
                self._sheet = workbook.get_sheet_by_name(visible[0])
            except CalamineError:
                raise NotASpreadsheet from None
            except BaseException as error:
                # What the library did not expect comes as a panic, which is no Exception.
                if type(error).__name__ == "PanicException":
                    raise NotASpreadsheet from None
                raise

    def records(self) -> Iterator[tuple[int, list[Any]]]:
        for number, cells in enumerate(self._sheet.iter_rows(), 1):
            yield number, list(cells)


def _survey(packed: zipfile.ZipFile) -> None:
    """Refuse a workbook that would not fit into the memory, or whose first sheet shows a formula's error.

    Raises:
        SpreadsheetTooLarge, TooManyColumns, FormulaFailed, NotASpreadsheet: see there.
        zipfile.BadZipFile: the parts are not what the directory of the file says.

    """
    if sum(part.file_size for part in packed.infolist()) > MAX_UNPACKED or len(packed.infolist()) > 2_000:
        raise SpreadsheetTooLarge
    if len(set(packed.namelist())) != len(packed.namelist()):
        raise NotASpreadsheet
    # The sizes above are the file's own words; reading everything once holds them against the contents.
    if packed.testzip() is not None:
        raise NotASpreadsheet
    shared = _shared_lengths(packed)
    first = _first_sheet(packed)
    for name in packed.namelist():
        markup = packed.read(name)
        if b"\0" not in markup:
            _survey_sheet(markup, shared, is_read=name == first)
        elif name == first or name.casefold().endswith((".xml", ".rels")):
            # Only UTF-8 can be looked through here, and no spreadsheet program writes anything else.
            raise NotASpreadsheet


def _survey_sheet(markup: bytes, shared: Sequence[int], *, is_read: bool) -> None:
    if b"<!DOCTYPE" in markup:
        raise NotASpreadsheet
    row = last_row = last_column = characters = 0
    column = 0
    for found in _CELL.finditer(markup):
        place = _PLACE.search(found[2])
        if found[1] == b"row":
            if place and len(place[2]) > _PLACE_DIGITS:
                raise SpreadsheetTooLarge
            row, column = int(place[2]) if place else row + 1, 0
            continue
        if found[2].endswith(b"/"):
            # An empty cell that only has a style does not enlarge what is read.
            column = _column_number(place[1]) if place else column + 1
            continue
        if place:
            if len(place[1]) > _PLACE_LETTERS or len(place[2]) > _PLACE_DIGITS:
                raise SpreadsheetTooLarge
            row, column = int(place[2]), _column_number(place[1])
        else:
            column += 1
        last_row, last_column = max(last_row, row), max(last_column, column)
        sort = _SORT.search(found[2])
        if sort and sort[1] == b"s" and (index := _INDEX.match(markup, found.end())):
            position = int(index[1])
            characters += shared[position] if position < len(shared) else 0
        elif sort and sort[1] == b"e" and is_read:
            raise FormulaFailed(
                cell=place[0].split(b"=")[1].strip(b" \"'").decode() if place else "?", row=row
            )
    if last_column > MAX_COLUMNS:
        raise TooManyColumns(limit=MAX_COLUMNS, row=None)
    if last_row * last_column > MAX_CELLS or characters > MAX_TEXT:
        raise SpreadsheetTooLarge


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number


def _shared_lengths(packed: zipfile.ZipFile) -> list[int]:
    for name in packed.namelist():
        if name.endswith("sharedStrings.xml"):
            markup = packed.read(name)
            starts = [found.start() for found in _SHARED.finditer(markup)]
            return [after - before for before, after in zip(starts, [*starts[1:], len(markup)], strict=True)]
    return []


def _first_sheet(packed: zipfile.ZipFile) -> str | None:
    """The part that holds the first visible sheet, if the usual places tell."""
    for name in ("xl/workbook.xml", "xl/_rels/workbook.xml.rels"):
        # Without a document type there are no entities to blow up, which is what S314 warns of.
        if name in packed.namelist() and b"<!" in packed.read(name):
            return None
    try:
        book = ElementTree.fromstring(packed.read("xl/workbook.xml"))  # noqa: S314
        relations = ElementTree.fromstring(packed.read("xl/_rels/workbook.xml.rels"))  # noqa: S314
    except (LookupError, ValueError, ElementTree.ParseError):
        return None
    targets = {relation.get("Id"): relation.get("Target", "") for relation in relations}
    for sheet in book.iter():
        if sheet.tag.endswith("}sheet") and sheet.get("state", "visible") == "visible":
            target = targets.get(sheet.get(_RELATION), "")
            return target.lstrip("/") if target.startswith("/") else f"xl/{target}"
    return None
