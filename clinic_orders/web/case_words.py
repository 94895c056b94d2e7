"""What cases, levels, steps and answers are called on screen."""

from __future__ import annotations

from clinic_orders.rules.errors import N_
from clinic_orders.rules.ladder import (
    AnswerKind,
    CaseOutcome,
    CaseSide,
    CaseState,
    CaseStep,
    LetterState,
    Level,
)
from clinic_orders.web.display import register_labels

register_labels(
    {
        Level.REMINDER: N_("Reminder"),
        Level.INQUIRY: N_("Inquiry"),
        Level.BULLETIN: N_("Bulletin"),
        Level.INTERVIEW: N_("Interview"),
        Level.RECTIFICATION: N_("Rectification"),
        Level.SUSPENSION: N_("Suspension from procurement"),
        Level.CANCELLATION: N_("Cancellation of procurement"),
        Level.PROPOSAL: N_("Proposal to suspend or cancel designated status"),
    }
)
register_labels(
    {
        CaseState.DRAFT: N_("Draft, nothing sent"),
        CaseState.ISSUED: N_("Sent, not signed for"),
        CaseState.RECEIVED: N_("Waiting for the answer"),
        CaseState.ANSWERED: N_("Answered, to be decided"),
        CaseState.PROPOSED: N_("Waiting for the second officer"),
        CaseState.ACCEPTED: N_("Accepted, to be checked again"),
        CaseState.UNRESOLVED: N_("Not better, to be decided"),
        CaseState.CLOSED: N_("Case closed"),
        CaseState.WITHDRAWN: N_("Draft withdrawn"),
    }
)
register_labels(
    {
        CaseStep.OPEN: N_("Case opened"),
        CaseStep.ADD_FINDINGS: N_("Findings added"),
        CaseStep.REMOVE_FINDING: N_("Finding taken out"),
        CaseStep.WITHDRAW: N_("Draft withdrawn"),
        CaseStep.ISSUE: N_("Letter issued"),
        CaseStep.GIVE_NOTICE: N_("Notice before a decision"),
        CaseStep.PROPOSE: N_("Proposed to the second officer"),
        CaseStep.COUNTERSIGN: N_("Signed by the second officer and issued"),
        CaseStep.SEND_BACK: N_("Sent back by the second officer"),
        CaseStep.RECEIVE: N_("Signed for"),
        CaseStep.ANSWER: N_("The party answered"),
        CaseStep.EXTEND: N_("More time given"),
        CaseStep.ACCEPT: N_("Answer accepted"),
        CaseStep.UPHOLD: N_("Appeal upheld, letter revoked"),
        CaseStep.RECHECK_PASSED: N_("Checked again: in order, case closed"),
        CaseStep.RECHECK_FAILED: N_("Checked again: not better"),
    }
)
register_labels(
    {
        CaseSide.OFFICER: N_("Officer"),
        CaseSide.DECIDER: N_("Officer of the city"),
        CaseSide.SECOND: N_("Second officer"),
        CaseSide.PARTY: N_("Party"),
        CaseSide.SYSTEM: N_("System"),
    }
)
register_labels(
    {
        AnswerKind.ANSWER: N_("Written answer"),
        AnswerKind.APPEAL: N_("Appeal"),
        AnswerKind.RECTIFICATION_REPORT: N_("Rectification report"),
    }
)
register_labels(
    {
        LetterState.PROPOSED: N_("Proposed"),
        LetterState.ISSUED: N_("Letter in force"),
        LetterState.SENT_BACK: N_("Not signed, sent back"),
        LetterState.REVOKED: N_("Revoked"),
    }
)
register_labels(
    {
        CaseOutcome.RESOLVED: N_("Put right"),
        CaseOutcome.UNFOUNDED: N_("Appeal upheld"),
        CaseOutcome.DROPPED: N_("Nothing sent"),
    }
)
