"""Runs of sheets of the six unified standards (``documents.paper_runs``): those of a county's institutions."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final

from clinic_orders.documents.paper_runs import Kind, Wanted, put_part, safe_name
from clinic_orders.documents.standards import IN_PART, single_papers, standards_pdf
from clinic_orders.models.standards_runs import StandardsRun
from clinic_orders.queries.roster import has_demo_data
from clinic_orders.queries.standards import StandardsOf, standards_of
from clinic_orders.rules.parties import SYSTEM
from clinic_orders.rules.standards import Sheet


def make_part(
    folder: Path,
    part: int,
    first: int,
    rows: Sequence[StandardsOf],
    sheets: Collection[Sheet],
    phone: str,
    on: date,
    demo: bool,
) -> int:
    """Print a part of a run into its folder; for how many institutions.

    Args:
        folder: of the run.
        part: its number from 0.
        first: the place of its first institution in the run.
        rows: its institutions.
        sheets: which.
        phone: the bureau's telephone for complaints.
        on: the day of the run.
        demo: whether the sheets say that their data are invented.

    """
    whole = standards_pdf(rows, sheets, phone=phone, on=on, demo=demo)
    if whole is None:
        raise ValueError("a part of a run has institutions and sheets")
    named = (
        (f"{first + place + 1:05}-{safe_name(f'{one.name}-{one.code}')}.pdf", paper)
        for place, (one, paper) in enumerate(single_papers(whole, rows, sheets))
    )
    put_part(folder, part, whole, named)
    return len(rows)


def _wanted(run: StandardsRun) -> Wanted:
    on, phone, sheets = run.on_day, run.phone, [Sheet(one) for one in run.sheets]

    def load(some: Sequence[int]) -> tuple[Any, ...]:
        rows = standards_of(SYSTEM, on=on, among=some)
        return rows, sheets, phone, on, has_demo_data()

    title = f"{run.place}{run.township} 六统一宣传资料（{run.total}家）"
    return Wanted(title, list(run.institution_ids), load)


STANDARDS_RUNS: Final = Kind(StandardsRun, "standards-runs", IN_PART, _wanted, make_part)
