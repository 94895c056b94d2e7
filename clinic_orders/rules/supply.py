"""Supply problems 供应问题 and the backup item that counts meanwhile (R-VOL-7)."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from clinic_orders.rules.errors import N_, RuleBroken


class BackupIsTheItem(RuleBroken):
    """An item can't stand in for itself."""

    message = N_("The backup item is the item itself. Choose another one, or leave it empty.")


class ProblemEndsBeforeStart(RuleBroken):
    """The last day of a problem lies before its first."""

    message = N_("The last day (%(last)s) is before the first day (%(first)s). Correct one of them.")


class ProblemKnown(RuleBroken):
    """The item is known to be short there on that day."""

    message = N_("This is known since %(first)s. You need not report it again.")


class ProblemDecided(RuleBroken):
    """Somebody has verified or refused the report already."""

    message = N_("This report has been decided already. Look at its page again.")


class ProblemNotRunning(RuleBroken):
    """Only a verified problem that has no last day yet can be ended."""

    message = N_("Only a verified problem without a last day can be ended. Look at its page again.")


class WordsMissing(RuleBroken):
    """Whoever reports or refuses says something about it."""

    message = N_("Say what is the matter, in one sentence.")


class NotYourCounty(RuleBroken):
    """A county bureau decides about its county, the city about all."""

    message = N_("A problem of the whole city is decided by the city bureau.")


class ProblemInFuture(RuleBroken):
    """A problem is reported when it is there."""

    message = N_("The first day (%(first)s) is still to come. Report the problem when it is there.")


class ProblemState(StrEnum):
    """Where a report of a supply problem stands."""

    WAITING = "waiting"
    VERIFIED = "verified"
    ENDED = "ended"
    REFUSED = "refused"


class ProblemFacts(Protocol):
    """What decides where a problem stands."""

    @property
    def verified_at(self) -> datetime | None:
        """When the bureau verified it."""

    @property
    def refused_at(self) -> datetime | None:
        """When the bureau refused it."""

    @property
    def last_day(self) -> date | None:
        """Its last day, if there is one."""


def problem_state(facts: ProblemFacts, *, on: date) -> ProblemState:
    """Where a problem stands on a day; it has ended from the day after its last one."""
    if facts.refused_at is not None:
        return ProblemState.REFUSED
    if facts.verified_at is None:
        return ProblemState.WAITING
    if facts.last_day is not None and facts.last_day < on:
        return ProblemState.ENDED
    return ProblemState.VERIFIED


def check_problem(*, item: str, backup: str, first_day: date, last_day: date | None) -> None:
    """Refuse a supply problem that can't be one.

    Raises:
        BackupIsTheItem, ProblemEndsBeforeStart: what is wrong.

    >>> check_problem(item="A", backup="B", first_day=date(2026, 1, 1), last_day=None)
    """
    if backup and backup == item:
        raise BackupIsTheItem
    if last_day is not None and last_day < first_day:
        raise ProblemEndsBeforeStart(first=first_day, last=last_day)


def holds_on(day: date, *, first_day: date, last_day: date | None) -> bool:
    """Whether a day is one of a problem's days, both ends included.

    >>> holds_on(date(2026, 1, 2), first_day=date(2026, 1, 1), last_day=date(2026, 1, 2))
    True
    """
    return first_day <= day and (last_day is None or day <= last_day)
