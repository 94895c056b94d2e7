"""Many papers in one run: which steps a run takes, and how long its files are kept.

>>> PAPER_RUN.after(Step.CLAIM, PaperRunState.WAITING)
<PaperRunState.PRINTING: 'printing'>
>>> PAPER_RUN.is_possible(Step.CANCEL, PaperRunState.DONE)
False
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Final

from clinic_orders.rules.background import Step, course

KEPT: Final = timedelta(days=30)
"""The files of a run can be fetched for so long; what they were made of stays where it was."""


class PaperRunState(StrEnum):
    """Where a run stands."""

    WAITING = "waiting"
    PRINTING = "printing"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


_S = PaperRunState
PAPER_RUN: Final = course(
    _S.WAITING,
    (_S.PRINTING,),
    failed=_S.FAILED,
    cancelled=_S.CANCELLED,
    own={(Step.FINISH, _S.PRINTING): _S.DONE},
)
