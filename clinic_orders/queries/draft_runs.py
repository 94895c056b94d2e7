"""Runs of drafts of letters: the list for a bureau, and with whose rights one is made."""

from __future__ import annotations

from datetime import date
from typing import Final

from clinic_orders.models.draft_runs import DraftRun
from clinic_orders.queries.accounts import actor_again
from clinic_orders.queries.paper_runs import RunList
from clinic_orders.rules.parties import Actor, Permission, Role

RUNS: Final = RunList(
    DraftRun,
    (DraftRun.by_name,),
    {"at": DraftRun.requested_at, "by": DraftRun.by_name, "total": DraftRun.total},
)


def drafter_of(run: DraftRun, on: date) -> Actor | None:
    """Who asked, in the role in which they asked; None if they do not hold it on a day or may not write letters."""
    if run.by_id is None:
        return None
    role = Role.COUNTY if run.county_code else Role.CITY
    found = actor_again(run.by_id, role, run.county_code, on=on)
    return found if found is not None and found.may(Permission.CASES_HANDLE) else None
