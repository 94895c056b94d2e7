"""Records → a file that imports unchanged (formats.md section 2)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any, BinaryIO, Final

from clinic_orders.exchange.tables import KINDS
from clinic_orders.exchange.writing import SHEET_ROWS, TooMuchForSheet, write_csv, write_xlsx
from clinic_orders.queries.files import rows_of
from clinic_orders.rules.parties import Actor, Permission

CSV: Final = "csv"
XLSX: Final = "xlsx"
# After so many rows it is said how far a file is.
_STEP: Final = 1000


def export_rows(kind: str, *, by: Actor, on: date) -> Iterator[dict[str, Any]]:
    """The rows of a kind that the actor may see on a day, as an import would read them.

    Raises:
        NotAllowed: the role may not export.
        KeyError: no such kind.

    """
    by.need(Permission.FILES_EXPORT)
    return rows_of(kind, by, on)


def refuse_beyond_sheet(form: str, rows: int) -> None:
    """Refuse a spreadsheet that could not hold so many rows, before anybody waits for it.

    Raises:
        TooMuchForSheet: with the headings they are more than a sheet has.

    """
    if form == XLSX and rows >= SHEET_ROWS:
        raise TooMuchForSheet


def export_file(
    kind: str,
    form: str,
    out: BinaryIO,
    *,
    by: Actor,
    on: date,
    labels: bool = False,
    progress: Callable[[int], None] | None = None,
    scratch: Path | None = None,
) -> int:
    """Write the rows of a kind as ``csv`` or ``xlsx`` and tell how many; in memory there are a thousand at a time.

    Args:
        kind: as in formats.md.
        form: ``CSV`` or ``XLSX``.
        out: where to; an XLSX needs a file that allows seeking.
        by: who; a county gets what belongs to its institutions.
        on: the day of that.
        labels: Chinese headings in place of the names.
        progress: is told now and then how many rows are written; what it raises ends the writing.
        scratch: where an XLSX keeps its sheet meanwhile; the system's folder if not given.

    Raises:
        NotAllowed: the role may not export.
        TooMuchForSheet: more than a spreadsheet holds.

    """
    rows = export_rows(kind, by=by, on=on)
    if progress is not None:
        rows = _told(rows, progress)
    if form == XLSX:
        return write_xlsx(KINDS[kind], rows, out, labels=labels, scratch=scratch)
    return write_csv(KINDS[kind], rows, out, labels=labels)


def _told(rows: Iterator[dict[str, Any]], progress: Callable[[int], None]) -> Iterator[dict[str, Any]]:
    for number, row in enumerate(rows):
        if number % _STEP == 0:
            progress(number)
        yield row
