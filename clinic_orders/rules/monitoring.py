"""Price monitoring (R-STAT-4): what sentinel institutions ask for a pack, month by month, and what alarms.

The price of a month is that of its last observation with a price; "before" is the last price observed earlier. A change
is an observation whose price differs from the one before it.

>>> seen = [Observed(date(2026, 9, 28), Decimal("4.00")), Observed(date(2026, 10, 5), Decimal("4.40")),
...         Observed(date(2026, 10, 20), Decimal("5.00"))]
>>> october = month_of(seen, Month(2026, 10))
>>> october.price, october.before, october.changes, october.rise
(Decimal('5.00'), Decimal('4.00'), 2, Fraction(1, 4))
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Final

from clinic_orders.rules.days import Month
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.findings import CheckRule, Finding, Grade, rounded

_FOUR: Final = Decimal("0.0001")


class NotWatched(RuleBroken):
    """Only sentinels report, and only watched items."""

    message = N_("%(what)s is not watched today. Open the page again: it shows what is to be reported.")


class MonthStillRuns(RuleBroken):
    """What is published is over."""

    message = N_("%(month)s is not over yet. It can be published from the first day of the next month.")


class MonthPublished(RuleBroken):
    """What was published stays as it is."""

    message = N_("%(month)s was published and stays as it is. Corrections stand in the next month.")


class PriceOrOutOfStock(RuleBroken):
    """An observation says a price, or that there is none to be had."""

    message = N_("Write the price of a pack, or Y in the column out_of_stock.")


class NothingObserved(RuleBroken):
    """An empty month is not published."""

    message = N_("Nobody has reported a price for %(month)s. Remind the sentinels first.")


class WatchedAlready(RuleBroken):
    """An institution or item is watched once at a time."""

    message = N_("%(what)s is watched already on these days. End the earlier spell first.")


class SpellEndsEarly(RuleBroken):
    """The last day is not before the first."""

    message = N_("The last day lies before the first one. Write a day from %(first)s on.")


@dataclass(frozen=True, slots=True)
class Observed:
    """What was seen of an item on a day; a price of None: it was out of stock and had none."""

    day: date
    price: Decimal | None
    out: bool = False


@dataclass(frozen=True, slots=True)
class PriceOfMonth:
    """An item at a sentinel in a month; ``price`` None: none was observed in it."""

    price: Decimal | None
    before: Decimal | None
    changes: int
    out: bool

    @property
    def rise(self) -> Fraction | None:
        """The change against the price before as a share, below 0 for a fall; None where either is missing."""
        if self.price is None or self.before is None:
            return None
        return Fraction(self.price) / Fraction(self.before) - 1


def month_of(observations: Iterable[Observed], month: Month) -> PriceOfMonth:
    """What a sentinel's observations of an item say of a month; later ones are not looked at."""
    seen = sorted((one for one in observations if one.day <= month.last_day), key=lambda one: one.day)
    price = before = None
    changes, out = 0, False
    last: Decimal | None = None
    for one in seen:
        if one.day in month:
            out = one.out
            if one.price is not None:
                changes += last is not None and one.price != last
                price = one.price
        elif one.price is not None:
            before = one.price
        last = one.price if one.price is not None else last
    return PriceOfMonth(price, before, changes, out)


@dataclass(frozen=True, slots=True)
class ItemFigures:
    """An item over its sentinels in a month.

    Attributes:
        reported: how many sentinels reported it, with a price or out of stock.
        priced: how many with a price.
        lowest, highest, mean: yuan a pack; the mean to four decimals, half up.
        spread: highest over lowest, as a share above 1.
        change: the mean of those priced in both months against theirs of before, as a share.
        outs: how many were out of stock at their last report.

    """

    reported: int
    priced: int
    lowest: Decimal | None
    highest: Decimal | None
    mean: Decimal | None
    spread: Fraction | None
    change: Fraction | None
    outs: int


def figures_of(months: Sequence[PriceOfMonth]) -> ItemFigures:
    """The published figures of an item from its sentinels' months (R-STAT-4).

    >>> one = PriceOfMonth(Decimal("5.00"), Decimal("4.00"), 1, False)
    >>> two = PriceOfMonth(Decimal("4.00"), None, 0, False)
    >>> found = figures_of([one, two, PriceOfMonth(None, None, 0, True)])
    >>> found.lowest, found.highest, found.mean, found.spread, found.change, found.reported, found.outs
    (Decimal('4.00'), Decimal('5.00'), Decimal('4.5000'), Fraction(1, 4), Fraction(1, 4), 3, 1)

    """
    prices = [one.price for one in months if one.price is not None]
    both = [(one.price, one.before) for one in months if one.price is not None and one.before is not None]
    now, then = (
        sum((Fraction(p) for p, _ in both), Fraction(0)),
        sum((Fraction(b) for _, b in both), Fraction(0)),
    )
    lowest, highest = (min(prices), max(prices)) if prices else (None, None)
    return ItemFigures(
        reported=sum(one.price is not None or one.out for one in months),
        priced=len(prices),
        lowest=lowest,
        highest=highest,
        mean=rounded(sum((Fraction(p) for p in prices), Fraction(0)) / len(prices), _FOUR)
        if prices
        else None,
        spread=Fraction(highest) / Fraction(lowest) - 1
        if highest is not None and lowest is not None
        else None,
        change=now / then - 1 if both else None,
        outs=sum(one.out for one in months),
    )


def rise_alarm(
    institution: str, item_code: str, month: Month, seen: PriceOfMonth, *, limit: Decimal | None
) -> Finding | None:
    """The alarm on a rise above ``monitor.rise`` (R-STAT-4); None where there is none or no limit is set."""
    rise = seen.rise
    if rise is None or limit is None or rise <= Fraction(limit):
        return None
    assert seen.price is not None
    assert seen.before is not None
    return Finding(
        CheckRule.MONITORED_RISE,
        Grade.CLUE,
        institution=institution,
        distributor=None,
        key=item_code,
        period=str(month),
        formula=f"{seen.price} / {seen.before} − 1 = {rounded(rise, _FOUR)} > {limit}",
        figures={"before": seen.before, "price": seen.price, "rise": rise},
    )


def changes_alarm(
    institution: str, item_code: str, month: Month, seen: PriceOfMonth, *, most: int | None
) -> Finding | None:
    """The alarm on more than ``monitor.changes`` changes in a month (R-STAT-4)."""
    if most is None or seen.changes <= most:
        return None
    return Finding(
        CheckRule.MONITORED_CHANGES,
        Grade.CLUE,
        institution=institution,
        distributor=None,
        key=item_code,
        period=str(month),
        formula=f"changes = {seen.changes} > {most}",
        figures={"changes": seen.changes},
    )
