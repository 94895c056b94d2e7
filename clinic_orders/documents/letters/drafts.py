"""Runs of drafts (``documents.paper_runs``): the next letter of each chosen case, before anything is issued.

A draft has neither number nor token, so it has no code that could confirm it; it is marked across every page and at its
head, in the name of its file and in the title of the file of all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from clinic_orders import clock
from clinic_orders.actions.background import Claim
from clinic_orders.actions.cases import suggested_draft
from clinic_orders.actions.draft_runs import note_left_out
from clinic_orders.documents.letters.press import merged, set_letters
from clinic_orders.documents.paper_runs import Kind, Wanted, put_part, safe_name
from clinic_orders.models.draft_runs import DraftRun
from clinic_orders.queries.draft_runs import drafter_of
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.errors import RuleBroken
from clinic_orders.rules.letter_runs import DrafterGone
from clinic_orders.rules.letters import LetterContent
from clinic_orders.rules.parties import SYSTEM

IN_PART: Final = 50


def make_part(
    folder: Path, part: int, first: int, drafts: Sequence[tuple[str, str]], left_out: Mapping[str, Any]
) -> int:
    """Print a part of a run into its folder; how many drafts were looked at.

    Args:
        folder: of the run.
        part: its number from 0.
        first: the place of its first draft in the run.
        drafts: case and canonical text of each.
        left_out: the cases whose letters could not go out as they stand.

    Raises:
        ValueError: a text is none of a draft.

    """
    contents = [LetterContent.from_canonical(text) for _case, text in drafts]
    if not all(one.is_draft and not one.token for one in contents):
        raise ValueError("a letter with a number or a token is no draft")
    made = set_letters(contents, address="")
    named = (
        (f"{first + place + 1:05}-{safe_name(f'草稿-{case}-{content.addressee}')}.pdf", one.pdf)
        for place, ((case, _text), content, one) in enumerate(zip(drafts, contents, made, strict=True))
    )
    put_part(folder, part, merged(made, title=f"{part + 1}"), named)
    return len(drafts) + len(left_out)


def _plain(refused: RuleBroken) -> dict[str, Any]:
    """A refusal as it is kept: its message and the facts that fill it."""
    facts = {key: value if isinstance(value, int) else str(value) for key, value in refused.facts.items()}
    return {"message": refused.message, "facts": facts}


def _wanted(run: DraftRun) -> Wanted:
    claim, at = Claim(run.id, run.attempt), clock.now()
    by = drafter_of(run, day_in_china(at))
    if by is None:
        raise DrafterGone

    def load(some: Sequence[str]) -> tuple[Any, ...]:
        drafts, left_out = [], {}
        for case in some:
            try:
                drafts.append((case, suggested_draft(case, by=by, at=at).canonical()))
            except RuleBroken as refused:
                left_out[case] = _plain(refused)
        return drafts, left_out

    def loaded(found: tuple[Any, ...]) -> None:
        if found[1]:
            note_left_out(claim, found[1], by=SYSTEM, at=clock.now())

    return Wanted(f"草稿（无效力）{run.total}份", list(run.case_numbers), load, loaded)


DRAFT_RUNS: Final = Kind(DraftRun, "draft-runs", IN_PART, _wanted, make_part)
