"""What happens to a run of papers of any kind once it was asked for: claim it, say how far it is, end it, cancel it.

The history calls these deeds by the kind of run: ``finish_letter_run``, ``cancel_draft_run`` and so on.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any, Final, TypeVar

from clinic_orders.actions import audit
from clinic_orders.actions.background import Claim, Desk
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.draft_runs import DraftRun
from clinic_orders.models.letter_runs import LetterRun
from clinic_orders.models.paper_runs import PaperRun
from clinic_orders.models.standards_runs import StandardsRun
from clinic_orders.queries.background import to_claim
from clinic_orders.queries.paper_runs import runs_visible_to
from clinic_orders.rules.background import Step
from clinic_orders.rules.paper_runs import PaperRunState
from clinic_orders.rules.parties import Actor, Permission

R = TypeVar("R", bound=PaperRun)


def ask_for(run: R, *, by: Actor, at: datetime) -> R:
    """Let a run wait for a process; what it holds was checked. Part of the deed that asks for it."""
    run.token, run.state, run.requested_at = secrets.token_hex(16), PaperRunState.WAITING, at
    run.by_id, run.by_name, run.county_code = by.user_id, by.name, by.county_code or ""
    db.session.add(run)
    db.session.flush()
    _remember("request", run, by=by, at=at, after={"papers": run.total})
    return run


@transactional
def claim_run(kind: type[R], worker: str, *, by: Actor, at: datetime) -> R | None:
    """Take the oldest run of a kind whose turn it is for this process; None if there is none."""
    return _desk(kind).claim(worker, to_claim(kind, at), by=by, at=at)


def claimed_run(kind: type[R], claim: Claim, *, by: Actor, at: datetime) -> R:
    """The locked row of a run in hand, for a deed on it that only its kind knows.

    Raises:
        MovedOn: the run is no longer this process's.

    """
    return _desk(kind).claimed(claim, by=by, at=at)


@transactional
def note_made(kind: type[PaperRun], claim: Claim, made: int, *, by: Actor, at: datetime) -> None:
    """Say how many papers are made, and that the process is alive.

    Raises:
        MovedOn: the run is no longer this process's.

    """
    run = _desk(kind).claimed(claim, by=by, at=at)
    run.made = min(made, run.total)


@transactional
def finish_run(kind: type[PaperRun], claim: Claim, *, by: Actor, at: datetime) -> None:
    """End a run well: its files lie in its folder.

    Raises:
        MovedOn: the run is no longer this process's.

    """
    desk = _desk(kind)
    run = desk.claimed(claim, by=by, at=at)
    desk.end(run, Step.FINISH, at=at)
    run.made, run.error = run.total, ""
    _remember("finish", run, by=by, at=at, after={"papers": run.total})


@transactional
def release_run(kind: type[PaperRun], claim: Claim, error: str = "", *, by: Actor, at: datetime) -> None:
    """Give a run back, to be gone on with by the next process; after too many errors it is ended as failed.

    Args:
        kind: of which kind.
        claim: of the process that stops.
        error: why it could not go on; "" where the process itself is being ended.
        by: who.
        at: when.

    Raises:
        MovedOn: the run is no longer this process's.

    """
    _desk(kind).release(claim, error, by=by, at=at)


@transactional
def cancel_run(kind: type[R], number: int, *, by: Actor, at: datetime) -> R:
    """Cancel a run; what its papers are made of stays as it is.

    Raises:
        NotFound: no such run for this person.
        MovedOn: it has ended already.

    """
    desk = _desk(kind)
    run = desk.locked(number, runs_visible_to(kind, by), by=by)
    desk.end(run, Step.CANCEL, at=at)
    _remember("cancel", run, by=by, at=at, after={"papers": run.total})
    return run


@transactional
def retry_run(kind: type[R], number: int, *, by: Actor, at: datetime) -> R:
    """Let a run that failed go on where it stopped.

    Raises:
        NotFound: no such run for this person.
        MovedOn: it has not failed.

    """
    desk = _desk(kind)
    run = desk.locked(number, runs_visible_to(kind, by), by=by)
    desk.again(run)
    _remember("retry", run, by=by, at=at, after={"papers": run.total})
    return run


def _given_up(run: PaperRun, /, *, by: Actor, at: datetime) -> None:
    _remember("fail", run, by=by, at=at, after={"failures": run.failures})


NEEDS: Final[dict[type[PaperRun], Permission]] = {
    DraftRun: Permission.CASES_HANDLE,
    LetterRun: Permission.CASES_HANDLE,
    StandardsRun: Permission.ROSTER_READ,
}
"""The kinds of runs, and what whoever prints one must be allowed."""


def _desk(kind: type[R]) -> Desk[R]:
    return Desk(kind, NEEDS[kind], _given_up)


def _remember(deed: str, run: PaperRun, *, by: Actor, at: datetime, after: dict[str, Any]) -> None:
    subject: str = run.__tablename__  # type: ignore[attr-defined]
    audit.record(
        f"{deed}_{subject}",
        by=by,
        at=at,
        subject_type=subject,
        subject_id=run.id,
        county_code=run.county_code or None,
        after=after,
    )
