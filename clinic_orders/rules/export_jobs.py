"""Long exports are made behind the scenes: which steps one takes, from how many rows on, how long it is kept.

>>> EXPORT.after(Step.CLAIM, ExportState.WAITING)
<ExportState.WRITING: 'writing'>
>>> EXPORT.is_possible(Step.CANCEL, ExportState.DONE)
False
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Final

from clinic_orders.rules.background import Step, course

LONG_ROWS: Final = 20_000
"""A page waits for a file of so many rows; a longer one is made behind the scenes."""
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


class ExportRefusal(StrEnum):
    """Why a file is not made however often it is tried."""

    TOO_MUCH = "too_much"
    NOT_ALLOWED = "not_allowed"


_S = ExportState
# What a dead process has written is worth nothing: the data have moved on, so the file is made from the beginning.
EXPORT: Final = course(
    _S.WAITING,
    (_S.WRITING,),
    failed=_S.FAILED,
    cancelled=_S.CANCELLED,
    own={(Step.FINISH, _S.WRITING): _S.DONE, (Step.REFUSE, _S.WRITING): _S.REFUSED},
)
