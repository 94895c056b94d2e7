"""File bombs, read in a process that may not take more than so much memory: ``python -m tests.fuzz.bombs FOLDER [whole]``.

Prints a line for each bomb: its name, ``refused`` with the reason or ``taken`` with its rows, and by how many MB the
process's peak has grown. Exit status 1 if one was not stopped in time or took too much.
"""

from __future__ import annotations

import io
import resource
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import xlsxwriter

from clinic_orders.exchange.reading import open_file
from clinic_orders.exchange.tables import KINDS

KIND = KINDS["prices"]
HEADER = "item_code,valid_from,pack_price\n"
LIMIT = 1200 * 1024 * 1024
"""Of address space for the whole process; unpacking any of the bombs would take more."""
GROWTH_MB = 300
SECONDS = 60
WHOLE = len(sys.argv) > 2
"""Whether the bombs are as large as they are called, which takes minutes to make."""


def line_of_a_gigabyte(path: Path) -> None:
    """One line of 1 GB, made without writing it: the file has a hole."""
    with path.open("wb") as file:
        file.write(HEADER.encode())
        file.truncate(1 << 30)


def line_within_the_bound(path: Path) -> None:
    """One line of as many bytes as a file may just have."""
    with path.open("wb") as file:
        file.write(HEADER.encode())
        for _ in range(190):
            file.write(b"x" * (1024 * 1024))


def thousand_columns(path: Path) -> None:
    """A header of 1,000 columns."""
    path.write_text(",".join(f"c{number}" for number in range(1000)) + "\n")


def million_empty_rows(path: Path) -> None:
    """A header and a million rows in which nothing stands, in the suite a tenth; they are nothing and harmless."""
    with path.open("w") as file:
        file.write(HEADER)
        for _ in range(1000 if WHOLE else 100):
            file.write(",,\n" * 1000)


def endless_quote(path: Path) -> None:
    """A quote that is never closed, over 8 MB of short lines."""
    path.write_bytes(HEADER.encode() + b'"' + b"a,b\n" * 2_000_000)


def _spreadsheet() -> dict[str, bytes]:
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file)
    sheet = book.add_worksheet()
    for place, text in enumerate(HEADER.strip().split(",")):
        sheet.write_string(0, place, text)
    book.close()
    with zipfile.ZipFile(file) as parts:
        return {name: parts.read(name) for name in parts.namelist()}


def _write(
    path: Path, parts: dict[str, bytes], more: Callable[[zipfile.ZipFile], None] | None = None
) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in parts.items():
            file.writestr(name, content)
        if more is not None:
            more(file)


SHEET = "xl/worksheets/sheet1.xml"


def zip_bomb(path: Path) -> None:
    """A spreadsheet whose sheet is 2 GB of blanks, in about 2 MB; in the suite 400 MB, three times what is taken."""
    parts = _spreadsheet()
    sheet = parts.pop(SHEET)

    def write(file: zipfile.ZipFile) -> None:
        with file.open(SHEET, "w", force_zip64=True) as part:
            part.write(sheet[: sheet.index(b"<sheetData")])
            for _ in range(2048 if WHOLE else 400):
                part.write(b" " * (1024 * 1024))
            part.write(sheet[sheet.index(b"<sheetData") :])

    _write(path, parts, write)


def many_parts(path: Path) -> None:
    """A spreadsheet with 2,000 further parts of 100 KB each."""
    blank = b" " * 100_000

    def write(file: zipfile.ZipFile) -> None:
        for number in range(2000):
            file.writestr(f"xl/media/{number}", blank)

    _write(path, _spreadsheet(), write)


def nested_zips(path: Path) -> None:
    """A zip in a zip in a zip, the innermost of 50 MB, called a spreadsheet."""
    content = b" " * 50_000_000
    for depth in range(3):
        inner = io.BytesIO()
        with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr(f"{depth}.xlsx", content)
        content = inner.getvalue()
    path.write_bytes(content)


def entities(path: Path) -> None:
    """A billion laughs: entities of entities, 10^9 times "lol"."""
    declared = '<!ENTITY l0 "lol">' + "".join(
        f'<!ENTITY l{number} "{f"&l{number - 1};" * 10}">' for number in range(1, 10)
    )
    parts = _spreadsheet()
    sheet = parts[SHEET].split(b"?>", 1)[1]
    cell = b'<row r="2"><c r="A2" t="inlineStr"><is><t>&l9;</t></is></c></row></sheetData>'
    sheet = sheet.replace(b"<sheetData>", b"<sheetData>").replace(b"</sheetData>", cell)
    parts[SHEET] = f'<?xml version="1.0"?><!DOCTYPE x [{declared}]>'.encode() + sheet
    _write(path, parts)


def outside_entity(path: Path) -> None:
    """An entity that would be a file of this machine."""
    parts = _spreadsheet()
    sheet = parts[SHEET].split(b"?>", 1)[1]
    parts[SHEET] = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + sheet
    _write(path, parts)


def spreadsheet_called_csv(path: Path) -> None:
    """Random-looking bytes under the name of a table."""
    path.write_bytes(bytes(range(256)) * 4000)


def far_cell(path: Path) -> None:
    """A filled cell in the last row and column that a sheet can have."""
    parts = _spreadsheet()
    cell = b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
    parts[SHEET] = parts[SHEET].replace(b"</sheetData>", cell)
    _write(path, parts)


BOMBS = (
    line_of_a_gigabyte, line_within_the_bound, thousand_columns, million_empty_rows, endless_quote, zip_bomb, many_parts,
    nested_zips, entities, outside_entity, spreadsheet_called_csv, far_cell,
)  # fmt: skip
HARMLESS = {million_empty_rows}


def peak_mb(*, anew: bool = False) -> float:
    """The most memory this process has had since it was last counted anew, as Linux counts it."""
    if anew:
        Path("/proc/self/clear_refs").write_text("5")
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def main(folder: Path) -> int:
    """Make each bomb in a process of its own share, read it, and say what came of it."""
    wrong = 0
    for bomb in BOMBS:
        bomb(folder / bomb.__name__)
    resource.setrlimit(resource.RLIMIT_AS, (LIMIT, LIMIT))
    for bomb in BOMBS:
        path = folder / bomb.__name__
        before, began = peak_mb(anew=True), time.monotonic()
        reading = open_file(KIND, path)
        rows = sum(1 for _ in reading.rows())
        took = time.monotonic() - began
        grown = peak_mb() - before
        codes = [problem.refusal.code for problem in reading.problems]
        print(
            f"{bomb.__name__}: {'refused ' + codes[0] if codes else f'taken {rows}'}, {grown:.0f} MB, {took:.1f} s"
        )
        harmless = bomb in HARMLESS and not codes and rows == 0
        if not (codes or harmless) or grown > GROWTH_MB or took > SECONDS:
            wrong += 1
        path.unlink()
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
