"""The levels of the ladder, and which of them a party may meet (R-CASE-2)."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.parties import PUBLIC_KINDS, InstitutionKind


class Level(IntEnum):
    """The eight steps of R-CASE-2, the mildest first."""

    REMINDER = 1
    INQUIRY = 2
    BULLETIN = 3
    INTERVIEW = 4
    RECTIFICATION = 5
    SUSPENSION = 6
    CANCELLATION = 7
    PROPOSAL = 8


SEVERE: Final = frozenset({Level.SUSPENSION, Level.CANCELLATION, Level.PROPOSAL})
"""The levels that need a prior notice and a second officer."""

RECHECK_DAYS: Final = 30
"""After how many days a re-check is proposed; a habit, no rule: the officer sets the day."""


def ladder_of(kind: InstitutionKind | None) -> tuple[Level, ...]:
    """The levels that there are for a party, in their order (R-CASE-2, R-CASE-4).

    Public institutions are not cancelled: they are rectified. A distributor takes no part in procurement as a buyer
    and has no designated status, so its ladder ends with rectification.

    Args:
        kind: of the institution; None for a distributor.

    """
    if kind is None:
        return tuple(level for level in Level if level not in SEVERE)
    if kind in PUBLIC_KINDS:
        return tuple(level for level in Level if level is not Level.CANCELLATION)
    return tuple(Level)


def next_level(current: Level | None, kind: InstitutionKind | None) -> Level | None:
    """The next level of a party's ladder above the one reached; None at its end."""
    return next((level for level in ladder_of(kind) if current is None or level > current), None)


def levels_above(current: Level | None, kind: InstitutionKind | None) -> tuple[Level, ...]:
    """Every level that a letter could still have."""
    return tuple(level for level in ladder_of(kind) if current is None or level > current)


class LevelNotOnLadder(RuleBroken):
    """Public institutions are rectified instead of cancelled; distributors have no right to lose here."""

    message = N_(
        "This level is not for this party: public institutions are rectified and never cancelled, and the ladder of a distributor ends with rectification. Choose rectification."
    )


class LevelNotHigher(RuleBroken):
    """A case goes up, never down and never the same way twice."""

    message = N_("The case has reached level %(current)s already. Choose a higher one, or accept the answer.")


class JumpNeedsReason(RuleBroken):
    """A level that is left out is left out for a reason (R-CASE-2)."""

    message = N_("Level %(next)s would come first. Say why it is left out; the letter gives this reason.")


def is_jump(level: Level, current: Level | None, kind: InstitutionKind | None) -> bool:
    """Whether a level leaves out one that comes before it on the party's ladder."""
    return level is not next_level(current, kind)


def check_level(level: Level, current: Level | None, kind: InstitutionKind | None, *, reason: str) -> str:
    """The reason for a jump without blanks around it, or "" where nothing is left out (R-CASE-2).

    Raises:
        LevelNotOnLadder, LevelNotHigher, JumpNeedsReason: a letter of this level can't be written.

    >>> check_level(Level.CANCELLATION, Level.RECTIFICATION, InstitutionKind.TOWNSHIP_HOSPITAL, reason="x")
    Traceback (most recent call last):
    ...
    clinic_orders.rules.ladder.levels.LevelNotOnLadder: This level is not for this party: public institutions are rectified and never cancelled, and the ladder of a distributor ends with rectification. Choose rectification.

    """
    if level not in ladder_of(kind):
        raise LevelNotOnLadder
    if current is not None and level <= current:
        raise LevelNotHigher(current=int(current))
    said = reason.strip()
    expected = next_level(current, kind)
    if level is expected:
        return ""
    if not said:
        raise JumpNeedsReason(next=int(expected or level))
    return said
