"""The steps of an application as one table: from which state, by whom, and where to (R-ROSTER-2)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from clinic_orders.rules.errors import N_, RuleBroken


class ApplicationState(StrEnum):
    """Where an application stands.

    DRAFT: being filled in. SUBMITTED: waits for the county's opinion. RETURNED: sent back, something is missing.
    ASSESSED: the county has given its opinion, the city decides. PROPOSED: a decision waits for the second officer.
    PUBLISHED: to be admitted, on the published list until its days are over. REFUSED, WITHDRAWN, ADMITTED: over.
    """

    DRAFT = "draft"
    SUBMITTED = "submitted"
    RETURNED = "returned"
    ASSESSED = "assessed"
    PROPOSED = "proposed"
    PUBLISHED = "published"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    ADMITTED = "admitted"


APPLICATION_OVER: Final = frozenset(
    {ApplicationState.REFUSED, ApplicationState.WITHDRAWN, ApplicationState.ADMITTED}
)
"""The states in which nothing more happens."""
FILLED_IN: Final = frozenset({ApplicationState.DRAFT, ApplicationState.RETURNED})
"""The states in which the applicant writes."""


class ApplicationStep(StrEnum):
    """One deed in the life of an application."""

    BEGIN = "begin"
    FILL_IN = "fill_in"
    SIGN = "sign"
    SUBMIT = "submit"
    SEND_BACK = "send_back"
    GIVE_OPINION = "give_opinion"
    ADMIT = "admit"
    REFUSE = "refuse"
    PROPOSE = "propose"
    CONFIRM = "confirm"
    OVERRULE = "overrule"
    STOP = "stop"
    ENROL = "enrol"
    WITHDRAW = "withdraw"


class ApplicationSide(StrEnum):
    """What somebody is to an application.

    APPLICANT: whoever holds its number and secret. COUNTY: an officer of the county in which it lies. CITY: an officer
    of the city. SECOND: an officer of the city who did not make the decision at hand.
    """

    APPLICANT = "applicant"
    COUNTY = "county"
    CITY = "city"
    SECOND = "second"


@dataclass(frozen=True, slots=True)
class ApplicationRow:
    """One row of the table: a step, the state it needs (None: nothing yet), where it leads, who takes it."""

    step: ApplicationStep
    before: ApplicationState | None
    after: ApplicationState
    side: ApplicationSide


_S, _A, _W = ApplicationState, ApplicationStep, ApplicationSide

APPLICATION_STEPS: Final = (
    ApplicationRow(_A.BEGIN, None, _S.DRAFT, _W.APPLICANT),
    *(ApplicationRow(_A.FILL_IN, state, state, _W.APPLICANT) for state in (_S.DRAFT, _S.RETURNED)),
    *(ApplicationRow(_A.SIGN, state, state, _W.APPLICANT) for state in (_S.DRAFT, _S.RETURNED)),
    *(ApplicationRow(_A.SUBMIT, state, _S.SUBMITTED, _W.APPLICANT) for state in (_S.DRAFT, _S.RETURNED)),
    ApplicationRow(_A.SEND_BACK, _S.SUBMITTED, _S.RETURNED, _W.COUNTY),
    ApplicationRow(_A.SEND_BACK, _S.ASSESSED, _S.RETURNED, _W.CITY),
    ApplicationRow(_A.GIVE_OPINION, _S.SUBMITTED, _S.ASSESSED, _W.COUNTY),
    # What goes against nobody's opinion and no condition is decided by one officer, the rest by two.
    ApplicationRow(_A.ADMIT, _S.ASSESSED, _S.PUBLISHED, _W.CITY),
    ApplicationRow(_A.REFUSE, _S.ASSESSED, _S.REFUSED, _W.CITY),
    ApplicationRow(_A.PROPOSE, _S.ASSESSED, _S.PROPOSED, _W.CITY),
    ApplicationRow(_A.CONFIRM, _S.PROPOSED, _S.PUBLISHED, _W.SECOND),
    ApplicationRow(_A.CONFIRM, _S.PROPOSED, _S.REFUSED, _W.SECOND),
    ApplicationRow(_A.OVERRULE, _S.PROPOSED, _S.ASSESSED, _W.SECOND),
    # Somebody objected while the list was out: the city looks again.
    ApplicationRow(_A.STOP, _S.PUBLISHED, _S.ASSESSED, _W.CITY),
    ApplicationRow(_A.ENROL, _S.PUBLISHED, _S.ADMITTED, _W.CITY),
    *(
        ApplicationRow(_A.WITHDRAW, state, _S.WITHDRAWN, _W.APPLICANT)
        for state in (_S.DRAFT, _S.SUBMITTED, _S.RETURNED, _S.ASSESSED, _S.PROPOSED, _S.PUBLISHED)
    ),
)
"""Every step with the state it needs, the state after it, and who may take it."""


class ApplicationStepNotAllowed(RuleBroken):
    """The step can't be taken now, or not by this actor."""


class ApplicationStepOutOfTurn(ApplicationStepNotAllowed):
    """The application is not in a state for this step."""

    message = N_(
        "This is not possible at this point of the application. Look at it again: it may have moved on. Nothing was changed."
    )


class ApplicationStepNotYours(ApplicationStepNotAllowed):
    """Somebody else takes this step."""

    message = N_("This step is taken by somebody else: the applicant, the county, or the city bureau.")


class SecondLookMissing(ApplicationStepNotAllowed):
    """Whoever made a decision does not look at it a second time."""

    message = N_("You made this decision yourself. Another officer of the city bureau has to look at it.")


def application_steps_open_to(
    sides: Iterable[ApplicationSide], state: ApplicationState | None
) -> list[ApplicationStep]:
    """The steps that somebody on these sides may take from a state, each once, in the order of the table.

    >>> application_steps_open_to({ApplicationSide.COUNTY}, ApplicationState.SUBMITTED)
    [<ApplicationStep.SEND_BACK: 'send_back'>, <ApplicationStep.GIVE_OPINION: 'give_opinion'>]

    """
    mine = frozenset(sides)
    return list(
        dict.fromkeys(row.step for row in APPLICATION_STEPS if row.before is state and row.side in mine)
    )


def check_application_step(
    step: ApplicationStep,
    state: ApplicationState | None,
    sides: Iterable[ApplicationSide],
    *,
    towards: ApplicationState | None = None,
) -> ApplicationState:
    """The state to which a step leads.

    Args:
        step: what is to be done.
        state: where the application stands.
        sides: what the actor is to it.
        towards: the state wanted, where the table knows several (a decision confirmed).

    Raises:
        SecondLookMissing: only the second officer may, and the actor is the first.
        ApplicationStepNotYours: no side of the actor ever takes this step.
        ApplicationStepOutOfTurn: the state does not allow it (any more).

    """
    mine = frozenset(sides)
    rows = [row for row in APPLICATION_STEPS if row.step is step]
    own = [row for row in rows if row.side in mine]
    if not own:
        if ApplicationSide.CITY in mine and rows[0].side is ApplicationSide.SECOND:
            raise SecondLookMissing
        raise ApplicationStepNotYours(step=step.value)
    for row in own:
        if row.before is state and (towards is None or row.after is towards):
            return row.after
    raise ApplicationStepOutOfTurn(step=step.value, state=None if state is None else state.value)
