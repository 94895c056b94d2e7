"""Long exports are made behind the scenes: which steps one takes, how often it is tried, how long it is kept.

>>> after(ExportStep.CLAIM, ExportState.WAITING)
<ExportState.WRITING: 'writing'>
>>> is_possible(ExportStep.CANCEL, ExportState.DONE)
False
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Final

from clinic_orders.rules.errors import N_, RuleBroken

LONG_ROWS: Final = 20_000
"""A page waits for a file of so many rows; a longer one is made behind the scenes."""
SILENT_AFTER: Final = timedelta(minutes=2)
"""A process that has not shown for so long that it is alive has died; another one makes the file anew."""
MOST_FAILURES: Final = 3
"""So often an export may break off before a person has to look."""
KEPT: Final = timedelta(days=3)
"""The file can be fetched for so long; it holds what others may not see, and can be asked for again."""


class ExportState(StrEnum):
    """Where an export behind the scenes stands."""

    WAITING = "waiting"
    WRITING = "writing"
    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"
    CANCELLED = "cancelled"


class ExportStep(StrEnum):
    """What can happen to an export."""

    CLAIM = "claim"
    FINISH = "finish"
    REFUSE = "refuse"
    RELEASE = "release"
    FAIL = "fail"
    CANCEL = "cancel"
    RETRY = "retry"


class ExportRefusal(StrEnum):
    """Why a file is not made however often it is tried."""

    TOO_MUCH = "too_much"
    NOT_ALLOWED = "not_allowed"


_S = ExportState
# What a dead process has written is worth nothing: the data have moved on, so the file is made from the beginning.
STEPS: Final[Mapping[tuple[ExportStep, ExportState], ExportState]] = {
    (ExportStep.CLAIM, _S.WAITING): _S.WRITING,
    (ExportStep.CLAIM, _S.WRITING): _S.WRITING,
    (ExportStep.FINISH, _S.WRITING): _S.DONE,
    (ExportStep.REFUSE, _S.WRITING): _S.REFUSED,
    (ExportStep.RELEASE, _S.WRITING): _S.WAITING,
    (ExportStep.FAIL, _S.WRITING): _S.FAILED,
    (ExportStep.CANCEL, _S.WAITING): _S.CANCELLED,
    (ExportStep.CANCEL, _S.WRITING): _S.CANCELLED,
    (ExportStep.CANCEL, _S.FAILED): _S.CANCELLED,
    (ExportStep.RETRY, _S.FAILED): _S.WAITING,
}
OPEN: Final = frozenset({_S.WAITING, _S.WRITING})


class ExportMovedOn(RuleBroken):
    """The step is not possible (any more)."""

    message = N_(
        "This export has moved on meanwhile: it was ended, cancelled or taken over. Look at it again."
    )


def after(step: ExportStep, state: ExportState) -> ExportState:
    """The state to which a step leads.

    Raises:
        ExportMovedOn: the step is not possible from this state.

    """
    try:
        return STEPS[step, state]
    except KeyError:
        raise ExportMovedOn from None


def is_possible(step: ExportStep, state: ExportState) -> bool:
    """Whether a step may be taken from a state."""
    return (step, state) in STEPS
