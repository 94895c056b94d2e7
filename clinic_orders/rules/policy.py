"""Policy parameters: every number that a bureau may change (rules section 13).

The program asks for a value with the day it is for. The most specific row wins (kind + scale, kind, all),
then the latest ``valid_from`` on or before the day, then the default of the table below. A row with an
empty value says "not set" and stands before the default too.

>>> book = PolicyBook([PolicyRow("order.max_packs", date(2026, 5, 1), "500")])
>>> book.whole("order.max_packs", on=date(2026, 4, 30)), book.whole("order.max_packs", on=date(2026, 5, 1))
(9999, 500)
>>> book.find("markup.cap", kind=InstitutionKind.RETAIL_PHARMACY, on=date(2026, 5, 1)).confirmed
False
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Protocol

from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.parties import InstitutionKind
from clinic_orders.rules.policy_parameters import Parameter, Value, parameter, parse_value


class PolicyScaleWithoutKind(RuleBroken):
    """A row for a scale of every kind is not one of the three grades of R-13."""

    message = N_("A value for one scale also needs the kind of institution.")


class PolicyRowLike(Protocol):
    """What a stored row must offer; the table of policies has the same names."""

    @property
    def parameter(self) -> str: ...  # noqa: D102 - the name says it.
    @property
    def valid_from(self) -> date: ...  # noqa: D102
    @property
    def value(self) -> str: ...  # noqa: D102
    @property
    def kind(self) -> str | None: ...  # noqa: D102
    @property
    def scale(self) -> str | None: ...  # noqa: D102
    @property
    def confirmed(self) -> bool: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """A value that a bureau set: for all, for a kind, or for a scale of a kind, from a day on.

    Attributes:
        kind, scale: empty (or None) = all.
        confirmed: whether the bureau vouches for it with the document it rests on (R-CASE-2).

    """

    parameter: str
    valid_from: date
    value: str
    kind: str | None = None
    scale: str | None = None
    confirmed: bool = False


@dataclass(frozen=True, slots=True)
class ValueInForce:
    """A value with where it came from.

    Attributes:
        parameter: the line of the table.
        value: None = not set.
        row: the row that gave it; None where the default holds.
        confirmed: whether the bureau (a row) or the source (a default) settles it; else 待确认.

    """

    parameter: Parameter
    value: Value
    row: PolicyRowLike | None
    confirmed: bool


def check_row(row: PolicyRowLike) -> None:
    """Refuse a row that could not be read back.

    Raises:
        PolicyParameterUnknown, PolicyValueRefused, PolicyScaleWithoutKind: what is wrong with it.

    """
    parse_value(row.parameter, row.value)
    if row.scale and not row.kind:
        raise PolicyScaleWithoutKind


def value_in_force(
    rows: Iterable[PolicyRowLike],
    name: str,
    *,
    kind: InstitutionKind | None = None,
    scale: str | None = None,
    on: date,
) -> ValueInForce:
    """The value of a parameter on a day for an institution's kind and scale.

    Raises:
        PolicyParameterUnknown: no such parameter.

    >>> rows = [
    ...     PolicyRow("stocking.minimum", date(2026, 1, 1), "60"),
    ...     PolicyRow("stocking.minimum", date(2025, 1, 1), "30", kind="village_clinic"),
    ... ]
    >>> value_in_force(rows, "stocking.minimum", kind=InstitutionKind.VILLAGE_CLINIC, on=date(2026, 2, 1)).value
    30

    """
    about = parameter(name)
    best: PolicyRowLike | None = None
    best_rank: tuple[int, date] | None = None
    for row in rows:
        if row.parameter != name or row.valid_from > on:
            continue
        if row.kind and row.kind != kind:
            continue
        if row.scale and row.scale != scale:
            continue
        rank = (bool(row.kind) + bool(row.scale), row.valid_from)
        if best_rank is None or rank > best_rank:
            best, best_rank = row, rank
    if best is None:
        text, confirmed = about.default_text(kind), about.default_confirmed(kind)
    else:
        text, confirmed = best.value, best.confirmed
    return ValueInForce(about, parse_value(name, text), best, confirmed)


class PolicyBook:
    """All rows of policy at hand, asked many times during one page or one job.

    Answers are remembered, so a list of a thousand lines asks as cheaply as one.
    """

    def __init__(self, rows: Iterable[PolicyRowLike] = ()) -> None:
        self._rows: dict[str, list[PolicyRowLike]] = {}
        self._answers: dict[tuple[str, InstitutionKind | None, str | None, int], ValueInForce] = {}
        for row in rows:
            self._rows.setdefault(row.parameter, []).append(row)
        # Between two of these days nothing changes, so all days between share one answer.
        self._turns = {name: sorted({row.valid_from for row in own}) for name, own in self._rows.items()}

    def turns(self, prefix: str) -> list[date]:
        """The days on which a row of a parameter whose name begins so comes into force.

        >>> PolicyBook([PolicyRow("markup.cap", date(2026, 5, 1), "0")]).turns("markup.")
        [datetime.date(2026, 5, 1)]

        """
        days = {
            row.valid_from for name, rows in self._rows.items() if name.startswith(prefix) for row in rows
        }
        return sorted(days)

    def scales(self, name: str) -> set[str]:
        """The scales for which a parameter has rows of their own."""
        return {row.scale for row in self._rows.get(name, ()) if row.scale}

    def scopes(self, name: str) -> list[tuple[InstitutionKind | None, str | None]]:
        """Everybody, and each kind or scale of a kind for which a parameter has rows of its own.

        >>> PolicyBook([PolicyRow("delivery.accept_days", date(2026, 5, 1), "3", "village_clinic")]).scopes(
        ...     "delivery.accept_days"
        ... )
        [(None, None), (<InstitutionKind.VILLAGE_CLINIC: 'village_clinic'>, None)]

        """
        own = {(str(row.kind), row.scale or "") for row in self._rows.get(name, ()) if row.kind}
        return [(None, None), *((InstitutionKind(kind), scale or None) for kind, scale in sorted(own))]

    def texts(self, name: str) -> frozenset[str]:
        """Every value that rows give a parameter on whatever day, as text."""
        return frozenset(row.value for row in self._rows.get(name, ()))

    def find(
        self, name: str, *, kind: InstitutionKind | None = None, scale: str | None = None, on: date
    ) -> ValueInForce:
        """The value with where it came from; see ``value_in_force``."""
        key = (name, kind, scale, bisect_right(self._turns.get(name, ()), on))
        answer = self._answers.get(key)
        if answer is None:
            answer = value_in_force(self._rows.get(name, ()), name, kind=kind, scale=scale, on=on)
            self._answers[key] = answer
        return answer

    def whole_or_none(
        self, name: str, *, kind: InstitutionKind | None = None, scale: str | None = None, on: date
    ) -> int | None:
        """A whole number (days, hours, packs…), or None where it is not set."""
        value = self.find(name, kind=kind, scale=scale, on=on).value
        if value is not None and not isinstance(value, int):
            raise TypeError(f"{name} is not a whole number")
        return value

    def whole(
        self, name: str, *, kind: InstitutionKind | None = None, scale: str | None = None, on: date
    ) -> int:
        """A whole number of a parameter that is always set."""
        value = self.whole_or_none(name, kind=kind, scale=scale, on=on)
        if value is None:
            raise TypeError(f"{name} may be not set")
        return value

    def decimal_or_none(
        self, name: str, *, kind: InstitutionKind | None = None, scale: str | None = None, on: date
    ) -> Decimal | None:
        """A rate, share or amount, or None where it is not set."""
        value = self.find(name, kind=kind, scale=scale, on=on).value
        if value is not None and not isinstance(value, Decimal):
            raise TypeError(f"{name} is not a decimal")
        return value

    def decimal(
        self, name: str, *, kind: InstitutionKind | None = None, scale: str | None = None, on: date
    ) -> Decimal:
        """A rate, share or amount of a parameter that is always set."""
        value = self.decimal_or_none(name, kind=kind, scale=scale, on=on)
        if value is None:
            raise TypeError(f"{name} may be not set")
        return value

    def choice(
        self, name: str, *, kind: InstitutionKind | None = None, scale: str | None = None, on: date
    ) -> str:
        """The value of a choice."""
        value = self.find(name, kind=kind, scale=scale, on=on).value
        if not isinstance(value, str):
            raise TypeError(f"{name} is not a choice")
        return value
