"""What an application says and has to say: kinds, negative list with its look-back, conditions, window (R-ROSTER-2)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Final

from clinic_orders.rules.days import Quarter, add_months
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.parties import InstitutionKind

APPLYING_KINDS: Final = (InstitutionKind.RETAIL_PHARMACY, InstitutionKind.PRIVATE_INSTITUTION)
"""Kinds that apply and are selected; the public ones are enrolled by the bureau (R-ROSTER-1)."""
MOST_STORES: Final = 300
"""Stores of one chain in one application."""


class KindDoesNotApply(RuleBroken):
    """Public institutions all take part."""

    message = N_("Public institutions do not apply: the bureau enrols them. Call your county bureau.")


def check_applying_kind(kind: InstitutionKind) -> None:
    """Check that institutions of this kind apply.

    Raises:
        KindDoesNotApply: it is a public one.

    """
    if kind not in APPLYING_KINDS:
        raise KindDoesNotApply


# The negative list -------------------------------------------------------------------------------------


class NegativeFact(StrEnum):
    """What keeps an institution out (policy.md 1.9 to 1.13); the same in the provinces whose notices were read."""

    FAKE_DRUGS = "fake_drugs"
    FUND = "fund"
    DISHONESTY_LIST = "dishonesty_list"
    JUDGMENT_DEBTOR = "judgment_debtor"
    OTHER = "other"


LOOKED_BACK: Final = frozenset({NegativeFact.FAKE_DRUGS, NegativeFact.FUND, NegativeFact.DISHONESTY_LIST})
"""Facts that count for some years after they ended; the others count as long as they hold."""


@dataclass(frozen=True, slots=True)
class Declared:
    """What the applicant says about one fact.

    Attributes:
        holds: whether there is or was such a thing.
        day: for a fact that is looked back for, the day of the decision or on which it ended; else None.

    """

    holds: bool
    day: date | None = None


class FactsIncomplete(RuleBroken):
    """Every line of the negative list is answered."""

    message = N_("Answer every line of the list with yes or no.")


class FactNeedsDay(RuleBroken):
    """What was is told with its day, from which the years are counted."""

    message = N_("Where you answer yes, give the day of the decision, or on which it ended.")


class FactDayAhead(RuleBroken):
    """What has not come yet is no fact."""

    message = N_("The day lies ahead. Give the day of the decision, today at the latest.")


class KeptOut(RuleBroken):
    """A fact of the negative list keeps the applicant out for now."""

    message = N_("By what you say an application is possible from %(day)s on. Your answers are kept.")


class KeptOutWhileItHolds(RuleBroken):
    """A fact without days keeps the applicant out as long as it holds."""

    message = N_(
        "By what you say an application is not possible as long as this holds. When it is over, change the answer and send the application then."
    )


def check_declared(facts: Mapping[NegativeFact, Declared], *, on: date) -> None:
    """Check that each fact is answered, with its day where one is needed.

    Raises:
        FactsIncomplete, FactNeedsDay, FactDayAhead: what is wrong.

    """
    if set(facts) != set(NegativeFact):
        raise FactsIncomplete
    for fact in LOOKED_BACK:
        said = facts[fact]
        if said.holds and said.day is None:
            raise FactNeedsDay
        if said.day is not None and said.day > on:
            raise FactDayAhead


def free_from(fact: NegativeFact, said: Declared, *, months: int) -> date | None:
    """The first day on which a fact no longer keeps out; None: as long as it holds.

    >>> free_from(NegativeFact.FAKE_DRUGS, Declared(True, date(2025, 3, 31)), months=24)
    datetime.date(2027, 3, 31)
    >>> free_from(NegativeFact.JUDGMENT_DEBTOR, Declared(True), months=24) is None
    True

    """
    if not said.holds:
        return date.min
    return add_months(said.day, months) if fact in LOOKED_BACK and said.day is not None else None


def check_not_kept_out(facts: Mapping[NegativeFact, Declared], *, months: int, on: date) -> None:
    """Refuse an applicant whom the negative list keeps out on a day.

    Raises:
        KeptOut: until a day, the latest of all facts.
        KeptOutWhileItHolds: a fact holds now.

    >>> said = dict.fromkeys(NegativeFact, Declared(False))
    >>> old = said | {NegativeFact.FUND: Declared(True, date(2024, 11, 20))}
    >>> check_not_kept_out(old, months=24, on=date(2026, 11, 20))
    >>> check_not_kept_out(old, months=24, on=date(2026, 11, 19))
    Traceback (most recent call last):
    ...
    clinic_orders.rules.applications.facts.KeptOut: By what you say an application is possible from 2026-11-20 on. Your answers are kept.

    """
    days = [free_from(fact, said, months=months) for fact, said in facts.items()]
    if any(day is None for day in days):
        raise KeptOutWhileItHolds
    last = max((day for day in days if day is not None), default=date.min)
    if last > on:
        raise KeptOut(day=last)


# Place and conditions ----------------------------------------------------------------------------------


class Condition(StrEnum):
    """A condition of admission with a figure (policy.md, Shiyan)."""

    DISTANCE = "distance"
    PEOPLE = "people"


@dataclass(frozen=True, slots=True)
class Met:
    """Whether a condition is met.

    Attributes:
        condition: which.
        found: what the application has; None where it is not known.
        least: what policy asks.

    """

    condition: Condition
    found: int | None
    least: int

    @property
    def holds(self) -> bool | None:
        """Met or not; None where nothing is known."""
        return None if self.found is None else self.found >= self.least


def conditions(
    kind: InstitutionKind,
    *,
    metres: int | None,
    people: int | None,
    least_metres: int,
    least_people: int,
) -> list[Met]:
    """The conditions of a kind; only pharmacies keep a distance and serve a number of people.

    >>> [met.holds for met in conditions(InstitutionKind.RETAIL_PHARMACY, metres=299, people=2000,
    ...     least_metres=300, least_people=2000)]
    [False, True]

    """
    if kind is not InstitutionKind.RETAIL_PHARMACY:
        return []
    return [
        Met(Condition.DISTANCE, metres, least_metres),
        Met(Condition.PEOPLE, people, least_people),
    ]


class DegreesNotUnderstood(RuleBroken):
    """Not a longitude and latitude of this country."""

    message = N_(
        "Type longitude and latitude in degrees, for example 112.434468 and 34.663041, or tap the map."
    )


def read_degrees(lng: str, lat: str) -> tuple[Decimal, Decimal]:
    """Longitude and latitude as typed, with six decimals.

    Raises:
        DegreesNotUnderstood: no number, or outside of China.

    >>> read_degrees("112.4344681", " 34.663041 ")
    (Decimal('112.434468'), Decimal('34.663041'))

    """
    try:
        east, north = (Decimal(text.strip()).quantize(Decimal("0.000001")) for text in (lng[:24], lat[:24]))
    except InvalidOperation:
        raise DegreesNotUnderstood from None
    if not (73 <= east <= 136 and 3 <= north <= 54):
        raise DegreesNotUnderstood
    return east, north


_PHONE: Final = re.compile(r"[0-9+][0-9 -]{5,19}")


class PhoneNotUnderstood(RuleBroken):
    """Nobody could call it."""

    message = N_("Give a telephone number with digits only, for example 13800000000 or 0379-65000000.")


def check_phone(text: str) -> str:
    """A telephone number without blanks around.

    Raises:
        PhoneNotUnderstood: no digits, or something else among them.

    """
    phone = text.strip()
    if not _PHONE.fullmatch(phone):
        raise PhoneNotUnderstood
    return phone


# When one may apply ------------------------------------------------------------------------------------

FIRST_MONTH_OF_QUARTER: Final = "first_month_of_quarter"


class WindowClosed(RuleBroken):
    """Applications are taken in the first month of each quarter only."""

    message = N_(
        "Applications are taken in the first month of each quarter. The next days are %(first)s to %(last)s; your draft is kept until then."
    )


def next_window(rule: str | None, *, on: date) -> tuple[date, date] | None:
    """The days of the present or next window; None where applications are always taken.

    >>> next_window(None, on=date(2026, 11, 22)) is None
    True
    >>> next_window("first_month_of_quarter", on=date(2026, 11, 22))
    (datetime.date(2027, 1, 1), datetime.date(2027, 1, 31))

    """
    if rule != FIRST_MONTH_OF_QUARTER:
        return None
    quarter = Quarter.of(on)
    month = quarter.months[0]
    if on > month.last_day:
        month = quarter.months[2].next()
    return month.first_day, month.last_day


def check_window(rule: str | None, *, on: date) -> None:
    """Refuse an application that is sent outside of the window.

    Raises:
        WindowClosed: with the next days.

    """
    window = next_window(rule, on=on)
    if window is not None and on < window[0]:
        raise WindowClosed(first=window[0], last=window[1])


# What is missing ---------------------------------------------------------------------------------------


class Part(StrEnum):
    """A part of the form, in the order in which it is filled in."""

    UNIT = "unit"
    PLACE = "place"
    STORES = "stores"
    FACTS = "facts"
    FILES = "files"
    LETTER = "letter"


class FileUse(StrEnum):
    """What an attached paper is (policy.md 1.21)."""

    BUSINESS_LICENCE = "business_licence"
    TRADE_LICENCE = "trade_licence"
    LEGAL_REP_ID = "legal_rep_id"
    AGREEMENT = "agreement"
    OTHER = "other"


REQUIRED_FILES: Final = (FileUse.BUSINESS_LICENCE, FileUse.TRADE_LICENCE, FileUse.LEGAL_REP_ID)


class PartsMissing(RuleBroken):
    """An application is sent when it is complete."""

    message = N_("The application is not complete yet. Fill in the parts that are marked.")


def parts_of(*, chain: bool) -> list[Part]:
    """The parts that an application has; only a chain lists stores."""
    return [part for part in Part if chain or part is not Part.STORES]


def check_complete(missing: Iterable[Part]) -> None:
    """Refuse to send what is not complete.

    Raises:
        PartsMissing: a part is missing.

    """
    if any(True for _ in missing):
        raise PartsMissing
