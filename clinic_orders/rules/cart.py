"""What helps and guards a cart: suggested packs, a village's draft in the hospital's hands (R-ORD-1, product.md).

>>> suggest(51)
Suggestion(accepted=51, days=90, packs=17)
>>> suggest(0) is None
True
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from clinic_orders.rules.errors import N_, RuleBroken

SUGGESTION_DAYS: Final = 90
_MONTH_DAYS: Final = 30


class CartEmpty(RuleBroken):
    """A submission without a single line."""

    message = N_("There is nothing to order yet. Fill in a quantity first.")


class CartChanged(RuleBroken):
    """The cart was changed after the page to check was made."""

    message = N_("The draft has changed since you checked it. Look at it once more, then send it.")


class ReviewMayOnlyLower(RuleBroken):
    """A hospital wrote more than the village typed."""

    message = N_("%(name)s: at most %(typed)s packs, as the village typed. You wrote %(packs)s.")


class NothingToReview(RuleBroken):
    """The village took its draft back, or it was ordered already."""

    message = N_("This draft is not waiting for you any more: it was taken back or has been ordered.")


class DraftUnderReview(RuleBroken):
    """The village typed into a draft that its hospital is looking at."""

    message = N_("Your hospital is looking at this draft. Take it back first, then change it.")


class NobodyToReview(RuleBroken):
    """The village has no hospital that may order for it."""

    message = N_("No hospital may order for you today. Give your hospital a mandate first.")


@dataclass(frozen=True, slots=True)
class Suggestion:
    """How many packs a month's use is, from what was accepted.

    Attributes:
        accepted: packs accepted in the days looked back.
        days: how many days that were.
        packs: the monthly mean, rounded half up, at least 1.

    """

    accepted: int
    days: int
    packs: int


def suggest(accepted: int, *, days: int = SUGGESTION_DAYS) -> Suggestion | None:
    """The suggestion for an item, or None where nothing was accepted.

    >>> suggest(4), suggest(5).packs
    (Suggestion(accepted=4, days=90, packs=1), 2)
    """
    if accepted <= 0:
        return None
    packs = (2 * accepted * _MONTH_DAYS + days) // (2 * days)
    return Suggestion(accepted, days, max(1, packs))


def check_review(name: str, *, typed: int, packs: int) -> None:
    """Hold a hospital to what the village typed: it may only lower (product.md).

    Raises:
        ReviewMayOnlyLower: with the item's name and both numbers.

    """
    if packs > typed:
        raise ReviewMayOnlyLower(name=name, typed=typed, packs=packs)
