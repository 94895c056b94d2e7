"""Long files are taken in behind the scenes: which steps an import takes, when, and how often it is tried.

The table says what is possible; pages, deeds and tests come from it.

>>> after(ImportStep.CLAIM, ImportState.WAITING)
<ImportState.READING: 'reading'>
>>> is_possible(ImportStep.CANCEL, ImportState.DONE)
False
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Final

from clinic_orders.rules.days import SHANGHAI
from clinic_orders.rules.errors import N_, RuleBroken

# A process that has not shown for so long that it is alive has died; another one goes on with its file.
SILENT_AFTER: Final = timedelta(minutes=2)
# So often a file may break a process or be broken off by an error before a person has to look.
MOST_FAILURES: Final = 3
# What was in the way has some time to go away.
PAUSE: Final = timedelta(minutes=1)
# A page waits for a shorter file; a longer one is not even opened before somebody has said when.
LONG_BYTES: Final = 8 * 1024 * 1024
# The error file of a refused import can be fetched for so long.
ERRORS_KEPT: Final = timedelta(days=30)
# A file that was tried waits so long for somebody to have it stored.
TRIED_KEPT: Final = timedelta(days=3)
# So many of the differences that a trial found are kept to be shown.
DIFFERENCES_KEPT: Final = 200
# When few people work, and the jobs of midnight are through.
NIGHT: Final = time(1, 0)


class ImportState(StrEnum):
    """Where an import behind the scenes stands."""

    WAITING = "waiting"
    READING = "reading"
    STORING = "storing"
    TRIED = "tried"
    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"
    CANCELLED = "cancelled"


class ImportStep(StrEnum):
    """What can happen to an import."""

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


_S = ImportState
# A process claims a file that waits, or one that a dead process has left; what that one had begun to store is gone
# with its transaction, so it is read on and stored from the beginning.
STEPS: Final[Mapping[tuple[ImportStep, ImportState], ImportState]] = {
    (ImportStep.CLAIM, _S.WAITING): _S.READING,
    (ImportStep.CLAIM, _S.READING): _S.READING,
    (ImportStep.CLAIM, _S.STORING): _S.READING,
    (ImportStep.STORE, _S.READING): _S.STORING,
    # A trial that found nothing wrong ends before anything is kept; a person decides how it goes on.
    (ImportStep.TRY, _S.STORING): _S.TRIED,
    (ImportStep.STORE_TRIED, _S.TRIED): _S.WAITING,
    # A file of headings alone is finished without anything to store.
    (ImportStep.FINISH, _S.READING): _S.DONE,
    (ImportStep.FINISH, _S.STORING): _S.DONE,
    (ImportStep.REFUSE, _S.READING): _S.REFUSED,
    (ImportStep.REFUSE, _S.STORING): _S.REFUSED,
    (ImportStep.RELEASE, _S.READING): _S.WAITING,
    (ImportStep.RELEASE, _S.STORING): _S.WAITING,
    (ImportStep.FAIL, _S.READING): _S.FAILED,
    (ImportStep.FAIL, _S.STORING): _S.FAILED,
    (ImportStep.CANCEL, _S.WAITING): _S.CANCELLED,
    (ImportStep.CANCEL, _S.READING): _S.CANCELLED,
    (ImportStep.CANCEL, _S.STORING): _S.CANCELLED,
    (ImportStep.CANCEL, _S.TRIED): _S.CANCELLED,
    (ImportStep.CANCEL, _S.FAILED): _S.CANCELLED,
    (ImportStep.RETRY, _S.FAILED): _S.WAITING,
}
RUNNING: Final = frozenset({_S.READING, _S.STORING})
OPEN: Final = RUNNING | {_S.WAITING}


class ImportMovedOn(RuleBroken):
    """The step is not possible (any more)."""

    message = N_(
        "This import has moved on meanwhile: it was ended, cancelled or taken over. Look at it again."
    )


class ImportNotFound(RuleBroken):
    """There is no such import."""

    message = N_("There is no import with the number %(number)s. See the list of long files.")


class ImportFileGone(RuleBroken):
    """The file does not lie where it was put."""

    message = N_("The file is no longer here. Upload it again.")


class ImporterGone(RuleBroken):
    """Nobody's files are stored who may not import any more."""

    message = N_(
        "%(name)s may no longer import files, so the file was not taken in. Somebody else has to upload it."
    )


def after(step: ImportStep, state: ImportState) -> ImportState:
    """The state to which a step leads.

    Raises:
        ImportMovedOn: the step is not possible from this state.

    """
    try:
        return STEPS[step, state]
    except KeyError:
        raise ImportMovedOn from None


def is_possible(step: ImportStep, state: ImportState) -> bool:
    """Whether a step may be taken from a state."""
    return (step, state) in STEPS


def next_night(at: datetime) -> datetime:
    """The coming hour at which few people work, in Asia/Shanghai.

    >>> from datetime import UTC
    >>> next_night(datetime(2026, 11, 20, 1, 41, tzinfo=UTC)).astimezone(SHANGHAI).isoformat()
    '2026-11-21T01:00:00+08:00'
    """
    here = at.astimezone(SHANGHAI)
    tonight = datetime.combine(here.date(), NIGHT, SHANGHAI)
    return (tonight if tonight > here else tonight + timedelta(days=1)).astimezone(at.tzinfo)
