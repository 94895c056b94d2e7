"""A bank statement as rows of texts: CSV in any usual encoding, or XLSX; what stands above the headings is left out."""

from __future__ import annotations

import io
from itertools import islice
from typing import BinaryIO

from clinic_orders.exchange.cells import Sheet
from clinic_orders.exchange.reading import as_text
from clinic_orders.exchange.reading.csv_files import CommaSeparated
from clinic_orders.exchange.reading.refusals import FileEmpty, OldSpreadsheet
from clinic_orders.exchange.reading.sources import Source
from clinic_orders.exchange.reading.spreadsheets import Spreadsheet
from clinic_orders.rules.bank_files import MOST_LINES, BankField, TooManyLines, guess_columns

_LOOKED_AT = 30
Row = tuple[int, list[str]]


def read_statement(file: BinaryIO) -> list[Row]:
    """The rows of a statement from its headings on, numbered as a spreadsheet shows them.

    The headings are the first row that names a day and an amount, else the first with two cells.

    Raises:
        FileRefused: the file is no table.
        TooManyLines: too long to be looked through.

    """
    size = file.seek(0, io.SEEK_END)
    if not size:
        raise FileEmpty
    file.seek(0)
    start, source = file.read(8), Source(file)
    if start.startswith(b"\xd0\xcf\x11\xe0"):
        raise OldSpreadsheet
    table = Spreadsheet(source) if start.startswith(b"PK") else CommaSeparated(source, size)
    rows: list[Row] = []
    for number, cells in islice(table.records(), MOST_LINES + _LOOKED_AT + 1):
        texts = ["" if cell is None else as_text(cell, Sheet.DAY).strip() for cell in cells]
        if any(texts):
            rows.append((number, texts))
    if len(rows) > MOST_LINES + _LOOKED_AT:
        raise TooManyLines(limit=MOST_LINES)
    wanted = {BankField.DATE, BankField.AMOUNT}
    for place, (_, texts) in enumerate(rows[:_LOOKED_AT]):
        if wanted <= set(guess_columns(texts)):
            return rows[place:]
    for place, (_, texts) in enumerate(rows):
        if sum(1 for text in texts if text) > 1:
            return rows[place:]
    raise FileEmpty
