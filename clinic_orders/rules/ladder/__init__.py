"""The ladder: which letters a case may lead to, who takes which step, and when (R-CASE-2, R-CASE-3, R-CASE-4).

One table, ``STEPS``, says from which state a step is taken, by whom, and where it leads; what depends on days, levels
and persons stands in the ``check_…`` functions beside it. How doubtful words of the rules are read is in the decision
on the ladder; where they leave room they are read for the accused.

>>> from clinic_orders.rules.parties import InstitutionKind
>>> ladder_of(InstitutionKind.VILLAGE_CLINIC)[-2:]
(<Level.SUSPENSION: 6>, <Level.PROPOSAL: 8>)
>>> next_level(Level.SUSPENSION, InstitutionKind.VILLAGE_CLINIC)
<Level.PROPOSAL: 8>
>>> next_level(None, None)
<Level.REMINDER: 1>
"""

from __future__ import annotations

from clinic_orders.rules.ladder.days import (
    AnswerEmpty,
    AnswerKind,
    AnswerTooLate,
    CaseOutcome,
    DeadlineTooEarly,
    ExtensionNeedsReason,
    ExtensionNotLater,
    LetterState,
    StillTimeToAnswer,
    check_answer,
    check_deadline,
    check_extension,
    check_may_go_up,
    deadline_after_receipt,
    earliest_deadline,
)
from clinic_orders.rules.ladder.levels import (
    RECHECK_DAYS,
    SEVERE,
    JumpNeedsReason,
    Level,
    LevelNotHigher,
    LevelNotOnLadder,
    check_level,
    is_jump,
    ladder_of,
    levels_above,
    next_level,
)
from clinic_orders.rules.ladder.severe import (
    DecisionNeedsReason,
    LastDayBeforeFirst,
    LevelIsNotSevere,
    LevelIsSevere,
    PriorNoticeMissing,
    ReentryTooEarly,
    SentBackNeedsReason,
    SuspensionDaysMissing,
    SuspensionInThePast,
    check_issue_level,
    check_notice_level,
    check_prior_notice,
    check_suspension_days,
    decision_reason,
    reentry_day,
)
from clinic_orders.rules.ladder.steps import (
    OVER,
    STEPS,
    CaseRow,
    CaseSide,
    CaseState,
    CaseStep,
    CaseStepNotAllowed,
    CaseStepNotYours,
    CaseStepOutOfTurn,
    SecondOfficerMissing,
    case_steps_open_to,
    check_case_step,
)

__all__ = [
    "OVER",
    "RECHECK_DAYS",
    "SEVERE",
    "STEPS",
    "AnswerEmpty",
    "AnswerKind",
    "AnswerTooLate",
    "CaseOutcome",
    "CaseRow",
    "CaseSide",
    "CaseState",
    "CaseStep",
    "CaseStepNotAllowed",
    "CaseStepNotYours",
    "CaseStepOutOfTurn",
    "DeadlineTooEarly",
    "DecisionNeedsReason",
    "ExtensionNeedsReason",
    "ExtensionNotLater",
    "JumpNeedsReason",
    "LastDayBeforeFirst",
    "LetterState",
    "Level",
    "LevelIsNotSevere",
    "LevelIsSevere",
    "LevelNotHigher",
    "LevelNotOnLadder",
    "PriorNoticeMissing",
    "ReentryTooEarly",
    "SecondOfficerMissing",
    "SentBackNeedsReason",
    "StillTimeToAnswer",
    "SuspensionDaysMissing",
    "SuspensionInThePast",
    "case_steps_open_to",
    "check_answer",
    "check_case_step",
    "check_deadline",
    "check_extension",
    "check_issue_level",
    "check_level",
    "check_may_go_up",
    "check_notice_level",
    "check_prior_notice",
    "check_suspension_days",
    "deadline_after_receipt",
    "decision_reason",
    "earliest_deadline",
    "is_jump",
    "ladder_of",
    "levels_above",
    "next_level",
    "reentry_day",
]
