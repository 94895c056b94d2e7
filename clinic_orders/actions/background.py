"""What the deeds of all work behind the scenes do: claim it, find it again, give it back, cancel it, try it again.

A claim is a number of the row that rises with every process that takes the work: what a process says under an older
number, because it was cancelled or taken for dead, is refused, and with it everything it would have stored.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from sqlalchemy import ColumnElement, select

from clinic_orders.actions.loading import NotFound
from clinic_orders.models.background import Work
from clinic_orders.models.base import db
from clinic_orders.rules.background import MOST_FAILURES, MovedOn, Step
from clinic_orders.rules.parties import Actor, Permission

W = TypeVar("W", bound=Work)
W_in = TypeVar("W_in", bound=Work, contravariant=True)


@dataclass(frozen=True, slots=True)
class Claim:
    """That a process has work in hand: the number of its row, and which attempt this is."""

    number: int
    attempt: int


class GivenUp(Protocol[W_in]):
    """Writes down, and tells whom it concerns, that work was ended as failed."""

    def __call__(self, work: W_in, /, *, by: Actor, at: datetime) -> None:
        """Do so, in the transaction that ends it."""


@dataclass(frozen=True, slots=True)
class Desk(Generic[W]):
    """What the deeds of one kind of work share.

    Attributes:
        kind: whose rows.
        need: what whoever acts must be allowed.
        given_up: called when work was ended as failed.

    """

    kind: type[W]
    need: Permission
    given_up: GivenUp[W]

    def claim(self, worker: str, which: ColumnElement[bool], *, by: Actor, at: datetime) -> W | None:
        """Take the oldest row among some for this process; None if there is none.

        Work whose process has died too often is ended as failed, and the next one is looked for.
        """
        by.need(self.need)
        # A row that another process is just claiming is passed over; SQLite has one writer in any case.
        locked = (
            select(self.kind)
            .where(which)
            .order_by(self.kind.id)
            .limit(1)
            .with_for_update(skip_locked=True)
            .execution_options(populate_existing=True)
        )
        while (work := db.session.scalars(locked).one_or_none()) is not None:
            if work.state in self.kind.course.running:
                work.failures += 1
                if work.failures >= MOST_FAILURES:
                    self._give_up(work, "the process fell silent", by=by, at=at)
                    db.session.flush()
                    continue
            self.move(work, Step.CLAIM)
            work.attempt += 1
            work.worker, work.heartbeat_at = worker[:64], at
            work.started_at = work.started_at or at
            db.session.flush()
            return work
        return None

    def claimed(self, claim: Claim, *, by: Actor, at: datetime) -> W:
        """The locked row of a claim, whose process lives at this instant.

        Raises:
            MovedOn: the work is no longer this process's.

        """
        by.need(self.need)
        work = db.session.get(self.kind, claim.number, with_for_update=True, populate_existing=True)
        if work is None or work.attempt != claim.attempt or work.state not in self.kind.course.running:
            raise MovedOn
        work.heartbeat_at = at
        return work

    def locked(self, number: int, *among: ColumnElement[bool], by: Actor) -> W:
        """The locked row of this number among those that the actor may see.

        Raises:
            NotFound: there is none.

        """
        by.need(self.need)
        work = db.session.scalars(
            select(self.kind)
            .where(self.kind.id == number, *among)
            .with_for_update()
            .execution_options(populate_existing=True)
        ).one_or_none()
        if work is None:
            raise NotFound(number=number)
        return work

    def move(self, work: W, step: Step) -> None:
        """Take a step with a row.

        Raises:
            MovedOn: it is not possible (any more).

        """
        work.state = self.kind.course.after(step, work.state)

    def end(self, work: W, step: Step, *, at: datetime) -> None:
        """Take the step that ends a row.

        Raises:
            MovedOn: it is not possible (any more).

        """
        self.move(work, step)
        work.ended_at = at

    def release(self, claim: Claim, error: str, *, by: Actor, at: datetime) -> W:
        """Give work back, for the next process; after too many errors it is ended as failed.

        Args:
            claim: of the process that stops.
            error: why it could not go on; "" where the process itself is being ended.
            by: who.
            at: when.

        Raises:
            MovedOn: the work is no longer this process's.

        """
        work = self.claimed(claim, by=by, at=at)
        work.error = error[-4000:]
        work.failures += bool(error)
        if error and work.failures >= MOST_FAILURES:
            self._give_up(work, error, by=by, at=at)
        else:
            self.move(work, Step.RELEASE)
        return work

    def again(self, work: W) -> None:
        """Let a row that failed be taken up once more.

        Raises:
            MovedOn: it has not failed.

        """
        self.move(work, Step.RETRY)
        work.ended_at, work.failures = None, 0

    def _give_up(self, work: W, error: str, *, by: Actor, at: datetime) -> None:
        self.end(work, Step.FAIL, at=at)
        work.error = error[-4000:]
        self.given_up(work, by=by, at=at)
