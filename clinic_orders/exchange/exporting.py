"""Records → a file that imports unchanged (formats.md section 2)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any, BinaryIO, Final

from clinic_orders.exchange.tables import KINDS
from clinic_orders.exchange.writing import write_csv, write_xlsx
from clinic_orders.queries.files import rows_of
from clinic_orders.rules.parties import Actor, Permission

CSV: Final = "csv"
XLSX: Final = "xlsx"


def export_rows(kind: str, *, by: Actor, on: date) -> Iterator[dict[str, Any]]:
    """The rows of a kind that the actor may see on a day, as an import would read them.

    Raises:
        NotAllowed: the role may not export.
        KeyError: no such kind.

    """
    by.need(Permission.FILES_EXPORT)
    return rows_of(kind, by, on)


def export_file(kind: str, form: str, out: BinaryIO, *, by: Actor, on: date, labels: bool = False) -> int:
    """Write the rows of a kind as ``csv`` or ``xlsx`` and tell how many; in memory there are a thousand at a time.

    Args:
        kind: as in formats.md.
        form: ``CSV`` or ``XLSX``.
        out: where to; an XLSX needs a file that allows seeking.
        by: who; a county gets what belongs to its institutions.
        on: the day of that.
        labels: Chinese headings in place of the names.

    Raises:
        NotAllowed: the role may not export.
        TooMuchForSheet: more than a spreadsheet holds.

    """
    write = write_xlsx if form == XLSX else write_csv
    return write(KINDS[kind], export_rows(kind, by=by, on=on), out, labels=labels)
