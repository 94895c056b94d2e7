"""By what an institution's selling prices are judged, day by day of a month (R-PRICE-1, R-PRICE-2, R-ROSTER-3, R-ROSTER-4)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from typing import Any, Final, NamedTuple

from sqlalchemy import Date, Select, bindparam, or_, select

from clinic_orders.models.base import db
from clinic_orders.models.roster import Commitment, InstitutionRecord, Membership
from clinic_orders.queries.checks.scope import Scope
from clinic_orders.rules.markup import MarkupBase, MarkupRounding, allowed_rate
from clinic_orders.rules.parties import InstitutionKind
from clinic_orders.rules.roster import CommitmentLetter, Days, is_in_force, letter_in_force

_DAY: Final = timedelta(days=1)


class Terms(NamedTuple):
    """What holds from the first to the last of some days, both included, for a member.

    Attributes:
        rate: the allowed rate as a share; None = nothing is judged ("no promise").
        base, base_days, rounding: policy ``markup.…`` for the kind and scale.

    """

    first: date
    last: date
    rate: Decimal | None
    base: MarkupBase
    base_days: int
    rounding: MarkupRounding


@dataclass(frozen=True, slots=True)
class _State:
    """The kind and scale of an institution from a day on."""

    valid_from: date
    kind: InstitutionKind
    scale: str


@dataclass(slots=True)
class _Roster:
    """What the roster says of an institution."""

    states: list[_State]
    members: list[Days]
    letters: list[CommitmentLetter]


@cache
def _rows_of_the_roster(*, everybody: bool) -> tuple[Select[Any], Select[Any], Select[Any]]:
    """What may matter from :first to :last: memberships, kinds and letters; of everybody or of :institutions."""
    record, member, letter = InstitutionRecord, Membership, Commitment
    first, last = bindparam("first", type_=Date), bindparam("last", type_=Date)
    members: Any = select(member.institution_id, member.joined_on, member.left_on).where(
        member.joined_on <= last, or_(member.left_on.is_(None), member.left_on >= first)
    )
    states: Any = (
        select(record.institution_id, record.valid_from, record.kind, record.scale)
        .where(or_(record.valid_before.is_(None), record.valid_before > first))
        .order_by(record.institution_id, record.valid_from)
    )
    letters: Any = select(letter.institution_id, letter.signed_on, letter.ends_on, letter.markup_rate).where(
        letter.signed_on <= last
    )
    if everybody:
        return members, states, letters
    wanted: Any = bindparam("institutions", expanding=True)
    return (
        members.where(member.institution_id.in_(wanted)),
        states.where(record.institution_id.in_(wanted)),
        letters.where(letter.institution_id.in_(wanted)),
    )


class TermsBook:
    """The terms of every institution that was a member on a day of the month up to the day of a scope.

    A day on which an institution was no member has no terms: checks stop with membership (R-ROSTER-3).
    """

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._first, self._last = scope.month.first_day, scope.as_of
        self._policies: dict[tuple[InstitutionKind, str, date], tuple[Any, ...]] = {}
        self._terms = {
            institution_id: self._terms_of(roster) for institution_id, roster in self._rosters().items()
        }

    @classmethod
    def known(cls, scope: Scope) -> TermsBook:
        """The one of a question, read once for all checks of it."""
        found: TermsBook | None = scope.kept.get("terms")
        if found is None:
            found = scope.kept["terms"] = cls(scope)
        return found

    def of(self, institution_id: int) -> list[Terms]:
        """The terms of an institution in the order of days; none where it was never a member."""
        return self._terms.get(institution_id, [])

    def on(self, institution_id: int, day: date) -> Terms | None:
        """The terms of a day; None where the institution was no member on it."""
        return next((one for one in self.of(institution_id) if one.first <= day <= one.last), None)

    @property
    def bases(self) -> frozenset[MarkupBase]:
        """Every base price that somebody's sales are judged by."""
        return frozenset(one.base for terms in self._terms.values() for one in terms)

    @property
    def base_days(self) -> int:
        """The most days that anybody's base price looks back."""
        return max((one.base_days for terms in self._terms.values() for one in terms), default=0)

    def without_rate(self) -> list[int]:
        """The institutions of which on some days nothing can be judged."""
        return sorted(
            number for number, terms in self._terms.items() if any(one.rate is None for one in terms)
        )

    def _rosters(self) -> dict[int, _Roster]:
        connection, scope = db.session.connection(), self._scope
        members, states, letters = _rows_of_the_roster(everybody=scope.institution_ids is None)
        values: dict[str, Any] = {"first": self._first, "last": self._last}
        if scope.institution_ids is not None:
            values["institutions"] = list(scope.institution_ids)
        found: dict[int, _Roster] = {}
        for institution_id, joined_on, left_on in connection.execute(members, values):
            roster = found.setdefault(institution_id, _Roster([], [], []))
            roster.members.append(Days(joined_on, left_on))
        for institution_id, valid_from, kind, scale in connection.execute(states, values):
            if institution_id in found:
                found[institution_id].states.append(_State(valid_from, kind, scale))
        for institution_id, signed_on, ends_on, rate in connection.execute(letters, values):
            if institution_id in found:
                found[institution_id].letters.append(CommitmentLetter(signed_on, ends_on, rate))
        return found

    def _policy(self, kind: InstitutionKind, scale: str, day: date) -> tuple[Any, ...]:
        """Cap, base, days looked back and rounding on a day."""
        key = (kind, scale, day)
        found = self._policies.get(key)
        if found is None:
            book = self._scope.book
            found = self._policies[key] = (
                book.decimal_or_none("markup.cap", kind=kind, scale=scale, on=day),
                MarkupBase(book.choice("markup.base", kind=kind, scale=scale, on=day)),
                book.whole("markup.base_days", kind=kind, scale=scale, on=day),
                MarkupRounding(book.choice("markup.rounding", kind=kind, scale=scale, on=day)),
            )
        return found

    def _turns(self, roster: _Roster) -> Iterable[date]:
        """The days of the month on which something about an institution or the policy begins."""
        yield self._first
        for spell in roster.members:
            yield spell.first
            if spell.last is not None:
                yield spell.last + _DAY
        for letter in roster.letters:
            yield letter.signed_on
            if letter.ends_on is not None:
                yield letter.ends_on + _DAY
        for state in roster.states:
            yield state.valid_from
        yield from self._scope.book.turns("markup.")

    def _terms_of(self, roster: _Roster) -> list[Terms]:
        days = sorted({day for day in self._turns(roster) if self._first <= day <= self._last})
        found: list[Terms] = []
        for place, day in enumerate(days):
            last = days[place + 1] - _DAY if place + 1 < len(days) else self._last
            if not roster.states or not is_in_force(roster.members, on=day):
                continue
            # Before its first record an institution is what that one says, as everywhere (queries.roster.standing).
            state = max(
                (one for one in roster.states if one.valid_from <= day),
                key=lambda one: one.valid_from,
                default=roster.states[0],
            )
            cap, base, base_days, rounding = self._policy(state.kind, state.scale, day)
            letter = letter_in_force(roster.letters, on=day)
            rate = allowed_rate(None if letter is None else letter.markup_rate, cap)
            found.append(Terms(day, last, rate, base, base_days, rounding))
        return found
