"""What people type in an assessment: points, notes, appeals (R-STAT-3).

>>> check_points("8.5", 10, "site")
Decimal('8.50')
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

from clinic_orders.rules.assessment.points import HUNDREDTH
from clinic_orders.rules.errors import N_, RuleBroken

NOTE: Final = 500
APPEAL: Final = 1000
_POINTS: Final = re.compile(r"[0-9]{1,3}(\.[0-9]{1,2})?")


class PointsRefused(RuleBroken):
    """Not a number of points between 0 and the weight."""

    message = N_("Type points from 0 to %(most)s, with at most 2 decimals.")


class SelfScoreMissing(RuleBroken):
    """Whoever scores itself says something of every indicator."""

    message = N_("Type points for every line that applies to you.")


class NoVisitReasonMissing(RuleBroken):
    """Who was not visited is told why, or has points."""

    message = N_("Type the on-site points, or write why nobody went.")


class PointsAndNoVisit(RuleBroken):
    """Both can't be."""

    message = N_("Type either the on-site points or the reason why nobody went, not both.")


class AppealEmpty(RuleBroken):
    """An appeal says what is wrong."""

    message = N_("Write what is wrong and what shows it.")


class AppealWaits(RuleBroken):
    """One appeal at a time."""

    message = N_("An appeal of yours waits for the bureau already.")


class AnswerEmpty(RuleBroken):
    """Who appeals is told why."""

    message = N_("Write the reason; the institution reads it.")


class NothingCorrected(RuleBroken):
    """An appeal that is upheld changes something."""

    message = N_("An appeal that is right changes the points of a line. Choose the line and type its points.")


class NothingSelfScored(RuleBroken):
    """There is nothing to score before the figures are there."""

    message = N_("The sheet is not ready yet. Come back in some minutes.")


def check_points(typed: str, most: int, field: str) -> Decimal:
    """Points as typed, with two decimals.

    Args:
        typed: the text.
        most: the weight of the line.
        field: the line, for the page.

    Raises:
        PointsRefused: no such number.

    """
    text = typed.strip()
    if _POINTS.fullmatch(text) is None or Decimal(text) > most:
        raise PointsRefused(most=most, field=field)
    return Decimal(text).quantize(HUNDREDTH)


def check_words(typed: str, most: int, refusal: type[RuleBroken]) -> str:
    """Words without blanks around them, cut to what the record takes.

    Raises:
        RuleBroken: the given refusal, where nothing is said.

    """
    said = typed.strip()[:most]
    if not said:
        raise refusal
    return said
