from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_orders.rules import days
from clinic_orders.rules.days import (
    SHANGHAI,
    DayNotUnderstood,
    MomentNotUnderstood,
    Month,
    MonthNotUnderstood,
    Quarter,
    QuarterNotUnderstood,
)

DAYS = st.dates(date(2019, 1, 1), date(2032, 12, 31))
# Hypothesis takes naive bounds and adds the zone.
MOMENTS = st.datetimes(datetime(2019, 1, 1), datetime(2032, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001


def shanghai(text: str) -> datetime:
    return datetime.fromisoformat(text + "+08:00")


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ("2026-01-31T15:59:59+00:00", date(2026, 1, 31)),
        ("2026-01-31T16:00:00+00:00", date(2026, 2, 1)),
        ("2028-02-29T16:00:00+00:00", date(2028, 3, 1)),
        ("2026-12-31T23:59:59+08:00", date(2026, 12, 31)),
    ],
)
def test_a_day_is_a_day_in_china(moment, day):
    assert days.day_in_china(datetime.fromisoformat(moment)) == day


def test_an_instant_without_a_zone_is_a_bug():
    with pytest.raises(ValueError, match="time zone"):
        days.day_in_china(datetime(2026, 1, 1))  # noqa: DTZ001


@given(DAYS)
def test_every_instant_of_a_day_lies_between_its_start_and_its_end(day):
    start, end = days.start_of_day(day), days.end_of_day(day)
    assert start.tzinfo is UTC
    assert end - start == timedelta(hours=24)
    assert days.day_in_china(start) == day == days.day_in_china(end - timedelta(microseconds=1))
    assert days.day_in_china(end) == day + timedelta(days=1)
    assert days.is_on_or_before(start, day)
    assert not days.is_on_or_before(end, day)


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-30",
        "2026-2-3",
        "20260203",
        "2026/02/03",
        "",
        "明天",
        "0001-01-01",
        "９９９９-01-01",
        "2026-02-03x",
    ],
)
def test_what_is_no_day_is_refused_naming_it(text):
    with pytest.raises(DayNotUnderstood) as refusal:
        days.parse_day(text)
    assert refusal.value.facts == {"typed": text}


def test_instants_without_a_zone_are_shanghai_time():
    assert days.parse_moment("2026-01-01T00:30") == shanghai("2026-01-01T00:30")
    assert days.parse_moment("2026-01-01 00:30:10") == shanghai("2026-01-01T00:30:10")
    assert days.parse_moment("2026-01-01T00:30:10Z") == datetime(2026, 1, 1, 0, 30, 10, tzinfo=UTC)
    assert days.parse_moment("2026-01-01T00:30+08:00").tzinfo is UTC


@pytest.mark.parametrize(
    "text", ["2026-02-30T10:00", "2026-01-01T24:30", "2026-01-01", "2026-01-01T10", "2026-01-01T10:00+99:00"]
)
def test_what_is_no_instant_is_refused_naming_it(text):
    with pytest.raises(MomentNotUnderstood) as refusal:
        days.parse_moment(text)
    assert refusal.value.facts == {"typed": text}


@given(DAYS)
def test_months_and_quarters_contain_their_days(day):
    month, quarter = Month.of(day), Quarter.of(day)
    assert day in month
    assert day in quarter
    assert month.first_day <= day <= month.last_day
    assert quarter.first_day <= day <= quarter.last_day
    assert month in quarter.months
    assert month.last_day + timedelta(days=1) == month.next().first_day
    assert month.next().previous() == month
    assert month < month.next()
    assert Month.parse(str(month)) == month
    assert Quarter.parse(str(quarter)) == quarter


@pytest.mark.parametrize("text", ["2026-13", "2026-00", "2026-1", "26-01", "", "2026-01-01", "0000-01"])
def test_what_is_no_month_is_refused(text):
    with pytest.raises(MonthNotUnderstood):
        Month.parse(text)


@pytest.mark.parametrize("text", ["2026-Q5", "2026Q1", "2026-Q0", "", "1066-Q1"])
def test_what_is_no_quarter_is_refused(text):
    with pytest.raises(QuarterNotUnderstood):
        Quarter.parse(text)


