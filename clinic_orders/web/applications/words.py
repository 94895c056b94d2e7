"""What the states, steps, parts, facts and papers of applications are called on screen, and what comes next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from clinic_orders.rules.applications import (
    ApplicationSide,
    ApplicationState,
    ApplicationStep,
    Condition,
    DecisionKind,
    FileUse,
    NegativeFact,
    Opinion,
    Part,
)
from clinic_orders.rules.errors import N_
from clinic_orders.web.display import register_labels

register_labels(
    {
        ApplicationState.DRAFT: N_("Being filled in"),
        ApplicationState.SUBMITTED: N_("Waiting for the county's opinion"),
        ApplicationState.RETURNED: N_("Sent back to be completed"),
        ApplicationState.ASSESSED: N_("Waiting for the city's decision"),
        ApplicationState.PROPOSED: N_("Waiting for the second look"),
        ApplicationState.PUBLISHED: N_("On the published list"),
        ApplicationState.REFUSED: N_("Not admitted"),
        ApplicationState.WITHDRAWN: N_("Withdrawn by the applicant"),
        ApplicationState.ADMITTED: N_("On the roster"),
    }
)
register_labels(
    {
        ApplicationStep.BEGIN: N_("Application begun"),
        ApplicationStep.FILL_IN: N_("Filled in"),
        ApplicationStep.SIGN: N_("Commitment letter signed"),
        ApplicationStep.SUBMIT: N_("Application sent"),
        ApplicationStep.SEND_BACK: N_("Sent back to be completed"),
        ApplicationStep.GIVE_OPINION: N_("Opinion of the county"),
        ApplicationStep.ADMIT: N_("City: to be admitted, published"),
        ApplicationStep.REFUSE: N_("City: not admitted"),
        ApplicationStep.PROPOSE: N_("City: decided, to be looked at by a second officer"),
        ApplicationStep.CONFIRM: N_("Second look: confirmed"),
        ApplicationStep.OVERRULE: N_("Second look: decide anew"),
        ApplicationStep.STOP: N_("Objection: taken off the published list"),
        ApplicationStep.ENROL: N_("Put on the roster"),
        ApplicationStep.WITHDRAW: N_("Withdrawn by the applicant"),
    }
)
register_labels(
    {
        ApplicationSide.APPLICANT: N_("Applicant"),
        ApplicationSide.COUNTY: N_("County bureau"),
        ApplicationSide.CITY: N_("City bureau"),
        ApplicationSide.SECOND: N_("Second officer"),
    }
)
register_labels({Opinion.FAVOURABLE: N_("For admission"), Opinion.UNFAVOURABLE: N_("Against admission")})
register_labels({DecisionKind.ADMIT: N_("Admit"), DecisionKind.REFUSE: N_("Do not admit")})
register_labels(
    {
        Part.UNIT: N_("The unit and its licence"),
        Part.PLACE: N_("Where it is, whom it serves"),
        Part.STORES: N_("Stores of the chain"),
        Part.FACTS: N_("The negative list"),
        Part.FILES: N_("Photos of papers"),
        Part.LETTER: N_("Commitment letter"),
    }
)
register_labels(
    {
        NegativeFact.FAKE_DRUGS: N_("Penalised for fake or inferior medicines or devices"),
        NegativeFact.FUND: N_(
            "Handled or penalised under the designated-institution agreement or the fund regulation"
        ),
        NegativeFact.DISHONESTY_LIST: N_("On a dishonesty list of medical security"),
        NegativeFact.JUDGMENT_DEBTOR: N_(
            "Legal representative, head or controller is a dishonest judgment debtor now"
        ),
        NegativeFact.OTHER: N_("Other circumstances that stand against taking part"),
    }
)
register_labels(
    {
        FileUse.BUSINESS_LICENCE: N_("Business licence"),
        FileUse.TRADE_LICENCE: N_("Licence to sell medicines or to practise"),
        FileUse.LEGAL_REP_ID: N_("Identity card of the legal representative"),
        FileUse.AGREEMENT: N_("Designated-institution agreement"),
        FileUse.OTHER: N_("Another paper"),
    }
)
register_labels(
    {
        Condition.DISTANCE: N_("Distance to the nearest designated pharmacy"),
        Condition.PEOPLE: N_("People served"),
    }
)

NEXT_STEP: Final[Mapping[ApplicationState, str]] = {
    ApplicationState.DRAFT: N_(
        "Fill in the parts below, in any order. When all are done, send the application."
    ),
    ApplicationState.SUBMITTED: N_(
        "The county bureau looks at it and gives its opinion. There is nothing to do for you."
    ),
    ApplicationState.RETURNED: N_("Put right what the bureau says below, then send the application again."),
    ApplicationState.ASSESSED: N_(
        "The county has given its opinion; the city bureau decides. There is nothing to do for you."
    ),
    ApplicationState.PROPOSED: N_(
        "The city bureau has decided; a second officer looks at it. There is nothing to do for you."
    ),
    ApplicationState.PUBLISHED: N_(
        "You are to be admitted. When the days of the published list are over, the city puts you on the roster and issues your account."
    ),
    ApplicationState.REFUSED: N_(
        "You were not admitted. The reasons stand below; if you do not agree, call the city bureau."
    ),
    ApplicationState.WITHDRAWN: N_("You withdrew the application. You can begin a new one."),
    ApplicationState.ADMITTED: N_(
        "You are on the roster. The county bureau hands over the slip with your log-in name and first password."
    ),
}
"""What happens next, said to the applicant."""
