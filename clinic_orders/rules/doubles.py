"""Orders that came twice: made in an outside channel and known here under another number (R-ORD-1, R-ORD-4, R-VOL-2).

Nobody can tell two orders of the same packs from one order told twice by their figures alone. So a likeness is only
listed, and the bureau decides; what it says is the same counts once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from clinic_orders.rules.errors import N_, RuleBroken


class DoubleDecision(StrEnum):
    """What the bureau says of two orders that look alike."""

    SAME = "same"
    DIFFERENT = "different"


class DoubleDecided(RuleBroken):
    """Somebody has decided already."""

    message = N_("This pair has been decided already. Take the decision back first.")


class DoubleNotDecided(RuleBroken):
    """There is no decision to take back."""

    message = N_("This pair has not been decided.")


class WouldVanish(RuleBroken):
    """The order that would be set aside has something that the other lacks."""

    message = N_(
        "%(number)s has more of %(items)s than the other order: that would count nowhere."
        " Let %(number)s count, or say that they are different."
    )


class SetAsideAlready(RuleBroken):
    """One of the two counts no more, so it can't be weighed again."""

    message = N_("%(number)s counts no more, by the decision about another pair. Take that one back first.")


class NotOfPair(RuleBroken):
    """The order that is to count is none of the two."""

    message = N_("Choose which of the two orders counts.")


@dataclass(frozen=True, slots=True)
class OrderSeen:
    """What is compared of an order.

    Attributes:
        order_no: its number.
        channel: where it was made.
        institution_id: the receiving institution.
        submitted_on: the day of submission in Asia/Shanghai.
        packs: ordered packs by item.

    """

    order_no: str
    channel: str
    institution_id: int
    submitted_on: date
    packs: Mapping[int, int]


def may_be_double(one: OrderSeen, other: OrderSeen, *, days: int) -> bool:
    """Whether two orders look alike: other channels, the same institution, near days, an item with the same packs.

    >>> here = OrderSeen("CG1", "clinic_orders", 7, date(2026, 1, 5), {1: 10, 2: 3})
    >>> may_be_double(here, OrderSeen("P9", "省平台", 7, date(2026, 1, 12), {1: 10}), days=7)
    True
    >>> may_be_double(here, OrderSeen("P9", "省平台", 7, date(2026, 1, 13), {1: 10}), days=7)
    False
    """
    return (
        one.order_no != other.order_no
        and one.channel != other.channel
        and one.institution_id == other.institution_id
        and abs((one.submitted_on - other.submitted_on).days) <= days
        and any(other.packs.get(item) == packs for item, packs in one.packs.items())
    )


def what_would_vanish(set_aside: Mapping[str, int], counted: Mapping[str, int]) -> list[str]:
    """The items of which the order to be set aside has more than the one that counts.

    >>> what_would_vanish({"A": 3, "B": 1}, {"A": 3})
    ['B']
    """
    return sorted(item for item, packs in set_aside.items() if packs > counted.get(item, 0))
