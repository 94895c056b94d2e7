"""Printing many letters or drafts in one run: what a run may hold."""

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


class NoDraftFits(RuleBroken):
    """Nothing to look at."""

    message = N_("No draft fits the filters. Collect drafts first, or take filters away.")


class TooManyDrafts(RuleBroken):
    """More than one run takes."""

    message = N_("%(count)s drafts fit, a run takes %(most)s. Choose a county, a level or a kind.")


class NoDraftAnyMore(RuleBroken):
    """Between the wish and the printing somebody issued or withdrew it."""

    message = N_("This case is no draft any more.")


class DrafterGone(RuleBroken):
    """A draft names the officer who would issue it."""

    message = N_("Whoever asked for this run may not write letters any more. Ask for it anew.")
