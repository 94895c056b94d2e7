"""Clues on trace codes: one pack sold again, elsewhere, unreceived, returned, too early, too late, as something else (R-TRACE-2).

A clue accuses nobody; it says where to look. Each code is judged by its life up to a day: the sale lines it stands on,
where it was accepted, and who sent it back. Quantities are base units; days are days in Asia/Shanghai.

>>> from clinic_orders.rules.days import start_of_day
>>> def sold(day, units=28, institution="C1", *codes):
...     at = start_of_day(date(2026, 3, day))
...     return CodedLine(institution, f"S{day}", "1", "LY001", at, units, frozenset(codes or ["A"]))
>>> march = Terms(date(2026, 3, 31), near_days=30, holds={"A": 28, "B": 28})
>>> [one.formula for one in clues(CodeLife("A", (sold(1), sold(2)), (Arrival.on("C1", date(2026, 2, 1)),)), march)]
['units sold = 56 > units held = 28']
>>> clues(CodeLife("A", (sold(1, 14), sold(2, 14)), (Arrival.on("C1", date(2026, 2, 1)),)), march)
[]
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from itertools import pairwise
from typing import Final

from clinic_orders.rules.days import Month, day_in_china, start_of_day
from clinic_orders.rules.findings import CheckRule, Finding, Grade

HIGH_FROM: Final = 3
"""From so many sale lines on a repeated code is grave (R-TRACE-3)."""

REPEATS: Final = (CheckRule.TRACE_REPEAT_SAME, CheckRule.TRACE_REPEAT_FAR, CheckRule.TRACE_REPEAT_NEAR)
"""T1, T2 and T3."""


@dataclass(frozen=True)
class CodedLine:
    """A line of a receipt to a customer with trace codes.

    Attributes:
        institution: code of the seller.
        sale_no, line_no: of the line.
        item: its item code; None for a product outside the catalogue.
        at: instant of the sale.
        base_units: negative for a customer's return.
        codes: every code on the line, each once.
        member: whether the seller was a member of the roster on that day; else the line is known but not judged.
        excused: whether goods of the item had come there without all of their codes, see ``is_excused``.

    """

    institution: str
    sale_no: str
    line_no: str
    item: str | None
    at: datetime
    base_units: int
    codes: frozenset[str]
    member: bool = True
    excused: bool = False

    @cached_property
    def day(self) -> date:
        """The day of the sale."""
        return day_in_china(self.at)

    @property
    def is_sale(self) -> bool:
        """Whether it is a *sale* in the words of the rule: a positive line."""
        return self.base_units > 0

    @property
    def share(self) -> int:
        """What the line gives each of its codes: units ÷ codes, rounded up, negative for customer returns.

        >>> from clinic_orders.rules.days import start_of_day
        >>> at = start_of_day(date(2026, 3, 1))
        >>> [CodedLine("C1", "S1", "1", None, at, units, frozenset("ABC")).share for units in (28, 27, -28)]
        [10, 9, -10]

        """
        each = -(-abs(self.base_units) // len(self.codes))
        return each if self.is_sale else -each

    @property
    def order(self) -> tuple[datetime, str, str, str]:
        """By what lines are put in order; the first of several at one instant is the one of the lowest codes."""
        return (self.at, self.institution, self.sale_no, self.line_no)

    @property
    def number(self) -> tuple[str, str]:
        """The line as a row behind a figure."""
        return ("sale", f"{self.institution} {self.sale_no} {self.line_no}")


@dataclass(frozen=True, slots=True)
class Arrival:
    """An accepted receipt line that carries the code."""

    institution: str
    receipt_no: str
    accepted_at: datetime
    delivered_on: date
    expiry: date

    @classmethod
    def on(cls, institution: str, day: date, expiry: date = date.max) -> Arrival:
        """Delivered and accepted on one day, for examples."""
        return cls(institution, f"R{day}", start_of_day(day), day, expiry)


@dataclass(frozen=True, slots=True)
class SentBack:
    """A return of the code to the distributor, when it was agreed (R-DEL-5)."""

    institution: str
    agreed_at: datetime


@dataclass(frozen=True, slots=True)
class CodeLife:
    """All that is known of a code: its lines, its acceptances, its returns to distributors."""

    code: str
    lines: tuple[CodedLine, ...]
    arrivals: tuple[Arrival, ...] = ()
    returns: tuple[SentBack, ...] = ()


@dataclass(frozen=True, slots=True)
class Terms:
    """By what codes are judged.

    Attributes:
        as_of: the day D; what is dated later is not seen.
        near_days: policy ``trace.near_days``.
        holds: base units of codes, see ``units_held``; a code that is missing here holds nobody knows how much.
        products: the item code to which the prefix of a code belongs, by code; missing where the prefix is unknown.

    """

    as_of: date
    near_days: int
    holds: Mapping[str, int] = field(default_factory=dict)
    products: Mapping[str, str] = field(default_factory=dict)

    @property
    def month(self) -> Month:
        """The month of the day."""
        return Month.of(self.as_of)

    def judges(self, line: CodedLine) -> bool:
        """Whether a line is a sale of the month up to the day, on a day of membership."""
        return line.is_sale and line.member and self.month.first_day <= line.day <= self.as_of


def is_excused(line: CodedLine, uncoded_on: Iterable[date]) -> bool:
    """Whether a sale may be of a pack whose code nobody took at the acceptance (R-TRACE-2, T6).

    Args:
        line: a sale line.
        uncoded_on: the days on which lines of its item were accepted there with fewer codes than accepted packs.

    """
    return line.item is not None and any(day <= line.day for day in uncoded_on)


def units_held(product_units: int | None, first_sale_pack_size: int | None) -> int | None:
    """How many base units a code holds (R-TRACE-1); None if nobody can say.

    Args:
        product_units: ``base_units_per_code`` of the trace product of its prefix; None if the prefix is unknown.
        first_sale_pack_size: pack size of the item on its first sale line; None if no sale line names an item.

    >>> units_held(1, 28), units_held(None, 28), units_held(None, None)
    (1, 28, None)

    """
    return first_sale_pack_size if product_units is None else product_units


def names_one_pack(code: str) -> bool:
    """Whether a code is of one pack only: a GS1 element string without a serial number is of a whole batch.

    >>> [names_one_pack(code) for code in ("81234567890123456789", "(01)06901234567892(21)7", "(01)06901234567892(10)B")]
    [True, True, False]
    """
    return not code.startswith("(") or "(21)" in code


def sold_units(lines: Iterable[CodedLine]) -> dict[str, int]:
    """Units of one code by institution, customer returns taken off (R-TRACE-2)."""
    found: dict[str, int] = {}
    for line in lines:
        found[line.institution] = found.get(line.institution, 0) + line.share
    return found


def units_from(code: str, lines: Iterable[CodedLine], holds: Mapping[str, int]) -> int | None:
    """The base units that must have come from a pack (R-TRACE-2, T1); None if nobody can say.

    A sale line counts what its other codes can't have held; a customer's return takes back its units, at most what
    the code holds.
    """
    if code not in holds:
        return None
    total = 0
    for line in lines:
        if not line.is_sale:
            total -= min(-line.base_units, holds[code])
        elif line.codes <= holds.keys():
            total += max(0, line.base_units - sum(holds[other] for other in line.codes if other != code))
        # Where another code holds nobody knows how much, everything may have come from that one.
    return total


def shortest_between(lines: Iterable[CodedLine]) -> timedelta | None:
    """The shortest time between two sales at different institutions; None if all are at one."""
    ordered = sorted((line for line in lines if line.is_sale), key=lambda line: line.order)
    times = [
        later.at - earlier.at
        for earlier, later in pairwise(ordered)
        if earlier.institution != later.institution
    ]
    return min(times, default=None)


def clues(life: CodeLife, terms: Terms) -> list[Finding]:
    """The clues on a code as of a day: T1, T2, T3, T6, T7, T10a, T10b, T10c (R-TRACE-2)."""
    lines = [line for line in life.lines if line.day <= terms.as_of]
    if not any(terms.judges(line) for line in lines):
        return []
    there = {institution for institution, units in sold_units(lines).items() if units > 0}
    found = [_repeat(life.code, [line for line in lines if line.institution in there], terms)]
    for institution in sorted(there):
        judged = [line for line in lines if line.institution == institution and terms.judges(line)]
        if judged:
            found += _unreceived(life, institution, judged, terms)
            found += _at_odds(life, institution, judged, terms)
    return [one for one in found if one is not None]


def _repeat(code: str, lines: Sequence[CodedLine], terms: Terms) -> Finding | None:
    """T1, or T2 or T3; ``lines`` are those at institutions where the code counts as sold."""
    if not names_one_pack(code):
        return None
    sales = [line for line in lines if line.is_sale]
    institutions = sorted({line.institution for line in sales})
    rule = CheckRule.TRACE_REPEAT_SAME
    if len(institutions) > 1:
        shortest = shortest_between(sales)
        assert shortest is not None, "sales at several institutions have a time between them"
        near = shortest <= timedelta(hours=24 * terms.near_days)
        rule = CheckRule.TRACE_REPEAT_NEAR if near else CheckRule.TRACE_REPEAT_FAR
        hours = -(-int(shortest.total_seconds()) // 3600)
        formula = f"hours between = {hours} {'≤' if near else '>'} 24 × {terms.near_days}"
    elif len(sales) > 1:
        units = units_from(code, lines, terms.holds)
        if units is None or units <= terms.holds[code]:
            return None
        formula = f"units sold = {units} > units held = {terms.holds[code]}"
    else:
        return None
    return Finding(
        rule,
        Grade.HIGH if len(sales) >= HIGH_FROM else Grade.CLUE,
        institution=institutions[0] if len(institutions) == 1 else None,
        distributor=None,
        key=code,
        period=str(terms.month),
        formula=formula,
        figures={"times": len(sales), "institutions": tuple(institutions)},
        rows=tuple(line.number for line in sorted(lines, key=lambda line: line.order)),
    )


def _clue(
    rule: CheckRule, code: str, institution: str, lines: Sequence[CodedLine], terms: Terms, formula: str
) -> Finding | None:
    if not lines:
        return None
    return Finding(
        rule,
        Grade.CLUE,
        institution=institution,
        distributor=None,
        key=code,
        period=str(terms.month),
        formula=formula,
        figures={"times": len(lines)},
        rows=tuple(line.number for line in sorted(lines, key=lambda line: line.order)),
    )


def _unreceived(
    life: CodeLife, institution: str, judged: Sequence[CodedLine], terms: Terms
) -> list[Finding | None]:
    """T6 or T7 at an institution where the code counts as sold."""
    arrivals = [
        one
        for one in life.arrivals
        if one.institution == institution and day_in_china(one.accepted_at) <= terms.as_of
    ]
    returns = [one for one in life.returns if day_in_china(one.agreed_at) <= terms.as_of]
    own = [line for line in judged if _after_own_return(line, arrivals, returns)]
    missing = [] if arrivals else [line for line in judged if not line.excused]
    elsewhere = [day_in_china(one.agreed_at) for one in returns if one.institution != institution]
    if any(line in own or any(day <= line.day for day in elsewhere) for line in missing):
        own += [line for line in missing if line not in own]
        missing = []
    return [
        _clue(
            CheckRule.TRACE_NOT_RECEIVED,
            life.code,
            institution,
            missing,
            terms,
            f"accepted there = 0 < sale lines = {len(missing)}",
        ),
        _clue(
            CheckRule.TRACE_SOLD_AFTER_RETURN,
            life.code,
            institution,
            own,
            terms,
            _return_formula(own, returns),
        ),
    ]


def _after_own_return(line: CodedLine, arrivals: Iterable[Arrival], returns: Iterable[SentBack]) -> bool:
    """Whether the seller had sent the pack back before the day, and not accepted it again by then (T7)."""
    gone = [
        one.agreed_at
        for one in returns
        if one.institution == line.institution and day_in_china(one.agreed_at) < line.day
    ]
    if not gone:
        return False
    last = max(gone)
    return not any(one.accepted_at > last and day_in_china(one.accepted_at) <= line.day for one in arrivals)


def _return_formula(lines: Sequence[CodedLine], returns: Iterable[SentBack]) -> str:
    if not lines:
        return ""
    first = min(day_in_china(one.agreed_at) for one in returns)
    return f"returned on {first} ≤ sold on {max(line.day for line in lines)}"


def _at_odds(
    life: CodeLife, institution: str, judged: Sequence[CodedLine], terms: Terms
) -> list[Finding | None]:
    """T10a, T10b and T10c at an institution where the code counts as sold."""
    arrivals = [
        one
        for one in life.arrivals
        if one.institution == institution and day_in_china(one.accepted_at) <= terms.as_of
    ]
    found: list[Finding | None] = []
    if arrivals:
        first = min(
            arrivals, key=lambda one: (one.accepted_at, one.receipt_no, one.delivered_on)
        ).delivered_on
        early = [line for line in judged if line.day < first]
        expiry = min(one.expiry for one in arrivals)
        late = [line for line in judged if line.day > expiry]
        rule, formula = CheckRule.TRACE_BEFORE_RECEIPT, f"sold before delivered on {first}"
        found.append(_clue(rule, life.code, institution, early, terms, formula))
        formula = f"sold after expiry on {expiry}"
        found.append(_clue(CheckRule.TRACE_EXPIRED, life.code, institution, late, terms, formula))
    product = terms.products.get(life.code)
    if product is not None:
        other = [line for line in judged if line.item is not None and line.item != product]
        formula = f"item of the code = {product} ≠ item sold"
        found.append(_clue(CheckRule.TRACE_WRONG_ITEM, life.code, institution, other, terms, formula))
    return found
