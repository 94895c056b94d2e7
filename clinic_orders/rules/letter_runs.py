"""Printing many letters in one run: what a run may hold."""

from __future__ import annotations

from typing import Final

from clinic_orders.rules.errors import N_, RuleBroken

MOST_LETTERS: Final = 10_000
"""More letters are chosen in several runs."""


class NoLetterFits(RuleBroken):
    """Nothing to print."""

    message = N_("No letter fits what you chose. Choose other days, or fewer conditions.")


class TooManyLetters(RuleBroken):
    """More than one run takes."""

    message = N_("%(count)s letters fit, a run takes %(most)s. Choose fewer days, or one kind.")
