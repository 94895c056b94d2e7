"""What every list page shares: its order, its page, and the same rows as a file.

sort = sort_order({"name", "at"}, "-at")
if wanted_file():
    return as_file("accounts", COLUMNS, rows)
cut = page_cut(total)
rows = query.offset(cut.offset).limit(cut.limit)
return render_template(…, page=cut, sort=sort)
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, TextIO

import xlsxwriter
from flask import Response, abort, request
from flask_babel import gettext

from clinic_orders.rules.days import SHANGHAI
from clinic_orders.web.display import label
from clinic_orders.web.downloads import file_answer

PER_PAGE = 50
# A text that begins like this is taken for a formula by spreadsheets, also in a CSV file.
_RISKY = re.compile(r"'*[=+\-@＝＋－＠\t\r\n]")


@dataclass(frozen=True, slots=True)
class Cut:
    """Which rows of a list stand on this page; what parts/lists.html's pagination wants."""

    page: int
    pages: int
    total: int
    first: int
    last: int
    offset: int
    limit: int


def page_cut(total: int, per_page: int = PER_PAGE) -> Cut:
    """The page that the address asks for (``page``), or the nearest there is."""
    pages = max(1, -(-total // per_page))
    asked = request.args.get("page", default=1, type=int)
    page = min(max(asked, 1), pages)
    offset = (page - 1) * per_page
    return Cut(page, pages, total, min(offset + 1, total), min(offset + per_page, total), offset, per_page)


def sort_order(keys: Collection[str], default: str) -> str:
    """The order that the address asks for (``sort``), as ``key`` or ``-key``; the default if it is unknown."""
    asked = request.args.get("sort", default)
    return asked if asked.removeprefix("-") in keys else default


def wanted_file() -> str:
    """The kind of file that the address asks for (``format``): csv, xlsx, or "" for the page."""
    wanted = request.args.get("format", "")
    if wanted not in {"", "csv", "xlsx"}:
        abort(404)
    return wanted


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a list as a file: the msgid of its heading, and how to get its value from a row."""

    heading: str
    value: Callable[[Any], Any]


def as_file(name: str, columns: Sequence[Column], rows: Iterable[Any]) -> Response:
    """The rows as the file that the address asks for, with translated headings.

    Args:
        name: of the file, without its ending.
        columns: headings and values; enum members become their labels, instants Shanghai time.
        rows: all of them, not only this page's.

    """
    kind = wanted_file() or "csv"
    headings = [gettext(column.heading) for column in columns]
    values = ([_shown(column.value(row)) for column in columns] for row in rows)
    content = _xlsx(headings, values) if kind == "xlsx" else _csv(headings, values)
    return file_answer(content, f"{name}.{kind}")


def _shown(value: Any) -> Any:
    if isinstance(value, Enum):
        return label(value)
    if isinstance(value, datetime):
        return value.astimezone(SHANGHAI).replace(tzinfo=None)
    return value


def write_csv(columns: Sequence[Column], rows: Iterable[Any], out: TextIO) -> None:
    """The rows as CSV with translated headings, into a file opened as ``utf-8-sig`` and without newlines of its own.

    Nothing but one row is in memory.
    """
    values = ([_shown(column.value(row)) for column in columns] for row in rows)
    _write_csv([gettext(column.heading) for column in columns], values, out)


def _csv(headings: list[str], rows: Iterable[list[Any]]) -> bytes:
    """UTF-8 with BOM and CRLF, as spreadsheets in China want it."""
    file = io.StringIO(newline="")
    _write_csv(headings, rows, file)
    return file.getvalue().encode("utf-8-sig")


def _write_csv(headings: list[str], rows: Iterable[list[Any]], out: TextIO) -> None:
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(headings)
    for row in rows:
        writer.writerow([_csv_text(value) for value in row])


def _csv_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, str):
        return f"'{value}" if _RISKY.match(value) else value
    return str(value)


def _xlsx(headings: list[str], rows: Iterable[list[Any]]) -> bytes:
    """Typed cells: numbers stay numbers, days days, everything else text."""
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"strings_to_formulas": False, "strings_to_urls": False})
    sheet = book.add_worksheet()
    bold = book.add_format({"bold": True, "bottom": 1})
    formats = {
        datetime: book.add_format({"num_format": "yyyy-mm-dd hh:mm"}),
        date: book.add_format({"num_format": "yyyy-mm-dd"}),
        Decimal: book.add_format({"num_format": "0.00##"}),
    }
    sheet.freeze_panes(1, 0)
    for place, heading in enumerate(headings):
        sheet.write_string(0, place, heading, bold)
        sheet.set_column(place, place, 18)
    for number, row in enumerate(rows, start=1):
        for place, value in enumerate(row):
            if value is None or value == "":
                continue
            if isinstance(value, datetime):
                sheet.write_datetime(number, place, value.replace(microsecond=0), formats[datetime])
            elif isinstance(value, date):
                sheet.write_datetime(number, place, value, formats[date])
            elif isinstance(value, Decimal):
                sheet.write_number(number, place, value, formats[Decimal])
            elif isinstance(value, int) and not isinstance(value, bool):
                sheet.write_number(number, place, value)
            else:
                sheet.write_string(number, place, str(value)[:32_000])
    book.close()
    return file.getvalue()
