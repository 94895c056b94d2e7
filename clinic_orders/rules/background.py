"""Work behind the scenes: the steps that a long file, a long export or a run of letters takes, and how often.

What all of them have in common stands here: work waits, a process claims it, and it ends, is given back, is given up
or is cancelled. Each kind names its states and adds the steps of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from itertools import chain
from typing import Final, Generic, TypeVar

from clinic_orders.rules.errors import N_, RuleBroken

SILENT_AFTER: Final = timedelta(minutes=2)
"""A process that has not shown for so long that it is alive has died; another one takes its work."""
MOST_FAILURES: Final = 3
"""So often work may break a process, or be broken off by an error, before a person has to look."""

State = TypeVar("State", bound=StrEnum)


class Step(StrEnum):
    """What can happen to work behind the scenes; storing and trying are those of a long file alone."""

    CLAIM = "claim"
    STORE = "store"
    TRY = "try"
    STORE_TRIED = "store_tried"
    FINISH = "finish"
    REFUSE = "refuse"
    RELEASE = "release"
    FAIL = "fail"
    CANCEL = "cancel"
    RETRY = "retry"


class MovedOn(RuleBroken):
    """The step is not possible (any more)."""

    message = N_("This has moved on meanwhile: it was ended, cancelled or taken over. Look at it again.")


@dataclass(frozen=True, slots=True)
class Course(Generic[State]):
    """The states of one kind of work and the steps between them; pages, deeds and tests come from it.

    Attributes:
        steps: where each possible step leads.
        waiting: the state in which work waits for a process.
        running: the states in which a process is at work.

    """

    steps: Mapping[tuple[Step, State], State]
    waiting: State
    running: frozenset[State]

    @property
    def open(self) -> frozenset[State]:
        """The states in which work is still to be ended by a process."""
        return self.running | {self.waiting}

    def after(self, step: Step, state: State) -> State:
        """The state to which a step leads.

        Raises:
            MovedOn: the step is not possible from this state.

        """
        try:
            return self.steps[step, state]
        except KeyError:
            raise MovedOn from None

    def is_possible(self, step: Step, state: State) -> bool:
        """Whether a step may be taken from a state."""
        return (step, state) in self.steps


def course(
    waiting: State,
    running: Sequence[State],
    *,
    failed: State,
    cancelled: State,
    own: Mapping[tuple[Step, State], State],
) -> Course[State]:
    """The course of a kind of work: the steps of all kinds, and its own.

    A process claims what waits, or what a dead process has left, and begins with the first running state.

    Args:
        waiting: the state of work that waits.
        running: those of work in hand, the first one first.
        failed: that of work which broke off too often.
        cancelled: that of work which nobody wants any more.
        own: its own steps, such as to its good end.

    """
    common = chain(
        [((Step.CLAIM, state), running[0]) for state in (waiting, *running)],
        [((Step.RELEASE, state), waiting) for state in running],
        [((Step.FAIL, state), failed) for state in running],
        [((Step.CANCEL, state), cancelled) for state in (waiting, *running, failed)],
        [((Step.RETRY, failed), waiting)],
    )
    return Course({**dict(common), **own}, waiting, frozenset(running))
