"""A file or typed rows → records, with the report of formats.md section 1."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Final

from clinic_orders.actions.bulk import NumberedRow, RowProblem, RowsRefused, Stored
from clinic_orders.actions.files import FileFacts, Look, look_away, store_file
from clinic_orders.actions.history.receipts import ReceiptIncomplete
from clinic_orders.exchange.cells import excerpt
from clinic_orders.exchange.kinds import Kind
from clinic_orders.exchange.reading import Problem, Reading, open_file
from clinic_orders.exchange.reading.limits import MAX_PROBLEMS
from clinic_orders.exchange.tables import KINDS
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.parties import Actor

# A row of these may only seem wrong because another one is: its institution, the rest of its receipt, or the other
# half of its item's cycle stands in a row that can't be read. By this column one speaks of the other.
_RESTS_ON: Final[Mapping[str, str]] = {
    "institutions": "code",
    "receipts": "receipt_no",
    "agreed-volumes": "item_code",
}


class TooLongForPage(RuleBroken):
    """More rows than a page can wait for; the console takes them."""

    message = N_(
        "The file has more than %(limit)s rows, too many for this page. "
        "Ask the operator to import it at the console: clinic-orders import %(kind)s FILE"
    )


# The first data row of a file without empty rows before it.
_FIRST_ROW: Final = 2


@dataclass(slots=True)
class Report:
    """What an import did, or why it did nothing.

    Attributes:
        kind: as in formats.md.
        rows: data rows read.
        stored: records made, changed, found as they were; all 0 where anything was refused.
        errors: every refusal, in the order of the rows.
        warnings: what was stored and should be looked at.
        reading: the file, from which the refused rows can be written again.
        unread: of what the rows speak that could not be read; None while nobody asked.

    """

    kind: str
    rows: int
    stored: Stored = field(default_factory=Stored)
    errors: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    reading: Reading | None = None
    unread: set[str] | None = None

    @property
    def rejected(self) -> int:
        """How many rows were refused."""
        return len({problem.row for problem in self.errors if problem.row is not None})

    def as_dict(self, say: Callable[[RuleBroken], str] = str) -> dict[str, Any]:
        """The JSON document of the console (formats.md section 1); ``say`` translates."""
        return {
            "kind": self.kind,
            "rows": self.rows,
            "created": self.stored.created,
            "updated": self.stored.updated,
            "unchanged": self.stored.unchanged,
            "rejected": self.rejected,
            "errors": [problem.as_dict(say) for problem in self.errors],
            "warnings": [problem.as_dict(say) for problem in self.warnings],
        }


def import_file(
    kind: str,
    source: Path | BinaryIO,
    filename: str,
    *,
    dry_run: bool = False,
    max_rows: int | None = None,
    look: Look = look_away,
    by: Actor,
    at: datetime,
) -> Report:
    """Import a file whole or not at all.

    Args:
        kind: as in formats.md.
        source: CSV or XLSX; a stream must allow seeking and stays open.
        filename: what is kept as its name.
        dry_run: only try: the report is the same, and nothing is stored.
        max_rows: refuse a longer file; None = as many as reading takes.
        look: looks at what a dry run of a good file did, before it is taken back.
        by: who.
        at: when.

    Raises:
        KeyError: no such kind.
        OSError: the file can't be read.

    """
    table = KINDS[kind]
    reading = open_file(table, source)
    rows: list[NumberedRow] = list(
        islice(reading.rows(), None if max_rows is None else max_rows + 1),
    )
    if max_rows is not None and reading.rows_read > max_rows:
        rows.clear()
        reading.problems[:] = []
        reading.refuse(None, TooLongForPage(limit=max_rows, kind=kind))
    report = Report(kind, reading.rows_read, errors=reading.problems, reading=reading)
    facts = FileFacts(filename, sha256_of(source), len(rows))
    if reading.is_clean:
        _store(table, rows, facts, report, dry_run=dry_run, look=look, by=by, at=at)
    elif rows:
        _try_the_others(table, rows, facts, report, by=by, at=at)
    reading.problems = report.errors
    return report


def _try_the_others(
    table: Kind, rows: list[NumberedRow], facts: FileFacts, report: Report, *, by: Actor, at: datetime
) -> None:
    """Where some rows can't be read, also say what is wrong with the others, so that a file is mended once."""
    found = Report(table.name, report.rows)
    _store(table, rows, facts, found, dry_run=True, by=by, at=at)
    by_number = dict(rows)
    others = [problem for problem in found.errors if not may_be_mended(report, problem, by_number)]
    report.errors = sorted([*report.errors, *others], key=lambda problem: problem.row or 0)


