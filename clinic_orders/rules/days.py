"""Days, months and working days of the scheme (rules section 0).

Instants are stored in UTC and are always aware. Every deadline, month and "today" is a date in
Asia/Shanghai, and this module is the only bridge between the two.

Working days follow the official Chinese calendar with its moved weekends, as published year by year by
the State Council and kept by the ``chinesecalendar`` library. Beyond the published years Monday to Friday
are taken for working days; ``calendar_covers`` lets a page or a job tell the operator so.

China has kept UTC+8 without summer time since 1991, long before anything this program records, so the zone
is a fixed offset: it needs no time zone database on the machine and costs nothing on the ordering path.

>>> day_in_china(datetime(2026, 1, 31, 16, 30, tzinfo=UTC))
datetime.date(2026, 2, 1)
>>> add_working_days(date(2026, 2, 13), 2)  # The Spring Festival of 2026, with its moved weekend.
datetime.date(2026, 2, 24)
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from functools import lru_cache
from typing import Final

import chinese_calendar

from clinic_orders.rules.errors import N_, RuleBroken

SHANGHAI: Final = timezone(timedelta(hours=8), "Asia/Shanghai")

_ONE_DAY: Final = timedelta(days=1)
# Since then the clocks of China have been eight hours ahead all year.
_NO_SUMMER_TIME: Final = 1993
_AHEAD_OF_UTC: Final = timedelta(hours=8)
_DAY_FORM: Final = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_MONTH_FORM: Final = re.compile(r"([0-9]{4})-([0-9]{2})")
_QUARTER_FORM: Final = re.compile(r"([0-9]{4})-Q([1-4])")
_MOMENT_FORM: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]([0-9]{2}):([0-9]{2})(?::([0-9]{2}))?(Z|[+-][0-9]{2}:[0-9]{2})?"
)
# Outside these years a date is a slip of the hand, and arithmetic with it may leave Python's calendar.
_FIRST_YEAR: Final = 1900
_LAST_YEAR: Final = 2199
_CALENDAR_FIRST_YEAR: Final[int] = min(chinese_calendar.holidays).year
_CALENDAR_LAST_YEAR: Final[int] = max(chinese_calendar.holidays).year


class DayNotUnderstood(RuleBroken):
    """What was typed is not a day of the calendar."""

    message = N_("“%(typed)s” is not a day of the calendar. Write the day like 2026-01-31.")


class MomentNotUnderstood(RuleBroken):
    """What was typed is not a day and time."""

    message = N_("“%(typed)s” is not a day and time. Write it like 2026-01-31T09:30.")


class MonthNotUnderstood(RuleBroken):
    """What was typed is not a month."""

    message = N_("“%(typed)s” is not a month. Write the month like 2026-01.")


class QuarterNotUnderstood(RuleBroken):
    """What was typed is not a quarter."""

    message = N_("“%(typed)s” is not a quarter. Write the quarter like 2026-Q1.")


# Instants and days ------------------------------------------------------------------------------------


def day_in_china(moment: datetime) -> date:
    """The day in Asia/Shanghai on which an aware instant falls.

    Raises:
        ValueError: the instant has no time zone, which is a bug of the caller.

    >>> day_in_china(datetime(2026, 12, 31, 15, 59, tzinfo=UTC))
    datetime.date(2026, 12, 31)
    >>> day_in_china(datetime(2026, 12, 31, 16, 0, tzinfo=UTC))
    datetime.date(2027, 1, 1)

    """
    if moment.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    if moment.tzinfo is UTC and moment.year >= _NO_SUMMER_TIME:
        # What the table of the zone says for these years, many times as quickly.
        return (moment + _AHEAD_OF_UTC).date()
    return moment.astimezone(SHANGHAI).date()


@lru_cache(maxsize=4096)
def start_of_day(day: date) -> datetime:
    """The instant (UTC) at which a day begins in Asia/Shanghai, 00:00.

    >>> start_of_day(date(2026, 1, 1))
    datetime.datetime(2025, 12, 31, 16, 0, tzinfo=datetime.timezone.utc)
    """
    return datetime(day.year, day.month, day.day, tzinfo=SHANGHAI).astimezone(UTC)


def end_of_day(day: date) -> datetime:
    """The instant (UTC) at which a day ends, 24:00 in Asia/Shanghai: the first one that is not of the day.

    A deadline "until 24:00" is kept by whatever lies *before* this instant.

    >>> end_of_day(date(2026, 1, 1)) == start_of_day(date(2026, 1, 2))
    True
    """
    return start_of_day(day + _ONE_DAY)


def is_on_or_before(moment: datetime, day: date) -> bool:
    """Whether an instant falls on a day or on an earlier one.

    >>> is_on_or_before(datetime(2026, 1, 1, 16, 0, tzinfo=UTC), date(2026, 1, 1))
    False
    """
    return day_in_china(moment) <= day


def parse_day(text: str) -> date:
    """Read a day written ``YYYY-MM-DD``.

    Raises:
        DayNotUnderstood: another form, or no day of the calendar.

    >>> parse_day("2024-02-29")
    datetime.date(2024, 2, 29)
    >>> parse_day("2026-02-30")
    Traceback (most recent call last):
    clinic_orders.rules.days.DayNotUnderstood: “2026-02-30” is not a day of the calendar. Write the day like 2026-01-31.

    """
    found = _DAY_FORM.fullmatch(text.strip())
    if found is None or not _FIRST_YEAR <= int(found[1]) <= _LAST_YEAR:
        raise DayNotUnderstood(typed=text)
    try:
        return date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        raise DayNotUnderstood(typed=text) from None


def parse_moment(text: str) -> datetime:
    """Read an instant written ``YYYY-MM-DDTHH:MM[:SS][+08:00]`` and give it in UTC (formats.md section 2).

    Without a zone it is Asia/Shanghai. A space may stand in place of the ``T``.

    Raises:
        MomentNotUnderstood: another form, or no day or time that exists.

    >>> parse_moment("2026-01-31T09:30")
    datetime.datetime(2026, 1, 31, 1, 30, tzinfo=datetime.timezone.utc)
    >>> parse_moment("2026-01-31T09:30:15+00:00")
    datetime.datetime(2026, 1, 31, 9, 30, 15, tzinfo=datetime.timezone.utc)

    """
    found = _MOMENT_FORM.fullmatch(text.strip())
    if found is None:
        raise MomentNotUnderstood(typed=text)
    zone = found[5] or "+08:00"
    try:
        day = parse_day(found[1])
        written = f"{day.isoformat()}T{found[2]}:{found[3]}:{found[4] or '00'}"
        return datetime.fromisoformat(written + ("+00:00" if zone == "Z" else zone)).astimezone(UTC)
    except (ValueError, DayNotUnderstood):
        raise MomentNotUnderstood(typed=text) from None


# Months and quarters ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A month of the calendar, written ``YYYY-MM``.

    >>> Month.parse("2026-12").next()
    Month(year=2027, number=1)
    >>> str(Month(2026, 2)), Month(2024, 2).last_day
    ('2026-02', datetime.date(2024, 2, 29))
    """

    year: int
    number: int

    @classmethod
    def parse(cls, text: str) -> Month:
        """Read a month written ``YYYY-MM``.

        Raises:
            MonthNotUnderstood: another form, or no month that exists.

        """
        found = _MONTH_FORM.fullmatch(text.strip())
        if found is None:
            raise MonthNotUnderstood(typed=text)
        year, number = int(found[1]), int(found[2])
        if not (_FIRST_YEAR <= year <= _LAST_YEAR and 1 <= number <= 12):
            raise MonthNotUnderstood(typed=text)
        return cls(year, number)

    @classmethod
    def of(cls, day: date) -> Month:
        """The month in which a day lies."""
        return cls(day.year, day.month)

    @property
    def first_day(self) -> date:
        """The first day of the month."""
        return date(self.year, self.number, 1)

    @property
    def last_day(self) -> date:
        """The last day of the month, 28 to 31."""
        return date(self.year, self.number, monthrange(self.year, self.number)[1])

    @property
    def quarter(self) -> Quarter:
        """The quarter to which the month belongs."""
        return Quarter(self.year, (self.number + 2) // 3)

    def plus(self, months: int) -> Month:
        """The month so many months later (or earlier, if negative)."""
        years, zero_based = divmod(self.number - 1 + months, 12)
        return Month(self.year + years, zero_based + 1)

    def next(self) -> Month:
        """The month after this one."""
        return self.plus(1)

    def previous(self) -> Month:
        """The month before this one."""
        return self.plus(-1)

    def __contains__(self, day: date) -> bool:
        return (day.year, day.month) == (self.year, self.number)

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.number:02d}"


