"""Runs of sheets of the six unified standards: the list for a bureau."""

from __future__ import annotations

from typing import Final

from clinic_orders.models.standards_runs import StandardsRun
from clinic_orders.queries.paper_runs import RunList

RUNS: Final = RunList(
    StandardsRun,
    (StandardsRun.place, StandardsRun.township, StandardsRun.by_name),
    {
        "at": StandardsRun.requested_at,
        "place": StandardsRun.place,
        "by": StandardsRun.by_name,
        "total": StandardsRun.total,
    },
)