@pytest.mark.parametrize(
    ("day", "months", "later"),
    [
        (date(2026, 8, 31), 6, date(2027, 2, 28)),
        (date(2023, 8, 29), 6, date(2024, 2, 29)),
        (date(2026, 1, 15), 2, date(2026, 3, 15)),
        (date(2026, 3, 31), -1, date(2026, 2, 28)),
        (date(2026, 12, 5), 1, date(2027, 1, 5)),
    ],
)
def test_months_later_keep_the_day_number_or_take_the_last_day(day, months, later):
    assert days.add_months(day, months) == later


@pytest.mark.parametrize(
    ("day", "works"),
    [
        (date(2026, 1, 4), True),  # A Sunday worked for the New Year.
        (date(2026, 1, 2), False),
        (date(2026, 2, 28), True),  # A Saturday worked for the Spring Festival.
        (date(2026, 10, 10), True),
        (date(2026, 11, 21), False),
        (date(2026, 11, 20), True),
    ],
)
def test_moved_weekends_are_known(day, works):
    assert days.is_working_day(day) is works


def test_beyond_the_published_calendar_monday_to_friday_are_worked():
    beyond = days.calendar_last_day() + timedelta(days=1)
    week = [beyond + timedelta(days=n) for n in range(7)]
    assert not any(days.calendar_covers(day) for day in week)
    assert days.calendar_covers(days.calendar_last_day())
    assert [days.is_working_day(day) for day in week] == [day.weekday() < 5 for day in week]


@given(DAYS, st.integers(1, 40))
def test_the_nth_working_day_is_a_working_day_with_n_minus_one_between(day, count):
    later = days.add_working_days(day, count)
    assert days.is_working_day(later)
    between = [day + timedelta(days=n) for n in range(1, (later - day).days)]
    assert sum(days.is_working_day(d) for d in between) == count - 1
    assert days.working_days_after(day, later) == count


@given(DAYS, st.integers(0, 20), st.integers(0, 20))
def test_working_days_add_up(day, first, second):
    assert days.add_working_days(days.add_working_days(day, first), second) == days.add_working_days(
        day, first + second
    )


def test_working_days_are_not_counted_backwards():
    with pytest.raises(ValueError, match="forward"):
        days.add_working_days(date(2026, 1, 1), -1)
    assert days.working_days_after(date(2026, 1, 9), date(2026, 1, 5)) == 0


def test_a_deadline_runs_until_midnight_after_the_last_working_day():
    # Submitted on the Thursday before the Spring Festival of 2026 (15 to 23 February, Saturday 14th worked).
    assert days.end_of_nth_working_day(shanghai("2026-02-12T23:59"), 2) == shanghai("2026-02-15T00:00")
    assert days.end_of_nth_working_day(shanghai("2026-02-13T00:00"), 2) == shanghai("2026-02-25T00:00")


@pytest.mark.parametrize(
    ("moment", "hours", "later"),
    [
        ("2026-11-20T12:00", 48, "2026-11-24T12:00"),  # Over a weekend.
        ("2026-11-20T12:00", 12, "2026-11-21T00:00"),  # Exactly to the end of the working day.
        ("2026-11-20T12:00", 13, "2026-11-23T01:00"),
        ("2026-11-21T12:00", 48, "2026-11-25T00:00"),  # Begun on a Saturday.
        ("2026-11-21T12:00", 0, "2026-11-21T12:00"),
        ("2026-01-02T10:00", 24, "2026-01-05T00:00"),  # Sunday the 4th is worked.
    ],
)
def test_hours_of_days_off_do_not_count(moment, hours, later):
    assert days.add_hours_skipping_non_working_days(shanghai(moment), hours) == shanghai(later)


def test_hours_are_not_counted_backwards():
    with pytest.raises(ValueError, match="forward"):
        days.add_hours_skipping_non_working_days(shanghai("2026-01-01T00:00"), -1)


@given(MOMENTS, st.integers(1, 300))
def test_just_the_working_hours_pass(moment, hours):
    later = days.add_hours_skipping_non_working_days(moment, hours)
    assert later.tzinfo is UTC
    passed, at = timedelta(0), moment
    while at < later:
        day = days.day_in_china(at)
        until = min(later, days.end_of_day(day))
        if days.is_working_day(day):
            passed += until - at
        at = until
    assert passed == timedelta(hours=hours)


def test_the_zone_is_eight_hours_ahead_all_year():
    for month in range(1, 13):
        assert datetime(2026, month, 1, tzinfo=SHANGHAI).utcoffset() == timedelta(hours=8)
