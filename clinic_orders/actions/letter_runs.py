"""Print many letters: choose them, claim the run, say how far it is, end it, cancel it, let it go on."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any, Final

from clinic_orders.actions import audit
from clinic_orders.actions.background import Claim, Desk
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.letter_runs import LetterRun
from clinic_orders.queries.background import to_claim
from clinic_orders.queries.letter_runs import LettersChosen, letters_chosen, runs_visible_to
from clinic_orders.rules.background import Step
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.letter_runs import MOST_LETTERS, LetterRunState, NoLetterFits, TooManyLetters
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
        token=secrets.token_hex(16),
        state=LetterRunState.WAITING,
        by_id=by.user_id,
        by_name=by.name,
        county_code=by.county_code or "",
        address=address[:200],
        first_day=chosen.first_day,
        last_day=chosen.last_day,
        kind=chosen.kind,
        unsigned_only=chosen.unsigned_only,
        letter_ids=ids,
        total=len(ids),
        requested_at=at,
    )
    db.session.add(run)
    db.session.flush()
    _write_down("request_letter_run", run, by=by, at=at, after={"letters": run.total})
    return run


@transactional
def claim_letter_run(worker: str, *, by: Actor, at: datetime) -> LetterRun | None:
    """Take the oldest run whose turn it is for this process; None if there is none."""
    return _DESK.claim(worker, to_claim(LetterRun, at), by=by, at=at)


@transactional
def note_printed(claim: Claim, made: int, *, by: Actor, at: datetime) -> None:
    """Say how many letters are made, and that the process is alive.

    Raises:
        MovedOn: the run is no longer this process's.

    """
    run = _DESK.claimed(claim, by=by, at=at)
    run.made = min(made, run.total)


@transactional
def finish_letter_run(claim: Claim, *, by: Actor, at: datetime) -> None:
    """End a run well: its files lie in its folder.

    Raises:
        MovedOn: the run is no longer this process's.

    """
    run = _DESK.claimed(claim, by=by, at=at)
    _DESK.end(run, Step.FINISH, at=at)
    run.made, run.error = run.total, ""
    _write_down("finish_letter_run", run, by=by, at=at, after={"letters": run.total})


@transactional
def release_letter_run(claim: Claim, error: str = "", *, by: Actor, at: datetime) -> None:
    """Give a run back, to be gone on with by the next process; after too many errors it is ended as failed.

    Args:
        claim: of the process that stops.
        error: why it could not go on; "" where the process itself is being ended.
        by: who.
        at: when.

    Raises:
        MovedOn: the run is no longer this process's.

    """
    _DESK.release(claim, error, by=by, at=at)


@transactional
def cancel_letter_run(number: int, *, by: Actor, at: datetime) -> LetterRun:
    """Cancel a run; the letters stay as they are.

    Raises:
        NotFound: no such run for this person.
        MovedOn: it has ended already.

    """
    run = _DESK.locked(number, runs_visible_to(by), by=by)
    _DESK.end(run, Step.CANCEL, at=at)
    _write_down("cancel_letter_run", run, by=by, at=at, after={"letters": run.total})
    return run


@transactional
def retry_letter_run(number: int, *, by: Actor, at: datetime) -> LetterRun:
    """Let a run that failed go on where it stopped.

    Raises:
        NotFound: no such run for this person.
        MovedOn: it has not failed.

    """
    run = _DESK.locked(number, runs_visible_to(by), by=by)
    _DESK.again(run)
    _write_down("retry_letter_run", run, by=by, at=at, after={"letters": run.total})
    return run


def _given_up(run: LetterRun, /, *, by: Actor, at: datetime) -> None:
    _write_down("fail_letter_run", run, by=by, at=at, after={"failures": run.failures})


_DESK: Final = Desk(LetterRun, Permission.CASES_HANDLE, _given_up)


def _write_down(deed: str, run: LetterRun, *, by: Actor, at: datetime, after: dict[str, Any]) -> None:
    audit.record(
        deed,
        by=by,
        at=at,
        subject_type="letter_run",
        subject_id=run.id,
        county_code=run.county_code or None,
        after=after,
    )
