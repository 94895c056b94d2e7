"""The county's opinion and the city's decision: reasons, when a second officer looks, how long the list is out (R-ROSTER-2)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from enum import StrEnum

from clinic_orders.rules.applications.facts import Met
from clinic_orders.rules.errors import N_, RuleBroken


class Opinion(StrEnum):
    """What the county thinks."""

    FAVOURABLE = "favourable"
    UNFAVOURABLE = "unfavourable"


class DecisionKind(StrEnum):
    """What the city decides."""

    ADMIT = "admit"
    REFUSE = "refuse"


class OpinionNeedsReason(RuleBroken):
    """The applicant reads why."""

    message = N_("Give the reasons. The applicant reads them.")


class SecondLookNeeded(RuleBroken):
    """The decision goes against the county's opinion or a condition, or takes a chance away."""

    message = N_(
        "This decision is looked at by a second officer: it refuses, differs from the county's opinion, or a condition is not met. Send it to the second look."
    )


class NoticeRunning(RuleBroken):
    """Nobody comes on the roster while the public may still object."""

    message = N_("The published list is out until %(day)s. Put it on the roster from the day after on.")


def said_with_reason(text: str) -> str:
    """The reasons without blanks around them.

    Raises:
        OpinionNeedsReason: nothing is said.

    """
    said = text.strip()
    if not said:
        raise OpinionNeedsReason
    return said


def needs_second_look(decision: DecisionKind, opinion: Opinion, met: Iterable[Met]) -> bool:
    """Whether a second officer of the city has to look at a decision.

    A refusal takes something away; an admission against the county, or with a condition that is not met or not
    known, gives something that others were refused.

    >>> needs_second_look(DecisionKind.ADMIT, Opinion.FAVOURABLE, [])
    False
    >>> needs_second_look(DecisionKind.REFUSE, Opinion.UNFAVOURABLE, [])
    True

    """
    if decision is DecisionKind.REFUSE or opinion is Opinion.UNFAVOURABLE:
        return True
    return any(not one.holds for one in met)


def check_second_look(decision: DecisionKind, opinion: Opinion, met: Iterable[Met]) -> None:
    """Refuse a decision by one officer that needs two.

    Raises:
        SecondLookNeeded: it does.

    """
    if needs_second_look(decision, opinion, met):
        raise SecondLookNeeded


def published_until(first: date, days: int) -> date:
    """The last day of a published list, its first day included; at least that day.

    >>> published_until(date(2026, 11, 20), 7)
    datetime.date(2026, 11, 26)

    """
    return first + timedelta(days=max(days, 1) - 1)
