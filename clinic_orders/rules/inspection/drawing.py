"""The random draw 双随机: institutions and inspectors, repeatable by anybody from the seed and the roster (R-CASE-5).

The rule, so that everybody can repeat it with nothing but SHA-256:

1. Every institution gets the number ``SHA-256("<seed>|institution|<code>")``, written in 64 hexadecimal digits, of the
   text in UTF-8. The codes are put in the order of these numbers, the smallest first. The first *n* are drawn.
2. The institutions are gone through in the order in which they were drawn. For each the inspectors are put in order:
   who was drawn for fewer institutions before comes first, among equals who has the smaller number
   ``SHA-256("<seed>|inspector|<code>|<place of the inspector in the list>")``. The first *k* visit it together.

So the same seed, roster and list give the same draw, nobody can foresee it before the seed is known, and the work is
even: no inspector has more than one visit more than another. Which roster it was is told by the hash of its codes.

>>> draw(["A", "B", "C", "D"], 2, seed="2026")
('D', 'A')
>>> rank("2026", "institution", "D")[:12], rank("2026", "institution", "A")[:12]
('0d0c602b828f', '651dcb48994f')
>>> draw_inspectors(("D", "A"), 3, each=2, seed="2026")
{'D': (1, 2), 'A': (2, 3)}
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Final

from clinic_orders.rules.errors import N_, RuleBroken

ALGORITHM: Final = "sha256-1"
"""The name of this rule; another rule would get another name, and old draws keep theirs."""
SEED: Final = 64
"""Characters of a seed."""


class NothingToDraw(RuleBroken):
    """A draw is from somebody."""

    message = N_("Nobody is left to draw from. Widen the area or the kinds of the plan.")


class TooManyToDraw(RuleBroken):
    """More are wanted than there are."""

    message = N_("%(wanted)s are to be drawn and only %(there)s can be. Draw fewer, or widen the area.")


class SeedMissing(RuleBroken):
    """Without a seed nobody can repeat a draw."""

    message = N_("Give a seed of 4 to 64 signs, such as numbers drawn in front of witnesses.")


class TooFewInspectors(RuleBroken):
    """A visit is made by two at least."""

    message = N_("A visit is made by %(each)s inspectors, and the plan names %(there)s. Name more.")


class AnotherDrawNeedsReason(RuleBroken):
    """Whoever draws until the result pleases does not draw."""

    message = N_("Something was drawn already. Say why it is drawn again; both draws stay on record.")


def rank(seed: str, *parts: object) -> str:
    """The number by which something is put in order."""
    return sha256("|".join((seed, *map(str, parts))).encode()).hexdigest()


def check_seed(seed: str) -> str:
    """A seed without blanks around it.

    Raises:
        SeedMissing: it is too short or too long.

    """
    kept = seed.strip()
    if not 4 <= len(kept) <= SEED:
        raise SeedMissing
    return kept


def draw(codes: Iterable[str], count: int, *, seed: str) -> tuple[str, ...]:
    """The institutions drawn, in the order of the draw.

    Args:
        codes: the roster of the day as far as the plan covers it; its order plays no part.
        count: how many.
        seed: the seed.

    Raises:
        NothingToDraw, TooManyToDraw: they can't be drawn.

    """
    pool = sorted(set(codes))
    if not pool or count < 1:
        raise NothingToDraw
    if count > len(pool):
        raise TooManyToDraw(wanted=count, there=len(pool))
    return tuple(sorted(pool, key=lambda code: rank(seed, "institution", code))[:count])


def draw_inspectors(
    drawn: Sequence[str], inspectors: int, *, each: int, seed: str
) -> dict[str, tuple[int, ...]]:
    """Who visits whom: the places of the inspectors in the list, from 1, by institution.

    Args:
        drawn: the institutions in the order of the draw.
        inspectors: how many the list has.
        each: how many visit an institution together.
        seed: the seed.

    Raises:
        TooFewInspectors: the list is shorter than that.

    """
    if inspectors < each:
        raise TooFewInspectors(each=each, there=inspectors)
    load = dict.fromkeys(range(1, inspectors + 1), 0)
    found: dict[str, tuple[int, ...]] = {}
    for code in drawn:
        ordered = sorted(load, key=lambda place: (load[place], rank(seed, "inspector", code, place)))
        chosen = tuple(sorted(ordered[:each]))
        for place in chosen:
            load[place] += 1
        found[code] = chosen
    return found


def roster_hash(codes: Iterable[str]) -> str:
    """The hash of a roster: SHA-256 of its codes in order, each on a line of its own.

    >>> roster_hash(["B", "A"]) == roster_hash(["A", "B"])
    True
    """
    return sha256("\n".join(sorted(set(codes))).encode()).hexdigest()
