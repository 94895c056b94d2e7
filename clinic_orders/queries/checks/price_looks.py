"""What a night looks at again, gathered from all reasons: everybody, institutions or single items of theirs, by month."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from clinic_orders.queries.checks.few_pairs import Pair
from clinic_orders.queries.checks.scope import Scope
from clinic_orders.rules.days import Month

MOST_PAIRS: Final = 20_000
"""Of a month with more pairs to look at their institutions are looked at wholly: one range of days is read sooner."""


@dataclass(frozen=True, slots=True)
class Look:
    """A question for ``queries.checks.check``: these institutions as of a day; None = everybody.

    Attributes:
        as_of: the day.
        institution_ids: whom.
        pairs: only these items of theirs; None = all.

    """

    as_of: date
    institution_ids: frozenset[int] | None
    pairs: frozenset[Pair] | None = None

    @property
    def scope(self) -> Scope:
        """As the checks take it."""
        return Scope(self.as_of, institution_ids=self.institution_ids, pairs=self.pairs)


@dataclass(slots=True)
class Widening:
    """Institutions and pairs of institution and item by month.

    Attributes:
        as_of: the day of the night; nothing after it is looked at.

    """

    as_of: date
    _institutions: dict[Month, set[int]] = field(default_factory=dict)
    _pairs: dict[Month, set[Pair]] = field(default_factory=dict)
    _everybody: set[Month] = field(default_factory=set)

    def add(self, institution_id: int, item_id: int | None, first: date, last: date) -> None:
        """An institution, or one item of it, in every month from one day to another, none after the as-of day."""
        if first > self.as_of:
            return
        for month in months_between(first, min(last, self.as_of)):
            if item_id is None:
                self._institutions.setdefault(month, set()).add(institution_id)
            else:
                self._pairs.setdefault(month, set()).add((institution_id, item_id))

    def add_all(self, first: date) -> None:
        """Everybody in every month from that of a day on."""
        self._everybody.update(months_between(first, self.as_of))

    def looks(self) -> list[Look]:
        """As questions, earliest month first; nothing is asked twice."""
        months = self._everybody | self._institutions.keys() | self._pairs.keys()
        return [
            look
            for month in sorted(months, key=lambda one: one.first_day)
            for look in self._of_month(month, min(month.last_day, self.as_of))
        ]

    def _of_month(self, month: Month, as_of: date) -> Iterator[Look]:
        if month in self._everybody:
            yield Look(as_of, None)
            return
        whole = self._institutions.get(month, set())
        pairs = frozenset(pair for pair in self._pairs.get(month, ()) if pair[0] not in whole)
        named = frozenset(institution_id for institution_id, _ in pairs)
        if len(pairs) > MOST_PAIRS:
            whole, pairs = whole | named, frozenset()
        if whole:
            yield Look(as_of, frozenset(whole))
        if pairs:
            yield Look(as_of, named, pairs)


def months_between(first: date, last: date) -> Iterator[Month]:
    """The months from one day to another, both included."""
    month = Month.of(first)
    while month.first_day <= last:
        yield month
        month = month.next()
