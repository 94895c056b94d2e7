"""What a distributor did with the order lines that were due in a month (R-STAT-3, R-DEL-4).

Late item-days are packs × days: a pack delivered after the day of its limit counts the days between, one that never
came those up to the day looked at. A pack rejected for a reason that is the distributor's (R-VOL-5) has not come.

>>> line = DueLine(date(2026, 3, 2), ordered=10, withdrawn_by_limit=1, arrivals=(
...     Arrival(date(2026, 3, 2), 4, in_time=True), Arrival(date(2026, 3, 5), 3, in_time=False)))
>>> card = Score()
>>> card.take_line(line, on=date(2026, 3, 31))
>>> card.asked, card.delivered, card.in_time, card.never_came, card.late_item_days
(9, 7, 4, 2, 67)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class Arrival:
    """Packs of an order line that were delivered on a day.

    Attributes:
        day: in China.
        packs: delivered, less those rejected for a reason that is the distributor's.
        in_time: whether by the instant of the line's limit.

    """

    day: date
    packs: int
    in_time: bool


@dataclass(frozen=True, slots=True)
class DueLine:
    """An order line whose delivery limit falls in the month, as of the day D.

    Attributes:
        limit_day: the day in China of its limit (R-DEL-3).
        ordered: packs.
        withdrawn_by_limit: taken back by the buyer on or before that day.
        arrivals: what was delivered by D.

    """

    limit_day: date
    ordered: int
    withdrawn_by_limit: int
    arrivals: tuple[Arrival, ...]

    @property
    def asked(self) -> int:
        """Packs that were to be delivered (R-DEL-4)."""
        return self.ordered - self.withdrawn_by_limit

    @property
    def delivered(self) -> int:
        """Packs that came."""
        return sum(one.packs for one in self.arrivals)

    @property
    def in_time(self) -> int:
        """Packs that came by the instant of the limit."""
        return sum(one.packs for one in self.arrivals if one.in_time)

    @property
    def came_late(self) -> int:
        """Packs that came, but after it."""
        return self.delivered - self.in_time

    @property
    def missing(self) -> int:
        """Packs that had not come by the day looked at."""
        return max(0, self.asked - self.delivered)

    @property
    def all_in_time(self) -> bool:
        """Whether nothing of it came late and nothing is missing."""
        return not self.came_late and not self.missing

    @property
    def last_day(self) -> date | None:
        """The day on which the last of them came; None where none did."""
        return max((one.day for one in self.arrivals if one.packs), default=None)


def late_item_days(line: DueLine, *, on: date) -> int:
    """Packs × days that a line was late by a day, what never came included (R-STAT-3).

    >>> late_item_days(DueLine(date(2026, 3, 2), 5, 0, ()), on=date(2026, 3, 4))
    10
    """
    came_late = sum(one.packs * max(0, (one.day - line.limit_day).days) for one in line.arrivals)
    return came_late + line.missing * max(0, (on - line.limit_day).days)


@dataclass(slots=True)
class Score:
    """Sums over order lines; they may be added up over institutions, townships, months.

    Attributes:
        orders, packs, amount: submitted in the month; yuan.
        accepted_amount: of receipts accepted in the month, returns not deducted.
        lines_to_answer: order lines whose last day to answer falls in the month.
        lines_answered: of these, answered by that day.
        lines_due: order lines whose delivery limit falls in the month.
        asked, delivered, in_time: packs of these lines (R-DEL-4).
        never_came: packs of these that had not come by the day looked at.
        late_item_days: packs × days.

    """

    orders: int = 0
    packs: int = 0
    amount: Decimal = Decimal(0)
    accepted_amount: Decimal = Decimal(0)
    lines_to_answer: int = 0
    lines_answered: int = 0
    lines_due: int = 0
    asked: int = 0
    delivered: int = 0
    in_time: int = 0
    never_came: int = 0
    late_item_days: int = 0

    def take_line(self, line: DueLine, *, on: date) -> None:
        """Add an order line whose limit falls in the month, as of the day D."""
        self.lines_due += 1
        self.asked += line.asked
        self.delivered += line.delivered
        self.in_time += line.in_time
        self.never_came += line.missing
        self.late_item_days += late_item_days(line, on=on)

    def add(self, other: Score) -> None:
        """Add the sums of another."""
        for one in fields(self):
            setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))

    @property
    def confirmation_rate(self) -> Fraction | None:
        """响应率: lines answered by their last day to answer; None where none was to be answered."""
        return Fraction(self.lines_answered, self.lines_to_answer) if self.lines_to_answer else None

    @property
    def delivery_rate(self) -> Fraction | None:
        """配送率 (R-DEL-4); None where nothing was asked for."""
        return Fraction(self.delivered, self.asked) if self.asked else None

    @property
    def on_time_rate(self) -> Fraction | None:
        """及时率 (R-DEL-4); None where nothing was asked for."""
        return Fraction(self.in_time, self.asked) if self.asked else None


def sum_of(scores: Iterable[Score]) -> Score:
    """All of them together.

    >>> sum_of([Score(orders=1), Score(orders=2)]).orders
    3
    """
    total = Score()
    for one in scores:
        total.add(one)
    return total
