"""What the figures and records of a year come to, indicator by indicator (R-STAT-3, decision 0052).

>>> year = YearRecords(months=[MonthPart(True, Decimal("100.00"), Decimal("80.00"), 1, 1, 0, 2, 2, 10, 9)],
...     volumes=[VolumePart("LY001", "2026-01-01", "2026-12-31", asked=60, counted=45, excused=5)],
...     training_hours=Decimal("3.0"), levels=2)
>>> found = measured_of(year, hours_asked=4, most_levels=8)
>>> {one.value: (str(part.done), str(part.asked)) for one, part in found.items()}  # doctest: +NORMALIZE_WHITESPACE
{'fulfilment': ('50', '60'), 'payment': ('80.00', '100.00'), 'stocking': ('1', '1'), 'price': ('1', '1'),
 'reporting': ('2', '2'), 'tracing': ('9', '10'), 'training': ('3.0', '4'), 'conduct': ('6', '8')}
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal
from typing import Any, Final

from clinic_orders.rules.assessment.points import Indicator, Measured

_MONEY: Final = frozenset({"amount_due", "amount_paid_on_time"})


@dataclass(frozen=True, slots=True)
class MonthPart:
    """What a month brings into the assessment; the names are those of the rows behind the month's statistics.

    Attributes:
        member: whether the institution was on the roster on the month's last day.
        amount_due, amount_paid_on_time: yuan (R-PAY-6).
        minimum_due, minimum_met: 1 where the minimum of items was looked at, and met (R-STOCK-4).
        over_markup_lines: sale lines above the allowed amount (R-PRICE-4).
        reports_due, reports_in_time: reports.
        codable_lines, coded_lines: sale lines that want a trace code, and have one (T9).

    """

    member: bool
    amount_due: Decimal
    amount_paid_on_time: Decimal
    minimum_due: int
    minimum_met: int
    over_markup_lines: int
    reports_due: int
    reports_in_time: int
    codable_lines: int
    coded_lines: int

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> MonthPart:
        """From a month's row of an institution."""
        return cls(
            bool(row["institutions"]),
            *(row[one.name] for one in fields(cls)[1:]),
        )

    def kept(self) -> dict[str, Any]:
        """As JSON keeps it."""
        values = ((name, getattr(self, name)) for name in self.__slots__)
        return {name: str(value) if isinstance(value, Decimal) else value for name, value in values}

    @classmethod
    def read(cls, kept: Mapping[str, Any]) -> MonthPart:
        """As it was kept."""
        typed: dict[str, Any] = {
            one.name: Decimal(kept[one.name]) if one.name in _MONEY else kept[one.name] for one in fields(cls)
        }
        return cls(**typed)


@dataclass(frozen=True, slots=True)
class VolumePart:
    """One agreement of the year, in packs.

    Attributes:
        item_code: the item.
        first, last: days of the cycle, written.
        asked: what the time gone by asks for: the whole agreed volume of a cycle that is over, ⌊time progress ×
            agreed⌋ of one that runs on the year's last day.
        counted: bought (R-VOL-2).
        excused: what was ordered and is missing by the distributor's fault (R-VOL-5).

    """

    item_code: str
    first: str
    last: str
    asked: int
    counted: int
    excused: int

    @property
    def done(self) -> int:
        """What counts as done: bought or excused, at most what is asked, so that one item does not stand in for another."""
        return min(self.asked, self.counted + self.excused)


@dataclass(frozen=True, slots=True)
class YearRecords:
    """Everything that is computed of one institution's year.

    Attributes:
        months: the months that have figures.
        volumes: the agreements whose cycle ended in the year or runs on its last day.
        training_hours: hours of trainings recorded for days of the year.
        levels: see ``levels_of``.

    """

    months: Sequence[MonthPart]
    volumes: Sequence[VolumePart]
    training_hours: Decimal
    levels: int


def measured_of(year: YearRecords, *, hours_asked: int, most_levels: int) -> dict[Indicator, Measured]:
    """What was done of what was asked, for every computed indicator.

    Args:
        year: the figures.
        hours_asked: policy ``assessment.training_hours``.
        most_levels: policy ``assessment.conduct_levels``: the sum of levels at which nothing is left.

    """
    members = [month for month in year.months if month.member]
    of_months = year.months

    def pair(done: Iterable[Decimal | int], asked: Iterable[Decimal | int]) -> Measured:
        return Measured(Decimal(sum(done)), Decimal(sum(asked)))

    return {
        Indicator.FULFILMENT: pair((one.done for one in year.volumes), (one.asked for one in year.volumes)),
        Indicator.PAYMENT: pair(
            (one.amount_paid_on_time for one in of_months), (one.amount_due for one in of_months)
        ),
        Indicator.STOCKING: pair((one.minimum_met for one in members), (one.minimum_due for one in members)),
        Indicator.PRICE: pair((not one.over_markup_lines for one in members), (1 for _ in members)),
        Indicator.REPORTING: pair(
            (one.reports_in_time for one in members), (one.reports_due for one in members)
        ),
        Indicator.TRACING: pair((one.coded_lines for one in members), (one.codable_lines for one in members)),
        Indicator.TRAINING: Measured(year.training_hours, Decimal(hours_asked)),
        Indicator.CONDUCT: Measured(Decimal(max(0, most_levels - year.levels)), Decimal(most_levels)),
    }


@dataclass(frozen=True, slots=True)
class TrainingSeen:
    """A record of training as it is looked at."""

    day: date
    hours: Decimal
    taken_back: bool


def hours_of(trainings: Iterable[TrainingSeen], year: int) -> Decimal:
    """The hours of the trainings of a year that were not taken back.

    >>> seen = [TrainingSeen(date(2026, 3, 1), Decimal("1.5"), False), TrainingSeen(date(2026, 4, 1), Decimal(2), True),
    ...         TrainingSeen(date(2025, 3, 1), Decimal(4), False)]
    >>> hours_of(seen, 2026)
    Decimal('1.5')

    """
    return sum((one.hours for one in trainings if one.day.year == year and not one.taken_back), Decimal(0))


@dataclass(frozen=True, slots=True)
class LetterSeen:
    """A letter of a case as it is looked at: which case, which level, the day it was issued, whether it stands."""

    case_id: int
    level: int
    issued_on: date
    stands: bool


def levels_of(letters: Iterable[LetterSeen], complaints: Iterable[date], year: int) -> int:
    """How much a year's conduct weighs: of every case the highest level of a letter of the year, and 1 for every complaint.

    Args:
        letters: of cases against the institution; one that an appeal has revoked, or of a case taken back, no longer stands.
        complaints: the days on which complaints about it were found to be so.
        year: the year.

    >>> letters = [LetterSeen(1, 1, date(2026, 2, 1), True), LetterSeen(1, 3, date(2026, 3, 1), True),
    ...            LetterSeen(2, 5, date(2026, 4, 1), False)]
    >>> levels_of(letters, [date(2026, 5, 1), date(2025, 5, 1)], 2026)
    4

    """
    highest: dict[int, int] = {}
    for one in letters:
        if one.stands and one.issued_on.year == year:
            highest[one.case_id] = max(highest.get(one.case_id, 0), one.level)
    return sum(highest.values()) + sum(1 for day in complaints if day.year == year)
