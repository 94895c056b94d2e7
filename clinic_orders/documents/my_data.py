"""What is recorded about a person as a spreadsheet, a sheet for each part (decision 0056)."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import xlsxwriter

_NOT_IN_NAMES = re.compile(r"[\[\]:*?/\\']")


def workbook(sheets: Sequence[tuple[str, Sequence[str], Sequence[Sequence[Any]]]]) -> bytes:
    """The workbook: title, headings and rows of each sheet; texts stay texts, days and instants are typed."""
    file = io.BytesIO()
    book = xlsxwriter.Workbook(
        file, {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    )
    bold = book.add_format({"bold": True, "bottom": 1})
    instant = book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
    day = book.add_format({"num_format": "yyyy-mm-dd"})
    for title, headings, rows in sheets:
        sheet = book.add_worksheet(_NOT_IN_NAMES.sub(" ", title)[:31])
        sheet.freeze_panes(1, 0)
        for place, heading in enumerate(headings):
            sheet.write_string(0, place, heading, bold)
            sheet.set_column(place, place, 22)
        for number, row in enumerate(rows, start=1):
            for place, value in enumerate(row):
                if isinstance(value, datetime):
                    sheet.write_datetime(number, place, value.replace(microsecond=0), instant)
                elif isinstance(value, date):
                    sheet.write_datetime(number, place, value, day)
                else:
                    sheet.write_string(number, place, str(value)[:32_000])
    book.close()
    return file.getvalue()
