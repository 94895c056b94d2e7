"""Print many letters: choose them, claim the run, say how far it is, end it, cancel it, let it go on.

A claim is a number of the row that rises with every process that takes the run, as with long files.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from clinic_orders.actions import audit
from clinic_orders.actions.loading import NotFound
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.letter_runs import LetterRun
from clinic_orders.queries.letter_runs import LettersChosen, letters_chosen, runs_visible_to, to_claim
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.letter_runs import (
    MOST_FAILURES,
    MOST_LETTERS,
    LetterRunMovedOn,
    LetterRunState,
    NoLetterFits,
    RunStep,
    TooManyLetters,
    after,
)
from clinic_orders.rules.parties import Actor, Permission


@dataclass(frozen=True, slots=True)
class RunClaim:
    """That a process works on a run: its number and which attempt this is."""

    run_id: int
    attempt: int


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
    by.need(Permission.CASES_HANDLE)
    # A row that another process is just claiming is passed over; SQLite has one writer in any case.
    locked = (
        select(LetterRun)
        .where(to_claim(at))
        .order_by(LetterRun.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    while (run := db.session.scalars(locked).one_or_none()) is not None:
        if run.state is LetterRunState.PRINTING:
            run.failures += 1
            if run.failures >= MOST_FAILURES:
                _give_up(run, "the process fell silent", by=by, at=at)
                db.session.flush()
                continue
        run.state = after(RunStep.CLAIM, run.state)
        run.attempt += 1
        run.worker, run.heartbeat_at = worker[:64], at
        run.started_at = run.started_at or at
        db.session.flush()
        return run
    return None


@transactional
def note_printed(claim: RunClaim, made: int, *, by: Actor, at: datetime) -> None:
    """Say how many letters are made, and that the process is alive.

    Raises:
        LetterRunMovedOn: the run is no longer this process's.

    """
    run = _claimed(claim, by)
    run.made, run.heartbeat_at = min(made, run.total), at


@transactional
def finish_letter_run(claim: RunClaim, *, by: Actor, at: datetime) -> None:
    """End a run well: its files lie in its folder.

    Raises:
        LetterRunMovedOn: the run is no longer this process's.

    """
    run = _claimed(claim, by)
    run.state = after(RunStep.FINISH, run.state)
    run.made, run.ended_at, run.heartbeat_at, run.error = run.total, at, at, ""
    _write_down("finish_letter_run", run, by=by, at=at, after={"letters": run.total})


@transactional
def release_letter_run(claim: RunClaim, error: str = "", *, by: Actor, at: datetime) -> None:
    """Give a run back, to be gone on with by the next process; after too many errors it is ended as failed.

    Args:
        claim: of the process that stops.
        error: why it could not go on; "" where the process itself is being ended.
        by: who.
        at: when.

    Raises:
        LetterRunMovedOn: the run is no longer this process's.

    """
    run = _claimed(claim, by)
    run.heartbeat_at, run.error = at, error[-4000:]
    run.failures += bool(error)
    if error and run.failures >= MOST_FAILURES:
        _give_up(run, error, by=by, at=at)
    else:
        run.state = after(RunStep.RELEASE, run.state)


@transactional
def cancel_letter_run(number: int, *, by: Actor, at: datetime) -> LetterRun:
    """Cancel a run; the letters stay as they are.

    Raises:
        NotFound: no such run for this person.
        LetterRunMovedOn: it has ended already.

    """
    return _move(number, RunStep.CANCEL, "cancel_letter_run", by=by, at=at)


@transactional
def retry_letter_run(number: int, *, by: Actor, at: datetime) -> LetterRun:
    """Let a run that failed go on where it stopped.

    Raises:
        NotFound: no such run for this person.
        LetterRunMovedOn: it has not failed.

    """
    return _move(number, RunStep.RETRY, "retry_letter_run", by=by, at=at)


def _move(number: int, step: RunStep, deed: str, *, by: Actor, at: datetime) -> LetterRun:
    by.need(Permission.CASES_HANDLE)
    run = db.session.scalars(
        select(LetterRun)
        .where(LetterRun.id == number, runs_visible_to(by))
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if run is None:
        raise NotFound(number=number)
    run.state = after(step, run.state)
    run.ended_at = at if step is RunStep.CANCEL else None
    run.failures = 0
    _write_down(deed, run, by=by, at=at, after={"letters": run.total})
    return run


def _give_up(run: LetterRun, error: str, *, by: Actor, at: datetime) -> None:
    run.state = after(RunStep.FAIL, run.state)
    run.ended_at, run.error = at, error[-4000:]
    _write_down("fail_letter_run", run, by=by, at=at, after={"failures": run.failures})


def _claimed(claim: RunClaim, by: Actor) -> LetterRun:
    by.need(Permission.CASES_HANDLE)
    run = db.session.get(LetterRun, claim.run_id, with_for_update=True, populate_existing=True)
    if run is None or run.attempt != claim.attempt or run.state is not LetterRunState.PRINTING:
        raise LetterRunMovedOn
    return run


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
