"""Spreadsheets: what one would come to is counted before a library unpacks it."""

from __future__ import annotations

import io
import lzma
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, Final
from xml.etree import ElementTree

from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from clinic_orders.exchange.reading import limits
from clinic_orders.exchange.reading.refusals import (
    FileEmpty,
    FormulaFailed,
    NotASpreadsheet,
    SpreadsheetTooLarge,
    TooManyColumns,
)
from clinic_orders.exchange.reading.sources import Source

# The last cell of a sheet is XFD1048576.
_PLACE_LETTERS: Final = 3
_PLACE_DIGITS: Final = 7
_CELL: Final = re.compile(rb"""<(?:\w+:)?(row|c)\b((?:[^<>"']|"[^"]*"|'[^']*')*)>""")
_PLACE: Final = re.compile(rb"""\br\s*=\s*["']([A-Za-z]*)([0-9]+)["']""")
_SORT: Final = re.compile(rb"""\bt\s*=\s*["'](\w+)["']""")
_SHARED: Final = re.compile(rb"<(?:\w+:)?si\b")
_INDEX: Final = re.compile(rb"\s*<(?:\w+:)?v\b[^<>]*>\s*([0-9]{1,9})")
_LETTERS: Final = 26
# What the standard library raises for damaged archives, depending on where the damage is.
_DAMAGE: Final = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, RuntimeError, EOFError, OSError, ValueError, LookupError,
)  # fmt: skip
_RELATION: Final = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


class Spreadsheet:
    """The first visible sheet of an XLSX workbook.

    The library unpacks a sheet as a whole into a full rectangle, so what it would come to is counted before:
    a few bytes can ask for a rectangle of sixteen thousand million cells, or for one long text in every cell.
    """

    def __init__(self, source: Source) -> None:
        self._done = 0
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

    def share(self) -> float:
        """How much of it was gone through, from 0 to 1."""
        return min(1.0, self._done / max(1, self._sheet.total_height))

    def records(self) -> Iterator[tuple[int, list[Any]]]:
        """Row number and cells of every row, empty rows included."""
        for number, cells in enumerate(self._sheet.iter_rows(), 1):
            self._done = number
            # True is equal to 1 and would be taken for it where values are remembered.
            if bool in map(type, cells):
                cells = [("Y" if cell else "N") if isinstance(cell, bool) else cell for cell in cells]
            yield number, cells


def _survey(packed: zipfile.ZipFile) -> None:
    """Refuse a workbook that would not fit into the memory, or whose first sheet shows a formula's error.

    Raises:
        SpreadsheetTooLarge, TooManyColumns, FormulaFailed, NotASpreadsheet: see there.
        zipfile.BadZipFile: the parts are not what the directory of the file says.

    """
    if (
        sum(part.file_size for part in packed.infolist()) > limits.MAX_UNPACKED
        or len(packed.infolist()) > 2_000
    ):
        raise SpreadsheetTooLarge
    if len(set(packed.namelist())) != len(packed.namelist()):
        raise NotASpreadsheet
    # The sizes above are the file's own words; reading a part to its end holds them against its contents.
    shared = _shared_lengths(packed)
    first = _first_sheet(packed)
    for name in packed.namelist():
        markup = packed.read(name)
        if b"\0" not in markup:
            _survey_sheet(markup, shared, is_read=name == first)
        elif name == first or name.casefold().endswith((".xml", ".rels")):
            # Only UTF-8 can be looked through here, and no spreadsheet program writes anything else.
            raise NotASpreadsheet


@lru_cache(maxsize=8)
def _usual_row(columns: int) -> re.Pattern[bytes]:
    """A row as spreadsheet programs write it, with no cell right of so many columns and no error in any.

    One match for a row is ten times as quick as one for each of its cells.
    """
    if columns <= _LETTERS:
        column = f"[A-{chr(64 + columns)}]"
    else:
        full, rest = divmod(columns, _LETTERS)
        column = f"(?:[A-Z]|[A-{chr(63 + full)}][A-Z]" if full > 1 else "(?:[A-Z]"
        column += f"|{chr(64 + full)}[A-{chr(64 + rest)}])" if rest else ")"
    cell = (
        rf'<c r="{column}\1"(?: s="[0-9]++")?+(?: t="(?:s|n|b|d|str|inlineStr)")?+'
        r'(?:/>|>(?:<f>[^<]*+</f>)?+(?:<v>[^<]*+</v>|<is><t(?: xml:space="preserve")?+>[^<]*+</t></is>)?+</c>)'
    )
    row = rf'<row r="([0-9]{{1,7}}+)"(?: [a-zA-Z0-9:]++="[^"<>]*+")*+(?:/>|>(?:{cell})*+</row>)'
    return re.compile(row.encode())


