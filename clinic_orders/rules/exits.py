"""Leaving the roster on one's own wish: who may ask, the states of a request, what stays (R-ROSTER-3).

Public institutions all take part, so they don't ask; they are rectified, merged or closed by the bureau (R-CASE-4).

>>> ExitState.ASKED in EXIT_STEPS[ExitStep.AGREE][0]
True
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Final

from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.parties import PUBLIC_KINDS, InstitutionKind


class ExitState(StrEnum):
    """Where a request to leave stands."""

    ASKED = "asked"
    WITHDRAWN = "withdrawn"
    AGREED = "agreed"
    REFUSED = "refused"


class ExitStep(StrEnum):
    """One deed on a request to leave."""

    ASK = "ask"
    WITHDRAW = "withdraw"
    AGREE = "agree"
    REFUSE = "refuse"


EXIT_STEPS: Final[Mapping[ExitStep, tuple[frozenset[ExitState | None], ExitState]]] = {
    ExitStep.ASK: (
        frozenset({None, ExitState.WITHDRAWN, ExitState.REFUSED, ExitState.AGREED}),
        ExitState.ASKED,
    ),
    ExitStep.WITHDRAW: (frozenset({ExitState.ASKED}), ExitState.WITHDRAWN),
    ExitStep.AGREE: (frozenset({ExitState.ASKED}), ExitState.AGREED),
    ExitStep.REFUSE: (frozenset({ExitState.ASKED}), ExitState.REFUSED),
}
"""Each step with the states of the last request that it needs (None: there was none) and where it leads."""


class ExitOutOfTurn(RuleBroken):
    """The request is not in a state for this step."""

    message = N_("The request has been decided or withdrawn meanwhile. Look at it again.")


class PublicStays(RuleBroken):
    """Public institutions all take part."""

    message = N_("Public institutions all take part and can't ask to leave. Call your county bureau.")


class ExitNeedsReason(RuleBroken):
    """Both sides say why."""

    message = N_("Give the reason.")


class ExitDayTooEarly(RuleBroken):
    """The last day of the membership is still to come."""

    message = N_("The last day is %(first)s at the earliest.")


def check_exit_step(step: ExitStep, state: ExitState | None) -> ExitState:
    """The state to which a step leads.

    Raises:
        ExitOutOfTurn: the state does not allow it.

    >>> check_exit_step(ExitStep.ASK, None)
    <ExitState.ASKED: 'asked'>

    """
    before, after = EXIT_STEPS[step]
    if state not in before:
        raise ExitOutOfTurn
    return after


def check_exit(kind: InstitutionKind, reason: str, last_day: date, *, today: date) -> str:
    """The reason of a request, checked with its last day.

    Raises:
        PublicStays, ExitNeedsReason, ExitDayTooEarly: it can't be asked.

    """
    if kind in PUBLIC_KINDS:
        raise PublicStays
    if last_day < today:
        raise ExitDayTooEarly(first=today)
    return exit_reason(reason)


def exit_reason(reason: str) -> str:
    """A reason without blanks around it.

    Raises:
        ExitNeedsReason: nothing is said.

    """
    said = reason.strip()[:500]
    if not said:
        raise ExitNeedsReason
    return said
