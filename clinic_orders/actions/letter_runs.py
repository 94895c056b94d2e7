"""Print many letters: choose them. What happens to the run then stands in ``actions.paper_runs``."""

from __future__ import annotations

from datetime import datetime

from clinic_orders.actions.paper_runs import ask_for
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.letter_runs import LetterRun
from clinic_orders.queries.letter_runs import LettersChosen, letters_chosen
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.letter_runs import MOST_LETTERS, NoLetterFits, TooManyLetters
from clinic_orders.rules.parties import Actor, Permission


@transactional
def request_letter_run(chosen: LettersChosen, *, address: str, by: Actor, at: datetime) -> LetterRun:
    """Ask that letters be printed together.

    Args:
        chosen: which.
        address: our own address for the codes on them.
        by: an officer; only letters that they may see are printed.
        at: when.

    Raises:
        NoLetterFits, TooManyLetters: nothing would be printed, or more than a run takes.

    """
    by.need(Permission.CASES_HANDLE)
    ids = letters_chosen(chosen, by, on=day_in_china(at))
    if not ids:
        raise NoLetterFits
    if len(ids) > MOST_LETTERS:
        raise TooManyLetters(count=len(ids), most=MOST_LETTERS)
    run = LetterRun(
        address=address[:200],
        first_day=chosen.first_day,
        last_day=chosen.last_day,
        kind=chosen.kind,
        unsigned_only=chosen.unsigned_only,
        letter_ids=ids,
        total=len(ids),
    )
    return ask_for(run, by=by, at=at)
