"""Print many drafts before anything is issued: choose them, note which can't go out as they stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from clinic_orders.actions.background import Claim
from clinic_orders.actions.paper_runs import ask_for, claimed_run
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.draft_runs import DraftRun
from clinic_orders.queries.cases import CasesWanted, cases
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.ladder import CaseState
from clinic_orders.rules.letter_runs import MOST_LETTERS, NoDraftFits, TooManyDrafts
from clinic_orders.rules.parties import Actor, Permission


@transactional
def request_draft_run(wanted: CasesWanted, *, by: Actor, at: datetime) -> DraftRun:
    """Ask that the letters of draft cases be printed together as drafts; nothing is issued by it.

    Args:
        wanted: the filters of the list of cases; of what they leave the drafts are taken.
        by: an officer; only cases that they may see are taken, and the drafts name them.
        at: when.

    Raises:
        NoDraftFits, TooManyDrafts: nothing would be printed, or more than a run takes.

    """
    by.need(Permission.CASES_HANDLE)
    drafts = replace(wanted, state=CaseState.DRAFT.value)
    numbers = [row.number for row in cases(by, on=day_in_china(at), wanted=drafts, sort="number")]
    if not numbers:
        raise NoDraftFits
    if len(numbers) > MOST_LETTERS:
        raise TooManyDrafts(count=len(numbers), most=MOST_LETTERS)
    chosen = {
        "words": wanted.words,
        "level": wanted.level,
        "county": wanted.county,
        "kind": wanted.kind.value if wanted.kind else "",
    }
    run = DraftRun(case_numbers=numbers, total=len(numbers), wanted={k: v for k, v in chosen.items() if v})
    return ask_for(run, by=by, at=at)


@transactional
def note_left_out(claim: Claim, refused: Mapping[str, Any], *, by: Actor, at: datetime) -> None:
    """Keep why letters could not go out as they stand; said again it changes nothing.

    Args:
        claim: of the process at work.
        refused: by case the message and facts of the refusal.
        by: who.
        at: when.

    Raises:
        MovedOn: the run is no longer this process's.

    """
    run = claimed_run(DraftRun, claim, by=by, at=at)
    run.left_out = {**run.left_out, **refused}
