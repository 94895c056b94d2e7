"""Long files are taken in behind the scenes: which steps an import takes, when, and what is kept of it.

>>> IMPORT.after(Step.CLAIM, ImportState.WAITING)
<ImportState.READING: 'reading'>
>>> IMPORT.is_possible(Step.CANCEL, ImportState.DONE)
False
"""

from __future__ import annotations

from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Final

from clinic_orders.rules.background import Step, course
from clinic_orders.rules.days import SHANGHAI
from clinic_orders.rules.errors import N_, RuleBroken

# What was in the way has some time to go away.
PAUSE: Final = timedelta(minutes=1)
# A page waits for a shorter file; a longer one is not even opened before somebody has said when.
LONG_BYTES: Final = 8 * 1024 * 1024
# The error file of a refused import can be fetched for so long.
ERRORS_KEPT: Final = timedelta(days=30)
# A file that was tried waits so long for somebody to have it stored.
TRIED_KEPT: Final = timedelta(days=3)
# So many of the differences that a trial found stand on the import's own page; all of them have a list of their own.
DIFFERENCES_KEPT: Final = 20
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


_S = ImportState
# What a dead process had begun to store is gone with its transaction, so the file is read on and stored from the
# beginning. A trial that found nothing wrong ends before anything is kept; a person decides how it goes on. A file of
# headings alone is finished without anything to store.
IMPORT: Final = course(
    _S.WAITING,
    (_S.READING, _S.STORING),
    failed=_S.FAILED,
    cancelled=_S.CANCELLED,
    own={
        (Step.STORE, _S.READING): _S.STORING,
        (Step.TRY, _S.STORING): _S.TRIED,
        (Step.STORE_TRIED, _S.TRIED): _S.WAITING,
        (Step.CANCEL, _S.TRIED): _S.CANCELLED,
        (Step.FINISH, _S.READING): _S.DONE,
        (Step.FINISH, _S.STORING): _S.DONE,
        (Step.REFUSE, _S.READING): _S.REFUSED,
        (Step.REFUSE, _S.STORING): _S.REFUSED,
    },
)


class ImportFileGone(RuleBroken):
    """The file does not lie where it was put."""

    message = N_("The file is no longer here. Upload it again.")


class ImporterGone(RuleBroken):
    """Nobody's files are stored who may not import any more."""

    message = N_(
        "%(name)s may no longer import files, so the file was not taken in. Somebody else has to upload it."
    )


def next_night(at: datetime) -> datetime:
    """The coming hour at which few people work, in Asia/Shanghai.

    >>> from datetime import UTC
    >>> next_night(datetime(2026, 11, 20, 1, 41, tzinfo=UTC)).astimezone(SHANGHAI).isoformat()
    '2026-11-21T01:00:00+08:00'
    """
    here = at.astimezone(SHANGHAI)
    tonight = datetime.combine(here.date(), NIGHT, SHANGHAI)
    return (tonight if tonight > here else tonight + timedelta(days=1)).astimezone(at.tzinfo)
