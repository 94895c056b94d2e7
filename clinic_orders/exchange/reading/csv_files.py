"""Text files: which encoding they have, and their rows one by one."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator
from typing import Any, Final

from clinic_orders.exchange.reading import limits
from clinic_orders.exchange.reading.refusals import (
    EncodingUnknown,
    NotText,
    QuotesBroken,
    RecordTooLong,
    TooManyColumns,
    Utf16,
)
from clinic_orders.exchange.reading.sources import Source
from clinic_orders.exchange.tables import MAX_TRACE_CODES

# The library's own limit is for the whole process and too short for a cell of trace codes.
csv.field_size_limit(MAX_TRACE_CODES + 1024)


def encoding_of(source: Source) -> str:
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
            chunk = file.read(limits.CHUNK)
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


def _decodes(source: Source, encoding: str) -> bool:
    strict = codecs.getincrementaldecoder(encoding)("strict")
    with source.bytes_from_start() as file:
        try:
            while chunk := file.read(limits.CHUNK):
                strict.decode(chunk)
            strict.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


class CommaSeparated:
    """A CSV file, read line by line. A row never takes more memory than MAX_RECORD characters."""

    def __init__(self, source: Source, size: int) -> None:
        self._source = source
        self._size = size
        self._encoding = encoding_of(source)
        self._bytes: io.BufferedReader | None = None

    def share(self) -> float:
        """How much of it was gone through, from 0 to 1."""
        if self._bytes is None or self._bytes.closed:
            return 1.0
        return min(1.0, self._bytes.tell() / self._size)

    def records(self) -> Iterator[tuple[int, list[Any]]]:
        """Row number and cells of every row, empty rows included. Raises FileRefused."""
        self._bytes = self._source.bytes_from_start()
        with io.TextIOWrapper(self._bytes, encoding=self._encoding, newline="") as file:
            lines = _Lines(file)
            reader = csv.reader(lines.lines(), strict=True)
            while True:
                try:
                    cells = next(reader)
                except StopIteration:
                    return
                except csv.Error as error:
                    too_long = "larger than field limit" in str(error)
                    raise (RecordTooLong if too_long else QuotesBroken)(row=lines.row) from None
                if len(cells) > limits.MAX_COLUMNS:
                    raise TooManyColumns(limit=limits.MAX_COLUMNS, row=lines.row)
                yield lines.row, cells
                lines.row += 1
                lines.taken = 0


class _Lines:
    """The lines of a file, with a limit on those that one row takes up.

    Attributes:
        row: number of the row that is being read.
        taken: how many characters of it were read.

    """

    def __init__(self, file: io.TextIOWrapper) -> None:
        self._file = file
        self.taken = 0
        self.row = 1

    def lines(self) -> Iterator[str]:
        """One after the other. Raises RecordTooLong."""
        readline, limit = self._file.readline, limits.MAX_RECORD
        while line := readline(limit + 1 - self.taken):
            self.taken += len(line)
            if self.taken > limit:
                raise RecordTooLong(row=self.row)
            yield line
