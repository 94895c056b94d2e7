"""The roster on a day: membership, state, letters, mandates, suspensions, who orders for whom (section 1).

Everything about an institution is dated, and every question names its day. First and last days are included.

>>> spells = [Days(date(2025, 3, 1), date(2025, 12, 31)), Days(date(2026, 6, 1), None)]
>>> [is_in_force(spells, on=day) for day in (date(2025, 12, 31), date(2026, 1, 1), date(2026, 6, 1))]
[True, False, True]
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Protocol, TypeVar

from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.parties import OrderMode

_ONE_DAY = timedelta(days=1)


# Spells: membership, mandates, suspensions, relations -------------------------------------------------


@dataclass(frozen=True, slots=True)
class Days:
    """A run of days; both ends are included, no last day means "until further notice".

    >>> date(2026, 1, 31) in Days(date(2026, 1, 1), date(2026, 1, 31))
    True
    """

    first: date
    last: date | None = None

    def __contains__(self, day: date) -> bool:
        return self.first <= day and (self.last is None or day <= self.last)


def covers(first: date, last: date | None, day: date) -> bool:
    """Whether a day lies between a first and a last day, both included; None = no last day."""
    return first <= day and (last is None or day <= last)


def is_in_force(spells: Iterable[Days], *, on: date) -> bool:
    """Whether any of the spells holds on a day: membership (R-ROSTER-3), mandate, suspension."""
    return any(on in spell for spell in spells)


def spell_in_force(spells: Iterable[Days], *, on: date) -> Days | None:
    """The spell that holds on a day; of several the one that began last. A new first day is a new membership."""
    return max((spell for spell in spells if on in spell), key=lambda spell: spell.first, default=None)


def member_days(spells: Iterable[Days], *, first: date, last: date) -> int:
    """How many days of a period an institution was a member, each day counted once.

    >>> member_days([Days(date(2026, 1, 10), date(2026, 1, 19)), Days(date(2026, 1, 15))],
    ...     first=date(2026, 1, 1), last=date(2026, 1, 31))
    22
    """
    count, counted_to = 0, first - _ONE_DAY
    for spell in sorted(spells, key=lambda spell: spell.first):
        begin = max(spell.first, counted_to + _ONE_DAY)
        end = last if spell.last is None else min(spell.last, last)
        if begin <= end:
            count += (end - begin).days + 1
            counted_to = end
    return count


@dataclass(frozen=True, slots=True)
class Suspended:
    """A suspension as decided, and when it was lifted (R-CASE-4).

    Attributes:
        first, last: the days decided, both included.
        lifted_on: the first day on which it no longer acts; the row itself stays as decided.

    """

    first: date
    last: date | None = None
    lifted_on: date | None = None

    def __contains__(self, day: date) -> bool:
        return covers(self.first, self.last, day) and (self.lifted_on is None or day < self.lifted_on)


def suspension_in_force(suspensions: Iterable[Suspended], *, on: date) -> Suspended | None:
    """The suspension that stops orders on a day; of several the one that lasts longest.

    >>> suspension_in_force([Suspended(date(2026, 1, 1), date(2026, 3, 31), lifted_on=date(2026, 2, 1))],
    ...     on=date(2026, 2, 1)) is None
    True
    """
    acting = [row for row in suspensions if on in row]
    return max(acting, key=lambda row: row.last or date.max, default=None)


# Dated state ------------------------------------------------------------------------------------------


class Dated(Protocol):
    """A record that holds from a day on."""

    @property
    def valid_from(self) -> date: ...  # noqa: D102 - the name says it.


D = TypeVar("D", bound=Dated)


def state_on(records: Iterable[D], day: date) -> D | None:
    """Of several records the one with the latest ``valid_from`` on or before the day; None before the first.

    >>> @dataclass
    ... class Row:
    ...     valid_from: date
    >>> state_on([Row(date(2026, 1, 1)), Row(date(2026, 5, 1))], date(2026, 4, 30))
    Row(valid_from=datetime.date(2026, 1, 1))
    """
    return max(
        (row for row in records if row.valid_from <= day), key=lambda row: row.valid_from, default=None
    )


# Commitment letters (R-ROSTER-4) ----------------------------------------------------------------------


class Letter(Protocol):
    """A commitment letter as it is stored."""

    @property
    def signed_on(self) -> date: ...  # noqa: D102
    @property
    def ends_on(self) -> date | None: ...  # noqa: D102


L = TypeVar("L", bound=Letter)


@dataclass(frozen=True, slots=True)
class CommitmentLetter:
    """A commitment letter 承诺书: when signed, its last day if it has one, the promised markup rate."""

    signed_on: date
    ends_on: date | None = None
    markup_rate: Decimal | None = None


def letter_in_force(letters: Iterable[L], *, on: date) -> L | None:
    """The letter that holds on a day: the latest signed, from its day of signature to its last day.

    A newer letter ends the older one on the day before it was signed, for good: when the newer one ends, the
    older does not come back.

    >>> old, new = CommitmentLetter(date(2025, 1, 1)), CommitmentLetter(date(2026, 1, 1), date(2026, 6, 30))
    >>> letter_in_force([old, new], on=date(2025, 12, 31)) is old
    True
    >>> letter_in_force([old, new], on=date(2026, 7, 1)) is None
    True
    """
    latest = max((row for row in letters if row.signed_on <= on), key=lambda row: row.signed_on, default=None)
    if latest is None or not covers(latest.signed_on, latest.ends_on, on):
        return None
    return latest


# Who orders for whom (R-ROSTER-1, R-ROSTER-5, R-ORD-1) ------------------------------------------------


class MayNotOrderFor(RuleBroken):
    """Nothing on the roster lets the one organisation order for the other on that day."""

    message = N_("You can't order for this institution today. Ask it for a mandate (proxy buying) first.")


@dataclass(frozen=True, slots=True)
class Ties:
    """What binds an institution to others on a day, by row id or code; only equality matters.

    Attributes:
        institution: the receiver itself.
        headquarters: of the chain to which the store belongs.
        lead_hospital: of the medical community to which it belongs.
        mandate_holders: hospitals with its mandate for proxy buying in force that day.

    """

    institution: int | str
    headquarters: int | str | None = None
    lead_hospital: int | str | None = None
    mandate_holders: frozenset[int | str] = frozenset()


def order_mode(ordering: int | str, ties: Ties) -> OrderMode:
    """In which mode an organisation orders for a receiver on that day.

    Itself and the headquarters of its chain order directly; a hospital with a mandate by proxy; the lead
    hospital of the medical community for the community. Where a mandate and the community both hold, the
    mandate comes first, since it is the village's own word.

    Raises:
        MayNotOrderFor: none of these holds.

    >>> order_mode("H1", Ties("V1", lead_hospital="H1"))
    <OrderMode.MEDICAL_COMMUNITY: 'medical_community'>
    >>> order_mode("H1", Ties("V1", lead_hospital="H1", mandate_holders=frozenset({"H1"})))
    <OrderMode.PROXY: 'proxy'>

    """
    if ordering in (ties.institution, ties.headquarters):
        return OrderMode.DIRECT
    if ordering in ties.mandate_holders:
        return OrderMode.PROXY
    if ordering == ties.lead_hospital:
        return OrderMode.MEDICAL_COMMUNITY
    raise MayNotOrderFor


def may_order_for(ordering: int | str, ties: Ties) -> bool:
    """Whether an organisation may order for a receiver on that day."""
    return (
        ordering in (ties.institution, ties.headquarters, ties.lead_hospital)
        or ordering in ties.mandate_holders
    )
