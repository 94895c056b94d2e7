"""A long file → records, in constant memory: read and kept in a staging, then stored in one transaction, part by part."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from clinic_orders.actions.bulk import NumberedRow, RowProblem, RowsRefused, Stored
from clinic_orders.actions.files import FileFacts, Look, look_away, put_rows, storing
from clinic_orders.exchange.importing import Report, as_problem, may_be_mended, sha256_of
from clinic_orders.exchange.reading import Problem, Reading, limits, open_file
from clinic_orders.exchange.staging import Staging
from clinic_orders.exchange.tables import KINDS
from clinic_orders.models.exchange import ImportBatch
from clinic_orders.rules.parties import Actor


class Phase(StrEnum):
    """What is being done with a file."""

    READING = "reading"
    STORING = "storing"


# Phase, how much of it is done from 0 to 1, rows so far.
Progress = Callable[[Phase, float, int], None]


def unseen(_phase: Phase, _share: float, _rows: int) -> None:
    """Progress at which nobody looks."""


class _Refused(Exception):
    """Takes everything back."""


@dataclass(slots=True)
class LongFile:
    """One file of a kind and the folder in which its rows are kept on their way.

    Attributes:
        kind: as in formats.md.
        source: CSV or XLSX.
        filename: what is kept as its name.
        staging: where its rows are kept; a file that is there already is gone on with.

    """

    kind: str
    source: Path
    filename: str
    staging: Path

    def take_in(
        self,
        *,
        dry_run: bool = False,
        look: Look = look_away,
        by: Actor,
        at: datetime,
        progress: Progress = unseen,
        stored_too: Callable[[ImportBatch], None] = lambda _batch: None,
    ) -> Report:
        """Read, check and store it, whole or not at all.

        Args:
            dry_run: only try: the report is the same, and nothing is stored.
            look: looks at what a dry run of a good file did, before it is taken back.
            by: who.
            at: when.
            progress: told now and then how far it is; the first word of storing comes before its transaction begins.
            stored_too: what is to be written in the same transaction.

        Raises:
            OSError: the file can't be read.

        """
        staging = Staging(self.staging, KINDS[self.kind])
        try:
            reading = open_file(staging.kind, self.source)
            staging.fill(reading, lambda share: progress(Phase.READING, share, reading.rows_read))
            report = Report(self.kind, reading.rows_read, errors=reading.problems, reading=reading)
            if reading.headings and reading.rows_read:
                facts = FileFacts(self.filename, sha256_of(self.source), reading.rows_read)
                is_clean = reading.is_clean
                progress(Phase.STORING, 0.0, 0)
                self._store(
                    staging, report, facts, dry_run or not is_clean, look, by, at, progress, stored_too
                )
            elif reading.is_clean:
                # A header alone is a file with nothing in it, which changes nothing.
                report.stored = Stored()
            return report
        finally:
            staging.close()

    def _store(
        self,
        staging: Staging,
        report: Report,
        facts: FileFacts,
        dry_run: bool,
        look: Look,
        by: Actor,
        at: datetime,
        progress: Progress,
        stored_too: Callable[[ImportBatch], None],
    ) -> None:
        """Store the rows that were kept; where some are refused, say what is wrong with all of them."""
        found = _Found(report)
        stored = Stored()
        rows = 0
        try:
            with storing(self.kind, facts, dry_run=dry_run, look=look, by=by, at=at) as batch:
                for part in staging.parts():
                    try:
                        stored.warnings = put_rows(batch, part, by=by, at=at).warnings
                        found.warned(part, stored.warnings)
                    except RowsRefused as refused:
                        found.refused(part, refused.problems)
                        if found.is_full:
                            break
                    rows += len(part)
                    progress(Phase.STORING, rows / max(1, facts.rows), rows)
                if found.errors or report.errors:
                    raise _Refused
                stored.created, stored.updated, stored.unchanged = (
                    batch.created,
                    batch.updated,
                    batch.unchanged,
                )
                stored.batch_id = None if dry_run else batch.id
                if not dry_run:
                    stored_too(batch)
        except _Refused:
            report.errors = sorted([*report.errors, *found.errors], key=lambda problem: problem.row or 0)
            assert report.reading is not None
            report.reading.problems = report.errors
        else:
            report.stored = stored
            report.warnings = found.warnings


class _Found:
    """Gathers what the deeds say of the rows, with what stands in the cells, up to a limit."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._reading: Reading | None = report.reading
        self._unread: set[str] | None = None
        self.errors: list[Problem] = []
        self.warnings: list[Problem] = []

    @property
    def is_full(self) -> bool:
        """Whether enough was found."""
        return len(self.errors) + len(self._report.errors) >= limits.MAX_PROBLEMS

    def refused(self, part: Sequence[NumberedRow], problems: Sequence[RowProblem]) -> None:
        """Note refusals, without those that may only come from rows that can't be read."""
        rows = dict(part)
        room = limits.MAX_PROBLEMS - len(self.errors) - len(self._report.errors)
        for found in problems[:room]:
            problem = as_problem(self._report.kind, rows, found)
            if not may_be_mended(self._report, problem, rows):
                self.errors.append(problem)

    def warned(self, part: Sequence[NumberedRow], problems: Sequence[RowProblem]) -> None:
        """Note warnings."""
        rows = dict(part)
        room = limits.MAX_PROBLEMS - len(self.warnings)
        self.warnings += [as_problem(self._report.kind, rows, found) for found in problems[:room]]
