"""Printing many letters in one run: which steps a run takes, and how often it is tried.

>>> after(RunStep.CLAIM, LetterRunState.WAITING)
<LetterRunState.PRINTING: 'printing'>
>>> is_possible(RunStep.CANCEL, LetterRunState.DONE)
False
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Final

from clinic_orders.rules.errors import N_, RuleBroken

SILENT_AFTER: Final = timedelta(minutes=2)
"""A process that has not shown for so long that it is alive has died; another one goes on."""
MOST_FAILURES: Final = 3
"""So often a run may break off before a person has to look."""
MOST_LETTERS: Final = 10_000
"""More letters are chosen in several runs."""
KEPT: Final = timedelta(days=30)
"""The files of a run can be fetched for so long; the letters themselves stay with their cases."""


class LetterRunState(StrEnum):
    """Where a run stands."""

    WAITING = "waiting"
    PRINTING = "printing"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class RunStep(StrEnum):
    """What can happen to a run."""

    CLAIM = "claim"
    FINISH = "finish"
    RELEASE = "release"
    FAIL = "fail"
    CANCEL = "cancel"
    RETRY = "retry"


_S = LetterRunState
STEPS: Final[Mapping[tuple[RunStep, LetterRunState], LetterRunState]] = {
    (RunStep.CLAIM, _S.WAITING): _S.PRINTING,
    (RunStep.CLAIM, _S.PRINTING): _S.PRINTING,
    (RunStep.FINISH, _S.PRINTING): _S.DONE,
    (RunStep.RELEASE, _S.PRINTING): _S.WAITING,
    (RunStep.FAIL, _S.PRINTING): _S.FAILED,
    (RunStep.CANCEL, _S.WAITING): _S.CANCELLED,
    (RunStep.CANCEL, _S.PRINTING): _S.CANCELLED,
    (RunStep.CANCEL, _S.FAILED): _S.CANCELLED,
    (RunStep.RETRY, _S.FAILED): _S.WAITING,
}
OPEN: Final = frozenset({_S.WAITING, _S.PRINTING})


class LetterRunMovedOn(RuleBroken):
    """The step is not possible (any more)."""

    message = N_("This run has moved on meanwhile: it was ended, cancelled or taken over. Look at it again.")


class NoLetterFits(RuleBroken):
    """Nothing to print."""

    message = N_("No letter fits what you chose. Choose other days, or fewer conditions.")


class TooManyLetters(RuleBroken):
    """More than one run takes."""

    message = N_("%(count)s letters fit, a run takes %(most)s. Choose fewer days, or one kind.")


def after(step: RunStep, state: LetterRunState) -> LetterRunState:
    """The state to which a step leads.

    Raises:
        LetterRunMovedOn: the step is not possible from this state.

    """
    try:
        return STEPS[step, state]
    except KeyError:
        raise LetterRunMovedOn from None


def is_possible(step: RunStep, state: LetterRunState) -> bool:
    """Whether a step may be taken from a state."""
    return (step, state) in STEPS
