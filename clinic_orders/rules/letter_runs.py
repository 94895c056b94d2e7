"""Printing many letters in one run: which steps a run takes, and what it may hold.

>>> LETTER_RUN.after(Step.CLAIM, LetterRunState.WAITING)
<LetterRunState.PRINTING: 'printing'>
>>> LETTER_RUN.is_possible(Step.CANCEL, LetterRunState.DONE)
False
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Final

from clinic_orders.rules.background import Step, course
from clinic_orders.rules.errors import N_, RuleBroken

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


_S = LetterRunState
LETTER_RUN: Final = course(
    _S.WAITING,
    (_S.PRINTING,),
    failed=_S.FAILED,
    cancelled=_S.CANCELLED,
    own={(Step.FINISH, _S.PRINTING): _S.DONE},
)


class NoLetterFits(RuleBroken):
    """Nothing to print."""

    message = N_("No letter fits what you chose. Choose other days, or fewer conditions.")


class TooManyLetters(RuleBroken):
    """More than one run takes."""

    message = N_("%(count)s letters fit, a run takes %(most)s. Choose fewer days, or one kind.")
