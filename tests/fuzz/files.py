"""Files of every kind made of rows that could be right and cells that are not, and what an import makes of them."""

from __future__ import annotations

import csv
import io
from typing import Any, Final

import xlsxwriter
from flask import Flask
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from clinic_orders.exchange.cells import Sheet
from clinic_orders.exchange.importing import import_file
from clinic_orders.exchange.tables import KINDS, Column, Kind
from clinic_orders.rules.parties import SYSTEM
from tests.files_world import COUNTY, NOW
from tests.fuzz.rubbish import texts
from tests.fuzz.walking import stored, undone

# What the world of files knows, and words of its kinds; a cell that names one of them gets further than rubbish.
KNOWN: Final = (
    "LY001", "LY002", "LY003", "0V01", "0H01", "D01", "D02", COUNTY, "*", "2026", "A1", "R1", "T1", "第七批", "片", "Y", "N",
    "village_clinic", "retail_pharmacy", "markup.cap", "order.max_packs", "quality", "其他：厂家停供", "8123456",
    "81234560000000000001", "6901234567892", "2026-05", "2026-Q2", "氯吡格雷", "none", "short",
)  # fmt: skip
GOOD: Final[dict[Sheet, tuple[str, ...]]] = {
    Sheet.WHOLE: ("1", "10", "0", "28"),
    Sheet.DECIMAL: ("0.125", "1.5", "0", "10", "112.1"),
    Sheet.DAY: ("2026-05-01", "2026-01-01", "2025-12-31"),
    Sheet.INSTANT: ("2026-05-01T09:30", "2026-01-31T09:30+08:00"),
    Sheet.TEXT: KNOWN,
}
ENCODINGS: Final = ("utf-8", "utf-8-sig", "gb18030", "utf-16", "latin-1")


def cell_of(column: Column) -> st.SearchStrategy[str]:
    """Mostly what the column could take, sometimes rubbish."""
    good = st.sampled_from(GOOD[column.cell.sheet])
    return st.one_of(good, good, good, good, st.just(""), texts)


@st.composite
def tables(draw: Any, kind: Kind) -> list[list[str]]:
    """A header and some rows; now and then a heading is missing, doubled or made up."""
    columns = [column for column in kind.columns if column.required or draw(st.booleans())]
    header = [draw(st.sampled_from((column.name, column.label))) for column in columns]
    rows = [[draw(cell_of(column)) for column in columns] for _ in range(draw(st.integers(0, 4)))]
    if draw(st.integers(0, 9)) == 0:
        header[draw(st.integers(0, len(header) - 1))] = draw(texts)
    if draw(st.integers(0, 9)) == 0:
        header.append(draw(st.sampled_from(header)))
    return [header, *rows]


def as_csv(rows: list[list[str]], encoding: str) -> bytes:
    """The rows as CSV; what the encoding does not have is left out."""
    file = io.StringIO()
    csv.writer(file).writerows(rows)
    # Lone surrogates stay as the bytes that some programs write for them.
    return file.getvalue().encode(encoding, "surrogatepass" if encoding == "utf-8" else "replace")


def as_xlsx(rows: list[list[str]], typed: bool) -> bytes:
    """The rows as a spreadsheet; where ``typed``, what looks like a number is one."""
    file = io.BytesIO()
    book = xlsxwriter.Workbook(
        file, {"strings_to_numbers": typed, "strings_to_formulas": False, "strings_to_urls": False}
    )
    sheet = book.add_worksheet()
    for number, row in enumerate(rows):
        for place, text in enumerate(row):
            plain = text.encode("utf-8", "replace").decode()[:32_000]
            if typed:
                sheet.write(number, place, plain)
            else:
                sheet.write_string(number, place, plain)
    book.close()
    return file.getvalue()


@st.composite
def contents(draw: Any, kind: Kind) -> bytes:
    """The bytes of a file: a table in some form, now and then damaged, or no table at all."""
    form = draw(st.sampled_from(("csv", "csv", "csv", "xlsx", "bytes")))
    if form == "bytes":
        return draw(st.binary(max_size=200))
    rows = draw(tables(kind))
    if form == "csv":
        content = as_csv(rows, draw(st.sampled_from(ENCODINGS)))
    else:
        content = as_xlsx(rows, draw(st.booleans()))
    if draw(st.integers(0, 5)) == 0 and content:
        place = draw(st.integers(0, len(content) - 1))
        damage = draw(st.sampled_from(("cut", "flip", "insert")))
        piece = draw(st.binary(min_size=1, max_size=4))
        rest = {"cut": b"", "flip": piece + content[place + 1 :], "insert": piece + content[place:]}[damage]
        content = content[:place] + rest
    return content


def import_rubbish(app: Flask, kind: str, examples: int, number: int) -> tuple[int, int]:
    """Import so many made files of a kind; what was refused must have stored nothing.

    Returns:
        how many files were taken in and how many refused.

    """
    taken = refused = 0

    @seed(number)
    @settings(
        max_examples=examples, deadline=None, database=None, phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(
        contents(KINDS[kind]), st.sampled_from(("a.csv", "a.xlsx", "a.txt", "", "药\u202e.csv", "a" * 300))
    )
    def take(content: bytes, filename: str) -> None:
        nonlocal taken, refused
        with undone(app):
            before = stored(app)
            report = import_file(kind, io.BytesIO(content), filename, by=SYSTEM, at=NOW)
            if not report.errors:
                taken += 1
                return
            refused += 1
            after = stored(app)
            assert after == before, f"{kind}: refused, and stored all the same: {content[:500]!r}"

    take()
    return taken, refused