def may_be_mended(report: Report, problem: Problem, rows: Mapping[int, Mapping[str, Any]]) -> bool:
    """Whether a refusal may end by itself when the rows that could not be read are mended."""
    column = _RESTS_ON.get(report.kind, "")
    if not column or not report.errors or report.reading is None:
        return False
    if report.unread is None:
        report.unread = report.reading.refused_texts(column)
    if column == "code":
        return problem.value in report.unread
    is_of_others = isinstance(problem.refusal, ReceiptIncomplete) or problem.column in {
        "cycle_start",
        "cycle_end",
    }
    return is_of_others and rows[problem.row or 0][column] in report.unread


def import_rows(
    kind: str,
    rows: Iterable[Mapping[str, Any]],
    *,
    filename: str,
    dry_run: bool = False,
    traced: bool = True,
    by: Actor,
    at: datetime,
) -> Report:
    """Import rows of typed values, as reading a file would give them; what is left out is empty.

    Args:
        kind: as in formats.md.
        rows: values by column name.
        filename: what is kept as the name of the batch.
        dry_run: only try.
        traced: keep what is done to every record, so that the batch can be undone.
        by: who.
        at: when.

    """
    table = KINDS[kind]
    absent = {column.name: column.cell.absent for column in table.columns}
    backs = [(column.name, column.falls_back_on) for column in table.columns if column.falls_back_on]
    numbered: list[NumberedRow] = []
    for number, row in enumerate(rows, start=_FIRST_ROW):
        whole = {**absent, **row}
        for name, back in backs:
            if whole[name] in (None, ""):
                whole[name] = whole[back]
        numbered.append((number, whole))
    report = Report(kind, len(numbered))
    facts = FileFacts(filename, "", len(numbered))
    _store(table, numbered, facts, report, dry_run=dry_run, traced=traced, by=by, at=at)
    return report


def _store(
    table: Kind,
    rows: list[NumberedRow],
    facts: FileFacts,
    report: Report,
    *,
    dry_run: bool,
    traced: bool = True,
    look: Look = look_away,
    by: Actor,
    at: datetime,
) -> None:
    by_number = dict(rows)

    def problem(found: RowProblem) -> Problem:
        return as_problem(table.name, by_number, found)

    try:
        report.stored = store_file(
            table.name, rows, facts, dry_run=dry_run, traced=traced, look=look, by=by, at=at
        )
    except RowsRefused as refused:
        report.errors = [problem(found) for found in refused.problems[:MAX_PROBLEMS]]
    else:
        report.warnings = [problem(found) for found in report.stored.warnings]


def as_problem(kind: str, rows: Mapping[int, Mapping[str, Any]], found: RowProblem) -> Problem:
    """What a deed says of a row, with what stands in the cell."""
    return Problem(found.row, found.column or None, _typed(KINDS[kind], rows, found), found.refusal)


def _typed(table: Kind, rows: Mapping[int, Mapping[str, Any]], found: RowProblem) -> str:
    """What stands in the cell that is refused."""
    value = rows[found.row].get(found.column) if found.column else None
    if value is None or value == "":
        return ""
    return excerpt(table.column(found.column).cell.write(value))


def sha256_of(source: Path | BinaryIO) -> str:
    """The SHA-256 of a file in hexadecimal."""
    if isinstance(source, Path):
        with source.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    source.seek(0)
    return hashlib.file_digest(source, "sha256").hexdigest()  # type: ignore[arg-type]
