"""The steps of plans and of visits as two tables: from which state, and where to (R-CASE-5).

>>> check_visit_step(VisitStep.SIGN, VisitState.RECORDED)
<VisitState.SIGNED: 'signed'>
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from clinic_orders.rules.errors import N_, RuleBroken

PLAN_NAME: Final = 80
BASIS: Final = 200
NOTE: Final = 500
MOST_VISITS: Final = 2000


class PlanState(StrEnum):
    """Where a plan stands. DRAFT: it is being made. RUNNING: visits are made. ENDED, WITHDRAWN: over."""

    DRAFT = "draft"
    RUNNING = "running"
    ENDED = "ended"
    WITHDRAWN = "withdrawn"


class PlanStep(StrEnum):
    """One deed on a plan."""

    MAKE = "make"
    CHANGE = "change"
    CHOOSE = "choose"
    DRAW = "draw"
    START = "start"
    END = "end"
    REOPEN = "reopen"
    WITHDRAW = "withdraw"


class VisitState(StrEnum):
    """Where a visit stands.

    PLANNED: nobody has been there. RECORDED: answers are in, not signed. SIGNED: the record is whole, findings
    stand. NOT_MET: nobody was there, or the door was shut. DROPPED: taken off the plan.
    """

    PLANNED = "planned"
    RECORDED = "recorded"
    SIGNED = "signed"
    NOT_MET = "not_met"
    DROPPED = "dropped"


class VisitStep(StrEnum):
    """One deed on a visit."""

    PLAN = "plan"
    RECORD = "record"
    SIGN = "sign"
    TAKE_BACK = "take_back"
    NOT_MET = "not_met"
    DROP = "drop"
    RESTORE = "restore"
    LOOK_BACK = "look_back"


class Choice(StrEnum):
    """Why an institution is visited: what was found, its risk, the draw, by hand, to look again."""

    FINDINGS = "findings"
    RISK = "risk"
    DRAW = "draw"
    HAND = "hand"
    LOOK_BACK = "look_back"


@dataclass(frozen=True, slots=True)
class PlanRow:
    """One row of the table of plans; None: there is no plan yet."""

    step: PlanStep
    before: PlanState | None
    after: PlanState


@dataclass(frozen=True, slots=True)
class VisitRow:
    """One row of the table of visits; None: there is no visit yet."""

    step: VisitStep
    before: VisitState | None
    after: VisitState


_P, _PS, _V, _VS = PlanState, PlanStep, VisitState, VisitStep
PLAN_STEPS: Final = (
    PlanRow(_PS.MAKE, None, _P.DRAFT),
    PlanRow(_PS.CHANGE, _P.DRAFT, _P.DRAFT),
    *(PlanRow(_PS.CHOOSE, state, state) for state in (_P.DRAFT, _P.RUNNING)),
    *(PlanRow(_PS.DRAW, state, state) for state in (_P.DRAFT, _P.RUNNING)),
    PlanRow(_PS.START, _P.DRAFT, _P.RUNNING),
    PlanRow(_PS.END, _P.RUNNING, _P.ENDED),
    PlanRow(_PS.REOPEN, _P.ENDED, _P.RUNNING),
    PlanRow(_PS.WITHDRAW, _P.DRAFT, _P.WITHDRAWN),
)
"""Every step of a plan."""
VISIT_STEPS: Final = (
    VisitRow(_VS.PLAN, None, _V.PLANNED),
    *(VisitRow(_VS.RECORD, state, _V.RECORDED) for state in (_V.PLANNED, _V.RECORDED, _V.NOT_MET)),
    VisitRow(_VS.SIGN, _V.RECORDED, _V.SIGNED),
    # A signed record that was wrong is taken back with a reason; what it said stays in the course of the visit.
    VisitRow(_VS.TAKE_BACK, _V.SIGNED, _V.RECORDED),
    VisitRow(_VS.NOT_MET, _V.PLANNED, _V.NOT_MET),
    VisitRow(_VS.DROP, _V.PLANNED, _V.DROPPED),
    *(VisitRow(_VS.RESTORE, state, _V.PLANNED) for state in (_V.NOT_MET, _V.DROPPED)),
    VisitRow(_VS.LOOK_BACK, _V.SIGNED, _V.SIGNED),
)
"""Every step of a visit."""


class InspectionStepRefused(RuleBroken):
    """The step can't be taken now."""

    message = N_(
        "This is not possible at this point of the inspection. Look at it again: somebody may have gone on with it. Nothing was changed."
    )


class PlanNeedsVisits(RuleBroken):
    """A plan that visits nobody is no plan."""

    message = N_("Choose at least one institution first.")


class PlanNotRunning(RuleBroken):
    """Visits are made while their plan runs."""

    message = N_("The plan of this visit has not been started, or is over. Start it first, or open it again.")


class PlanDaysWrong(RuleBroken):
    """The last day of a plan lies before its first."""

    message = N_("The last day (%(last)s) is before the first day (%(first)s). Correct one of them.")


class PlanNameMissing(RuleBroken):
    """A plan has a name."""

    message = N_("Give the plan a name, in at most %(limit)s characters.")


class BasisMissing(RuleBroken):
    """An inspection rests on a document."""

    message = N_("Name the document on which the inspection rests.")


class StepReasonMissing(RuleBroken):
    """What is taken off or back is so for a reason."""

    message = N_("Say why. It stays in the course of the inspection.")


class VisitedAlready(RuleBroken):
    """An institution is visited once in a plan."""

    message = N_("%(name)s is on this plan already.")


class PlanTooLarge(RuleBroken):
    """More visits than a plan holds."""

    message = N_("A plan holds at most %(limit)s institutions. Make a second one.")


def check_plan_step(step: PlanStep, state: PlanState | None) -> PlanState:
    """The state to which a step leads.

    Raises:
        InspectionStepRefused: it can't be taken from this state.

    """
    for row in PLAN_STEPS:
        if row.step is step and row.before is state:
            return row.after
    raise InspectionStepRefused


def check_visit_step(step: VisitStep, state: VisitState | None) -> VisitState:
    """The state to which a step leads.

    Raises:
        InspectionStepRefused: it can't be taken from this state.

    """
    for row in VISIT_STEPS:
        if row.step is step and row.before is state:
            return row.after
    raise InspectionStepRefused


def plan_steps_from(state: PlanState) -> list[PlanStep]:
    """The steps that can be taken now, in the order of the table."""
    return [row.step for row in PLAN_STEPS if row.before is state]


def visit_steps_from(state: VisitState) -> list[VisitStep]:
    """The steps that can be taken now, in the order of the table."""
    return [row.step for row in VISIT_STEPS if row.before is state]


def check_plan(name: str, first_day: date, last_day: date, basis: str) -> tuple[str, str]:
    """The name and the basis of a plan without blanks around them.

    Raises:
        PlanNameMissing, PlanDaysWrong, BasisMissing: what is wrong.

    """
    called, rests = name.strip(), basis.strip()
    if not called or len(called) > PLAN_NAME:
        raise PlanNameMissing(limit=PLAN_NAME)
    if last_day < first_day:
        raise PlanDaysWrong(first=first_day, last=last_day)
    if not rests or len(rests) > BASIS:
        raise BasisMissing
    return called, rests


def step_reason(text: str) -> str:
    """A reason without blanks around it.

    Raises:
        StepReasonMissing: nothing is said, or too much.

    """
    said = text.strip()
    if not said or len(said) > NOTE:
        raise StepReasonMissing
    return said
