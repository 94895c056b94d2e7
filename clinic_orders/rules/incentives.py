"""Who earns preference and who gets a notice: a year's purchases, fulfilment and reports against policy (section 13).

The scheme names an incentive list and an exit list; the figures are policy, unset until the bureau sets them.

>>> year = Year(months=10, purchased=Decimal("12000.00"), counted=90, agreed=100, due=20, received=19)
>>> year.fulfilment, is_preferred(year, Thresholds(Decimal("0.85"), Decimal(10000), 2))
(Decimal('0.9000'), True)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Any, Final

from clinic_orders.rules.errors import N_, RuleBroken

_SHARE: Final = Decimal("0.0001")

YEAR_COLUMNS: Final = ("accepted_amount", "counted", "agreed", "reports_due", "reports_received")
"""What ``year_of`` reads of a month."""


class YearList(StrEnum):
    """A list of a year on which an institution is told that it stands."""

    PREFERENCE = "preference"
    NOTICE = "notice"


class NoThresholdSet(RuleBroken):
    """Nobody earns preference by numbers that nobody has set."""

    message = N_("No threshold of the preference list is set. Set one on the page Policy first.")


class ListTooEarly(RuleBroken):
    """A year's list is whole when the year is."""

    message = N_("The year %(year)s is not over. Publish its list after its last day.")


class NobodyNew(RuleBroken):
    """There is nobody to be told."""

    message = N_("Nobody stands on the list of %(year)s who has not been told already.")


def check_preference(year: int, asked: Thresholds, *, today: date) -> None:
    """Refuse to publish a list that rests on nothing, or on part of a year.

    Raises:
        NoThresholdSet, ListTooEarly: why not.

    """
    if asked.completion is None and asked.purchase is None:
        raise NoThresholdSet
    if today.year <= year:
        raise ListTooEarly(year=year)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What policy asks; None = not set.

    Attributes:
        completion: least fulfilment of the agreed volume, 0.85 = 85 per cent.
        purchase: least purchases of the year in yuan.
        missed: so many missed reports lead to a notice.

    """

    completion: Decimal | None
    purchase: Decimal | None
    missed: int | None


@dataclass(frozen=True, slots=True)
class Year:
    """What an institution did in a year, added up from its months.

    Attributes:
        months: how many months have figures.
        purchased: accepted goods in yuan.
        counted, agreed: packs of the cycles that ran on the last day of the last month in which any ran.
        due, received: reports.

    """

    months: int
    purchased: Decimal
    counted: int
    agreed: int
    due: int
    received: int

    @property
    def fulfilment(self) -> Decimal | None:
        """The share of the agreed volume that was bought; None where none was agreed."""
        if not self.agreed:
            return None
        return (Decimal(self.counted) / self.agreed).quantize(_SHARE, ROUND_HALF_UP)

    @property
    def missed(self) -> int:
        """Reports that were due and never came."""
        return self.due - self.received


def year_of(months: Iterable[Mapping[str, Any]]) -> Year:
    """A year from its months' rows, in order.

    >>> rows = [{"accepted_amount": Decimal("5.00"), "counted": 9, "agreed": 10, "reports_due": 2, "reports_received": 1},
    ...         {"accepted_amount": Decimal("7.00"), "counted": 0, "agreed": 0, "reports_due": 2, "reports_received": 2}]
    >>> year_of(rows)
    Year(months=2, purchased=Decimal('12.00'), counted=9, agreed=10, due=4, received=3)

    """
    number, purchased, counted, agreed, due, received = 0, Decimal(0), 0, 0, 0, 0
    for row in months:
        number += 1
        purchased += row["accepted_amount"]
        due += row["reports_due"]
        received += row["reports_received"]
        if row["agreed"]:
            counted, agreed = row["counted"], row["agreed"]
    return Year(number, purchased, counted, agreed, due, received)


def is_preferred(year: Year, asked: Thresholds) -> bool | None:
    """Whether the institution earns preference; None while no threshold is set.

    Whoever had no agreed volume is judged by the purchases alone only where no fulfilment is asked. A year in which
    reports were missed often enough for a notice earns none.

    >>> is_preferred(Year(1, Decimal(1), 0, 0, 0, 0), Thresholds(None, None, 2)) is None
    True

    """
    if asked.completion is None and asked.purchase is None:
        return None
    if asked.completion is not None and (year.fulfilment is None or year.fulfilment < asked.completion):
        return False
    if asked.purchase is not None and year.purchased < asked.purchase:
        return False
    return not gets_notice(year, asked)


def gets_notice(year: Year, asked: Thresholds) -> bool:
    """Whether so many reports were missed that the institution stands on the list for a notice.

    >>> gets_notice(Year(3, Decimal(0), 0, 0, 6, 4), Thresholds(None, None, 2))
    True

    """
    return asked.missed is not None and asked.missed > 0 and year.missed >= asked.missed
