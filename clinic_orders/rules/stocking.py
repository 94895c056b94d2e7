"""Minimum number of items kept, and what an institution has of each (rules section 6: R-STOCK-1 to R-STOCK-4).

Quantities are base units. A day's count is taken at the end of the day.

>>> ledger_at_end([Count(date(2026, 3, 31), 40)], [Movement(date(2026, 3, 31), 7), Movement(date(2026, 4, 2), -15)],
...               on=date(2026, 4, 2))
25
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from clinic_orders.rules.days import Month
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.findings import CheckRule, Finding, Grade

REPORTING_DAYS: Final = 400
"""An institution reports stock on a day if it counted anything in so many days ending with it (R-STOCK-3)."""


class StockingListTooShort(RuleBroken):
    """A change would leave the stocking list shorter than the minimum (R-STOCK-2)."""

    message = N_(
        "The stocking list would have %(items)s items; at least %(minimum)s are needed. "
        "Add others first; what you changed is kept as a draft."
    )


class NothingToAdopt(RuleBroken):
    """List and draft are the same."""

    message = N_("The list is already as you ticked it. Tick or untick a medicine first.")


@dataclass(frozen=True, slots=True)
class Count:
    """A stock count of an item: the day at whose end it was taken, base units."""

    day: date
    base_units: int


@dataclass(frozen=True, slots=True)
class Movement:
    """What came (above 0: accepted, customer's return) or went (below 0: sold, returned) on a day, base units."""

    day: date
    base_units: int


def ledger_at_end(counts: Iterable[Count], movements: Iterable[Movement], *, on: date) -> int:
    """What is there of an item at the end of a day, in base units; may be below 0 (R-STOCK-3).

    The last count on or before the day, 0 where there is none, and everything that moved after that count's day.
    """
    last = max((one for one in counts if one.day <= on), key=lambda one: one.day, default=None)
    start = last.base_units if last else 0
    return start + sum(
        one.base_units for one in movements if one.day <= on and (last is None or one.day > last.day)
    )


def reports_stock(counted_on: Iterable[date], *, on: date) -> bool:
    """Whether an institution reports stock on a day: any count in the 400 days ending with it (R-STOCK-3).

    >>> reports_stock([date(2025, 1, 1)], on=date(2026, 2, 4)), reports_stock([date(2025, 1, 1)], on=date(2026, 2, 5))
    (True, False)
    """
    first = on - timedelta(days=REPORTING_DAYS - 1)
    return any(first <= day <= on for day in counted_on)


def is_carried(
    *,
    reports: bool,
    ledger: int,
    accepted_on: Iterable[date],
    on: date,
    window_days: int,
) -> bool:
    """Whether an item counts as kept on a day (R-STOCK-3).

    Args:
        reports: whether the institution reports stock on the day, see ``reports_stock``.
        ledger: see ``ledger_at_end``; asked only where it does.
        accepted_on: the days on which any pack of the item was accepted; later returns do not matter.
        on: the day.
        window_days: policy ``stocking.window_days``, the day itself included.

    >>> is_carried(reports=False, ledger=0, accepted_on=[date(2026, 1, 1)], on=date(2026, 3, 31), window_days=90)
    True
    >>> is_carried(reports=False, ledger=0, accepted_on=[date(2025, 12, 31)], on=date(2026, 3, 31), window_days=90)
    False

    """
    if reports:
        return ledger > 0
    first = on - timedelta(days=window_days - 1)
    return any(first <= day <= on for day in accepted_on)


def check_list_length(items: int, *, before: int, minimum: int | None) -> None:
    """Refuse a stocking list that becomes shorter than the minimum; it may always grow (R-STOCK-2).

    Raises:
        StockingListTooShort: with both numbers.

    >>> check_list_length(29, before=28, minimum=30)
    >>> check_list_length(29, before=31, minimum=30)
    Traceback (most recent call last):
    clinic_orders.rules.stocking.StockingListTooShort: The stocking list would have 29 items; at least 30 are needed. \
Add others first; what you changed is kept as a draft.

    """
    if minimum is not None and items < minimum and items < before:
        raise StockingListTooShort(items=items, minimum=minimum)


def stocking_short(
    institution: str,
    carried: Sequence[str] | int,
    *,
    minimum: int | None,
    member_since: date | None,
    suspended: bool,
    grace_days: int,
    on: date,
) -> Finding | None:
    """The finding of the last day of a month: fewer items kept than the minimum (R-STOCK-4).

    Args:
        institution: its code.
        carried: the items kept on the day, or how many.
        minimum: policy ``stocking.minimum`` for its kind and scale on the day; None = not set.
        member_since: first day of its membership of that day; None if it is no member.
        suspended: whether it is suspended on the day.
        grace_days: policy ``stocking.grace_days``.
        on: the last day of a month.

    >>> stocking_short("C1", 29, minimum=30, member_since=date(2025, 1, 1), suspended=False, grace_days=90,
    ...                on=date(2026, 3, 31)).formula
    'carried = 29 < minimum = 30'

    """
    number = carried if isinstance(carried, int) else len(carried)
    if minimum is None or member_since is None or suspended or (on - member_since).days < grace_days:
        return None
    if number >= minimum:
        return None
    return Finding(
        CheckRule.STOCKING_SHORT,
        Grade.VIOLATION,
        institution=institution,
        distributor=None,
        key=None,
        period=str(Month.of(on)),
        formula=f"carried = {number} < minimum = {minimum}",
        figures={"carried": number, "minimum": minimum},
        rows=() if isinstance(carried, int) else tuple(("item", code) for code in carried),
    )