@dataclass(frozen=True, slots=True, order=True)
class Quarter:
    """A quarter of the calendar, written ``YYYY-Qn``.

    >>> quarter = Quarter.parse("2026-Q4")
    >>> quarter.first_day, quarter.last_day, str(quarter.months[1])
    (datetime.date(2026, 10, 1), datetime.date(2026, 12, 31), '2026-11')
    """

    year: int
    number: int

    @classmethod
    def parse(cls, text: str) -> Quarter:
        """Read a quarter written ``YYYY-Qn``.

        Raises:
            QuarterNotUnderstood: another form.

        """
        found = _QUARTER_FORM.fullmatch(text.strip())
        if found is None or not _FIRST_YEAR <= int(found[1]) <= _LAST_YEAR:
            raise QuarterNotUnderstood(typed=text)
        return cls(int(found[1]), int(found[2]))

    @classmethod
    def of(cls, day: date) -> Quarter:
        """The quarter in which a day lies."""
        return Month.of(day).quarter

    @property
    def months(self) -> tuple[Month, Month, Month]:
        """The three months of the quarter, in order."""
        first = self.number * 3 - 2
        return Month(self.year, first), Month(self.year, first + 1), Month(self.year, first + 2)

    @property
    def first_day(self) -> date:
        """The first day of the quarter."""
        return self.months[0].first_day

    @property
    def last_day(self) -> date:
        """The last day of the quarter."""
        return self.months[2].last_day

    def __contains__(self, day: date) -> bool:
        return Quarter.of(day) == self

    def __str__(self) -> str:
        return f"{self.year:04d}-Q{self.number}"


