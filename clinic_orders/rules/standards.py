"""The six unified standards 六统一 on paper: which sheets there are, and what a run of many needs."""

from __future__ import annotations

from enum import StrEnum

from clinic_orders.rules.errors import N_, RuleBroken


class Sheet(StrEnum):
    """The sheets, in the order of the standards."""

    SIGN = "sign"
    ZONE = "zone"
    PROMISE = "promise"
    SLOGAN = "slogan"
    RULES = "rules"
    DUTIES = "duties"


class NoSheetChosen(RuleBroken):
    """Nothing to print."""

    message = N_("Choose at least one kind of sheet.")


class NobodyToPrintFor(RuleBroken):
    """Nobody fits."""

    message = N_("No institution that takes part fits what you chose. Choose a county, or fewer conditions.")
