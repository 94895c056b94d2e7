"""Severe letters, their notice and their days, and when a cancelled party may come back (R-CASE-2, R-CASE-4)."""

from __future__ import annotations

from datetime import date

from clinic_orders.rules.days import add_months
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.ladder.levels import (
    SEVERE,
    Level,
)


class PriorNoticeMissing(RuleBroken):
    """Rights are taken away only after the party was told and could speak (R-CASE-2)."""

    message = N_(
        "Suspension, cancellation and proposals about designated status need a prior notice of this very step first. Give the notice, let it be signed for, and wait for the answer or the last day."
    )


class LevelIsSevere(RuleBroken):
    """A severe letter is proposed and countersigned, never issued by one person."""

    message = N_("This level needs a prior notice and a second officer. Give the prior notice first.")


class LevelIsNotSevere(RuleBroken):
    """Prior notice is given of what takes rights away."""

    message = N_(
        "A prior notice is given only of suspension, cancellation or a proposal about designated status."
    )


class SuspensionDaysMissing(RuleBroken):
    """A suspension has a first and a last day (R-CASE-4)."""

    message = N_("Give the first and the last day of the suspension.")


class SuspensionInThePast(RuleBroken):
    """Nobody is suspended for days that are gone."""

    message = N_("The suspension can begin on %(today)s at the earliest.")


class LastDayBeforeFirst(RuleBroken):
    """A suspension ends before it begins."""

    message = N_("The last day (%(last)s) is before the first day (%(first)s). Correct one of them.")


class SentBackNeedsReason(RuleBroken):
    """Whoever does not sign says why."""

    message = N_("Say why you do not sign. The first officer reads it.")


class DecisionNeedsReason(RuleBroken):
    """A decision says what it rests on."""

    message = N_("Say why. The party reads it, and it stays in the case.")


def check_issue_level(level: Level) -> None:
    """Refuse to issue a severe letter without its own way (R-CASE-2).

    Raises:
        LevelIsSevere: it is one.

    """
    if level in SEVERE:
        raise LevelIsSevere


def check_notice_level(level: Level) -> None:
    """Refuse a prior notice of what needs none.

    Raises:
        LevelIsNotSevere: it needs none.

    """
    if level not in SEVERE:
        raise LevelIsNotSevere


def check_prior_notice(level: Level, *, noticed: Level | None) -> None:
    """Refuse to propose a level other than the one of which the last letter gave notice.

    Args:
        level: proposed.
        noticed: of which the last letter, signed for, gave prior notice; None if it was no prior notice.

    Raises:
        PriorNoticeMissing: there was none of this level.

    """
    check_notice_level(level)
    if noticed is not level:
        raise PriorNoticeMissing


def check_suspension_days(first: date | None, last: date | None, *, today: date) -> tuple[date, date]:
    """The days of a suspension (R-CASE-4).

    Raises:
        SuspensionDaysMissing, SuspensionInThePast, LastDayBeforeFirst: they do not go.

    """
    if first is None or last is None:
        raise SuspensionDaysMissing
    if first < today:
        raise SuspensionInThePast(today=today)
    if last < first:
        raise LastDayBeforeFirst(first=first, last=last)
    return first, last


def decision_reason(reason: str) -> str:
    """The reason of a decision without blanks around it.

    Raises:
        DecisionNeedsReason: nothing is said.

    """
    said = reason.strip()
    if not said:
        raise DecisionNeedsReason
    return said


# Re-entry (R-CASE-4) -----------------------------------------------------------------------------------


class ReentryTooEarly(RuleBroken):
    """A cancelled institution can't come back before its time."""

    message = N_(
        "%(code)s was cancelled by %(document)s and can take part again from %(day)s on. Choose that day or a later one."
    )


def reentry_day(cancelled_on: date, months: int) -> date:
    """The first day on which a cancelled institution may be a member again (R-CASE-4).

    The same day so many months later; where that month is too short, its last day.

    >>> reentry_day(date(2026, 8, 31), 6)
    datetime.date(2027, 2, 28)

    """
    return add_months(cancelled_on, months)