def add_months(day: date, months: int) -> date:
    """The same day number so many months later, or that month's last day where it has no such day.

    >>> add_months(date(2026, 8, 31), 6)
    datetime.date(2027, 2, 28)
    """
    month = Month.of(day).plus(months)
    return month.first_day.replace(day=min(day.day, month.last_day.day))


# Working days -----------------------------------------------------------------------------------------


def calendar_covers(day: date) -> bool:
    """Whether the official calendar of the day's year is known; if not, the operator is to be told.

    >>> calendar_covers(date(2025, 10, 1)), calendar_covers(date(2150, 10, 1))
    (True, False)
    """
    return _CALENDAR_FIRST_YEAR <= day.year <= _CALENDAR_LAST_YEAR


def calendar_last_day() -> date:
    """The last day of the published calendar, for the notice to the operator."""
    return date(_CALENDAR_LAST_YEAR, 12, 31)


@lru_cache(maxsize=8192)
def is_working_day(day: date) -> bool:
    """Whether a day is a working day by the official calendar, else Monday to Friday.

    >>> is_working_day(date(2026, 2, 14))  # A Saturday worked in exchange for the Spring Festival.
    True
    >>> is_working_day(date(2026, 10, 1))  # A Thursday, National Day.
    False
    """
    if calendar_covers(day):
        works: bool = chinese_calendar.is_workday(day)
        return works
    return day.weekday() < 5


@lru_cache(maxsize=8192)
def add_working_days(day: date, count: int) -> date:
    """The n-th working day after a day; the day itself never counts, whether working or not.

    With a count of 0 it is the day itself.

    Raises:
        ValueError: the count is negative.

    >>> add_working_days(date(2026, 1, 2), 1)  # The 3rd is a day off, Sunday the 4th is worked.
    datetime.date(2026, 1, 4)

    """
    if count < 0:
        raise ValueError("working days are counted forward only")
    while count:
        day += _ONE_DAY
        if is_working_day(day):
            count -= 1
    return day


@lru_cache(maxsize=8192)
def working_days_after(first: date, last: date) -> int:
    """How many working days lie after the first day up to and including the last; 0 where last is earlier.

    This is the inverse of ``add_working_days``.

    >>> working_days_after(date(2026, 1, 2), date(2026, 1, 5))
    2
    """
    day, count = first, 0
    while day < last:
        day += _ONE_DAY
        count += is_working_day(day)
    return count


def end_of_nth_working_day(moment: datetime, count: int) -> datetime:
    """24:00 Asia/Shanghai (as a UTC instant) of the n-th working day after the instant's day.

    >>> end_of_nth_working_day(datetime(2026, 11, 20, 1, 0, tzinfo=UTC), 2)  # Friday to Tuesday.
    datetime.datetime(2026, 11, 24, 16, 0, tzinfo=datetime.timezone.utc)
    """
    return end_of_day(add_working_days(day_in_china(moment), count))


def add_hours_skipping_non_working_days(moment: datetime, hours: int) -> datetime:
    """The instant so many hours later, where the hours of non-working days do not count (R-DEL-3).

    A working day counts 24 hours. What begins on a day off begins to count at 00:00 of the next working day.

    Raises:
        ValueError: the number of hours is negative.

    >>> friday_noon = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
    >>> add_hours_skipping_non_working_days(friday_noon, 48).astimezone(SHANGHAI).isoformat()
    '2026-11-24T12:00:00+08:00'

    """
    if hours < 0:
        raise ValueError("hours are counted forward only")
    left = timedelta(hours=hours)
    day = day_in_china(moment)
    at = moment.astimezone(UTC)
    while left:
        ends = end_of_day(day)
        if is_working_day(day):
            if at + left <= ends:
                return at + left
            left -= ends - at
        at = ends
        day += _ONE_DAY
    return at