class _Extent:
    """How far the cells of a sheet reach, and how many characters of shared texts they would hold at most."""

    def __init__(self, shared: Sequence[int], *, is_read: bool, exact: bool = False) -> None:
        self.last_row = 0
        self.last_column = 0
        self.characters = 0
        self._shared = shared
        self._longest = max(shared, default=0)
        self._is_read = is_read
        self._exact = exact
        self._row = 0
        self._column = 0

    def look_through(self, markup: bytes) -> None:
        """Count a whole sheet: rows as they usually are each by one match, all others cell by cell.

        The width of the first row is what is usual; ``exact`` counts every text as long as it is.
        """
        usual, position = None, 0
        while (found := _CELL.search(markup, position)) is not None:
            if found[1] == b"row" and self.last_column and not self._exact:
                usual = usual or _usual_row(min(self.last_column, limits.MAX_COLUMNS))
                after = self._usual_rows(usual, markup, found.start())
                if after > found.start():
                    position = after
                    continue
            self._look_at(found, markup)
            position = found.end()

    def _usual_rows(self, usual: re.Pattern[bytes], markup: bytes, position: int) -> int:
        """Count the usual rows that follow each other from a place; where the last one ends."""
        match, rows = usual.match, 0
        while (found := match(markup, position)) is not None:
            position, rows = found.end(), rows + 1
            self._row = int(found[1])
            if self._row > self.last_row:
                self.last_row = self._row
        self._column = 0
        self.characters += rows * self.last_column * self._longest
        return position

    def _look_at(self, found: re.Match[bytes], markup: bytes) -> None:
        """Count one row's beginning or one cell."""
        place = _PLACE.search(found[2])
        if found[1] == b"row":
            if place and len(place[2]) > _PLACE_DIGITS:
                raise SpreadsheetTooLarge
            self._row, self._column = int(place[2]) if place else self._row + 1, 0
            return
        if found[2].endswith(b"/"):
            # An empty cell that only has a style does not enlarge what is read.
            self._column = _column_number(place[1]) if place else self._column + 1
            return
        if place:
            if len(place[1]) > _PLACE_LETTERS or len(place[2]) > _PLACE_DIGITS:
                raise SpreadsheetTooLarge
            self._row, self._column = int(place[2]), _column_number(place[1])
        else:
            self._column += 1
        self.last_row, self.last_column = max(self.last_row, self._row), max(self.last_column, self._column)
        sort = _SORT.search(found[2])
        if sort and sort[1] == b"s" and (index := _INDEX.match(markup, found.end())):
            position = int(index[1])
            self.characters += self._shared[position] if position < len(self._shared) else 0
        elif sort and sort[1] == b"e" and self._is_read:
            cell = place[0].split(b"=")[1].strip(b" \"'").decode() if place else "?"
            raise FormulaFailed(cell=cell, row=self._row)


def _survey_sheet(markup: bytes, shared: Sequence[int], *, is_read: bool) -> None:
    if b"<!DOCTYPE" in markup:
        raise NotASpreadsheet
    extent = _Extent(shared, is_read=is_read)
    extent.look_through(markup)
    if extent.last_column > limits.MAX_COLUMNS:
        raise TooManyColumns(limit=limits.MAX_COLUMNS, row=None)
    if extent.last_row * extent.last_column > limits.MAX_CELLS:
        raise SpreadsheetTooLarge
    if extent.characters > limits.MAX_TEXT:
        extent = _Extent(shared, is_read=is_read, exact=True)
        extent.look_through(markup)
        if extent.characters > limits.MAX_TEXT:
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
